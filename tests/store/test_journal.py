"""What was recorded survives the kernel: all of it but what was being written."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind

from nbtrace import _guard, semconv
from nbtrace._store import journal as module
from nbtrace._store import session_files
from nbtrace._store.recovery import recover
from nbtrace._store.scores import Score
from nbtrace._store.sessions import earlier
from nbtrace._store.store import Store
from tests.store.journals import MESSAGES, Both, journal_of, journaled, names, only, span, texts
from tests.store.recording import START, tracer_into


def test_all_that_a_store_holds_comes_back(tmp_path: Path) -> None:
    with journaled(tmp_path) as (store, _, both):
        tracer = tracer_into(both)
        for turn in range(3):
            with tracer.start_as_current_span("step", attributes={"turn": turn, "long": "x" * 500}) as step:
                step.add_event("thought", {"why": "because " * 40, "n": turn})
                attributes = {semconv.OPERATION_NAME: "chat", semconv.INPUT_MESSAGES: MESSAGES % turn}
                tracer.start_span("chat", attributes=attributes, kind=SpanKind.CLIENT).end()
            store.settle()
        store.score(Score(b"t" * 16, b"s" * 8, "relevance", 0.5, "pass", time_unix_nano=START))
        snapshot = store.snapshot()
    found = recover(only(tmp_path))
    assert texts(found.snapshot()) == texts(snapshot)
    assert found.snapshot().scores.equals(snapshot.scores)
    assert (found.interrupted, found.problems) == (0, [])


def test_files_are_the_users_alone(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "sessions"
    with journaled(directory) as (_, journal, both):
        tracer_into(both).start_span("a").end()
        journal.flush()
        path = only(directory)
        modes = {one: stat.S_IMODE(one.stat().st_mode) for one in (directory, path, *path.iterdir())}
    assert {mode for one, mode in modes.items() if one.is_dir()} == {0o700}
    assert {mode for one, mode in modes.items() if one.is_file()} == {0o600}
    assert sorted(one.suffix for one in modes if one.is_file()) == ["", ".json", ".segment", ".starts"]


def test_a_session_without_spans_leaves_nothing(tmp_path: Path) -> None:
    with journaled(tmp_path / "state"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_start_is_written_before_anything_else_happens(tmp_path: Path, patient: None) -> None:
    with journaled(tmp_path) as (_, _, both):
        parent = SpanContext(7, 5, is_remote=False)
        attributes = {semconv.OPERATION_NAME: "chat", semconv.REQUEST_MODEL: "m", semconv.CELL_ID: "c",
                      semconv.CELL_RUN: 2, semconv.INPUT_MESSAGES: "[]", "else": "left out"}  # fmt: skip
        both.started(span(1, parent=parent, kind=SpanKind.CLIENT, attributes=attributes, end_time=None))
        found = recover(only(tmp_path))
    (row,) = found.snapshot().table().to_pylist()
    assert row.pop("start_time").timestamp() == pytest.approx(START / 1e9)
    assert {name: value for name, value in row.items() if value not in (None, [], 0)} == {
        "trace_id": (7).to_bytes(16, "big"),
        "span_id": (1).to_bytes(8, "big"),
        "parent_span_id": (5).to_bytes(8, "big"),
        "flags": 0x100,
        "name": "span 1",
        "kind": 3,
        "start_time_unix_nano": START + 1,
        "status_code": 2,
        "status_message": semconv.INTERRUPTED,
        "operation": "chat",
        "request_model": "m",
        "error_type": "interrupted",
        "cell_id": "c",
        "cell_run": 2,
        "resource": "{}",
    }
    assert found.interrupted == 1


def test_names_and_models_are_masked_on_the_way_to_the_disk(tmp_path: Path, patient: None) -> None:
    def mask(text: str) -> str:
        return text.replace("secret", "***")

    with journaled(tmp_path, mask=mask) as (_, _, both):
        both.started(span(1, attributes={semconv.REQUEST_MODEL: "secret model", semconv.CELL_RUN: 1}))
        both.started(ReadableSpan("secret span", SpanContext(7, 2, is_remote=False), start_time=START))
        path = only(tmp_path)
        assert not any(b"secret" in one.read_bytes() for one in path.iterdir())
        snapshot = recover(path).snapshot()
    assert (snapshot["name"].to_pylist(), snapshot["request_model"].to_pylist()) == (
        ["span 1", "*** span"],
        ["*** model", None],
    )


def test_odd_starts_are_written_too(tmp_path: Path, patient: None) -> None:
    odd: dict[str, Any] = {semconv.REQUEST_MODEL: {"not": "a text"}, semconv.CELL_RUN: 2**80}
    with journaled(tmp_path) as (_, _, both):
        both.started(span(1, attributes=odd, start_time=2**70))
        both.started(span(2, start_time=None))
        both.started(ReadableSpan("nowhere", None, resource=Resource({})))
        found = recover(only(tmp_path))
    assert (names(found), found.snapshot()["start_time_unix_nano"].to_pylist()) == (["span 1", "span 2"], [0, 0])


def test_a_cleared_store_is_cleared_on_the_disk(tmp_path: Path, patient: None) -> None:
    with journaled(tmp_path) as (store, journal, both):
        both.started(span(1))
        both.ended(span(1), lambda: {semconv.INPUT_MESSAGES: MESSAGES % "old"})
        journal.flush()
        store.clear()
        journal.flush()
        assert list(only(tmp_path).glob("*.segment")) == []
        both.ended(span(2), lambda: {semconv.INPUT_MESSAGES: MESSAGES % "new"})
        journal.flush()
        snapshot = store.snapshot()
    found = recover(only(tmp_path)).snapshot()
    assert texts(found)[:1] == texts(snapshot)
    assert earlier(tmp_path)[0].manifest.spans == 1


def test_a_score_that_no_span_follows_is_written_soon(tmp_path: Path) -> None:
    with journaled(tmp_path) as (store, journal, both):
        both.started(span(1))
        both.ended(span(1), None)
        journal.flush()
        store.score(Score(b"t" * 16, b"s" * 8, "relevance", 0.5, "pass", time_unix_nano=START))
        scores = 0
        for _ in range(200):
            if scores := recover(only(tmp_path)).snapshot().scores.num_rows:
                break
            time.sleep(0.1)
    assert scores == 1


def test_files_are_renewed_and_nothing_is_lost(tmp_path: Path, patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_files, "SEGMENT_BYTES", 4000)
    monkeypatch.setattr(session_files, "STARTS_BYTES", 200)
    with journaled(tmp_path) as (store, journal, both):
        both.started(span(100, end_time=None))
        for number in range(1, 30):
            both.started(span(number))
            both.ended(span(number), lambda number=number: {"unlike": os.urandom(300).hex()})
            journal.flush()
        expected = texts(store.snapshot())
        path = only(tmp_path)
        assert (len(list(path.glob("*.segment"))) > 1, len(list(path.glob("*.starts")))) == (True, 1)
        found = recover(path)
    assert texts(found.snapshot())[:29] == expected[:29]
    assert (names(found)[29:], found.interrupted) == (["span 100"], 1)


def test_the_manifest_tells_what_a_list_shows(tmp_path: Path) -> None:
    with journaled(tmp_path) as (_, journal, both):
        attributes = {semconv.OPERATION_NAME: "chat", semconv.USAGE_COST: 0.25}
        for number, more in enumerate(({}, attributes, attributes, {semconv.USAGE_COST: 9.0}), 1):
            both.started(span(number))
            both.ended(span(number, attributes=more), None)
        (running,) = earlier(tmp_path)
        assert (running.state, running.manifest.pid, running.has_spans) == ("running", os.getpid(), True)
    (closed,) = earlier(tmp_path, "study.ipynb")
    manifest = closed.manifest
    assert (closed.state, manifest.notebook, manifest.spans, manifest.calls, manifest.cost_usd, manifest.version) == (
        "closed", "study.ipynb", 4, 2, 0.5, "1.2",
    )  # fmt: skip
    assert manifest.id == journal.manifest.id == closed.path.name
    assert manifest.started <= manifest.updated <= time.time()
    assert earlier(tmp_path, "other.ipynb") == []


def test_two_kernels_on_one_notebook_are_two_sessions(tmp_path: Path) -> None:
    with journaled(tmp_path) as (_, _, one), journaled(tmp_path) as (_, _, other):
        for number, both in enumerate((one, other), 1):
            both.started(span(number))
            both.ended(span(number), None)
        assert [session.state for session in earlier(tmp_path)] == ["running", "running"]
    found = [recover(session.path) for session in earlier(tmp_path)]
    assert sorted(names(one) for one in found) == [["span 1"], ["span 2"]]


def test_what_was_recorded_before_the_journal_is_written_too(tmp_path: Path) -> None:
    store = Store()
    store.ended(span(1), None)
    store.snapshot()
    store.ended(span(2), None)
    journal = journal_of(store, tmp_path)
    Both(store, journal).started(span(3))
    journal.close()
    assert names(recover(only(tmp_path))) == ["span 1", "span 2", "span 3"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_writes_nothing_and_waits_for_nobody(tmp_path: Path) -> None:
    with journaled(tmp_path) as (store, journal, both):
        both.started(span(1))
        files = journal._files
        assert files is not None
        starts = files.starts
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with journal._lock, store._lock, store._encoding, starts._lock:
                inside.set()
                leave.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        inside.wait()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                both.started(span(2))
                both.ended(span(2), None)
                journal.flush()
                journal.close()
                status = 0 if len(store) == 2 and store.snapshot().num_rows == 2 else 2
            finally:
                os._exit(status)
        leave.set()
        holder.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert earlier(tmp_path)[0].state == "running"
        both.ended(span(1), None)
    assert names(recover(only(tmp_path))) == ["span 1"]


def test_a_failure_in_the_thread_is_ours_and_stays_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "reraise", False)
    monkeypatch.setattr(_guard, "failures", type(_guard.failures)())
    monkeypatch.setattr(module, "prune", lambda *_, **__: 1 / 0)
    with journaled(tmp_path) as (_, _, both):
        both.started(span(1))
        both.ended(span(1), None)
        while not _guard.failures:  # the thread may have its first turn only now
            threading.Event().wait(0.01)
    assert names(recover(only(tmp_path))) == ["span 1"]
    assert [place.partition(" at ")[0] for place in _guard.failures] == ["journal: ZeroDivisionError"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_the_manifest_counts_a_call_and_what_repeats_it_once_and_what_repeats_none_too(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    attributes = {1: {semconv.OPERATION_NAME: "chat"}} | {
        number: {semconv.DUPLICATE_OF: f"{of:016x}"} for number, of in ((2, 1), (3, 99))
    }
    with journaled(tmp_path) as (store, journal, both):
        for number in order:
            both.started(span(number))
            both.ended(span(number, attributes=attributes[number]), None)
            journal.flush()
        rows = len(store.snapshot())
    assert [one.manifest.spans for one in earlier(tmp_path)] == [rows] == [2]
