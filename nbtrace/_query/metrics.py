"""Totals over spans: what a cell, a trace or a session cost.

Only LLM calls are counted for tokens and cost: agents and chains often repeat the sum of their calls on their own
span, and counting both doubles it. What is unknown is counted as unknown and never as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

CALLS: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
"""Operations that are LLM calls."""

ERROR: Final = 2
"""OTLP's status code of a failed span."""

CALL_COLUMNS: Final = (
    "operation", "duration_ns", "status_code", "response_id", "response_model", "time_to_first_chunk_s",
    "input_tokens", "output_tokens", "cost_usd", "cost_state",
)  # fmt: skip
"""What `Call` reads of a row."""


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


@dataclass(frozen=True, slots=True)
class Call:
    """How one LLM call counts."""

    cost_usd: float | None
    estimated: bool
    unpriced: bool
    unknown_usage: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Call | None:
        """Judge a row with `CALL_COLUMNS`; none if it is no LLM call.

        A call that still runs, or failed before any answer, has no cost or usage to be unknown.
        """
        if row["operation"] not in CALLS:
            return None
        begun = any(row[name] is not None for name in ("response_id", "response_model", "time_to_first_chunk_s"))
        answered = row["duration_ns"] is not None and (row["status_code"] != ERROR or begun)
        cost = row["cost_usd"]
        return cls(
            cost_usd=cost,
            estimated=cost is not None and row["cost_state"] == "estimated",
            unpriced=cost is None and answered,
            unknown_usage=answered and row["input_tokens"] is None and row["output_tokens"] is None,
        )


def plus(total: Any, value: Any) -> Any:
    """Add two numbers of which either may be unknown."""
    if total is None or value is None:
        return value if total is None else total
    return total + value


def summarize(table: pa.Table) -> Summary:
    """Total the spans of a store table."""
    columns = {
        name: table.column(name).to_pylist() for name in (*CALL_COLUMNS, "request_model", "start_time_unix_nano")
    }
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    calls = [(row, call) for row in rows if (call := Call.of(row)) is not None]
    input_tokens = output_tokens = cost_usd = None
    for row, call in calls:
        input_tokens = plus(input_tokens, row["input_tokens"])
        output_tokens = plus(output_tokens, row["output_tokens"])
        cost_usd = plus(cost_usd, call.cost_usd)
    models = dict.fromkeys(row["response_model"] or row["request_model"] for row, _ in calls)
    return Summary(
        spans=len(rows),
        calls=len(calls),
        models=tuple(model for model in models if model),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=cost_usd,
        priced=sum(call.cost_usd is not None and not call.estimated for _, call in calls),
        estimated=sum(call.estimated for _, call in calls),
        unpriced=sum(call.unpriced for _, call in calls),
        errors=columns["status_code"].count(ERROR),
        running=columns["duration_ns"].count(None),
        duration_ns=_wall(row for row, _ in calls),
        unknown_usage=sum(call.unknown_usage for _, call in calls),
    )


def _wall(calls: Iterable[Mapping[str, Any]]) -> int | None:
    """Measure from the first start to the last end."""
    spans = [(row["start_time_unix_nano"], row["duration_ns"]) for row in calls]
    starts = [start for start, _ in spans if start is not None]
    ends = [start + duration for start, duration in spans if start is not None and duration is not None]
    return max(ends) - min(starts) if ends else None
