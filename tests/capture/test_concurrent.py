"""Ten thousand calls at once, in threads, jobs and tasks: none is lost, and each keeps its place and its words."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import openai
import pytest

from nbtrace import Session
from tests.capture.conftest import HTTP
from tests.capture.loopback import chunk, completion
from tests.capture.reading import spans

CALLS = 10_000
GROUP = 100
"""Calls of one trace."""
WAYS = ("plain", "plain", "stream", "plain", "stream", "retried", "plain", "retried stream", "plain", "failed")
"""How a call goes, by the last digit of its number."""

Span = dict[str, Any]


def way(number: int) -> str:
    return WAYS[number % len(WAYS)]


def answer(request: Any) -> Any:
    """Answer with the number that was asked with, in the way of its number."""
    number = int(json.loads(request.content)["messages"][0]["content"])
    if way(number) == "failed":
        return HTTP.Response(400, json={"error": {"message": f"no {number}"}})
    if "retried" in way(number) and request.headers["x-stainless-retry-count"] == "0":
        return HTTP.Response(429, headers={"retry-after-ms": "1", "x-request-id": f"r{number}"})
    identity = {"id": f"chatcmpl-{number}"}
    if "stream" not in way(number):
        return HTTP.Response(200, json=completion(f"answer {number}", **identity))
    chunks = (chunk({"role": "assistant", "content": "answer "}), chunk({"content": str(number)}, finish_reason="stop"))
    lines = [f"data: {json.dumps(one | identity)}\n\n" for one in chunks]
    content = "".join([*lines, "data: [DONE]\n\n"]).encode()
    return HTTP.Response(200, headers={"content-type": "text/event-stream"}, content=content)


def asked(number: int) -> Any:
    message = {"role": "user", "content": str(number)}
    return {"model": "m", "messages": [message], "stream": "stream" in way(number)}


def ask(session: Session, client: openai.OpenAI, number: int) -> None:
    with session.span(f"step {number}"), suppress(openai.BadRequestError):
        made: Any = client.chat.completions.create(**asked(number))
        if "stream" in way(number):
            list(made)


async def aask(session: Session, client: openai.AsyncOpenAI, number: int) -> None:
    with session.span(f"step {number}"), suppress(openai.BadRequestError):
        made: Any = await client.chat.completions.create(**asked(number))
        if "stream" in way(number):
            async for _ in made:
                pass


async def in_tasks(session: Session, groups: range) -> None:
    """Make a task of each call; none is answered before all are under way."""
    missing = len(groups) * GROUP
    all_there = asyncio.Event()

    async def answer_all(request: Any) -> Any:
        nonlocal missing
        missing -= 1
        if not missing:
            all_there.set()
        await all_there.wait()
        return answer(request)

    async def group(number: int, client: openai.AsyncOpenAI) -> None:
        with session.span(f"group {number}"):
            await asyncio.gather(*(aask(session, client, one) for one in members(number)))

    async with openai.AsyncOpenAI(
        api_key="local", http_client=HTTP.AsyncClient(transport=HTTP.MockTransport(answer_all))
    ) as client:
        await asyncio.gather(*(group(number, client) for number in groups))


def members(group: int) -> range:
    return range(group * GROUP, (group + 1) * GROUP)


@pytest.mark.slow
def test_ten_thousand_calls_keep_their_places_and_their_words(session: Session) -> None:
    groups = range(CALLS // GROUP)
    tasks, threads, jobs = groups[:80], groups[80:90], groups[90:]
    with (
        openai.OpenAI(api_key="local", http_client=HTTP.Client(transport=HTTP.MockTransport(answer))) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        loop = threading.Thread(target=lambda: asyncio.run(in_tasks(session, tasks)))
        loop.start()
        started = [loop]
        for number in threads:
            with session.span(f"group {number}"):
                one = threading.Thread(target=_each, args=(lambda call: ask(session, client, call), members(number)))
                one.start()
                started.append(one)
        submitted: list[Any] = []
        for number in jobs:
            with session.span(f"group {number}"):
                submitted += [pool.submit(ask, session, client, call) for call in members(number)]
        for thread in started:
            thread.join()
        for job in submitted:
            job.result()
    _check(spans(session))


def _each(make: Callable[[int], None], numbers: range) -> None:
    for number in numbers:
        make(number)


def _check(found: list[Span]) -> None:
    assert len({span["id"] for span in found}) == len(found)
    assert not [span for span in found if span["running"]]
    named = {span["name"]: span for span in found if span["name"].startswith(("group", "step"))}
    calls = [span for span in found if span["name"] == "chat m"]
    attempts = [span for span in found if span["name"].startswith("attempt")]
    groups, retried = CALLS // GROUP, sum("retried" in way(number) for number in range(CALLS))
    assert (len(named), len(calls), len(attempts)) == (groups + CALLS, CALLS, 2 * retried)
    assert len(found) == len(named) + len(calls) + len(attempts)
    assert len({named[f"group {number}"]["trace"] for number in range(groups)}) == groups
    for number in range(CALLS):
        step, group = named[f"step {number}"], named[f"group {number // GROUP}"]
        assert (group["parent"], step["parent"], step["trace"]) == (None, group["id"], group["trace"])
    numbers = {span["id"]: _said(span, "input") for span in calls}
    assert sorted(map(int, numbers.values())) == list(range(CALLS))
    assert [(span["parent"], span["trace"], _outcome(span)) for span in calls] == [
        (step["id"], step["trace"], _expected(int(numbers[span["id"]])))
        for span in calls
        for step in [named[f"step {numbers[span['id']]}"]]
    ]
    traces = {span["id"]: span["trace"] for span in calls}
    assert all(span["trace"] == traces[span["parent"]] for span in attempts)
    assert Counter((span["name"], int(numbers[span["parent"]])) for span in attempts) == Counter(
        (f"attempt {one}", number) for number in range(CALLS) if "retried" in way(number) for one in (1, 2)
    )


def _said(span: Span, side: str) -> Any:
    return span["attributes"][f"gen_ai.{side}.messages"][0]["parts"][0]["content"]


def _outcome(span: Span) -> tuple[Any, ...]:
    """Give what came of a call: its status, what was said of that, its answer's id and text, how its stream ended."""
    keys = ("gen_ai.response.id", "nbtrace.stream.outcome", "nbtrace.attempts")
    answered = _said(span, "output") if "gen_ai.output.messages" in span["attributes"] else None
    refused = re.findall(r"no \d+", span["message"] or "")
    return span["status"], refused, answered, *map(span["attributes"].get, keys)


def _expected(number: int) -> tuple[Any, ...]:
    if way(number) == "failed":
        return "error", [f"no {number}"], None, None, None, None
    outcome = "exhausted" if "stream" in way(number) else None
    attempts = 2 if "retried" in way(number) else None
    return "unset", [], f"answer {number}", f"chatcmpl-{number}", outcome, attempts
