"""Beyond a bound on memory the oldest spans go to the disk, and no reader notices."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbtrace import semconv
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.spill import Spill
from nbtrace._store.store import Store
from nbtrace.errors import UsageError
from tests.store.recording import tracer_into

MESSAGE = '{"role":"user","parts":[{"type":"text","content":"%d %s"}]}'


def say(store: Store, numbers: range, *, first: int = 1) -> None:
    """Record spans, each with what all those before it said, as a conversation does."""
    tracer = tracer_into(store)
    said: list[str] = []
    for number in numbers:
        said = [*said[-3:], MESSAGE % (number, "word " * 100)]
        attributes = {semconv.INPUT_MESSAGES: f"[{','.join(said)}]", semconv.REQUEST_MODEL: f"model {number % 3}"}
        tracer.start_span(f"call {number}", attributes=attributes).end()
        if number % 50 == 49:
            store.settle()


def bounded(limit: int, directory: Path) -> Store:
    store = Store()
    store.spill.limit = limit
    store.spill.directory = directory
    return store


def test_readers_see_the_same_with_a_bound_and_without(tmp_path: Path) -> None:
    free, store = Store(), bounded(50_000, tmp_path)
    for one in (free, store):
        say(one, range(500))
    expected, seen = free.snapshot(), store.snapshot()
    varying = {"trace_id", "span_id", "start_time", "start_time_unix_nano", "duration_ns"}
    names = [name for name in expected.column_names if name not in varying]
    assert seen.select(names).combine_chunks().equals(expected.select(names).combine_chunks())
    sizes = store.sizes()
    assert sizes.memory <= 50_000 < sizes.disk
    assert free.sizes() == (free.sizes().memory, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_bound_holds_for_what_arrow_has_allocated(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
import pyarrow as pa
from tests.store.test_spill import bounded, say
store = bounded(500_000, Path(sys.argv[1]))
say(store, range(8000))
print(pa.total_allocated_bytes(), store.sizes().memory, store.sizes().disk, len(store.snapshot()))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    allocated, memory, disk, spans = map(int, done.stdout.split())
    assert spans == 8000
    assert memory <= 500_000
    assert disk > 10 * memory
    assert allocated <= 1_500_000


def test_what_was_seen_before_stays_as_it_was(tmp_path: Path) -> None:
    store = bounded(50_000, tmp_path)
    say(store, range(30))
    before = store.snapshot()
    table = before.table()
    say(store, range(30, 400))
    store.clear()
    assert before.table().equals(table)
    assert len(store.snapshot()) == 0
    say(store, range(10))
    assert store.sizes().disk == 0
    assert store.snapshot()["name"].to_pylist() == [f"call {number}" for number in range(10)]


def test_readers_in_other_threads_see_whole_snapshots(tmp_path: Path) -> None:
    store = bounded(20_000, tmp_path)
    seen: list[Snapshot] = []
    writing = threading.Thread(target=say, args=(store, range(500)))
    writing.start()
    while writing.is_alive():
        seen.append(store.snapshot())
    writing.join()
    for snapshot in (*seen[:: len(seen) // 20 + 1], store.snapshot()):
        texts = snapshot["input_messages"].to_pylist()
        assert snapshot["name"].to_pylist() == [f"call {number}" for number in range(len(snapshot))]
        assert all(f'"{number} word' in str(text) for number, text in enumerate(texts))
    assert len(store.snapshot()) == 500


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limit there")
def test_a_full_disk_keeps_everything_in_memory_and_says_so_once(tmp_path: Path) -> None:
    code = """
import logging, resource, sys
from pathlib import Path
from nbtrace._store import spill
from tests.store.test_spill import bounded, say
logging.basicConfig(format="%(message)s", stream=sys.stdout)
store = bounded(20_000, Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
say(store, range(300))
print(len(store.snapshot()), store.sizes().disk, list(Path(sys.argv[1]).iterdir()))
store.spill.limit = None
print(store.spill.problem)
store.spill.limit = 20_000
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spill.RETRY_S = 0
say(store, range(300, 302))
print(len(store.snapshot()), store.sizes().disk > 20_000, store.spill.problem)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "nbtrace: what is beyond max_memory_bytes stays in memory: no file can be written (File too large)",
        "300 0 []",
        "None",
        "302 True None",
    ]


def test_where_the_directory_cannot_be_made_files_go_where_temporary_ones_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    store = bounded(20_000, tmp_path / "file" / "below")
    say(store, range(100))
    assert store.sizes().disk > 0
    assert store.spill.problem is None
    assert caplog.records == []


def test_a_bound_that_is_no_number_of_bytes_is_refused() -> None:
    spill = Spill()
    with pytest.raises(UsageError, match="max_memory_bytes must be a number of bytes, or None for no bound, but is -1"):
        spill.limit = -1
    assert spill.limit is None
