"""The store shows every span at every moment, whoever adds, reads or fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pyarrow.parquet as pq
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan

from nbtrace import _guard, semconv
from nbtrace._store import batches as module
from nbtrace._store import store as stores
from nbtrace._store import texts
from nbtrace._store.attributes import plain
from nbtrace._store.batches import CHUNK_ROWS
from nbtrace._store.following import Appended, Following, count
from nbtrace._store.schema import schema
from nbtrace._store.store import Store
from tests.store.recording import ended, names

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.trace import Tracer


def test_an_empty_store_has_all_columns() -> None:
    table = Store().snapshot().table()
    assert (table.num_rows, table.schema.equals(schema(), check_metadata=True)) == (0, True)


def test_ended_spans_come_first_in_order_of_arrival(store: Store, tracer: Tracer) -> None:
    with tracer.start_as_current_span("outer"):
        for name in ("first", "second"):
            with tracer.start_as_current_span(name):
                pass
        seen = store.snapshot()
        assert (names(seen), len(store)) == (["first", "second", "outer"], 3)
        assert [value is None for value in seen["duration_ns"].to_pylist()] == [False, False, True]
    assert (names(store.snapshot()), len(store)) == (["first", "second", "outer"], 3)
    assert store.snapshot()["duration_ns"].null_count == 0


def test_a_running_span_shows_what_it_has_by_now(store: Store, tracer: Tracer) -> None:
    span = tracer.start_span("running")
    assert plain(store.snapshot()["attributes"][0].as_py()) == {}
    span.set_attribute("step", 2)
    assert plain(store.snapshot()["attributes"][0].as_py()) == {"step": 2}
    span.end()


def test_a_snapshot_never_changes_and_is_kept_while_nothing_does(store: Store, tracer: Tracer) -> None:
    tracer.start_span("a").end()
    before = store.snapshot()
    assert store.snapshot() is before
    tracer.start_span("b").end()
    assert (names(before), names(store.snapshot())) == (["a"], ["a", "b"])


def test_every_change_raises_the_revision_and_calls_back(store: Store, tracer: Tracer) -> None:
    seen: list[int] = []
    unsubscribe = store.subscribe(lambda: seen.append(store.revision))
    span = tracer.start_span("a")
    span.end()
    store.clear()
    unsubscribe()
    tracer.start_span("b").end()
    assert (seen, store.revision) == ([1, 2, 3], 5)


def test_a_failing_callback_keeps_nobody_else_from_hearing(
    store: Store, tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_guard, "reraise", False)
    heard: list[int] = []

    def fail() -> None:
        raise ValueError

    store.subscribe(fail)
    store.subscribe(lambda: heard.append(store.revision))
    tracer.start_span("a").end()
    assert heard == [1, 2]


def test_a_callback_may_look_at_the_store(store: Store, tracer: Tracer) -> None:
    seen: list[list[Any]] = []
    store.subscribe(lambda: seen.append(names(store.snapshot())))
    tracer.start_span("a").end()
    assert seen == [["a"], ["a"]]


def test_clear_forgets_and_a_running_span_comes_back_at_its_end(store: Store, tracer: Tracer) -> None:
    tracer.start_span("gone").end()
    span = tracer.start_span("running")
    store.clear()
    assert (len(store), store.snapshot().num_rows) == (0, 0)
    span.end()
    assert names(store.snapshot()) == ["running"]


def test_clear_while_encoding_forgets_what_is_being_encoded() -> None:
    def finish(span: ReadableSpan, detail: object) -> dict[str, Any]:
        if span.name == "clears":
            store.clear()
        return {}

    store = Store(finish)
    store.ended(ended("before"), None)
    store.ended(ended("clears"), None)
    assert (names(store.snapshot()), len(store)) == ([], 0)


def test_a_detail_is_evaluated_when_somebody_looks(store: Store) -> None:
    evaluated: list[str] = []

    def detail() -> dict[str, Any]:
        evaluated.append("now")
        return {semconv.INPUT_MESSAGES: "[]"}

    store.ended(ended("a", attributes={semconv.OPERATION_NAME: "chat"}), detail)
    assert evaluated == []
    row = store.snapshot().table().to_pylist()[0]
    store.snapshot()
    assert (row["operation"], row["input_messages"], evaluated) == ("chat", "[]", ["now"])


def test_a_span_whose_finish_fails_keeps_its_own_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "reraise", False)

    def finish(span: ReadableSpan, detail: object) -> dict[str, Any]:
        raise ValueError

    store = Store(finish)
    store.ended(ended("a", attributes={"own": 1}), None)
    assert plain(store.snapshot()["attributes"][0].as_py()) == {
        "own": 1,
        semconv.INCOMPLETE: "the attributes could not be completed",
    }


def test_a_span_that_cannot_be_encoded_takes_no_other_with_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "reraise", False)
    store.ended(ended("before"), None)
    store.ended(ended("broken", events=cast("list[Event]", ["no event"])), None)
    store.ended(ended("partly"), lambda: {cast("str", Unwritable()): 1})
    store.ended(ended("after"), None)
    table = store.snapshot()
    assert names(table) == ["before", "partly", "after"]
    assert plain(table["attributes"][1].as_py()) == {semconv.INCOMPLETE: "the attributes could not be stored"}


class Unwritable:
    def __str__(self) -> str:
        raise ValueError


def test_an_interrupt_while_encoding_loses_nothing() -> None:
    interrupts = [KeyboardInterrupt()]

    def finish(span: ReadableSpan, detail: object) -> dict[str, Any]:
        if interrupts:
            raise interrupts.pop()
        return {}

    store = Store(finish)
    store.ended(ended("a"), None)
    with pytest.raises(KeyboardInterrupt):
        store.snapshot()
    assert (len(store), names(store.snapshot())) == (1, ["a"])


def interrupted(*given: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", [(stores, "Contents"), (stores, "Running"), (Following, "cleared")])
def test_an_interrupt_while_clearing_forgets_nothing(where: tuple[Any, str]) -> None:
    store = Store()
    store.ended(ended("encoded", 1), None)
    assert names(store.snapshot()) == ["encoded"]
    store.ended(ended("waiting", 2), None)
    store.started(ended("running", 3))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*where, interrupted)
        store.clear()
    assert names(store.snapshot()) == ["encoded", "waiting", "running"]


def test_an_interrupt_before_a_follower_is_told_has_it_told_later() -> None:
    store = Store()
    told: list[Appended] = []
    store.follow(told.append)
    store.ended(ended("a"), None)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Following, "tell", interrupted)
        store.settle()
    store.settle()
    store.settle()
    assert [(one.first_row, count(one.rows)) for one in told] == [(0, 0), (0, 1)]


def test_a_look_at_the_store_while_it_encodes_sees_every_span_once() -> None:
    """A garbage collection may end a span, and its callback may look, in the middle of encoding."""
    seen: list[list[Any]] = []

    def finish(span: ReadableSpan, detail: object) -> dict[str, Any]:
        if not seen:
            seen.append([])
            store.ended(ended("collected"), None)
            seen.append(names(store.snapshot()))
        return {}

    store = Store(finish)
    store.ended(ended("a"), None)
    assert names(store.snapshot()) == ["a", "collected"]
    assert (seen, len(store)) == ([[], ["a", "collected"]], 2)


def test_chunks_stay_few_and_rows_in_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 64)
    for index in range(300):
        store.ended(ended(str(index), attributes={"service": index % 3}), None)
        store.snapshot()
    table = store.snapshot()
    assert names(table) == [str(index) for index in range(300)]
    assert table["name"].num_chunks < 300 / 64 + 8
    assert max(len(chunk) for chunk in table["name"].chunks) <= 64 < CHUNK_ROWS


def test_large_batches_are_not_copied_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 2_000)
    monkeypatch.setattr(texts, "CHUNK_BYTES", 20_000)
    for index in range(4):
        store.ended(ended(f"{index}" * 500, attributes={"text": f"{index}" * 9_000}), None)
        store.snapshot()
    snapshot = store.snapshot()
    assert [len(chunk) for chunk in snapshot["name"].chunks] == [2, 2]
    assert [len(chunk) for chunk in snapshot.texts.chunks] == [2, 2]
    assert [plain(row)["text"][0] for row in snapshot["attributes"].to_pylist()] == ["0", "1", "2", "3"]


def test_a_span_without_context_is_no_span(store: Store) -> None:
    nowhere = ReadableSpan("a", None, resource=Resource({}))
    store.started(nowhere)
    store.ended(nowhere, None)
    assert (len(store), store.revision) == (0, 0)


def test_parquet_gives_back_the_snapshot(store: Store, tracer: Tracer, tmp_path: Path) -> None:
    attributes = {
        semconv.OPERATION_NAME: "chat",
        semconv.RESPONSE_FINISH_REASONS: ["stop"],
        "list": [1, None],
        "b": b"x",
    }
    for index in range(3):
        with tracer.start_as_current_span("a", attributes=attributes) as span:
            span.add_event("e", {"index": index})
            store.snapshot()
    other = ended("other", 99, attributes={"n": 1}, events=[Event("e")])
    store.ended(other, None)
    running = tracer.start_span("running")
    table = store.snapshot().table()
    pq.write_table(table, tmp_path / "spans.parquet")
    read = pq.read_table(tmp_path / "spans.parquet")
    assert read.schema.equals(table.schema, check_metadata=True)
    assert read.to_pylist() == table.to_pylist()
    assert read.num_rows == 5
    running.end()
