"""PySpark's figures are those of the other engines; `make test-engines` has it, in an environment of its own."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.query.engines import MANY, VALUES, arrow, different, expected
from tests.query.test_aggregate import GROUPINGS, found

pytestmark = pytest.mark.spark
pytest.importorskip("pyspark", reason="only `make test-engines` has PySpark")


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PySpark 4 speaks of pandas 3, and leaves sockets to the collector
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")  # pyright: ignore[reportAttributeAccessIssue]
        for name, value in {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.session.timeZone": "UTC",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


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
