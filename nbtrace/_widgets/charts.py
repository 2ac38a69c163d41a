"""The two charts: what calls used, and how long they took. What is unknown, unpriced or estimated is said in them.

All figures are those of `nbtrace.metrics`. Beside each other, groups are rows and figures are columns; over time,
figures are rows and groups are colours. What is hatched in a bar is the part of it that its title names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import moments
from nbtrace._query.groups import Groups, groups
from nbtrace._query.text import counted
from nbtrace._widgets.chart_table import money, number, part, pictures, seconds
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from types import ModuleType

    from nbtrace._widgets.figure import TraceFigure

SHARES: Final = (5, 25, 50, 75, 95, 99)
QUANTILES: Final[Mapping[str, tuple[str, float]]] = {
    f"{measure}_p{percent}_s": (f"{measure}_s", percent / 100)
    for measure in ("latency", "first_chunk")
    for percent in SHARES
}


def usage(spans: object, *, by: str | Sequence[str], every: str | timedelta | None) -> TraceFigure:
    """Draw tokens, cost and calls; see `nbtrace.usage`."""
    panels = _panels("usage()")
    found = groups(spans, by=by, every=every)
    title, notes = _title("Tokens, cost and calls", found), [*_counts(found), *_usage_notes(found), *_more(found)]
    drawn = pictures(
        title,
        notes,
        found,
        [
            ("calls", lambda row: part(row["calls"], row["errors"], "failed")),
            ("tokens in", lambda row: part(row["input_tokens"], row["cache_read_tokens"], "cached")),
            ("tokens out", lambda row: part(row["output_tokens"], row["reasoning_tokens"], "reasoning")),
            ("cost", money),
        ],
        ("tokens", lambda row: (0, (row["input_tokens"] or 0) + (row["output_tokens"] or 0))),
    )
    return panels.usage(found, title, notes, drawn, _length(every))


def latency(spans: object, *, by: str | Sequence[str], every: str | timedelta | None) -> TraceFigure:
    """Draw times and errors; see `nbtrace.latency`."""
    panels = _panels("latency()")
    found = groups(spans, by=by, every=every, quantiles=QUANTILES)
    title, notes = _title("Latency and errors", found), [*_counts(found), *_latency_notes(found), *_more(found)]
    drawn = pictures(
        title,
        notes,
        found,
        [
            ("calls", lambda row: number(row["calls"])),
            ("failed", lambda row: part(row["errors"], None, "") if row["errors"] else ""),
            *((f"p{share}", _seconds(f"latency_p{share}_s")) for share in (50, 95, 99)),
            ("first chunk p50", _seconds("first_chunk_p50_s")),
            ("p95", _seconds("first_chunk_p95_s")),
        ],
        ("p50 to p95", lambda row: (row["latency_p50_s"] or 0, row["latency_p95_s"] or 0)),
    )
    return panels.latency(found, title, notes, drawn, _length(every))


def _panels(what: str) -> ModuleType:
    try:
        from nbtrace._widgets import panels
    except ImportError as error:
        raise UsageError.missing(what, "plotly", extra="nbtrace[charts]") from error
    return panels


def _length(every: str | timedelta | None) -> float | None:
    """Give the seconds of a bucket."""
    return None if every is None else moments.length(every, name="every").total_seconds()


def _seconds(name: str) -> Any:
    return lambda row: seconds(row[name])


def _title(what: str, found: Groups) -> str:
    return f"{what}{f' by {found.by}' if found.by else ''}{' over time' if found.is_over_time else ''}"


def _counts(found: Groups) -> list[str]:
    whole = found.whole
    if not whole["calls"]:
        return ["no LLM calls"]
    return [counted(whole["calls"], "call"), *([f"{whole['errors']:,} failed"] if whole["errors"] else [])]


def _usage_notes(found: Groups) -> list[str]:
    whole = found.whole
    words = {
        "unpriced": "unpriced and not in the cost",
        "estimated": "priced by an estimate (~)",
        "estimated_usage": "with estimated tokens",
        "unknown_usage": "with unknown tokens",
    }
    return [f"{whole[name]:,} {said}" for name, said in words.items() if whole[name]]


def _latency_notes(found: Groups) -> list[str]:
    """Say what the marks mean."""
    if not found.whole["calls"]:
        return []
    if found.is_over_time:
        return ["lines: median and 95th percentile (dotted)"]
    return ["box: middle half, line: median, whiskers: 5th to 95th percentile, diamond: 99th"]


def _more(found: Groups) -> list[str]:
    return [f"{found.left_out:,} more not shown"] if found.left_out else []
