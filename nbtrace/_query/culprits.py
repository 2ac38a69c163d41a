"""Which calls make a figure what it is: those to look at where a rule is broken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.grouping import group_of
from nbtrace._query.kinds import CALL_TYPES
from nbtrace._query.scored import CHECK, PASS, SCORE, keys_of, scores_of
from nbtrace._query.totals import BEGUN, ERROR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace._query.frame import Spans
    from nbtrace._query.thresholds import Threshold

MOST: Final = 5
"""What one looks at."""
_BIGGEST: Final = {
    "cost": ("cost_usd",),
    "latency": ("duration_ns",),
    "first_chunk": ("time_to_first_chunk_s",),
    "input": ("input_tokens",),
    "output": ("output_tokens",),
    "total": ("input_tokens", "output_tokens"),
    "cache_read": ("cache_read_tokens",),
    "cache_write": ("cache_write_tokens",),
    "reasoning": ("reasoning_tokens",),
    "retr": ("attempts",),
    "rate_limited": ("rate_limited_s",),
}
"""By how a figure's name begins, the columns whose sum says how much of it a call has."""
_STATES: Final = {
    "priced": ("cost_state", "priced"),
    "estimated": ("cost_state", "estimated"),
    "unpriced": ("cost_state", "unpriced"),
    "estimated_usage": ("usage_state", "estimated"),
}
"""Of figures that count calls of a state: the column, and what it is in them."""
UNKNOWN: Final = "unknown_usage"
"""The figure that counts the calls that were answered and say nothing of tokens."""


def culprits(spans: Spans, threshold: Threshold, by: Sequence[str], group: Sequence[Any]) -> Spans:
    """Choose the calls that a broken rule comes from, the worst one first.

    Of too few in a state they are those in another one. Of a mere number of calls or spans none is worse than another:
    of too many they are the last ones to begin, of too few the first.

    Args:
        spans: the calls in its window.
        threshold: what was broken.
        by: what groups are made by.
        group: the one that broke it.
    """
    chosen = spans.filter(kind=CALL_TYPES) if not threshold.figure.startswith((SCORE, CHECK)) else spans
    weights = _weights(chosen, threshold)
    wanted = tuple(group)
    rows = [
        row
        for row, (weight, own) in enumerate(zip(weights, group_of(chosen, by), strict=True))
        if weight is not None and not math.isnan(weight) and own == wanted
    ]
    rows.sort(key=lambda row: weights[row] or 0, reverse=threshold.sign in (">", ">="))
    return chosen.ordered(rows[:MOST])


def _weights(spans: Spans, threshold: Threshold) -> list[float | None]:
    """Say how much each span has of a figure; nothing, if it has no part in it."""
    figure = threshold.figure
    if figure.startswith("error"):
        codes = spans.words_of(["status_code"])["status_code"].to_pylist()
        return [1.0 if code == ERROR else None for code in codes]
    if figure.startswith((SCORE, CHECK)):
        name, scores = figure.partition(".")[2], scores_of(spans.snapshot)
        said = (scores.get(key, {}).get(name) for key in keys_of(spans.snapshot))
        return [None if one is None or one.label == PASS else one.value for one in said]
    if figure in (*_STATES, UNKNOWN):
        is_too_many = threshold.sign in (">", ">=")
        return [1.0 if is_counted == is_too_many else None for is_counted in _counted(spans, figure)]
    columns = next((columns for begin, columns in _BIGGEST.items() if figure.startswith(begin)), ())
    if not columns:
        starts = spans.words_of(["start_time_unix_nano"])["start_time_unix_nano"].to_pylist()
        return [float(start or 0) for start in starts]
    rows = zip(*(column.to_pylist() for column in spans.words_of(columns).columns), strict=True)
    known = ([float(one) for one in row if one is not None] for row in rows)
    return [sum(each) if each else None for each in known]


def _counted(spans: Spans, figure: str) -> list[bool]:
    """Say which calls are in the state that a figure counts."""
    if figure != UNKNOWN:
        column, wanted = _STATES[figure]
        return [state == wanted for state in spans.words_of([column])[column].to_pylist()]
    rows = spans.words_of(["duration_ns", "status_code", "input_tokens", "output_tokens", *BEGUN]).to_pylist()
    return [
        row["input_tokens"] is None and row["output_tokens"] is None and row["duration_ns"] is not None
        and (row["status_code"] != ERROR or any(row[name] is not None for name in BEGUN))
        for row in rows
    ]  # fmt: skip
