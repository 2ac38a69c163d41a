"""One statement of the metrics, the same figures from every engine; PySpark's are in `test_spark.py`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace import metrics
from nbtrace._query.frame import Spans
from nbtrace._query.totals import summarize
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UsageError
from tests.query.engines import MANY, ROWS, arrow, different, expected
from tests.query.tables import START, chat, row, table

ENGINES: dict[str, Callable[[pa.Table], Any]] = {
    "pyarrow": lambda spans: spans,
    "pandas": lambda spans: spans.to_pandas(),
    "polars": pl.from_arrow,
    "polars, lazy": lambda spans: pl.DataFrame(spans).lazy(),
    "duckdb": duckdb.from_arrow,
}
GROUPINGS: list[dict[str, Any]] = [
    {"by": (), "hourly": False},
    {"by": ("model",), "hourly": False},
    {"by": ("user_id", "kind"), "hourly": True},
    {"by": ("trace",), "hourly": False},
    {"by": ("status",), "hourly": False},
    {"by": (), "hourly": True},
]


def found(frame: Any, by: tuple[str, ...], *, hourly: bool, calls_only: bool) -> dict[Any, Any]:
    result = metrics(frame, by=by, every="1h" if hourly else None, calls_only=calls_only)
    keys = [*by, *(["time"] if hourly else [])]
    rows = result.table.to_pylist()
    return {tuple(plain(row.pop(name)) for name in keys): row for row in rows}


def plain(key: Any) -> Any:
    return int(key.timestamp()) * 10**9 if isinstance(key, datetime) else key


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_figures(engine: str) -> None:
    @settings(max_examples=40)
    @given(ROWS, st.sampled_from(GROUPINGS), st.booleans())
    def check(rows: list[dict[str, Any]], grouping: dict[str, Any], calls_only: bool) -> None:
        assert_same(engine, rows, grouping, calls_only=calls_only)

    check()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("calls_only", [True, False])
def test_many_rows_and_groups_give_the_same_figures_too(engine: str, calls_only: bool) -> None:
    for grouping in GROUPINGS:
        assert_same(engine, MANY, grouping, calls_only=calls_only)


def assert_same(engine: str, rows: list[dict[str, Any]], grouping: dict[str, Any], *, calls_only: bool) -> None:
    wanted = expected(rows, **grouping, calls_only=calls_only)
    measured = found(ENGINES[engine](arrow(rows)), **grouping, calls_only=calls_only)
    assert measured.keys() == wanted.keys()
    for keys, figures in wanted.items():
        assert different(measured[keys], figures) == {}


@given(ROWS)
def test_totals_and_metrics_count_alike(rows: list[dict[str, Any]]) -> None:
    summary, (figures,) = summarize(Snapshot.of(arrow(rows))), metrics(arrow(rows)).table.to_pylist()
    names = ("calls", "input_tokens", "output_tokens", "priced", "estimated", "unpriced", "unknown_usage")
    assert {name: figures[name] for name in names} == {name: getattr(summary, name) for name in names}
    assert figures["cost_usd"] == pytest.approx(summary.cost_usd)
    assert metrics(arrow(rows), calls_only=False)["errors"] == [summary.errors]


def test_groups_come_in_order_and_read_well() -> None:
    some = Spans(
        table(
            chat(1, user_id="b", start=0),
            chat(2, user_id="a", start=90 * 60_000, ms=500),
            chat(3, start=0),
            row(4, user_id="b", span_type="cell"),
        )
    )
    by_user = metrics(some, by="user")
    assert by_user["user"] == ["a", "b", None]
    assert by_user["calls"] == [1, 1, 1]
    assert metrics(some, by=["trace"])["trace"] == ["0" * 31 + "1"]
    start = datetime.fromtimestamp(START / 1e9 // 3600 * 3600, UTC)
    hourly = metrics(some, every=timedelta(hours=1))
    assert list(zip(hourly["time"], hourly["latency_p50_s"], strict=True)) == [
        (start, 0.001),
        (start + timedelta(hours=1), 0.5),
    ]


def test_a_frame_made_for_reading_gives_the_same_figures() -> None:
    some = Spans(table(chat(1, ms=2500, attempts=2, start_time=0), chat(2, status_code=2, cost_usd=None, start_time=0)))
    for by in ("model", "status"):
        assert metrics(some.to_pandas(), by=by).table.equals(metrics(some, by=by).table)


def test_time_of_a_frame_without_nanoseconds() -> None:
    frame = pd.DataFrame(
        {"operation": ["chat"] * 2, "start_time": pd.to_datetime(["2026-11-25T09:59Z", "2026-11-25T10:00Z"])}
    )
    assert metrics(frame, every="1h")["time"] == [datetime(2026, 11, 25, hour, tzinfo=UTC) for hour in (9, 10)]


def test_anything_with_an_arrow_stream_is_taken() -> None:
    class Foreign:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return table(chat(1)).table().__arrow_c_stream__(requested_schema)

    assert metrics(Foreign())["cost_usd"] == [0.5]


def test_what_cannot_be_measured_is_refused() -> None:
    some = Spans(table(chat(1)))
    refused: list[tuple[dict[str, Any], str]] = [
        (
            {"by": "statuscode"},
            r"column to group by 'statuscode'; did you mean 'status_code'\? expected one of: model, ",
        ),
        (
            {"by": "colour"},
            r"unknown column to group by 'colour'; expected one of: model, prompt, .*, kind, status, trace_id",
        ),
        ({"by": "finish_reasons"}, "cannot group by 'finish_reasons', which holds more than one value a span"),
        ({"every": "1x"}, "cannot use every='1x'; expected a timedelta or a number with a unit"),
        ({"every": timedelta(milliseconds=1500)}, "expected whole seconds"),
    ]
    for arguments, message in refused:
        with pytest.raises(UsageError, match=message):
            metrics(some, **arguments)
    with pytest.raises(UsageError, match=r"^spans is int 7; expected spans, or a data frame of them"):
        metrics(7)
    with pytest.raises(UsageError, match="unknown column for every= 'start_time_unix_nano'; expected one of: op"):
        metrics(pd.DataFrame({"operation": ["chat"]}), every="1h")
    with pytest.raises(UsageError, match="unknown column to group by 'model'"):
        metrics(pd.DataFrame({"operation": ["chat"]}), by="model")
