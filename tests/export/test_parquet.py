"""A Parquet file read back is the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import nbtrace
from nbtrace import Session, semconv
from nbtrace._export.destination import export
from nbtrace._opened import Opened
from nbtrace._query.frame import Spans
from nbtrace._query.tree import tree
from nbtrace._store.parquet import read
from nbtrace._store.schema import schema
from nbtrace._widgets.listing import list_text
from nbtrace._widgets.static import tree_text
from tests.export.conftest import START
from tests.query.tables import row, table

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Take = Callable[..., "Snapshot"]


def test_the_file_read_back_is_the_store(
    spans: list[ReadableSpan], running: ReadableSpan, snapshot: Take, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    table = snapshot(spans, [running])
    path = tmp_path / "session.parquet"
    report = export(table, path)
    *ended, last = table.table().to_pylist()
    expected = [*ended, last | {"status_message": semconv.NOT_ENDED}]
    assert repr(read(path).table().to_pylist()) == repr(expected)  # by text, since NaN is in there
    back = pq.read_schema(path)
    assert back.names == [*schema().names, "scores"]
    assert back.metadata == {
        b"nbtrace.schema_version": b"2",
        b"nbtrace.redaction": b"secrets were masked before anything was stored",
    }
    size = path.stat().st_size
    told = f"{len(spans) + 1} spans → {path} (Parquet, {size / 1000:.1f} KB)."
    assert repr(report) == f"{told} 1 span still ran, and says so there."


def test_what_ran_at_the_export_is_unfinished_to_whoever_reads_the_file(tmp_path: Path) -> None:
    with Session() as session, session.span("outer"), session.span("inner"):
        session.export(tmp_path / "session.parquet")
        assert repr(session.spans()).endswith("2 running>")
    opened = nbtrace.open(tmp_path / "session.parquet")
    assert isinstance(opened, Opened)
    spans = opened.spans()
    assert repr(spans) == "<Spans: 2 spans, 0 LLM calls, 2 unfinished>"
    assert [repr(span) for span in spans] == ["<chain span: outer · unfinished>", "<chain span: inner · unfinished>"]
    drawn = (spans._repr_html_(), tree_text(tree(spans.snapshot)), list_text(tree(spans.snapshot)))
    assert [("unfinished" in text, "running" in text) for text in drawn] == [(True, False)] * 3
    assert len(spans.filter(status="running")) == 2
    for place in ("again.otlp.jsonl", "dataset/"):  # a slash at the end says that it is a directory
        left_out = opened.export(f"{tmp_path}/{place}").left_out
        assert left_out == ("2 spans that had not ended when it was exported",)
    failed = table(row(1), row(2, 1, ms=None, status_code=2, status_message="E: no"), row(3, 2, status_code=2))
    for _ in range(2):
        assert "1 span still ran" in repr(export(failed, tmp_path / "failed.parquet"))
        failed = read(tmp_path / "failed.parquet")
        assert failed["status_message"].to_pylist() == [None, f"{semconv.NOT_ENDED}: E: no", None]
        assert repr(Spans(failed)) == "<Spans: 3 spans, 0 LLM calls, 1 error, 1 unfinished>"


def test_no_spans_are_a_file_without_rows(snapshot: Take, tmp_path: Path) -> None:

    report = export(snapshot([]), tmp_path / "empty.parquet")
    assert read(tmp_path / "empty.parquet").table().equals(schema().empty_table(), check_metadata=True)
    assert (report.spans, report.left_out) == (0, ())


def test_a_file_has_types_bounds_and_an_index_of_pages(
    spans: list[ReadableSpan], snapshot: Take, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    export(snapshot(spans), tmp_path / "session.parquet")
    metadata = pq.read_metadata(tmp_path / "session.parquet")
    group = metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    assert {column.compression for column in columns} == {"ZSTD"}
    assert {column.has_dictionary_page for column in columns if column.physical_type != "BOOLEAN"} == {True}
    assert {(one.has_offset_index, one.has_column_index) for one in columns} == {(True, True)}
    assert {column.is_stats_set for column in columns} == {True}
    types = {
        column.path: (column.physical_type, str(column.logical_type).partition("(")[0])
        for column in (metadata.schema.column(index) for index in range(metadata.num_columns))
    }
    assert {name: types[name] for name in ("trace_id", "start_time", "start_time_unix_nano", "cost_usd", "name")} == {
        "trace_id": ("FIXED_LEN_BYTE_ARRAY", "None"),
        "start_time": ("INT64", "Timestamp"),
        "start_time_unix_nano": ("INT64", "None"),
        "cost_usd": ("DOUBLE", "None"),
        "name": ("BYTE_ARRAY", "String"),
    }
    times = [str(metadata.schema.column(index).logical_type) for index in range(metadata.num_columns)]
    (time,) = (one for one in times if one.startswith("Timestamp"))  # Spark reads no nanoseconds
    assert "isAdjustedToUTC=true, timeUnit=microseconds" in time
    (started,) = (column.statistics for column in columns if column.path_in_schema == "start_time_unix_nano")
    assert started is not None
    assert (started.min, started.max) == (START, START + 2)
