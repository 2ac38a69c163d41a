"""The door to `aggregate`: metrics of any spans, wherever they are, as a table to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from nbtrace._query import moments
from nbtrace._query.engines import scanned
from nbtrace._query.result import Result
from nbtrace._store.schema import COLUMNS
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


@runtime_checkable
class Columnar(Protocol):
    """Spans whose columns can be had one by one, such as `Spans` and datasets."""

    def words_of(self, names: Sequence[str]) -> pa.Table:
        """Give a table of some columns."""
        ...


def metrics(
    spans: object,
    *,
    by: str | Sequence[str] = (),
    every: str | timedelta | None = None,
    calls_only: bool = True,
    quantiles: Mapping[str, tuple[str, float]] | None = None,
    engine: object = None,
) -> Result:
    """Compute the figures of groups of spans; see `nbtrace.metrics`."""
    from nbtrace._query.aggregate import QUANTILES, aggregate

    if engine is not None:
        spans = scanned(spans, engine)

    names = [by] if isinstance(by, str) else list(by)
    frame = _columns(spans, names) if isinstance(spans, Columnar) else _frame(spans)
    wanted = QUANTILES if quantiles is None else quantiles
    return Result(aggregate(frame, names, every_s=_every(every), calls=calls_only, quantiles=wanted))


def _every(every: str | timedelta | None) -> int | None:
    """Read the length of a bucket in whole seconds, which float64 can count from 1970 without loss."""
    if every is None:
        return None
    length = moments.length(every, name="every")
    if length % timedelta(seconds=1):
        raise UsageError.argument("every", "whole seconds", every)
    return length // timedelta(seconds=1)


def _columns(spans: Columnar, by: Sequence[str]) -> pa.Table:
    """Take the columns that the figures need."""
    from nbtrace._query.aggregate import KEYS, read
    from nbtrace._query.worked_out import WORKED_OUT

    known = [column.name for column in COLUMNS]
    for name in by:
        if name not in {*KEYS, *WORKED_OUT, *known}:
            raise UsageError.unknown("column to group by", name, [*KEYS, *WORKED_OUT, *known])
    return spans.words_of(read(by))


def _frame(spans: Any) -> Any:
    """Take a data frame that narwhals knows; of anything else, its Arrow stream."""
    import narwhals.stable.v2 as nw

    try:
        nw.from_native(spans)
    except TypeError:
        if not hasattr(spans, "__arrow_c_stream__"):
            expected = "spans, or a data frame of them (Arrow, pandas, polars, DuckDB, PySpark)"
            raise UsageError.kind("spans", spans, expected) from None
        import pyarrow as pa

        return pa.table(spans)
    return spans
