"""A Parquet file read back is the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nbtrace._export.destination import export
from nbtrace._store.parquet import read
from nbtrace._store.schema import schema

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
    assert repr(read(path).table().to_pylist()) == repr(table.table().to_pylist())  # by text, since NaN is in there
    back = pq.read_schema(path)
    assert back.names == [*schema().names, "scores"]
    assert back.metadata == {b"nbtrace.schema_version": b"2"}
    row_group = pq.read_metadata(path).row_group(0)
    assert {row_group.column(index).compression for index in range(row_group.num_columns)} == {"ZSTD"}
    size = path.stat().st_size
    assert repr(report) == f"{len(spans) + 1} spans → {path} (Parquet, {size / 1000:.1f} KB)."


def test_no_spans_are_a_file_without_rows(snapshot: Take, tmp_path: Path) -> None:

    report = export(snapshot([]), tmp_path / "empty.parquet")
    assert read(tmp_path / "empty.parquet").table().equals(schema().empty_table(), check_metadata=True)
    assert (report.spans, report.left_out) == (0, ())
