"""A call is the child of whoever made it: of a cell, a step, a thread's starter, a task's."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session, semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Received, Reply, completion
from tests.capture.reading import spans, step
from tests.trace.conftest import users

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture
def streaming(server: Loopback) -> Loopback:
    """Answer with a stream whoever asks for one."""

    def answer(received: Received) -> Reply:
        return Reply(chunks=HELLO) if b'"stream":true' in received.body else Reply(completion())

    server.reply = answer
    return server


def parents(session: Session) -> dict[str, str | None]:
    """Give the name of each span's parent, of spans with distinct names."""
    found = spans(session)
    names = {span["id"]: span["name"] for span in found}
    return {span["name"]: names.get(span["parent"]) for span in found}


def ask(client: openai.OpenAI, name: str, **more: Any) -> None:
    made: Any = client.chat.completions.create(**(ASK | {"model": name} | more))
    if more.get("stream"):
        list(made)


async def ask_async(client: openai.AsyncOpenAI, name: str, **more: Any) -> None:
    made: Any = await client.chat.completions.create(**(ASK | {"model": name} | more))
    if more.get("stream"):
        async for _ in made:
            pass


def test_calls_are_children_of_the_span_around_them(
    streaming: Loopback, client: openai.OpenAI, session: Session
) -> None:
    ask(client, "root")
    with step(session, "outer"):
        ask(client, "before")
        with step(session, "inner"):
            ask(client, "within", stream=True)
        stream: Any = client.chat.completions.create(**(ASK | {"model": "open", "stream": True}))
        ask(client, "while open")
    ask(client, "after")
    list(stream)
    assert parents(session) == {
        "outer": None,
        "inner": "outer",
        "chat root": None,
        "chat before": "outer",
        "chat within": "inner",
        "chat open": "outer",
        "chat while open": "outer",
        "chat after": None,
    }


def test_calls_are_children_of_a_span_of_the_users_tracing(client: openai.OpenAI) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    with users(provider), Session() as session:
        tracer = provider.get_tracer("user")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
            ask(client, "within")
        ask(client, "after")
    assert parents(session) == {"outer": None, "inner": "outer", "chat within": "inner", "chat after": None}


def test_what_the_request_itself_causes_is_its_child(server: Loopback, session: Session) -> None:

    def answer(request: Any) -> Any:
        with step(session, "POST"):
            return HTTP.Response(200, json=completion())

    with openai.OpenAI(api_key="x", http_client=HTTP.Client(transport=HTTP.MockTransport(answer))) as client:
        ask(client, "m")
    assert parents(session) == {"chat m": None, "POST": "chat m"}
    assert not trace.get_current_span().get_span_context().is_valid


def test_calls_in_threads_belong_to_who_started_them(client: openai.OpenAI, session: Session) -> None:
    with ThreadPoolExecutor(1) as pool:
        with step(session, "first"):
            thread = threading.Thread(target=ask, args=(client, "thread"))
            thread.start()
            pool.submit(ask, client, "job").result()
        with step(session, "second"):
            list(pool.map(functools.partial(ask, client), ["mapped"]))
        pool.submit(ask, client, "alone").result()
        thread.join()
    assert parents(session) == {
        "first": None,
        "second": None,
        "chat thread": "first",
        "chat job": "first",
        "chat mapped": "second",
        "chat alone": None,
    }


async def test_calls_in_tasks_belong_to_who_started_them(
    client: openai.OpenAI, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    loop = asyncio.get_running_loop()

    async def agent(name: str) -> None:
        with step(session, name):
            await asyncio.gather(ask_async(async_client, f"{name} 1"), ask_async(async_client, f"{name} 2"))

    with step(session, "root"):
        late = asyncio.create_task(ask_async(async_client, "late"))
        await asyncio.gather(agent("a"), agent("b"))
        await asyncio.to_thread(ask, client, "to_thread")
        await loop.run_in_executor(None, ask, client, "run_in_executor")
        async with asyncio.TaskGroup() as group:
            group.create_task(ask_async(async_client, "grouped"))
    await late
    await loop.run_in_executor(None, ask, client, "outside")
    assert parents(session) == {
        "root": None,
        "a": "root",
        "b": "root",
        "chat a 1": "a",
        "chat a 2": "a",
        "chat b 1": "b",
        "chat b 2": "b",
        "chat late": "root",
        "chat to_thread": "root",
        "chat run_in_executor": "root",
        "chat grouped": "root",
        "chat outside": None,
    }


@pytest.fixture
def many(streaming: Loopback) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=streaming.url, api_key="x", timeout=60) as client:
        yield client


async def test_none_of_many_calls_at_once_is_lost_or_misplaced(
    many: openai.OpenAI, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    workers, each = 10, 10

    def in_thread(worker: int) -> None:
        with step(session, f"thread {worker}"):
            for number in range(each):
                ask(many, f"thread {worker}.{number}", stream=number % 2 == 0)

    async def in_task(worker: int) -> None:
        with step(session, f"task {worker}"):
            calls = (ask_async(async_client, f"task {worker}.{one}", stream=one % 2 == 0) for one in range(each))
            await asyncio.gather(*calls)

    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(in_thread, worker) for worker in range(workers)]
        await asyncio.gather(*(in_task(worker) for worker in range(workers)))
        await asyncio.gather(*map(asyncio.wrap_future, jobs))
    found = parents(session)
    calls = {name: parent for name, parent in found.items() if name.startswith("chat ")}
    assert len(calls) == 2 * workers * each
    assert {name for name, parent in calls.items() if f"chat {parent}" != name.rpartition(".")[0]} == set()
    texts = Counter(str(span["attributes"].get(semconv.OUTPUT_MESSAGES)) for span in spans(session))
    assert sorted(texts.values()) == [2 * workers, 2 * workers * each]
