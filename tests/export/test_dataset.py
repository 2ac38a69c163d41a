"""Sessions gathered in one dataset: nothing is lost, nothing is there twice, and no more is read than need be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import fs

import nbtrace
from nbtrace import semconv
from nbtrace._export.destination import export
from nbtrace._query.aggregate import TYPES_READ
from nbtrace._store.schema import schema
from nbtrace._store.scores import Score
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace.errors import ExportError, ReadError, UsageError
from tests.export import rich
from tests.query.tables import chat, row, table

DAY = 86_400_000
"""Milliseconds."""
DAYS = ("date=2023-11-14", "date=2023-11-15", "date=2023-11-16")


def scope(session: str | None) -> str:
    said = [{"key": "nbtrace.recording.id", "value": {"stringValue": session}}] if session else []
    return json.dumps({"name": "nbtrace", "attributes": said})


def spans(*numbers: int, session: str | None = "a") -> Snapshot:
    """Give calls of a session, each by its number, whose tens are its day."""
    return table(
        *(
            chat(one, start=one // 10 * DAY, trace=one << 120, scope=scope(session), user_id=f"user {one:02}")
            for one in numbers
        )
    )


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def ids(found: Any) -> list[int]:
    return sorted(int.from_bytes(one, "big") for one in found.spans().table["span_id"].to_pylist())


def judged(snapshot: Snapshot, *names: str) -> Snapshot:
    store = Store()
    store.adopt(snapshot)
    first = snapshot.table().to_pylist()[0]
    for name in names:
        store.score(Score(first["trace_id"], first["span_id"], name, 1.0))
    return store.snapshot()


def test_a_session_is_a_file_a_day_and_reads_back_as_it_was(tmp_path: Path) -> None:
    root = tmp_path / "team"
    report = export(rich.session(), f"{root}/")
    (name,) = files(root)
    assert Path(name).parent == Path("date=2025-11-26/session=__HIVE_DEFAULT_PARTITION__")
    assert (report.spans, report.format, report.left_out) == (9, "Parquet dataset", ())
    assert report.notes == ("1 file written",)
    opened = nbtrace.open(root)
    assert opened.spans().table.to_pylist() == rich.session().table().to_pylist()
    assert opened.snapshot().scores.to_pylist() == rich.session().scores.to_pylist()
    export(spans(1, 2, 11, 21, session="b"), f"{root}/")
    assert [str(Path(name).parent) for name in files(root)] == [
        *(f"{day}/session=b" for day in DAYS),
        "date=2025-11-26/session=__HIVE_DEFAULT_PARTITION__",
    ]
    assert len(nbtrace.open(root)) == 13
    assert repr(nbtrace.open(root)) == "<nbtrace opened dataset: 13 spans>"


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    to = f"{tmp_path}/"
    export(spans(1, 2), to)
    first = files(tmp_path)
    report, before = export(spans(1, 2), to), ("2 spans that were there before",)
    assert (report.spans, report.bytes, report.left_out) == (0, 0, before)
    assert files(tmp_path) == first
    report = export(spans(1, 2, 3, 11), to)
    assert (report.spans, report.notes, report.left_out) == (
        2,
        ("2 files written",),
        ("2 spans that were there before",),
    )
    assert len(files(tmp_path)) == 3
    assert ids(nbtrace.open(tmp_path)) == [1, 2, 3, 11]
    with pytest.raises(ExportError, match="2 of 3 spans have arrived at"):
        export(spans(1, 2, 4), to, again="refuse")
    assert len(files(tmp_path)) == 3
    looked = export(spans(1, 2, 4), to, dry_run=True)
    assert (looked.spans, looked.left_out, len(files(tmp_path))) == (1, ("2 spans that were there before",), 3)


def test_a_session_is_written_again_as_one_file_with_its_late_scores(tmp_path: Path) -> None:
    to = f"{tmp_path}/"
    export(judged(spans(1, 2), "early"), to)
    export(spans(3), to)
    export(spans(4, session="b"), to)
    late = judged(spans(1, 2), "early", "late")
    report = export(late, to)
    assert report.left_out == ("2 spans that were there before", "1 score of those: again='all' writes them too")
    report = export(late, to, again="all")
    assert (report.spans, report.left_out) == (2, ())
    assert [str(Path(name).parent.name) for name in files(tmp_path)] == ["session=a", "session=b"]
    opened = nbtrace.open(tmp_path)
    assert ids(opened) == [1, 2, 3, 4]
    assert sorted(map(str, opened.snapshot().scores["name"].to_pylist())) == ["early", "late"]
    assert export(late, to, again="all").spans == 2
    assert len(files(tmp_path)) == 2


def test_running_spans_wait_and_interrupted_ones_do_not(tmp_path: Path) -> None:
    cut: dict[str, Any] = {"ms": None, "status_code": 2, "status_message": semconv.INTERRUPTED}
    failed = chat(5, ms=None, status_code=2, status_message="no")
    report = export(table(chat(1), chat(2, ms=None), chat(3, **cut), row(4, start=None), failed), f"{tmp_path}/")
    assert (report.spans, report.left_out) == (3, ("2 spans still running",))
    assert ids(nbtrace.open(tmp_path)) == [1, 3, 4]
    unknown = "__HIVE_DEFAULT_PARTITION__"
    assert {str(Path(name).parent) for name in files(tmp_path)} == {
        f"{DAYS[0]}/session={unknown}", f"date={unknown}/session={unknown}",
    }  # fmt: skip


def test_spans_of_others_are_in_the_session_of_their_trace(tmp_path: Path) -> None:
    process = json.dumps({"attributes": [{"key": "service.instance.id", "value": {"stringValue": "p/1"}}]})
    some = table(
        chat(1, trace=1, scope=scope("a")),
        chat(2, trace=1, scope=scope(None)),
        chat(3, trace=2, scope=scope(None), resource=process),
        chat(4, trace=3, scope=scope("../../x" * 50)),
        chat(5, trace=4, scope="[1"),
        chat(6, trace=5, scope='{"attributes":[7]}'),
    )
    export(some, f"{tmp_path}/team/")
    found = {Path(name).parent.name.removeprefix("session=") for name in files(tmp_path / "team")}
    assert len(files(tmp_path)) == len(found) == 4
    assert {"a", "p%2F1", "__HIVE_DEFAULT_PARTITION__"} < found
    assert len(pq.read_table(tmp_path / "team" / DAYS[0] / "session=a")) == 2


def test_two_processes_at_once_write_each_span_once(tmp_path: Path) -> None:
    to = tmp_path / "team"
    export(spans(*range(1, 9)), tmp_path / "a.parquet")
    export(spans(*range(11, 19), session="b"), tmp_path / "b.parquet")
    script = "import nbtrace, sys; opened = nbtrace.open(sys.argv[1]); input(); opened.export(sys.argv[2])"
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", script, tmp_path / name, f"{to}/"], stdin=subprocess.PIPE)
            )
            for name in ("a.parquet", "a.parquet", "b.parquet")
        ]
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(files(to)) == 2
    assert sum(pq.read_metadata(to / name).num_rows for name in files(to)) == 16


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    files = MemoryFileSystem()
    yield files
    files.store.clear()


def test_any_file_system_of_pyarrow_or_fsspec_will_do(memory: MemoryFileSystem, tmp_path: Path) -> None:
    report = export(spans(1, 11), "memory://team/traces")
    assert report.destination == "memory://team/traces"
    assert ids(nbtrace.open("memory://team/traces")) == [1, 11]
    export(spans(2), "memory://team/traces")
    assert [name for name in memory.store if not name.endswith(".parquet")] == []
    assert ids(nbtrace.open("team/traces", filesystem=memory)) == [1, 2, 11]
    (tmp_path / "bucket").mkdir()
    below = fs.SubTreeFileSystem(str(tmp_path / "bucket"), fs.LocalFileSystem())
    export(spans(3), "deep/traces", filesystem=below)
    assert ids(nbtrace.open("deep/traces", filesystem=below)) == [3]
    assert len(files(tmp_path / "bucket/deep/traces")) == 1


def test_what_is_not_reached_says_so_and_shows_no_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot reach 'gdrive://x/y': .*gdrive"):
        export(spans(1), "gdrive://x/y")
    with pytest.raises(UsageError, match="filesystem is int 7; expected a file system of pyarrow's or of fsspec's"):
        export(spans(1), "x/", filesystem=7)
    with pytest.raises(ExportError) as caught:
        export(spans(1), "s3://AKIA1234:verysecret@bucket/x?endpoint_override=127.0.0.1:9&scheme=http&region=x")
    assert "***@bucket/x" in str(caught.value)
    assert "verysecret" not in str(caught.value)
    with pytest.raises(ReadError, match="there is no file of spans in 'memory://nothing'"):
        nbtrace.open("memory://nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match="file"):
        export(spans(1), f"{tmp_path}/file/")


def test_a_write_that_fails_leaves_what_was_there(memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    export(spans(1), "memory://team")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "mv", fail)
        with pytest.raises(ExportError, match="no space left"):
            export(spans(1, 2), "memory://team")
    assert ids(nbtrace.open("memory://team")) == [1]
    assert len(memory.store) == 1


def spoil(path: Path, *columns: str) -> None:
    """Overwrite the pages of columns."""
    metadata = pq.read_metadata(path)
    data = bytearray(path.read_bytes())
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.path_in_schema.split(".")[0] in columns:
                start = column.dictionary_page_offset or column.data_page_offset
                data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(data)


def test_figures_read_no_other_columns(tmp_path: Path) -> None:
    some = spans(1, 2, 11)
    export(some, f"{tmp_path}/")
    wanted = nbtrace.open(some.table()).metrics(by=["model", "user"], every="1d").table
    for name in files(tmp_path):
        spoil(tmp_path / name, *UNREAD)
    opened = nbtrace.open(f"{tmp_path}/")
    assert opened.metrics(by=["model", "user"], every="1d").table.equals(wanted)
    assert nbtrace.metrics(opened, by=["model", "user"], every="1d").table.equals(wanted)
    with pytest.raises(ReadError):
        opened.spans()


UNREAD = {*schema().names, "scores"} - {*TYPES_READ, "request_model", "user_id"}
"""What figures by model and user do not come from."""


def test_filters_read_no_other_files_and_rows(tmp_path: Path) -> None:
    export(spans(1, 2), f"{tmp_path}/")
    export(spans(12, session="b"), f"{tmp_path}/")
    (there,) = (tmp_path / DAYS[0] / "session=a").iterdir()
    spoil(there, *schema().names)
    opened = nbtrace.open(tmp_path)
    others: tuple[dict[str, Any], ...] = (
        {"since": "2023-11-15T00:00Z"}, {"user": "user 12"}, {"trace": f"{12 << 120:032x}"}, {"trace": "0C"},
    )  # fmt: skip
    for chosen in others:
        assert ids_of(opened.spans(**chosen)) == [12]
    assert ids_of(opened.spans(until="2023-11-15T00:00Z", session="nobody")) == []
    with pytest.raises(ReadError):
        opened.spans(since="2023-11-14T00:00Z")


def ids_of(found: Any) -> list[int]:
    return [int.from_bytes(one, "big") for one in found.table["span_id"].to_pylist()]


def test_filters_choose_the_same_as_of_a_session(tmp_path: Path) -> None:
    some = table(
        chat(1, cell_id="c", cell_run=1, name="chat x"), chat(2, cell_id="c", cell_run=2, response_model="n"),
        chat(11, start=DAY, status_code=2, tags=["x"]), row(12, start=DAY, span_type="chain"), chat(13, start=None),
    )  # fmt: skip
    export(some, f"{tmp_path}/")
    opened, whole = nbtrace.open(tmp_path), nbtrace.open(some.table())
    asked: tuple[dict[str, Any], ...] = (
        {}, {"run": "latest", "model": "m*"}, {"model": "m"}, {"model": ["n", "m-1"]}, {"name": "chat ?"}, {"last": 2},
        {"status": "error"}, {"status": ["error", "ok"]}, {"kind": "llm"}, {"kind": "chain"}, {"kind": "span"},
        {"tag": "x"}, {"since": "2023-11-15T00:00Z", "kind": "llm"}, {"until": "2023-11-15T00:00Z"}, {"text": "chat"},
    )  # fmt: skip
    for chosen in asked:
        assert sorted(ids_of(opened.spans(**chosen))) == sorted(ids_of(whole.spans(**chosen))), chosen
    assert len(opened.trace_table(f"{1:032x}")) == 5
    assert ids(opened) == [1, 2, 11, 12, 13]
    assert len(opened.sql("SELECT * FROM spans").table) == 5


def test_duckdb_computes_the_same_figures_and_reads_no_other_columns(tmp_path: Path) -> None:
    some = spans(1, 2, 11, 12, 25)
    export(some, f"{tmp_path}/")
    wanted = nbtrace.open(some.table())
    for name in files(tmp_path):
        spoil(tmp_path / name, *UNREAD)
    opened = nbtrace.open(tmp_path)
    for engine in ("duckdb", duckdb.connect()):
        for by, every in (((), None), (("model", "user"), "1d")):
            found = opened.metrics(by=by, every=every, engine=engine).table
            assert found.to_pylist() == wanted.metrics(by=by, every=every).table.to_pylist()
    assert nbtrace.metrics(opened, engine="duckdb")["calls"] == [5]


def test_duckdb_computes_what_only_this_process_reaches(memory: MemoryFileSystem) -> None:
    export(spans(1, 2, 11), "memory://team")
    opened = nbtrace.open("memory://team")
    assert opened.metrics(by="model", engine="duckdb").table.equals(opened.metrics(by="model").table)
    assert opened.metrics(engine="duckdb")["cost_usd"] == [1.5]


def test_a_span_in_several_files_counts_once_everywhere(tmp_path: Path) -> None:
    """Others' spans are where their trace was when they were exported; the first file by day and session has it."""
    export(table(chat(1, cost_usd=1.0, scope=scope("b")), chat(2, cost_usd=2.0, scope=scope("b"))), f"{tmp_path}/")
    export(table(chat(2, cost_usd=4.0, scope=scope("a")), chat(3, cost_usd=8.0, scope=scope("a"))), f"{tmp_path}/")
    export(table(chat(2, cost_usd=16.0, scope=scope(None)), chat(2, trace=7, cost_usd=32.0)), f"{tmp_path}/")
    export(table(chat(4, cost_usd=64.0, start=DAY, scope=scope("a"))), f"{tmp_path}/")
    whole = nbtrace.open(tmp_path)
    wanted = nbtrace.metrics(whole.spans(), by="user_id").table
    assert wanted.select(["calls", "cost_usd"]).to_pylist() == [{"calls": 5, "cost_usd": 121.0}]
    opened = nbtrace.open(tmp_path)
    assert len(opened) == len(whole) == 5
    for engine in (None, "duckdb", duckdb.connect()):
        assert opened.metrics(by="user_id", engine=engine).table.equals(wanted), engine


def test_an_engine_is_for_datasets(tmp_path: Path) -> None:
    export(spans(1), f"{tmp_path}/")
    opened = nbtrace.open(tmp_path)
    with pytest.raises(UsageError, match="cannot use engine='duckdb'; expected none: only a dataset"):
        nbtrace.metrics(opened.spans(), engine="duckdb")
    with pytest.raises(UsageError, match="cannot use engine=7; expected 'duckdb', a connection of"):
        opened.metrics(engine=7)
