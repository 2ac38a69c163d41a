"""Whether two samples differ beyond chance, and by how much; computed without scipy, and held against it by tests.

    mann_whitney          are numbers larger than before? By the normal approximation, corrected for ties
    kolmogorov_smirnov    are they distributed otherwise? Exactly, or for large samples by Kolmogorov's limit
    categories            are words? Two by Fisher's exact test, more by chi-squared, permuted where a count is small
    energy                are vectors? By their energy distance (Székely and Rizzo, 2013), permuted
    holm                  p-values of several tests: a false alarm among all is as improbable as in one

All take the earlier sample first. They assume that calls are independent of each other. Permutations are random and
the same each time they are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Values = Sequence[float] | Numbers

MANN_WHITNEY: Final = "Mann\N{EN DASH}Whitney"
KOLMOGOROV_SMIRNOV: Final = "Kolmogorov\N{EN DASH}Smirnov"
PERMUTATIONS: Final = 9999
"""So many let a p-value be as small as 0.0001."""
VECTOR_PERMUTATIONS: Final = 1999
"""Of vectors, where each takes longer."""
SEED: Final = 20_250_101
EXACT: Final = 2**22
"""Product of the sizes up to which the test of Kolmogorov and Smirnov is exact: a hundredth of a second."""
EXPECTED: Final = 5.0
"""Count that the chi-squared approximation wants in every field (Cochran, 1954)."""
VECTORS: Final = 500
"""Vectors of a sample that are compared, evenly chosen: each is compared with each."""
TOLERANCE: Final = 1e-7
"""Relative difference below which two probabilities are the same one, computed in another order."""
BLOCK: Final = 512
"""Permutations at a time."""


class Tested(NamedTuple):
    """How a test came out."""

    test: str
    effect: float
    """How far the samples differ, from 0 to 1; with a sign where there is a direction."""
    effect_name: str
    p: float
    """Probability of so large a difference, or a larger one, if both were of one distribution."""


def mann_whitney(before: Values, after: Values) -> Tested:
    """Test whether numbers have become larger or smaller.

    The effect is Cliff's delta: how much more often a number of the second sample is larger than one of the first,
    than smaller.

    Examples:
        >>> found = mann_whitney([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
        >>> found.effect, round(found.p, 4)
        (1.0, 0.0809)
    """
    import numpy as np

    first, second = len(before), len(after)
    _, places, counts = np.unique(np.concatenate([before, after]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    larger = float(ranks[first:].sum()) - second * (second + 1) / 2
    pairs, size = first * second, first + second
    ties = float((counts.astype(np.float64) ** 3 - counts).sum())
    spread = math.sqrt(pairs / 12 * (size + 1 - ties / (size * (size - 1))))
    distance = max(0.0, abs(larger - pairs / 2) - 0.5)
    p = math.erfc(distance / spread / math.sqrt(2)) if spread else 1.0
    return Tested(MANN_WHITNEY, 2 * larger / pairs - 1, "Cliff's delta", p)


def kolmogorov_smirnov(before: Values, after: Values) -> Tested:
    """Test whether numbers are distributed otherwise, in whatever way.

    The effect is D: the largest difference between the shares of both samples that are below some number. With ties
    the test says rather too little than too much.

    Examples:
        >>> found = kolmogorov_smirnov([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
        >>> found.effect, round(found.p, 4)
        (1.0, 0.1)
    """
    import numpy as np

    one, other = np.sort(before), np.sort(after)
    every = np.concatenate([one, other])
    shares = [np.searchsorted(each, every, side="right") / len(each) for each in (one, other)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    sizes = len(one), len(other)
    p = _exactly_apart(distance, *sizes) if math.prod(sizes) <= EXACT else _apart(distance, *sizes)
    return Tested(KOLMOGOROV_SMIRNOV, distance, "D", p)


def _exactly_apart(distance: float, first: int, second: int) -> float:
    """Give the share of all orders of both samples that are so far apart: paths that leave a band, counted by row."""
    import numpy as np

    first, second = sorted((first, second))  # it is the same the other way round, and the first one's rows take time
    band = (0.5 + math.floor(distance * first * second - TOLERANCE)) / (first * second)
    shares = np.arange(second + 1) / second
    inside = (shares <= band).astype(np.float64)
    for row in range(1, first + 1):
        low, high = np.searchsorted(shares, [row / first - band, row / first + band])
        kept = np.zeros(second + 1)
        kept[low:high] = np.cumsum(inside[low:high] * (row / (row + second)))
        inside = kept
    return min(1.0, max(0.0, 1 - float(inside[-1])))


def _apart(distance: float, first: int, second: int) -> float:
    """Give Kolmogorov's limit."""
    scaled = distance * math.sqrt(first * second / (first + second))
    if scaled < 0.2:  # noqa: PLR2004 - the series converges slowly there, to what is 1 in every digit
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def categories(before: Sequence[int], after: Sequence[int]) -> Tested:
    """Test whether words are as frequent as before.

    Args:
        before: how often each word was there, in the first sample.
        after: the same of the second, in the same order.

    The effect is Cramér's V.

    Examples:
        >>> found = categories([19, 1], [10, 10])
        >>> found.test, round(found.effect, 3), round(found.p, 4)
        ("Fisher's exact", 0.504, 0.0033)
    """
    import numpy as np

    table = np.array([before, after], np.int64)
    table = table[:, table.sum(axis=0) > 0]
    square, expected = _squares(table)
    effect = math.sqrt(square / int(table.sum()))
    if table.shape[1] == 2:  # noqa: PLR2004 - the one shape that has an exact test
        return Tested("Fisher's exact", effect, "Cramér's V", _fisher(table))
    if expected.min() >= EXPECTED:
        return Tested("chi-squared", effect, "Cramér's V", chi_squared_beyond(square, table.shape[1] - 1))
    return Tested("chi-squared, permuted", effect, "Cramér's V", _permuted(table, square, expected))


def _squares(table: Any) -> tuple[float, Any]:
    """Give Pearson's statistic, and the counts that are expected."""
    import numpy as np

    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum()), expected


def chi_squared_beyond(square: float, degrees: int) -> float:
    """Give the probability that chi-squared of so many degrees of freedom is larger.

    Examples:
        >>> round(chi_squared_beyond(5.991, 2), 4)
        0.05
    """
    half = square / 2
    if half <= 0:
        return 1.0
    shape, found = (1.0, math.exp(-half)) if degrees % 2 == 0 else (0.5, math.erfc(math.sqrt(half)))
    while shape < degrees / 2:
        found += math.exp(shape * math.log(half) - half - math.lgamma(shape + 1))
        shape += 1
    return min(1.0, found)


def _fisher(table: Any) -> float:
    """Add the probabilities of all tables with these margins that are no likelier than this one."""
    import numpy as np

    (rows, _), (columns, _) = table.sum(axis=1).tolist(), table.sum(axis=0).tolist()
    size = int(table.sum())
    low, high = max(0, rows + columns - size), min(rows, columns)
    at = np.arange(low, high, dtype=np.float64)
    steps = np.log((rows - at) * (columns - at)) - np.log((at + 1) * (size - rows - columns + at + 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.exp(logs - logs.max())
    own = shares[int(table[0, 0]) - low]
    return min(1.0, float(shares[shares <= own * (1 + TOLERANCE)].sum() / shares.sum()))


def _permuted(table: Any, square: float, expected: Any) -> float:
    """Give the share of random tables with these margins that are as far from what is expected."""
    import numpy as np

    random = np.random.default_rng(SEED)
    sums = table.sum(axis=0)
    drawn = random.multivariate_hypergeometric(sums, int(table[0].sum()), size=PERMUTATIONS)
    squares = ((drawn - expected[0]) ** 2 / expected[0] + (sums - drawn - expected[1]) ** 2 / expected[1]).sum(axis=1)
    return (1 + int((squares >= square * (1 - TOLERANCE)).sum())) / (1 + PERMUTATIONS)


def energy(before: Numbers, after: Numbers) -> Tested:
    """Test whether vectors, such as embeddings, are distributed otherwise.

    Args:
        before: a vector a row.
        after: the same, with as many columns.

    The effect is the energy distance as a share of its largest possible value.

    Examples:
        >>> import numpy as np
        >>> energy(np.zeros((9, 2)), np.ones((9, 2))).effect
        1.0
    """
    import numpy as np

    one, other = (_some(each) for each in (before, after))
    every = np.concatenate([one, other])
    apart = _distances(every)
    size, first = len(every), len(one)
    labels = np.zeros(size)
    labels[:first] = 1
    own, across = _energy(apart, labels[None, :])
    random = np.random.default_rng(SEED)
    beyond = 0
    for start in range(0, VECTOR_PERMUTATIONS, BLOCK):
        rows = min(BLOCK, VECTOR_PERMUTATIONS - start)
        found, _ = _energy(apart, random.permuted(np.tile(labels, (rows, 1)), axis=1))
        beyond += int((found >= own[0] - TOLERANCE * abs(own[0])).sum())
    effect = max(0.0, float(own[0] / (2 * across[0]))) if across[0] else 0.0
    return Tested("energy distance, permuted", effect, "energy", (1 + beyond) / (1 + VECTOR_PERMUTATIONS))


def _some(vectors: Numbers) -> Numbers:
    """Choose evenly of what is too many."""
    import numpy as np

    return vectors if len(vectors) <= VECTORS else vectors[np.linspace(0, len(vectors) - 1, VECTORS).astype(np.int64)]


def _distances(vectors: Numbers) -> Numbers:
    import numpy as np

    squares = (vectors * vectors).sum(axis=1)
    found = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T, 0))
    np.fill_diagonal(found, 0)
    return found


def _energy(apart: Numbers, labels: Numbers) -> tuple[Numbers, Numbers]:
    """Give the energy distance, and the mean distance between samples, of each way to divide the vectors."""
    others = 1 - labels
    first, second = labels.sum(axis=1), others.sum(axis=1)
    reached = labels @ apart
    within, across = (reached * labels).sum(axis=1), (reached * others).sum(axis=1)
    beyond = apart.sum() - within - 2 * across
    mean = across / (first * second)
    return 2 * mean - within / first**2 - beyond / second**2, mean


def holm(p: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm, 1979), whatever they have to do with each other.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    found = [0.0] * len(p)
    least = 0.0
    for place, at in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        least = max(least, min(1.0, p[at] * (len(p) - place)))
        found[at] = least
    return found
