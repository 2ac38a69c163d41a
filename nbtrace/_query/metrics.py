"""Totals over spans: what a cell, a trace or a session cost.

Only LLM calls are counted for tokens and cost: agents and chains often repeat the sum of their calls on their own
span, and counting both doubles it. What is unknown is counted as unknown and never as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv

if TYPE_CHECKING:
    import pyarrow as pa

    Columns = dict[str, list[Any]]
    """A value of each row, by name."""

CALLS: Final = semconv.LLM_OPERATIONS
"""Operations that are LLM calls."""

ERROR: Final = 2
"""OTLP's status code of a failed span."""

COUNTS: Final = ("calls", "priced", "estimated", "unpriced", "unknown_usage")
AMOUNTS: Final = ("input_tokens", "output_tokens", "cost_usd")
BEGUN: Final = ("response_id", "response_model", "time_to_first_chunk_s")
"""Columns of which one is set as soon as a provider has begun to answer."""

ATTEMPT: Final = "attempt"
"""The span type of one request of a call that was retried."""

CALL_COLUMNS: Final = ("operation", "duration_ns", "status_code", *BEGUN, *AMOUNTS, "cost_state")
"""What decides how a span counts."""


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
    errors: int = 0
    """Spans that failed, of any kind."""
    running: int = 0
    """Spans that have not ended, of any kind."""
    duration_ns: int | None = None
    """From the first start to the last end of the LLM calls; none if none has ended."""
    unknown_usage: int = 0
    """Calls that were answered and have no token counts."""


def values(table: pa.Table, name: str) -> list[Any]:
    """Read a column as Python values; most columns of most tables are empty, which costs nothing here."""
    column = table.column(name)
    return [None] * len(column) if column.null_count == len(column) else column.to_pylist()


def calls(columns: Columns) -> Columns:
    """Say for each row what it adds to the totals: nothing, if it is no LLM call.

    A call that still runs, or failed before any answer, has no cost or usage to be unknown.

    Args:
        columns: `CALL_COLUMNS`.

    Returns:
        `COUNTS` with 0 or 1, and `AMOUNTS` with none for unknown.
    """
    size = len(columns["operation"])
    made: Columns = {name: [0] * size for name in COUNTS} | {name: [None] * size for name in AMOUNTS}
    for row, operation in enumerate(columns["operation"]):
        if operation not in CALLS:
            continue
        for name in AMOUNTS:
            made[name][row] = columns[name][row]
        begun = any(columns[name][row] is not None for name in BEGUN)
        answered = columns["duration_ns"][row] is not None and (columns["status_code"][row] != ERROR or begun)
        priced = columns["cost_usd"][row] is not None
        estimated = priced and columns["cost_state"][row] == "estimated"
        made["calls"][row] = 1
        made["priced"][row] = int(priced and not estimated)
        made["estimated"][row] = int(estimated)
        made["unpriced"][row] = int(answered and not priced)
        made["unknown_usage"][row] = int(
            answered and columns["input_tokens"][row] is None and columns["output_tokens"][row] is None
        )
    return made


def failures(columns: Columns) -> list[int]:
    """Say for each row whether it counts as an error: a failed attempt does not, its call may have been answered.

    Args:
        columns: `status_code` and `span_type`.
    """
    return [
        int(status == ERROR and kind != ATTEMPT)
        for status, kind in zip(columns["status_code"], columns["span_type"], strict=True)
    ]


def summarize(table: pa.Table) -> Summary:
    """Total the spans of a store table."""
    columns = {
        name: values(table, name) for name in (*CALL_COLUMNS, "span_type", "request_model", "start_time_unix_nano")
    }
    each = calls(columns)
    rows = [row for row, is_call in enumerate(each["calls"]) if is_call]
    models = dict.fromkeys(columns["response_model"][row] or columns["request_model"][row] for row in rows)
    return Summary(
        spans=table.num_rows,
        models=tuple(model for model in models if model),
        errors=sum(failures(columns)),
        running=columns["duration_ns"].count(None),
        duration_ns=_wall([(columns["start_time_unix_nano"][row], columns["duration_ns"][row]) for row in rows]),
        **{name: sum(each[name]) for name in COUNTS},
        **{name: _total(each[name]) for name in AMOUNTS},
    )


def _total(amounts: list[Any]) -> Any:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _wall(spans: list[tuple[int | None, int | None]]) -> int | None:
    """Measure from the first start to the last end."""
    starts = [start for start, _ in spans if start is not None]
    ends = [start + duration for start, duration in spans if start is not None and duration is not None]
    return max(ends) - min(starts) if ends else None
