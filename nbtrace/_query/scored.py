"""The judgements of spans, read by span: of several of one name the last that did not fail.

A number that is none (NaN, the infinities) is unknown, and a note alone is no judgement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

SCORE: Final = "score."
"""Begins the name of a figure that is the mean of a score."""
CHECK: Final = "check."
"""Begins the name of a figure that is the share of spans that pass a check."""
PASS: Final = "pass"  # noqa: S105 - a verdict
FAIL: Final = "fail"

SpanKey = tuple[bytes, bytes]


class Judged(NamedTuple):
    """What was said of a span."""

    value: float | None
    label: str | None


def keys_of(spans: Snapshot) -> list[SpanKey]:
    """Give the ids by which spans are told apart."""
    columns: list[list[Any]] = [spans[name].to_pylist() for name in ("trace_id", "span_id")]
    return list(zip(*columns, strict=True))


def scores_of(spans: Snapshot) -> dict[SpanKey, dict[str, Judged]]:
    """Read the scores of spans, a name each."""
    scores = spans.scores
    if not len(scores):
        return {}
    own = set(keys_of(spans))
    found: dict[SpanKey, dict[str, Judged]] = {}
    for row in sorted(scores.to_pylist(), key=lambda one: one["time_unix_nano"] or 0):
        key = (row["trace_id"], row["span_id"])
        value = row["value"] if row["value"] is not None and math.isfinite(row["value"]) else None
        is_said = value is not None or row["label"] is not None
        if key in own and row["error_type"] is None and is_said:
            found.setdefault(key, {})[row["name"]] = Judged(value, row["label"])
    return found


def score_figures(scores: Mapping[SpanKey, Mapping[str, Judged]]) -> dict[str, float]:
    """Average the scores that are numbers, and give of those that pass or fail the share that passes."""
    return means(score_values(scores))


def means(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Average what `score_values` lists."""
    return {name: sum(each) / len(each) for name, each in values.items()}


def score_values(scores: Mapping[SpanKey, Mapping[str, Judged]]) -> dict[str, list[float]]:
    """List the numbers that the figures of scores are the means of."""
    values: dict[str, list[float]] = {}
    for each in scores.values():
        for name, said in each.items():
            if said.value is not None:
                values.setdefault(f"{SCORE}{name}", []).append(said.value)
            if said.label in (PASS, FAIL):
                values.setdefault(f"{CHECK}{name}", []).append(float(said.label == PASS))
    return values
