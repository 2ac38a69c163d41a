"""Whether people who judged the same spans agree: Cohen's kappa of each two of them.

Kappa is the share of spans on which two agree, beyond what would agree by chance (Cohen, 1960); with weights, numbers
that are close agree in part (Cohen, 1968). Its interval is from the large-sample variance of Fleiss, Cohen and Everitt
(1969), as `statsmodels.stats.inter_rater.cohens_kappa` has it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from nbtrace._query.result import Result
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.labels import Labels

Weights = Literal["linear", "quadratic"]
_Z: Final = 1.959963984540054
NOBODY: Final = "unnamed"
"""Who rated without saying a name."""


class Kappa(NamedTuple):
    """How far two agree."""

    spans: int
    agreed: float
    """The share of spans on which they say the same, or with weights nearly so."""
    kappa: float
    low: float
    """Ends of the 95 % interval."""
    high: float


def kappa(
    first: Sequence[Any], second: Sequence[Any], weights: Weights | None = None, order: Sequence[Any] = ()
) -> Kappa:
    """Compute Cohen's kappa of two who judged the same.

    Args:
        first: what one of them said of each.
        second: what the other said, in the same order.
        weights: none, so that it is the same or not; `linear` or `quadratic` in the distance between categories.
        order: the categories from one end to the other; by default those that were said, sorted.

    Examples:
        >>> found = kappa(["a", "a", "b", "b"], ["a", "b", "b", "b"])
        >>> found.agreed, found.kappa
        (0.75, 0.5)
    """
    import numpy as np

    words = order or sorted({*first, *second})
    at = {word: place for place, word in enumerate(words)}
    count, size = len(first), len(words)
    if not count:
        return Kappa(0, math.nan, math.nan, math.nan, math.nan)
    table = np.zeros((size, size))
    for one, other in zip(first, second, strict=True):
        table[at[one], at[other]] += 1
    shares = table / count
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / max(1, size - 1)
    same = np.eye(size) if weights is None else 1 - apart ** (1 if weights == "linear" else 2)
    agreed, chance = float((same * shares).sum()), float((same * np.outer(rows, columns)).sum())
    if chance >= 1:  # both say one and the same of everything: there is nothing that chance could not do
        return Kappa(count, agreed, math.nan, math.nan, math.nan)
    found = (agreed - chance) / (1 - chance)
    expected = np.add.outer(same @ columns, rows @ same)
    spread = float((shares * (same - expected * (1 - found)) ** 2).sum()) - (found - chance * (1 - found)) ** 2
    error = math.sqrt(max(0.0, spread) / count) / (1 - chance)
    return Kappa(count, agreed, found, found - _Z * error, found + _Z * error)


def agreement(scores: pa.Table, name: str | None, weights: Weights | None, labels: Labels) -> Result:
    """Compare all who judged by hand, two at a time; see `nbtrace.agreement`.

    Raises:
        UsageError: there are several kinds of scores, no such weights, or words that weights know no order of.
        NotFoundError: there are no two who judged the same spans.
    """
    import pyarrow as pa

    if weights is not None and weights not in get_args(Weights):
        raise UsageError.unknown("weights", weights, get_args(Weights))
    rows = [one for one in scores.to_pylist() if one["source"] == "human" and one["error_type"] is None]
    rows = [one for one in rows if one["label"] is not None or one["value"] is not None]  # a note alone says nothing
    names = sorted({one["name"] for one in rows})
    if name is None and len(names) > 1:
        raise UsageError.argument("name", f"one of the scores that there are: {', '.join(names)}", name)
    wanted = name if name is not None else names[0] if names else ""
    rows = [one for one in rows if one["name"] == wanted]
    order = _order(rows, labels) if weights is not None else []
    by_value = weights is not None and not order
    said: dict[str, dict[bytes, Any]] = {}
    for one in rows:
        what = one["value"] if by_value or one["label"] is None else one["label"]
        said.setdefault(one["evaluator"] or NOBODY, {})[one["trace_id"] + one["span_id"]] = what
    found = [_pair(first, second, said, weights, order) for first, second in combinations(sorted(said), 2)]
    found = [one for one in found if one["spans"]]
    if not found:
        who = ", ".join(f"{person} {len(judged)}" for person, judged in sorted(said.items())) or "nobody"
        judged = f"judged the same spans{f' as {wanted!r}' if wanted else ''}"
        message = (
            f"no two people have {judged}; those who judged: {who}; a name is set by "
            "nbtrace.session().annotator = 'ada'"
        )
        raise NotFoundError(message)
    kinds: dict[str, Any] = {"first": pa.string(), "second": pa.string(), "spans": pa.int64()}
    kinds |= dict.fromkeys(("agreed", "kappa", "low", "high"), pa.float64())
    return Result(pa.Table.from_pylist(found, schema=pa.schema(list(kinds.items()))))


def _order(rows: Sequence[Mapping[str, Any]], labels: Labels) -> list[str]:
    """Give the words that were said in the order of the label set; none where each has a number, which orders them.

    Raises:
        UsageError: there is no order.
    """
    if all(one["value"] is not None for one in rows):
        return []
    order = [one.label for one in labels.choices if one.label is not None] if labels.name == rows[0]["name"] else []
    if strange := sorted({one["label"] or f"{one['value']:g}" for one in rows} - {*order}):
        name = rows[0]["name"]
        message = (
            f"weights need an order, and there is none of the labels {', '.join(map(repr, strange))}; give all that "
            f"were said by nbtrace.session().labels = {{{name!r}: [...]}}, from one end to the other, or no weights"
        )
        raise UsageError(message)
    return order


def _pair(
    first: str,
    second: str,
    said: Mapping[str, Mapping[bytes, Any]],
    weights: Weights | None,
    order: Sequence[str],
) -> dict[str, Any]:
    both = sorted(said[first].keys() & said[second].keys())
    values = [[said[person][span] for span in both] for person in (first, second)]
    if len({type(value) for each in values for value in each}) > 1:
        values = [[str(value) for value in each] for each in values]
    found = kappa(values[0], values[1], weights, order)._asdict()
    return {
        "first": first,
        "second": second,
        **{name: None if math.isnan(value) else value for name, value in found.items()},
    }
