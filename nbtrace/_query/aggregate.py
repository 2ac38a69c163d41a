"""Metrics of groups of spans, stated once for every engine as narwhals expressions.

The engine that holds the spans does the work: pyarrow, pandas, polars, DuckDB, PySpark, or another that narwhals knows.
Only the groups come back, as Arrow. What the engines understand differently is settled here: a sum of nothing is
unknown and not zero, NaN and the infinities are unknown, a group without a key is a group. Quantiles are exact and
interpolate linearly between the two nearest values (Hyndman and Fan's type 7, the default of numpy and pandas); the one
engine in which narwhals has none for groups is pyarrow, and `quantile` has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.kinds import OPERATION_TYPES, TYPES
from nbtrace._query.text import REPLAYED
from nbtrace._query.totals import ATTEMPT, BEGUN, CALLS, ERROR
from nbtrace._query.worked_out import WORKED_OUT
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import narwhals.stable.v2 as nw
    import pyarrow as pa

QUANTILES: Final = {
    f"{measure}_p{percent}_s": (f"{measure}_s", percent / 100)
    for measure in ("latency", "first_chunk")
    for percent in (50, 95, 99)
}
"""Name of a figure to what it is a quantile of, and which."""

COUNTS: Final = (
    "spans", "calls", "errors", "retried", "priced", "estimated", "unpriced", "estimated_usage", "unknown_usage",
)  # fmt: skip

AMOUNTS: Final = {
    "input_tokens": "int",
    "output_tokens": "int",
    "cache_read_tokens": "int",
    "cache_write_tokens": "int",
    "reasoning_tokens": "int",
    "cost_usd": "double",
    "rate_limited_s": "double",
}
"""What is added up, with the type of the sum."""

RATES: Final = {"error_rate": ("errors", "spans"), "retry_rate": ("retried", "calls")}
"""Each is the one count divided by the other."""

CALLS_S: Final = "calls_s"
"""The seconds that all calls took, one after the other: what `rate_limited_share` is a share of."""

FIGURES: Final = (
    "spans", "calls", "errors", "error_rate", "retried", "retry_rate", "rate_limited_s", "rate_limited_share",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd",
    "priced", "estimated", "unpriced", "estimated_usage", "unknown_usage",
)  # fmt: skip
"""The figures of a group, in the order in which people read them."""

KEYS: Final = {
    "model": ("response_model", "request_model"),
    "prompt": ("prompt_name",),
    "user": ("user_id",),
    "session": ("session_id",),
    "conversation": ("conversation_id",),
    "cell": ("cell_id",),
    "run": ("cell_run",),
    "trace": ("trace_id",),
}
"""Words for the columns that spans are told apart by; of several columns the first that is set counts."""

TYPES_READ: Final = {
    "operation": "string", "span_type": "string", "status_code": "int", "duration_ns": "double",
    "start_time_unix_nano": "int", "time_to_first_chunk_s": "double", "response_id": "string",
    "response_model": "string", "input_tokens": "double", "output_tokens": "double", "cache_read_tokens": "double",
    "cache_write_tokens": "double", "reasoning_tokens": "double", "cost_usd": "double",
    "usage_state": "string", "cost_state": "string", "attempts": "int", "rate_limited_s": "double",
}  # fmt: skip
"""The columns that figures come from. One that a frame lacks is unknown in every row."""

TIME: Final = "time"
"""The column of a time bucket's begin."""


def aggregate(
    frame: Any,
    by: Sequence[str] = (),
    *,
    every_s: int | None = None,
    calls: bool = True,
    quantiles: Mapping[str, tuple[str, float]] = QUANTILES,
) -> pa.Table:
    """Compute the figures of each group.

    Args:
        frame: Spans, with the columns of the store, in any engine that narwhals knows.
        by: Columns of the frame or words of `KEYS` and `WORKED_OUT`. Without any, all spans are one group.
        every_s: Seconds of a time bucket, which are counted from 1970 in UTC.
        calls: Measure LLM calls only; otherwise every span has a latency and may be an error.
        quantiles: Those to compute, as `QUANTILES` has them.

    Returns:
        A row a group: the keys, then `FIGURES` and the quantiles, sorted by the keys.

    Raises:
        UsageError: A key is no column, or holds more than one value a span.
    """
    import narwhals.stable.v2 as nw

    spans = nw.from_native(frame)
    schema = spans.collect_schema()
    keys = [_key(name, schema) for name in by] + ([_bucket(schema, every_s)] if every_s else [])
    names = [*by, *([TIME] if every_s else [])]
    facts = spans.select(*keys, *_facts(schema, calls=calls)).with_columns(*_flags())
    flagged = facts.select(*names, *AMOUNTS, *_parts())
    if not names:
        return _finished(_collected(flagged.select(*_sums(), *_quantiles(quantiles))), [], quantiles)
    if isinstance(flagged, nw.DataFrame) and flagged.implementation.is_pyarrow():
        from nbtrace._query.quantile import grouped

        return _finished(grouped(flagged, names, _sums(), quantiles), names, quantiles)
    measured = flagged.group_by(names).agg(*_sums(), *_quantiles(quantiles))
    return _finished(_collected(measured), names, quantiles)


def read(by: Iterable[str]) -> list[str]:
    """Name the columns that the figures of these groups are computed from."""
    keys = [column for name in by for column in {**KEYS, **WORKED_OUT}.get(name, (name,))]
    return list(dict.fromkeys([*TYPES_READ, *keys]))


def _key(name: str, schema: nw.Schema) -> nw.Expr:
    import narwhals.stable.v2 as nw

    if name in WORKED_OUT:
        return (kind_of(schema) if name == "kind" else _status_of(schema)).alias(name)
    columns = [column for column in KEYS.get(name, (name,)) if column in schema]
    if not columns:
        raise UsageError.unknown("column to group by", name, [*KEYS, *WORKED_OUT, *schema])
    if isinstance(schema[columns[0]], (nw.List, nw.Struct, nw.Array)):
        message = f"cannot group by {name!r}, which holds more than one value a span; choose another column"
        raise UsageError(message)
    parts = [
        nw.col(column).cast(nw.String) if isinstance(schema[column], nw.Categorical) else nw.col(column)
        for column in columns
    ]
    return (nw.coalesce(*parts) if len(parts) > 1 else parts[0]).alias(name)


def kind_of(schema: nw.Schema) -> nw.Expr:
    """Say what a span is, as `kinds.kind` does for one."""
    import narwhals.stable.v2 as nw

    operation, span_type = _column("operation", schema), _column("span_type", schema)
    known = nw.lit("span")
    for kind in sorted(set(OPERATION_TYPES.values())):
        operations = [name for name, meant in OPERATION_TYPES.items() if meant == kind]
        known = nw.when(operation.is_in(operations)).then(nw.lit(kind)).otherwise(known)
    return nw.when(span_type.is_in(sorted(TYPES))).then(span_type).otherwise(known)


def _status_of(schema: nw.Schema) -> nw.Expr:
    """Say how a span ended, as the filter `status` has it."""
    import narwhals.stable.v2 as nw

    ended = nw.when(_column("duration_ns", schema).is_null()).then(nw.lit("running")).otherwise(nw.lit("ok"))
    return nw.when(_column("status_code", schema) == ERROR).then(nw.lit("error")).otherwise(ended)


def _bucket(schema: nw.Schema, every_s: int) -> nw.Expr:
    """Give the nanosecond at which a span's bucket begins; a remainder is exact in every engine, a quotient is not."""
    import narwhals.stable.v2 as nw

    if "start_time_unix_nano" in schema:
        start = nw.col("start_time_unix_nano")
    elif "start_time" in schema:
        start = nw.col("start_time").dt.timestamp("us") * 1000
    else:
        raise UsageError.unknown("column for every=", "start_time_unix_nano", list(schema))
    return (start - start % (every_s * 10**9)).alias(TIME)


def _column(name: str, schema: nw.Schema) -> nw.Expr:
    import narwhals.stable.v2 as nw

    kind = {"string": nw.String, "int": nw.Int64, "double": nw.Float64}[TYPES_READ[name]]()
    if name == "duration_ns" and name not in schema and "duration_ms" in schema:
        return nw.col("duration_ms").cast(nw.Float64) * 1e6  # a frame made for reading
    if name not in schema:
        return nw.lit(None, nw.String() if TYPES_READ[name] == "string" else nw.Float64())  # pandas has no missing int
    if schema[name] == kind or kind == nw.Int64:
        return nw.col(name)
    # Arrow refuses to cast an integer that a float64 only comes near to, and divides it.
    return nw.col(name) / 1 if schema[name].is_integer() else nw.col(name).cast(kind)


def _is_set(name: str, schema: nw.Schema) -> nw.Expr:
    import narwhals.stable.v2 as nw

    return ~nw.col(name).is_null() if name in schema else nw.lit(False)


def _number(name: str, schema: nw.Schema) -> nw.Expr:
    """Give a column of numbers in which what is no finite number is unknown."""
    import narwhals.stable.v2 as nw

    column = _column(name, schema)
    is_integer = name in schema and schema[name].is_integer()
    return column if is_integer else nw.when(column.is_finite()).then(column)


def _facts(schema: nw.Schema, *, calls: bool) -> list[nw.Expr]:
    """Say of each row what it is."""
    import narwhals.stable.v2 as nw

    def known(expression: nw.Expr) -> nw.Expr:
        return expression.fill_null(False)

    call = known(_column("operation", schema).is_in(sorted(CALLS)))
    begun = [~_number(name, schema).is_null() if name.endswith("_s") else _is_set(name, schema) for name in BEGUN]
    return [
        call.alias("call"),
        (call if calls else nw.lit(True)).alias("measured"),
        known(_column("status_code", schema) == ERROR).alias("failed"),
        known(_column("span_type", schema) == ATTEMPT).alias("attempt"),
        known(_column("cost_state", schema) == "estimated").alias("is_estimated"),
        known(_column("cost_state", schema) == REPLAYED).alias("is_replayed"),
        known(_column("usage_state", schema) == "estimated").alias("is_estimated_usage"),
        known(_column("attempts", schema) > 1).alias("repeated"),
        (begun[0] | begun[1] | begun[2]).alias("begun"),
        *(_number(name, schema).alias(name) for name in (*AMOUNTS, "duration_ns", "time_to_first_chunk_s")),
    ]


def _flags() -> list[nw.Expr]:
    """Say of each row what it adds to its group; `totals.counted` says the same of a whole table."""
    import narwhals.stable.v2 as nw

    col = nw.col
    return [
        (col("call") & ~col("duration_ns").is_null() & (~col("failed") | col("begun"))).alias("answered"),
        (col("call") & ~col("cost_usd").is_null()).alias("has_cost"),
        *(nw.when(col("call")).then(col(name)).alias(name) for name in AMOUNTS),
    ]


def _parts() -> list[nw.Expr]:
    import narwhals.stable.v2 as nw

    col = nw.col
    counts = {
        "spans": col("measured"),
        "calls": col("call"),
        "errors": col("measured") & col("failed") & ~col("attempt"),
        "retried": col("call") & col("repeated"),
        "priced": col("has_cost") & ~col("is_estimated"),
        "estimated": col("has_cost") & col("is_estimated"),
        "unpriced": col("answered") & ~col("has_cost") & ~col("is_replayed"),
        "estimated_usage": col("call") & col("is_estimated_usage"),
        "unknown_usage": col("answered") & col("input_tokens").is_null() & col("output_tokens").is_null(),
    }
    return [
        *(flag.cast(nw.Int64).alias(name) for name, flag in counts.items()),
        nw.when(col("measured")).then(col("duration_ns") / 1e9).alias("latency_s"),
        nw.when(col("call")).then(col("time_to_first_chunk_s")).alias("first_chunk_s"),
        nw.when(col("call")).then(col("duration_ns") / 1e9).alias(CALLS_S),
    ]


def _sums() -> list[nw.Expr]:
    import narwhals.stable.v2 as nw

    return [
        *(nw.col(name).sum() for name in (*COUNTS, *AMOUNTS, CALLS_S)),
        *(nw.col(name).count().alias(f"{name}_known") for name in AMOUNTS),
    ]


def _quantiles(wanted: Mapping[str, tuple[str, float]]) -> list[nw.Expr]:
    import narwhals.stable.v2 as nw

    return [
        nw.col(measure).quantile(share, interpolation="linear").alias(name) for name, (measure, share) in wanted.items()
    ]


def _collected(groups: Any) -> nw.DataFrame:
    import narwhals.stable.v2 as nw

    eager = groups.collect(backend="pyarrow") if isinstance(groups, nw.LazyFrame) else groups
    return nw.from_native(eager.to_arrow(), eager_only=True)


def _finished(groups: nw.DataFrame, keys: Sequence[str], quantiles: Iterable[str]) -> pa.Table:
    """Turn sums into figures, the same ones from every engine."""
    import narwhals.stable.v2 as nw

    integers = [nw.col(name).fill_null(0).cast(nw.Int64) for name in COUNTS]
    known = {name: nw.when(nw.col(f"{name}_known") > 0).then(nw.col(name)) for name in AMOUNTS}
    figures = (
        groups.with_columns(*integers)
        .with_columns(
            *(
                amount.cast(nw.Int64 if AMOUNTS[name] == "int" else nw.Float64).alias(name)
                for name, amount in known.items()
            ),
            *(
                nw.when(nw.col(below) > 0).then(nw.col(above).cast(nw.Float64) / nw.col(below)).alias(name)
                for name, (above, below) in RATES.items()
            ),
        )
        .with_columns(
            nw.when(nw.col(CALLS_S) > 0).then(nw.col("rate_limited_s") / nw.col(CALLS_S)).alias("rate_limited_share")
        )
    )
    if keys:
        figures = figures.filter(nw.col("spans") > 0)
    return _readable(figures.select(*keys, *FIGURES, *quantiles).to_native(), keys)


def _readable(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Give times as times, ids as hex digits, and the groups in order; the one without a key comes last."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, name in enumerate(keys):
        column: Any = table[name]
        if name == TIME:
            column = pc.divide(column.cast(pa.int64()), 1000).cast(pa.timestamp("us", tz="UTC"))
        elif str(column.type) in ("large_string", "string_view"):
            column = column.cast(pa.string())
        elif "binary" in str(column.type):
            column = pa.chunked_array([pa.array([value and value.hex() for value in column.to_pylist()], pa.string())])
        table = table.set_column(index, name, column)
    return table.sort_by([(name, "ascending") for name in keys]) if keys else table
