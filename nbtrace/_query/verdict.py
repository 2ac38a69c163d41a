"""What a comparison comes to: for each variant the changes against a baseline, and a plain sentence.

A sentence says what differs, by how much, how sure that is, and on how many inputs it rests. Of fewer than five
inputs it only says what was seen. The more variants there are, the wider is each interval: all of them hold together,
for one figure, as surely as a single one would.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from nbtrace._query.comparison import FIGURES, Comparison
from nbtrace._query.scored import SCORE
from nbtrace._query.statistics import FEWEST, Change, change
from nbtrace._query.text import REPLAYED

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._query.result import Result

FEW: Final = 8
"""Pairs below which an interval is too narrow to be taken at its word."""


class _Words(NamedTuple):
    less: str
    more: str
    same: str


_FIGURES: Final = {
    "cost_usd": _Words("cheaper", "dearer", "cost"),
    "latency_s": _Words("faster", "slower", "latency"),
    "output_tokens": _Words("shorter", "longer", "length"),
}
"""The figures that a sentence speaks of."""


class Measured(NamedTuple):
    """A variant against the baseline, in one figure."""

    column: int
    """The variant's."""
    figure: str
    """The name of a figure or of a score."""
    is_score: bool
    change: Change


class Verdict(NamedTuple):
    """A comparison against one baseline."""

    baseline: int
    measured: tuple[Measured, ...]
    sentences: tuple[str, ...]
    """One for each variant but the baseline, in the order of the columns."""


def verdict(comparison: Comparison, baseline: int = 0) -> Verdict:
    """Judge every variant against one of them.

    Args:
        comparison: what to judge.
        baseline: the number of a column.
    """
    measured: list[Measured] = []
    sentences: list[str] = []
    labels = comparison.labels
    for column in range(len(comparison.variants)):
        if column == baseline:
            continue
        some = list(_measured(comparison, baseline, column))
        measured += some
        sentences.append(_sentence(comparison, baseline, column, some, labels[column]))
    return Verdict(baseline, tuple(measured), tuple(sentences))


def result(comparison: Comparison, judged: Verdict) -> Result:
    """Give the changes as a table, a row a variant and figure."""
    import pyarrow as pa

    from nbtrace._query.result import Result

    labels = comparison.labels
    rows = [
        {
            "variant": labels[one.column],
            "baseline": labels[judged.baseline],
            "figure": f"{SCORE}{one.figure}" if one.is_score else one.figure,
            "inputs": one.change.n,
            "before": one.change.before,
            "after": one.change.after,
            "change": one.change.change,
            "low": _known(one.change.low),
            "high": _known(one.change.high),
            "relative": one.change.is_relative,
            "lower": one.change.fewer,
            "equal": one.change.equal,
            "higher": one.change.more,
        }
        for one in judged.measured
    ]
    return Result(pa.Table.from_pylist(rows, schema=_schema()))


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = dict.fromkeys(("variant", "baseline", "figure"), pa.string()) | {"inputs": pa.int64()}
    kinds |= dict.fromkeys(("before", "after", "change", "low", "high"), pa.float64()) | {"relative": pa.bool_()}
    return pa.schema(list((kinds | dict.fromkeys(("lower", "equal", "higher"), pa.int64())).items()))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _measured(comparison: Comparison, baseline: int, column: int) -> Iterator[Measured]:
    for name in (*FIGURES, *comparison.score_names):
        pairs = [
            (before, after)
            for row in range(len(comparison.inputs))
            if (before := comparison.figure(row, baseline, name)) is not None
            and (after := comparison.figure(row, column, name)) is not None
        ]
        if pairs:
            is_score = name not in FIGURES
            before, after = zip(*pairs, strict=True)
            found = change(before, after, relative=not is_score, comparisons=_comparisons(comparison))
            yield Measured(column, name, is_score, found)


def _comparisons(comparison: Comparison) -> int:
    """Count the variants that are held against the baseline."""
    return len(comparison.variants) - 1


def _sentence(comparison: Comparison, baseline: int, column: int, measured: Sequence[Measured], label: str) -> str:
    differing, same, seen = list[str](), list[str](), list[str]()
    for one in measured:
        words = _FIGURES.get(one.figure)
        if one.is_score:
            words = _Words(f"lower in score {one.figure}", f"higher in score {one.figure}", f"score {one.figure}")
        if words is None:
            continue
        if one.change.is_few:
            is_same = one.change.equal == one.change.n
            seen.append(f"of the same {words.same}" if is_same else _said(one.change, words))
        elif one.change.is_noise:
            same.append(words.same)
        else:
            differing.append(f"{_said(one.change, words)} {_interval(one.change)}")
    told = [*differing, *([f"{_joined(same)} unchanged within noise"] if same else [])]
    parts = [f"{label}{' is' if differing else ':'} {', '.join(told)}"] if told else []
    if seen:
        parts.append(f"{'and' if parts else label} was {_joined(seen)} in too few inputs to tell that from chance")
    sentence = ", ".join(parts) or f"{label} cannot be compared"
    return f"{sentence} ({'; '.join(_caveats(comparison, baseline, column, measured))})"


def _said(found: Change, words: _Words) -> str:
    size = abs(found.change)
    amount = f"{size:.0%}".replace("%", " %") if found.is_relative else f"{size:.3g}"
    return f"{words.less if found.change < 0 else words.more} by {amount}"


def _interval(found: Change) -> str:
    low, high = sorted((abs(found.low), abs(found.high)))
    return f"[{low * 100:.0f}, {high * 100:.0f}]" if found.is_relative else f"[{low:.3g}, {high:.3g}]"


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _caveats(comparison: Comparison, baseline: int, column: int, measured: Sequence[Measured]) -> Iterator[str]:
    """Say on what a sentence rests, and what it leaves out."""
    rows = range(len(comparison.inputs))
    both = sum(bool(comparison.cell(row, baseline)) and bool(comparison.cell(row, column)) for row in rows)
    either = sum(bool(comparison.cell(row, baseline)) or bool(comparison.cell(row, column)) for row in rows)
    pairs = max((one.change.n for one in measured), default=0)
    yield f"{pairs} input{'s' * (pairs != 1)} compared"
    if not pairs:
        yield "nothing to compare"
    elif FEWEST <= pairs < FEW:
        yield "few: the intervals are narrower than they should be"
    if pairs >= FEWEST and _comparisons(comparison) > 1:
        yield f"intervals widened for {_comparisons(comparison)} comparisons"
    if either > both:
        yield f"{either - both} with only one of them"
    failed, before = (
        sum(run.error is not None for row in rows for run in comparison.cell(row, at)) for at in (column, baseline)
    )
    if failed or before:
        yield f"errors: {failed}, before {before}"
    runs = [run for row in rows for at in (baseline, column) for run in comparison.cell(row, at) if run.error is None]
    unpriced = sum("cost_usd" not in run.figures and run.cost_state != REPLAYED for run in runs)
    if unpriced:
        yield f"{unpriced} calls unpriced" if unpriced < len(runs) else "cost unknown: unpriced"
    if any(run.cost_state == "estimated" for run in runs):
        yield "costs partly estimated"
    elif any(run.usage_state == "estimated" for run in runs):
        yield "tokens partly estimated"
