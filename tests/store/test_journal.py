"""What was recorded survives the kernel: all of it but what was being written, whatever happens to the files."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind

from nbtrace import _guard, semconv
from nbtrace._store import journal as module
from nbtrace._store import session_files
from nbtrace._store.recovery import LOST, Recovered, recover
from nbtrace._store.scores import Score
from nbtrace._store.segments import Segment
from nbtrace._store.sessions import MANIFEST, earlier, prune
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from tests.store.journals import Both, journal_of, journaled
from tests.store.recording import START, tracer_into

MESSAGES = '[{"role":"user","parts":[{"type":"text","content":"%s"}]}]'


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the journal's thread write nothing of its own accord."""
    monkeypatch.setattr(module, "INTERVAL_S", 3600.0)


def span(number: int, **parts: Any) -> ReadableSpan:
    parts = {"start_time": START + number, "end_time": START + number + 1} | parts
    return ReadableSpan(f"span {number}", SpanContext(7, number, is_remote=False), resource=Resource({}), **parts)


def texts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Read all that a snapshot says, as text, since NaN is not itself."""
    return [{name: repr(value) for name, value in row.items()} for row in snapshot.table().to_pylist()]


def only(directory: Path) -> Path:
    (found,) = earlier(directory)
    return found.path


def names(found: Recovered) -> list[Any]:
    return found.snapshot()["name"].to_pylist()


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


def written(directory: Path, batches: list[int]) -> tuple[Path, Snapshot]:
    """Write so many spans at a time, and give the one segment and what the store holds."""
    with journaled(directory) as (store, journal, both):
        number = 0
        for size in batches:
            for _ in range(size):
                number += 1
                text = {semconv.INPUT_MESSAGES: MESSAGES % (number // 2), "long": f"{number % 3}" * 200}
                both.started(span(number))
                both.ended(span(number), lambda text=text: text)
            journal.flush()
        snapshot = store.snapshot()
    (segment,) = only(directory).glob("*.segment")
    return segment, snapshot


@pytest.mark.slow
def test_a_segment_cut_anywhere_gives_all_but_the_torn_batch(tmp_path: Path, patient: None) -> None:
    segment, snapshot = written(tmp_path, [1, 2])
    whole, expected = segment.read_bytes(), texts(snapshot)
    for starts in segment.parent.glob("*.starts"):
        starts.unlink()  # they would add the spans that are cut off, as interrupted
    seen: list[int] = []
    for cut in range(len(whole) + 1):
        segment.write_bytes(whole[:cut])
        found = recover(segment.parent)
        count = len(found.snapshot())
        if count not in seen:
            assert texts(found.snapshot()) == expected[:count]
        seen.append(count)
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 3}


def test_what_is_cut_off_is_named_by_its_start(tmp_path: Path, patient: None) -> None:
    segment, _ = written(tmp_path, [2, 2])
    segment.write_bytes(segment.read_bytes()[:-1])
    found = recover(segment.parent)
    assert (names(found), found.interrupted) == (["span 1", "span 2", "span 3", "span 4"], 2)
    assert found.snapshot()["status_message"].to_pylist() == [None, None, semconv.INTERRUPTED, semconv.INTERRUPTED]
    (problem,) = found.problems
    assert problem.startswith("000002.segment has ")
    assert problem.endswith(" bytes at its end that are no whole frame")


@pytest.mark.slow
@settings(max_examples=60)
@given(choice=st.data())
def test_damaged_and_foreign_files_are_read_as_far_as_they_go(
    choice: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    segment, snapshot = written(directory, [2, 1])
    expected = texts(snapshot)
    data = bytearray(segment.read_bytes())
    for at in choice.draw(st.sets(st.integers(0, len(data) - 1), min_size=1, max_size=3)):
        data[at] ^= choice.draw(st.integers(1, 255))
    segment.write_bytes(data)
    (segment.parent / "000009.segment").write_bytes(choice.draw(st.binary(max_size=60)))
    (segment.parent / "000010.starts").write_bytes(choice.draw(st.binary(max_size=60)))
    found = recover(segment.parent)
    read = texts(found.snapshot())
    ended = len(read) - found.interrupted
    assert read[:ended] == expected[:ended]
    assert found.problems
    assert len(read) == 3


def test_a_lost_text_is_said_to_be_lost(tmp_path: Path, patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_files, "SEGMENT_BYTES", 1)
    with journaled(tmp_path) as (_, journal, both):
        for number in (1, 2, 3):
            both.ended(span(number), lambda number=number: {semconv.INPUT_MESSAGES: MESSAGES % number})
            both.started(span(9))
            journal.flush()
    first, second, third = sorted(only(tmp_path).glob("*.segment"))
    second.unlink()
    found = recover(only(tmp_path))
    assert (names(found)[:2], found.problems) == (
        ["span 1", "span 3"],
        ["1 spans are lost", "1 texts are lost"],
    )
    assert found.snapshot()["input_messages"].to_pylist()[:2] == [MESSAGES % 1, MESSAGES % 3]
    first.unlink()
    found = recover(only(tmp_path))
    assert found.texts.take(pa.array([0], pa.int32())).to_pylist() == [LOST]
    assert third.exists()


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


def test_a_place_that_cannot_be_written_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nbtrace")
    place = tmp_path / "state"
    place.write_text("a file where a directory should be")
    with journaled(place) as (_, journal, both):
        for number in (1, 2):
            both.started(span(number))
            both.ended(span(number), None)
        assert journal.problem == (
            f"the journal in {place} cannot be written (File exists); what is recorded is kept in memory only"
        )
        place.unlink()
        monkeypatch.setattr(module, "RETRY_S", 0.0)
        both.started(span(3))
        both.ended(span(3), None)
        assert journal.problem is None
    assert names(recover(only(place))) == ["span 1", "span 2", "span 3"]
    assert [record.message for record in caplog.records] == [
        f"nbtrace: the journal in {place} cannot be written (File exists); what is recorded is kept in memory only",
        f"nbtrace: the journal in {place} is written again",
    ]


def test_a_full_disk_costs_nothing_once_there_is_room(
    tmp_path: Path, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    full = OSError(28, "No space left on device")
    append = Segment.append
    with journaled(tmp_path) as (store, journal, both):
        both.started(span(1))
        both.ended(span(1), None)
        journal.flush()
        for after in (0, 30, 10_000):  # bytes that there was still room for

            def fail(segment: Any, batches: Any, after: int = after) -> None:
                before = os.fstat(segment._fd).st_size
                append(segment, batches)
                os.truncate(segment._fd, min(os.fstat(segment._fd).st_size, before + after))
                raise full

            with monkeypatch.context() as patch:
                patch.setattr(Segment, "append", fail)
                both.started(span(after + 2))
                both.ended(span(after + 2), lambda after=after: {semconv.INPUT_MESSAGES: MESSAGES % after})
                journal.flush()
                assert "No space left" in (journal.problem or "")
            journal.flush()
            assert journal.problem is None
        expected = texts(store.snapshot())
    found = recover(only(tmp_path))
    assert texts(found.snapshot()) == expected
    assert found.interrupted == 0


def test_starts_that_could_not_be_written_are_written_to_another_file(tmp_path: Path, patient: None) -> None:
    with journaled(tmp_path) as (_, journal, both):
        both.started(span(1, end_time=None))
        files = journal._files
        assert files is not None
        files.starts.broken = OSError(28, "No space left on device")
        both.started(span(2, end_time=None))
        assert names(recover(only(tmp_path))) == ["span 1"]
        journal.flush()
        both.started(span(3, end_time=None))
        assert sorted(names(recover(only(tmp_path)))) == ["span 1", "span 2", "span 3"]


def test_a_session_that_is_too_large_is_written_no_further(
    tmp_path: Path, patient: None, caplog: pytest.LogCaptureFixture
) -> None:
    with journaled(tmp_path, max_bytes=5_000) as (store, journal, both):
        for number in (1, 2):
            both.started(span(number))
            both.ended(span(number), lambda: {"noise": os.urandom(8_000).hex()})
            journal.flush()
        assert len(store) == 2
        assert re.sub("[0-9,]+ bytes", "n bytes", journal.problem or "") == (
            f"the journal in {tmp_path} is full with n bytes; what comes now is kept in memory only"
        )
    assert names(recover(only(tmp_path))) == ["span 1"]
    assert len(caplog.records) == 1


def test_old_sessions_make_room(tmp_path: Path) -> None:
    for number, days in enumerate((40, 2, 1), 1):
        with journaled(tmp_path) as (_, journal, both):
            both.started(span(number))
            both.ended(span(number), lambda: {"noise": os.urandom(2_000).hex()})
        manifest = json.loads((only_of(tmp_path, journal.manifest.id) / MANIFEST).read_text())
        manifest |= {"started": manifest["started"] - days * 86400, "updated": manifest["updated"] - days * 86400}
        (only_of(tmp_path, journal.manifest.id) / MANIFEST).write_text(json.dumps(manifest))
    (tmp_path / "not a session").mkdir()
    size = max(session.size for session in earlier(tmp_path))
    with journaled(tmp_path, max_bytes=size + 1000) as (_, journal, both):
        both.started(span(4))
        both.ended(span(4), None)
        while not journal.removed:
            threading.Event().wait(0.01)
    assert sorted(names(recover(session.path))[0] for session in earlier(tmp_path)) == ["span 3", "span 4"]
    assert (tmp_path / "not a session").exists()


def test_old_sessions_go_when_less_of_them_is_wanted(tmp_path: Path) -> None:
    with journaled(tmp_path) as (_, _, both):
        both.started(span(1))
        both.ended(span(1), None)
    with journaled(tmp_path) as (_, journal, both):
        both.started(span(2))
        both.ended(span(2), None)
        journal.flush()
        assert len(earlier(tmp_path)) == 2
        journal.limit(max_age_s=0, max_bytes=2**30)
        while not journal.removed:
            threading.Event().wait(0.01)
    assert names(recover(only(tmp_path))) == ["span 2"]


FILLING = """
import os, resource, sys
from pathlib import Path
from tests.store.journals import journaled
from tests.store.test_journal import span

with journaled(Path(sys.argv[1])) as (store, journal, both):
    both.started(span(1))
    both.ended(span(1), None)
    journal.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, resource.RLIM_INFINITY))
    for number in (2, 3):
        both.started(span(number))
        both.ended(span(number), lambda: {"noise": os.urandom(10_000).hex()})
        journal.flush()
    print(len(store), journal.problem)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_when_the_system_lets_files_grow_no_further_nothing_is_lost(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FILLING, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"3 the journal in {tmp_path} cannot be written (File too large); what is recorded is kept in memory only\n"
    )
    assert names(recover(only(tmp_path))) == ["span 1", "span 2", "span 3"]


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="nowhere where nobody may write")
def test_a_place_where_nobody_may_write_fails_no_span(caplog: pytest.LogCaptureFixture) -> None:
    with journaled(Path("/sys/kernel/nbtrace")) as (store, journal, both):
        both.started(span(1))
        both.ended(span(1), None)
        assert (journal.problem or "").startswith("the journal in /sys/kernel/nbtrace cannot be written (")
        assert len(store) == 1
    assert len(caplog.records) == 1


def only_of(directory: Path, wanted: str) -> Path:
    return next(session.path for session in earlier(directory) if session.manifest.id == wanted)


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


def test_a_file_that_goes_while_a_session_is_measured_counts_nothing(tmp_path: Path) -> None:
    written(tmp_path, [1])
    (one,) = earlier(tmp_path)
    before = one.size
    (one.path / "manifest.json.new").symlink_to("gone")
    assert (one.size, one.has_spans, prune(tmp_path)) == (before, True, [])


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
