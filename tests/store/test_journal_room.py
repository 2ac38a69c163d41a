"""Where a journal has no room, or none is given to it, no span suffers, and old sessions make some."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nbtrace import semconv
from nbtrace._store import journal as module
from nbtrace._store.recovery import recover
from nbtrace._store.segments import Segment
from nbtrace._store.sessions import MANIFEST, earlier, prune
from tests.store.journals import MESSAGES, journaled, names, only, span, texts


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


def test_a_session_that_is_full_does_not_make_room_for_itself(tmp_path: Path, patient: None) -> None:
    with journaled(tmp_path, max_bytes=5_000) as (_, journal, both):
        both.started(span(1))
        both.ended(span(1), lambda: {"noise": os.urandom(8_000).hex()})
        journal.flush()
        assert "is full" in (journal.problem or "")
        assert prune(tmp_path, max_bytes=5_000, spare=journal.manifest.id) == []
        assert [one.id for one in prune(tmp_path, max_bytes=5_000)] == [journal.manifest.id]


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
from tests.store.journals import span

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
