"""Spans as rows of ClickHouse's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbtrace._export.destination import export
from nbtrace._query.comparison import Comparison
from nbtrace._store.store import Store
from nbtrace.errors import ExportError
from tests.export import rich
from tests.export.making import made
from tests.query.tables import chat, table


def test_clickhouse_gets_the_columns_of_its_table(tmp_path: Path) -> None:
    path = tmp_path / "traces.parquet"
    report = export(rich.session(), path, layout="clickhouse")
    assert (report.spans, report.format, report.left_out) == (9, "Parquet for ClickHouse", ("types of attributes",))
    rows = {row["SpanName"]: row for row in pq.read_table(path).to_pylist()}
    call, failed = rows["chat gpt-5"], rows["chat gpt-6"]
    attributes = dict(call["SpanAttributes"])
    assert {name: call[name] for name in ("TraceId", "SpanId", "ParentSpanId", "SpanKind", "ServiceName")} == {
        "TraceId": f"{rich.TRACE:032x}",
        "SpanId": f"{3:016x}",
        "ParentSpanId": f"{2:016x}",
        "SpanKind": "Client",
        "ServiceName": "notebook",
    }
    assert (call["Duration"], call["ScopeName"], call["ScopeVersion"]) == (rich.SECOND + 1, "nbtrace", "1")
    assert call["Timestamp"].value == rich.START + 2 * rich.SECOND
    assert {name: attributes[name] for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.cost", "nbtrace.tags")} == {
        "gen_ai.usage.input_tokens": "120",
        "gen_ai.usage.cost": "0.00125",
        "nbtrace.tags": '["draft","library"]',
    }
    assert attributes["gen_ai.input.messages"] == rich.CALL["gen_ai.input.messages"]
    assert call["Events.Name"] == ["gen_ai.evaluation.result"] * 2
    assert (failed["StatusCode"], failed["StatusMessage"]) == ("Error", "slow down")
    assert dict(failed["Events.Attributes"][0]) == {"exception.type": "RateLimitError"}
    assert rows["cell [3]"]["ParentSpanId"] == ""
    assert len(rows["many"]["SpanAttributes"]) == 201
    asked = f"SELECT SpanAttributes['user.id'], count(*) FROM '{path}' GROUP BY ALL ORDER BY ALL"
    found: Any = duckdb.query(asked)
    assert found.fetchall()[0] == ("ada", 5)


@pytest.mark.parametrize("depth", [200, 250])
def test_what_is_nested_deeply_is_written_and_compared_whole(depth: int, tmp_path: Path) -> None:
    deep: Any = b"x"
    for _ in range(depth):
        deep = [deep]
    call = {
        "gen_ai.operation.name": "chat", "gen_ai.prompt.name": "p", "gen_ai.prompt.version": "1",
        "gen_ai.request.deep": deep,
    }  # fmt: skip
    store = Store()
    store.ended(made(call), None)
    export(store.snapshot(), tmp_path / "a.parquet", layout="clickhouse")
    (row,) = pq.read_table(tmp_path / "a.parquet").to_pylist()
    written = dict(row["SpanAttributes"])["gen_ai.request.deep"]
    assert (written.count("["), written.count("eA==")) == (depth, 1)
    (run,) = Comparison.of(store.snapshot()).runs
    assert dict(run.variant.settings)["deep"].count("[") == depth


@pytest.mark.parametrize(("to", "layout"), [("a.parquet", "mysql"), ("a.jsonl", "clickhouse"), ("a/", "clickhouse")])
def test_a_layout_is_of_parquet_files_alone(to: str, layout: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="with layout="):
        export(table(chat(1)), f"{tmp_path}/{to}", layout=layout)
    assert list(tmp_path.iterdir()) == []


def test_no_spans_are_a_file_of_no_rows(tmp_path: Path) -> None:
    export(table(), tmp_path / "a.parquet", layout="clickhouse")
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0
    assert pa.types.is_map(pq.read_schema(tmp_path / "a.parquet").field("SpanAttributes").type)
