"""Whoever adds spans waits for nobody: many are encoded beside the user's code, and threads lose none."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from nbtrace import semconv
from nbtrace._store import store as stores
from nbtrace._store.recovery import recover
from nbtrace._store.sessions import earlier
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import WAITING_BYTES, WAITING_LIMIT, Store
from tests.store.journals import journaled
from tests.store.recording import ended, names, tracer_into

if TYPE_CHECKING:
    from pathlib import Path


def joined() -> None:
    """Wait for the thread that encodes beside the user's code, if there is one."""
    for thread in threading.enumerate():
        if thread.name == "nbtrace store":
            thread.join()


def test_many_waiting_spans_are_encoded_without_a_reader_beside_the_users_code() -> None:
    evaluated: list[threading.Thread] = []
    store = Store()
    for _ in range(WAITING_LIMIT):
        store.ended(ended("a"), lambda: {"index": evaluated.append(threading.current_thread()) or 0})
    joined()
    assert (len(evaluated), len(store)) == (WAITING_LIMIT, WAITING_LIMIT)
    assert threading.current_thread() not in evaluated


class Large:
    """A detail that holds much."""

    size = WAITING_BYTES

    def __init__(self, evaluated: list[str]) -> None:
        self._evaluated = evaluated

    def __call__(self) -> dict[str, Any]:
        self._evaluated.append("large")
        return {}


def test_few_spans_that_hold_much_are_encoded_without_a_reader() -> None:
    evaluated: list[str] = []
    store = Store()
    store.ended(ended("small"), lambda: {"index": evaluated.append("small") or 0})
    assert not evaluated
    store.ended(ended("large"), Large(evaluated))
    joined()
    assert evaluated == ["small", "large"]
    store.ended(ended("small"), lambda: {"index": evaluated.append("again") or 0})
    joined()
    assert evaluated == ["small", "large"]


def test_where_there_are_no_threads_the_span_that_is_too_many_has_them_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    evaluated: list[int] = []
    store = Store()
    for index in range(WAITING_LIMIT):
        store.ended(ended("a"), lambda index=index: {"index": evaluated.append(index) or index})
    assert (len(evaluated), len(store)) == (WAITING_LIMIT, WAITING_LIMIT)


def test_in_a_flood_the_thread_beside_gets_its_turn_and_nobody_waits_for_a_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[float] = []
    monkeypatch.setattr(stores, "sleep", turns.append)
    monkeypatch.setattr(stores, "FLOOD", WAITING_LIMIT + 2)
    lock = threading.Lock()

    def finish(span: ReadableSpan, detail: object) -> dict[str, Any]:
        with lock:  # as a rule of the user's may want one that the user's code has
            return {}

    store = Store(finish)
    with lock:
        for _ in range(WAITING_LIMIT + 4):
            store.ended(ended("a"), None)
    joined()
    assert turns == [0, 0, 0]
    assert len(store.snapshot()) == WAITING_LIMIT + 4


def test_nobody_waits_while_another_thread_encodes() -> None:
    inside, leave = threading.Event(), threading.Event()

    def finish(span: ReadableSpan, detail: object) -> dict[str, Any]:
        inside.set()
        leave.wait()
        return {}

    store = Store(finish)
    store.ended(ended("slow"), None)
    reader = threading.Thread(target=store.snapshot)
    reader.start()
    inside.wait()
    for _ in range(WAITING_LIMIT):
        store.ended(ended("a"), None)
    leave.set()
    reader.join()
    assert names(store.snapshot()) == ["slow"] + ["a"] * WAITING_LIMIT


def test_threads_that_append_while_others_look_lose_nothing(store: Store) -> None:
    each, writers = 400, 4
    tracer = tracer_into(store)
    at_once = threading.Barrier(writers + 1)
    snapshots: list[Snapshot] = []

    def write(writer: int) -> None:
        at_once.wait()
        for index in range(each):
            with tracer.start_as_current_span(f"{writer}/{index}"):
                pass

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    at_once.wait()
    while any(thread.is_alive() for thread in threads):
        snapshots.append(store.snapshot())
    for thread in threads:
        thread.join()
    snapshots.append(store.snapshot())
    assert sorted(names(snapshots[-1])) == sorted(f"{w}/{i}" for w in range(writers) for i in range(each))
    known: set[str] = set()
    for snapshot in snapshots:
        seen = names(snapshot)
        assert len(set(seen)) == len(seen)
        assert known <= set(seen)
        known = set(seen)
    assert store.revision == 2 * each * writers


def test_a_span_that_ends_while_somebody_begins_to_look_is_seen_by_the_next_look(store: Store) -> None:
    class Last(ReadableSpan):
        @property
        def context(self) -> SpanContext:  # pyright: ignore[reportIncompatibleVariableOverride] - asked for in a look
            if looking:
                looking.clear()
                store.ended(ended("after", 3), None)
            return SpanContext(1, 2, is_remote=False)

    looking: list[bool] = []
    store.started(ended("running", 1))
    store.ended(Last("before", SpanContext(1, 2, is_remote=False)), None)
    store.ended(ended("running", 1), None)
    looking.append(True)
    assert names(store.snapshot()) == ["before", "running"]
    assert names(store.snapshot()) == ["before", "running", "after"]


def test_a_span_goes_on_without_a_look_at_those_that_wait(store: Store) -> None:
    class Waiting(ReadableSpan):
        @property
        def context(self) -> SpanContext:  # pyright: ignore[reportIncompatibleVariableOverride]
            asked.append("waiting")
            return SpanContext(1, 2, is_remote=False)

    asked: list[str] = []
    running, over = ended("running", 1), Waiting("over", SpanContext(1, 2, is_remote=False), start_time=1, end_time=2)
    store.started(running)
    store.started(over)
    store.ended(over, None)
    asked.clear()
    store.progressed(running, dict)  # of each stream as it begins, on the user's path
    assert not asked
    store.progressed(over, dict)
    seen = store.snapshot()
    assert (names(seen), [time is None for time in seen["duration_ns"].to_pylist()]) == (
        ["over", "running"],
        [False, True],
    )
    assert len(store) == 2


def test_a_span_that_ends_while_somebody_counts_is_counted_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(batches: Any) -> int:  # asked for in a count, when what has ended is taken from what runs
        store.ended(ended("running"), None)
        return 0

    monkeypatch.setattr(stores, "count", count)
    store.started(ended("running"))
    assert len(store) == 1


async def test_ten_threads_and_a_thousand_tasks_lose_nothing_and_tear_nothing(tmp_path: Path) -> None:
    with journaled(tmp_path) as (store, _, both):
        tracer = tracer_into(both)

        def say(name: str) -> None:
            text = {semconv.INPUT_MESSAGES: f'[{{"role":"user","name":"{name}"}}]', semconv.REQUEST_MODEL: name}
            tracer.start_span(name, attributes=text).end()

        async def task(number: int) -> None:
            say(f"task {number}")
            await asyncio.sleep(0)
            say(f"task {number} again")

        def work(thread: int) -> None:
            for number in range(200):
                say(f"thread {thread}, {number}")

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(10)]
        for thread in threads:
            thread.start()
        tasks = asyncio.gather(*(task(number) for number in range(1000)))
        while not tasks.done():
            check(store.snapshot())
            await asyncio.sleep(0)
        for thread in threads:
            thread.join()
        whole = store.snapshot()
    expected = {f"thread {thread}, {number}" for thread in range(10) for number in range(200)}
    expected |= {f"task {number}{more}" for number in range(1000) for more in ("", " again")}
    assert check(whole) == sorted(expected)
    (session,) = earlier(tmp_path)
    assert check(recover(session.path).snapshot()) == sorted(expected)


def check(snapshot: Snapshot) -> list[Any]:
    """See that every row of a snapshot is of one span, and give their names."""
    columns = snapshot.select(["name", "request_model", "input_messages"]).to_pydict()
    assert columns["request_model"] == columns["name"]
    assert columns["input_messages"] == [f'[{{"role":"user","name":"{name}"}}]' for name in columns["name"]]
    return sorted(columns["name"])
