"""PySpark's figures are those of the other engines; `make test-engines` has it, in an environment of its own.

Its executors are two processes besides this one, as on two machines: nothing that only this process has reaches them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import nbtrace
from nbtrace._export.destination import export
from nbtrace._store.schema import schema
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UsageError
from tests.evaluate.datasets import scope
from tests.query.engines import MANY, VALUES, arrow, different, expected
from tests.query.tables import chat, table
from tests.query.test_aggregate import GROUPINGS, found

pytestmark = pytest.mark.spark
pytest.importorskip("pyspark", reason="only `make test-engines` has PySpark")


@pytest.mark.parametrize("rows", [[], [dict.fromkeys(VALUES)], MANY], ids=["empty", "nulls", "many"])
def test_spark_gives_the_same_figures(spark: Any, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "spans.parquet"
    pq.write_table(arrow(rows), path)
    frame = spark.read.parquet(str(path)).cache()
    for grouping in GROUPINGS if rows is MANY else GROUPINGS[:2]:
        wanted = expected(rows, **grouping, calls_only=not grouping["hourly"])
        measured = found(frame, **grouping, calls_only=not grouping["hourly"])
        assert measured.keys() == wanted.keys()
        assert [different(measured[keys], figures) for keys, figures in wanted.items()] == [{}] * len(wanted)


def test_spark_computes_a_dataset_where_it_is(spark: Any, tmp_path: Path) -> None:
    """Many sessions on several days, as teams gather them, give what they give in memory."""
    some = [row | {"span_id": number.to_bytes(8, "big"), "name": "x"} for number, row in enumerate(MANY)]
    for session, part in (("a", some[:150]), ("b", some[100:])):  # some are in both
        rows = [row | {"scope": scope(session)} for row in part if row["trace_id"]]
        spans = Snapshot.of(pa.Table.from_pylist(rows, schema=schema()))
        export(spans, f"{tmp_path}/", again="all")
    opened = nbtrace.open(tmp_path)
    assert len(opened) == len(opened.spans()) > 150
    for grouping in GROUPINGS:
        every = "1h" if grouping["hourly"] else None
        wanted = opened.metrics(by=grouping["by"], every=every).table.to_pylist()
        measured = opened.metrics(by=grouping["by"], every=every, engine=spark).table.to_pylist()
        assert len(measured) == len(wanted)
        assert [different(*pair) for pair in zip(measured, wanted, strict=True)] == [{}] * len(wanted)
    frame = spark.read.parquet(str(tmp_path))
    assert {"date", "session"} < set(frame.columns)


def test_spark_is_not_given_what_only_this_process_has(spark: Any) -> None:
    files = MemoryFileSystem()
    export(table(chat(1)), "team", filesystem=files)
    with pytest.raises(UsageError, match="only this process has that file system"):
        nbtrace.open("team", filesystem=files).metrics(engine=spark)
    files.store.clear()
