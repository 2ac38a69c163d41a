"""Sweeps: many calls of prompts made at the same time, each of them paid once."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import openai
import pandas as pd
import polars as pl
import pytest

from nbtrace import BudgetError, Session
from nbtrace._sweep.pace import Pace
from nbtrace._sweeps import sweep
from nbtrace.errors import UsageError
from tests.capture.loopback import Loopback, Received, Reply, completion

OPTIONS: dict[str, Any] = {"api_key": "local", "max_retries": 0, "timeout": 20}
CITIES = [{"city": "Rome"}, {"city": "Oslo"}, {"city": "Lima"}]
QUIET: dict[str, Any] = {"progress": False}


def echo(received: Received) -> Reply:
    """Answer with what was asked, so that each cell can be told."""
    body = json.loads(received.body)
    return Reply(completion(f"{body['model']}: {body['messages'][-1]['content']}"))


@pytest.fixture
def server() -> Any:
    with Loopback(echo) as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Any:
    with openai.OpenAI(base_url=server.url, **OPTIONS) as made:
        yield made


@pytest.fixture
def interruptible() -> Any:
    """Have SIGINT raise, as in a kernel: the processes of xdist ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def two(session: Session) -> None:
    session.prompt("say", "Say {city}")
    session.prompt("say", "Do say {city}")


def outputs(widget: Any) -> dict[tuple[str, str], list[str]]:
    frame = widget.to_pandas()
    found: dict[tuple[str, str], list[str]] = {}
    for label, city, said in zip(frame["variant"], frame["input.city"], frame["output"], strict=True):
        found.setdefault((label, city), []).append(said)
    return found


def test_every_version_with_every_input_and_model(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    two(session)
    found: Any = sweep(session, "say", inputs=CITIES[:2], call=client, models=["a", "b"], **QUIET)
    assert outputs(found) == {
        (f"v{version} · {model}", city): [f"{model}: {text} {city}"]
        for version, text in ((1, "Say"), (2, "Do say"))
        for model in "ab"
        for city in ("Rome", "Oslo")
    }
    assert len(server.received) == 8
    names = {row["span_id"]: row["name"] for row in session.spans().table.to_pylist()}
    parents = {names[row["parent_span_id"]] for row in session.spans(kind="llm").table.to_pylist()}
    assert parents == {"compare"}


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_inputs_may_be_a_data_frame_and_settings_are_columns(
    session: Session, client: openai.OpenAI, server: Loopback, frame: Any
) -> None:
    session.prompt("say", "Say {city}")
    settings = [{"temperature": 0}, {"temperature": 1}]
    found: Any = sweep(session, "say", inputs=frame({"city": ["Rome", "Oslo"], "expected": ["I", "N"]}), call=client,
                       models="a", settings=settings, repeats=2, max_tokens=5, **QUIET)  # fmt: skip
    assert found.comparison.labels == ("v1 · temperature 0", "v1 · temperature 1")
    assert [[len(found.comparison.cell(row, column)) for column in range(2)] for row in range(2)] == [[2, 2], [2, 2]]
    bodies = [json.loads(one.body) for one in server.received]
    assert {body["max_tokens"] for body in bodies} == {5}
    assert sorted(body["temperature"] for body in bodies) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_what_was_paid_is_not_called_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    two(session)
    how: dict[str, Any] = {"call": client, "models": "a", **QUIET}
    sweep(session, "say", inputs=CITIES[:2], **how)
    found: Any = sweep(session, "say", inputs=CITIES, **how)
    assert (len(server.received), len(found.comparison.runs)) == (6, 6)
    sweep(session, "say", inputs=CITIES, **how)
    assert len(server.received) == 6
    sweep(session, "say", inputs=CITIES, max_tokens=3, **how)
    assert len(server.received) == 12
    sweep(session, "say", inputs=CITIES, cache=False, **how)
    assert len(server.received) == 18


def test_a_missing_variable_is_named_before_any_call(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    session.prompt("say", "Say {city} in {words}")
    inputs = [{"city": "Rome", "words": 2}, {"city": "Oslo"}]
    with pytest.raises(
        UsageError, match="input 1 misses words, which prompt 'say' v1 takes; it has: city; no call was"
    ):
        sweep(session, "say", inputs=inputs, call=client, models="a", **QUIET)
    assert server.received == []


def test_functions_sync_and_async_get_what_they_take(session: Session, server: Loopback) -> None:
    two(session)
    seen: list[Any] = []

    def plain(prompt: str, *, model: str, city: str) -> str:
        seen.append((model, city))
        return f"{prompt}!"

    found: Any = sweep(session, "say", inputs=CITIES[:1], call=plain, models="a", temperature=1, **QUIET)
    assert seen == [("a", "Rome"), ("a", "Rome")]
    assert outputs(found) == {("v1", "Rome"): ["Say Rome!"], ("v2", "Rome"): ["Do say Rome!"]}

    async def asynchronous(prompt: str, **_: Any) -> str:
        async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as client:
            made = await client.chat.completions.create(model="b", messages=[{"role": "user", "content": prompt}])
        return made.choices[0].message.content or ""

    found = sweep(session, "say", inputs=CITIES[:1], call=asynchronous, **QUIET)
    assert outputs(found) == {("v1", "Rome"): ["b: Say Rome"], ("v2", "Rome"): ["b: Do say Rome"]}


async def test_an_async_client_works_from_a_running_loop_that_it_has_connections_in(
    session: Session, server: Loopback
) -> None:
    two(session)
    async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as client:
        await client.chat.completions.create(model="a", messages=[{"role": "user", "content": "Hi"}])
        found: Any = sweep(session, "say", inputs=CITIES, call=client, models="a", **QUIET)
    assert len(found.comparison.runs) == 6
    assert [run.error for run in found.comparison.runs] == [None] * 6


def test_an_error_is_a_cell_of_the_result_and_is_tried_again(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    two(session)
    server.reply = lambda got: Reply({"error": {"message": "no"}}, 400) if b"Do say Oslo" in got.body else echo(got)
    found: Any = sweep(session, "say", inputs=CITIES, call=client, models="a", **QUIET)
    failed = [(run.variant.version, run.variables, run.error) for run in found.comparison.runs if run.error]
    assert failed == [("2", (("city", "Oslo"),), "openai.BadRequestError: Error code: 400 - no")]
    server.reply = echo
    again: Any = sweep(session, "say", inputs=CITIES, call=client, models="a", **QUIET)
    assert ([run.error for run in again.comparison.runs], len(server.received)) == ([None] * 6, 7)


def test_after_a_429_it_waits_as_asked_and_asks_again(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    two(session)
    refusals = iter([Reply({"error": {}}, status=429, headers={"retry-after-ms": "10"})] * 2)
    server.reply = lambda got: next(refusals, None) or echo(got)
    found: Any = sweep(session, "say", inputs=CITIES, call=client, models="a", width=2, **QUIET)
    assert ([run.error for run in found.comparison.runs], len(server.received)) == ([None] * 6, 8)


def test_a_429_after_which_the_client_tries_again_by_itself_narrows_the_sweep_too(
    session: Session, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(session)
    widths: list[tuple[int, float | None]] = []
    limited = Pace.limited

    def noted(pace: Pace, retry_after_s: float | None) -> None:
        limited(pace, retry_after_s)
        widths.append((pace.width, retry_after_s))

    monkeypatch.setattr(Pace, "limited", noted)
    for asynchronous in (False, True):
        refusals = iter([Reply({"error": {}}, status=429, headers={"retry-after-ms": "10"})])
        server.reply = lambda got, refusals=refusals: next(refusals, None) or echo(got)
        kind: Any = openai.AsyncOpenAI if asynchronous else openai.OpenAI
        client = kind(base_url=server.url, **{**OPTIONS, "max_retries": 2})
        found: Any = sweep(session, "say", inputs=CITIES, call=client, models="a", width=2, cache=False, **QUIET)
        assert [run.error for run in found.comparison.runs] == [None] * 6
    assert (widths, len(server.received)) == ([(1, 0.01), (1, 0.01)], 14)


def test_a_budget_of_the_sweep_stops_it_and_the_rest_is_made_later(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    two(session)
    how: dict[str, Any] = {"inputs": CITIES, "call": client, "models": "a", "width": 1, **QUIET}
    session.budget("24 tokens", per="sweep")
    with pytest.raises(BudgetError, match="2 of 6 calls of the sweep are there and kept; the same call again makes"):
        sweep(session, "say", **how)
    assert len(server.received) == 2
    session.budget("off", per="sweep")
    assert len(sweep(session, "say", **how).comparison.runs) == 6  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType] - no dry run
    assert len(server.received) == 6


def test_a_dry_run_says_what_it_would_be_and_calls_nothing(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    two(session)
    session.prices["a"] = {"input_mtok": 1e6, "output_mtok": 1e6}
    sweep(session, "say", inputs=CITIES[:1], call=client, models="a", **QUIET)
    found: Any = sweep(session, "say", inputs=CITIES, call=client, models=["a", "b"], max_tokens=7, dry_run=True)
    assert (found.calls, found.cached, len(server.received)) == (12, 0, 2)
    assert found.unpriced == {"b": 6}
    assert found.guesses == {"past calls of the prompt": 6, "the longest allowed": 6}
    assert (found.output_tokens, found.input_tokens) == (6 * 3 + 6 * 7, 2 * 3 * (2 + 3))
    assert found.cost_usd == pytest.approx(3 * (2 + 3) + 6 * 3)
    assert repr(found).startswith(
        "12 calls, 0 of them paid already, 12 to be made; about 30 tokens in and 60 out; ~$33;"
    )


def test_an_interrupt_keeps_what_is_there_and_says_how_to_go_on(
    session: Session, client: openai.OpenAI, server: Loopback, capsys: pytest.CaptureFixture[str], interruptible: None
) -> None:
    two(session)
    main = threading.main_thread().ident
    count = iter(range(100))

    def answer(got: Received) -> Reply:
        if next(count) == 2:
            signal.pthread_kill(main or 0, signal.SIGINT)
            server.released.wait(20)
        return echo(got)

    server.reply = answer
    how: dict[str, Any] = {"inputs": CITIES, "call": client, "models": "a", "width": 1, **QUIET}
    with pytest.raises(KeyboardInterrupt):
        sweep(session, "say", **how)
    assert capsys.readouterr().out == (
        "compare: interrupted; 2 of 6 calls are there and kept; the same call again makes only those that are missing\n"
    )
    server.released.set()
    server.reply = echo
    found: Any = sweep(session, "say", **how)
    assert (len(found.comparison.runs), len(server.received) <= 7) == (6, True)


SCRIPT = """
import sys
from pathlib import Path
import openai, nbtrace
from nbtrace._store import sessions
url, directory, resume = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "resume"
session = nbtrace.session()
earlier = sorted(directory.iterdir()) if resume else []
session.open_journal(directory, notebook="sweep")
for path in earlier:
    session.resume(path)
nbtrace.prompt("say", "Say {city}")
nbtrace.prompt("say", "Do say {city}")
client = openai.OpenAI(base_url=url, api_key="local", max_retries=0)
found = nbtrace.compare("say", inputs=[{"city": str(n)} for n in range(10)], call=client, models="a", width=2)
print(len(found.comparison.runs), sum(run.error is None for run in found.comparison.runs))
session.close_journal()
"""


def test_a_sweep_that_is_killed_goes_on_in_another_process_without_paying_twice(
    server: Loopback, tmp_path: Path
) -> None:
    ready, numbers = threading.Event(), itertools.count(1)

    def answer(got: Received) -> Reply:
        if (number := next(numbers)) > 9:
            if number == 11:  # and with it two are in flight
                ready.set()
            server.released.wait(60)
        return echo(got)

    server.reply = answer
    command = [sys.executable, "-c", SCRIPT, server.url, str(tmp_path / "sessions")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    (tmp_path / "sessions").mkdir()
    process = subprocess.Popen([*command, "new"], env=environment, text=True, stderr=subprocess.DEVNULL)
    assert ready.wait(60)
    process.kill()
    process.wait()
    before = len(server.received)
    server.released.set()
    server.reply = echo
    done = subprocess.run(
        [*command, "resume"], env=environment, text=True, capture_output=True, check=False, timeout=120
    )
    assert done.stdout == "20 20\n", done.stderr
    asked = [json.loads(one.body)["messages"][0]["content"] for one in server.received]
    assert len(asked) - before == 20 - (before - 2)  # the two that were in flight are made again, and nothing else
    assert len(set(asked)) == 20


def test_two_templates_two_settings_and_ten_inputs_on_the_real_model(session: Session, model: str) -> None:
    session.prompt("fact", "Name a fact about the number {n}.")
    session.prompt("fact", "Say one short thing about {n}.")
    with openai.OpenAI() as client:
        found: Any = sweep(session, "fact", inputs=[{"n": n} for n in range(10)], call=client, models=model,
                           settings=[{"temperature": 0}, {"temperature": 1}],
                           max_tokens=4, seed=1, width=2, **QUIET)  # fmt: skip
    comparison = found.comparison
    assert (len(comparison.variants), len(comparison.inputs), len(comparison.runs)) == (4, 10, 40)
    assert [run.error for run in comparison.runs] == [None] * 40
    assert all(run.figures["output_tokens"] <= 4 and run.output for run in comparison.runs)
    assert len(found.sentences) == 3
