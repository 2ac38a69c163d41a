"""Totals over spans: what a cell, a trace or a session cost.

Only LLM calls are counted for tokens and cost: agents and chains often repeat the sum of their calls on their own
span, and counting both doubles it. What is unknown is counted as unknown and never as zero.

Whole columns are computed at once, by kernels that no Python value goes into: the first one that does imports pandas,
and the first cell with a call would wait for it. `aggregate` says the same of groups, for any data frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace import semconv
from nbtrace._query import endings, failures
from nbtrace._query.text import REPLAYED

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

    Column = pa.Array | pa.ChunkedArray

CALLS: Final = semconv.LLM_OPERATIONS
"""Operations that are LLM calls."""

ERROR: Final = 2
"""OTLP's status code of a failed span."""

COUNTS: Final = ("calls", "priced", "estimated", "unpriced", "replayed", "unknown_usage")
AMOUNTS: Final = ("input_tokens", "output_tokens", "cost_usd")
BEGUN: Final = ("response_id", "response_model", "time_to_first_chunk_s")
"""Columns of which one is set as soon as a provider has begun to answer."""

ATTEMPT: Final = "attempt"
"""The span type of one request of a call that was retried."""


@dataclass(frozen=True)
class Summary:
    """Totals of a table of spans."""

    spans: int = 0
    calls: int = 0
    """LLM calls."""
    models: tuple[str, ...] = ()
    """The models that answered, or were asked, in order of first use."""
    input_tokens: int | None = None
    """Of the calls that say; none if none does."""
    output_tokens: int | None = None
    cost_usd: float | None = None
    """Of the calls with a price; none, and never 0, if there is none."""
    priced: int = 0
    """Calls with a cost from reported tokens."""
    estimated: int = 0
    """Calls with a cost from estimated tokens."""
    unpriced: int = 0
    """Calls that were answered and have no cost."""
    replayed: int = 0
    """Calls that were answered from a recording, which cost nothing."""
    errors: int = 0
    """Failures of spans of any kind, each counted where it began."""
    refused: int = 0
    """LLM calls that the model or a filter refused: an answer, or an error besides."""
    running: int = 0
    """Spans that have not ended, of any kind, and are not `unfinished`."""
    unfinished: int = 0
    """Streams that have not been read to their end, nor given up; spans that had not ended when they were exported."""
    interrupted: int = 0
    """Spans that had not ended when their kernel did."""
    duration_ns: int | None = None
    """From the first start to the last end of the LLM calls; none if none has ended."""
    unknown_usage: int = 0
    """Calls that were answered and have no token counts."""


def counted(table: Snapshot) -> dict[str, Column]:
    """Say for each row what it adds to the totals: nothing, if it is no LLM call.

    A call that still runs, or failed before any answer, has no cost or usage to be unknown. A cost that is no finite
    number is none.

    Returns:
        `COUNTS`, `refused` and `errors` as booleans, and `AMOUNTS` with null for unknown. A failed attempt is no error:
        its call may have been answered. Nor is a span that failed with one below it: that is told once, where it began.
    """
    import pyarrow.compute as pc

    failed = _is(table["status_code"], ERROR)
    call = pc.is_in(table["operation"], value_set=_texts(*sorted(CALLS)))
    begun = _any(*(_is_set(table[name]) for name in BEGUN))
    answered = pc.and_(call, pc.and_(pc.is_valid(table["duration_ns"]), pc.or_(pc.invert(failed), begun)))
    cost = _where(_is_set(table["cost_usd"]), table["cost_usd"])
    has_cost = pc.and_(call, pc.is_valid(cost))
    estimated = pc.and_(has_cost, pc.is_in(table["cost_state"], value_set=_texts("estimated")))
    replayed = pc.and_(call, pc.is_in(table["cost_state"], value_set=_texts(REPLAYED)))
    has_usage = pc.or_(pc.is_valid(table["input_tokens"]), pc.is_valid(table["output_tokens"]))
    return {
        "calls": call,
        "priced": pc.and_not(has_cost, estimated),
        "estimated": estimated,
        "unpriced": pc.and_not(answered, pc.or_(has_cost, replayed)),
        "replayed": replayed,
        "unknown_usage": pc.and_not(answered, has_usage),
        "refused": pc.and_(call, pc.is_valid(table["refusal"])),
        "errors": failures.begun(table, pc.and_not(failed, pc.is_in(table["span_type"], value_set=_texts(ATTEMPT)))),
        "input_tokens": _where(call, table["input_tokens"]),
        "output_tokens": _where(call, table["output_tokens"]),
        "cost_usd": _where(call, cost),
    }


def summarize(table: Snapshot) -> Summary:
    """Total spans."""
    import pyarrow.compute as pc

    each = counted(table)
    models, starts, durations = (
        column.filter(each["calls"])
        for column in (
            pc.coalesce(table["response_model"], table["request_model"]),
            table["start_time_unix_nano"],
            table["duration_ns"],
        )
    )
    going, interrupted = endings.going(table.kept.column), endings.interrupted(table.kept.column)
    is_left = pc.or_(pc.is_valid(table["stream_outcome"]), endings.exported(table.kept.column))
    running, unfinished = (cast("Any", both) for both in (pc.and_not(going, is_left), pc.and_(going, is_left)))
    first, last = pc.min(starts).as_py(), pc.max(pc.add(starts, durations)).as_py()
    return Summary(
        spans=table.num_rows,
        models=tuple(model for model in models.unique().to_pylist() if model),
        running=pc.sum(running).as_py() or 0,
        unfinished=pc.sum(unfinished).as_py() or 0,
        interrupted=pc.sum(interrupted).as_py() or 0,
        duration_ns=None if last is None else last - first,
        **{name: pc.sum(each[name]).as_py() or 0 for name in (*COUNTS, "refused", "errors")},
        **{name: pc.sum(each[name]).as_py() for name in AMOUNTS},
    )


def _is(column: Column, value: int) -> Column:
    from pyarrow import int64

    from nbtrace._store.columns import numbers

    return _compute().is_in(column, value_set=numbers(int64(), "q", [value]))


def _texts(*values: str) -> pa.Array:
    from pyarrow import string

    from nbtrace._store.columns import strings

    return strings(string(), values)


def _any(first: Column, *others: Column) -> Column:
    for other in others:
        first = _compute().or_(first, other)
    return first


def _where(wanted: Column, column: Column) -> Column:
    """Keep the values of some rows; those of the others are null."""
    import pyarrow as pa

    return _compute().if_else(wanted, column, pa.nulls(1, cast("Any", column.type))[0])


def _is_set(column: Column) -> Column:
    """Say which values are there; what is no finite number is not."""
    from pyarrow import float64

    from nbtrace._store.columns import booleans

    if column.type != float64():
        return _compute().is_valid(column)
    return _compute().coalesce(_compute().is_finite(column), booleans([False])[0])


def _compute() -> Any:
    import pyarrow.compute as pc

    return pc
