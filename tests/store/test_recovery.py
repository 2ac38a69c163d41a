"""Whatever happens to a journal's files, all is read that is whole, and what is not is said."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace import semconv
from nbtrace._store import session_files
from nbtrace._store.recovery import LOST, recover
from nbtrace._store.sessions import earlier, prune
from tests.store.journals import MESSAGES, journaled, names, only, span, texts, written


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


def test_a_file_that_goes_while_a_session_is_measured_counts_nothing(tmp_path: Path) -> None:
    written(tmp_path, [1])
    (one,) = earlier(tmp_path)
    before = one.size
    (one.path / "manifest.json.new").symlink_to("gone")
    assert (one.size, one.has_spans, prune(tmp_path)) == (before, True, [])
