"""How much two versions differ, judged by inputs that both were given.

Pairs are compared, because inputs differ more than versions do. The interval is the percentile bootstrap over pairs
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), as `scipy.stats.bootstrap` computes it with
`paired=True, method="percentile"`: it assumes nothing of how the figures are distributed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES: Final = 5000
CONFIDENCE: Final = 0.95
SEED: Final = 20_250_101
"""Resampling is random and its figures are to be the same each time they are looked at."""
FEWEST: Final = 5
"""Pairs below which nothing is claimed: so few samples can be drawn of them that an interval is hardly one."""
TOLD_APART: Final = 1e-9
"""Relative difference below which two figures are a tie."""
BLOCK: Final = 2**22
"""Numbers of a block of samples: 32 MiB."""


class Change(NamedTuple):
    """What changed from one version to another, over the inputs that both have."""

    n: int
    """Pairs."""
    before: float
    """Mean of the baseline."""
    after: float
    """Mean of the other."""
    change: float
    """`after / before - 1`, or `after - before`."""
    low: float
    """Ends of the interval of `change`; NaN with fewer than two pairs."""
    high: float
    is_relative: bool
    fewer: int
    """Pairs in which the other's figure is the lower one."""
    more: int
    equal: int

    @property
    def is_few(self) -> bool:
        """Whether there are too few pairs to claim anything."""
        return self.n < FEWEST

    @property
    def is_noise(self) -> bool:
        """Whether the pairs are too few, or the interval does not rule out that nothing changed."""
        return self.is_few or not (self.low > 0 or self.high < 0)


def change(before: Sequence[float], after: Sequence[float], *, relative: bool, comparisons: int = 1) -> Change:
    """Compare figures of the same inputs.

    Args:
        before: the baseline's, an input each.
        after: the other's, of the same inputs in the same order.
        relative: whether the change is a share of the baseline; where that has a mean of zero it never is.
        comparisons: among so many, of which each may be wrong by chance, the interval is to hold: it is widened by
            Bonferroni's correction, so that all of them hold together as surely as a single one would.

    Examples:
        >>> found = change([1.0, 2.0, 4.0, 5.0, 6.0], [0.5, 1.0, 2.0, 2.5, 3.0], relative=True)
        >>> found.change, found.low, found.high, found.fewer, found.is_noise
        (-0.5, -0.5, -0.5, 5, False)
    """
    import numpy as np

    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    n = len(first)
    if not n:
        return Change(0, math.nan, math.nan, math.nan, math.nan, math.nan, relative, 0, 0, 0)
    samples = _kept_samples(n) if RESAMPLES * n <= BLOCK else _samples(n)
    means = np.concatenate([block @ np.stack([first, second], axis=1) for block in samples]).T / n
    relative = relative and bool(first.mean() > 0 and means[0].min() > 0)
    estimate, spread = (
        (second.mean() / first.mean() - 1, means[1] / means[0] - 1)
        if relative
        else (second.mean() - first.mean(), means[1] - means[0])
    )
    tail = (1 - CONFIDENCE) / comparisons / 2 * 100
    low, high = np.percentile(spread, [tail, 100 - tail]) if n > 1 else (math.nan, math.nan)
    tie = np.isclose(first, second, rtol=TOLD_APART, atol=0)
    return Change(
        n, float(first.mean()), float(second.mean()), float(estimate), float(low), float(high), relative,
        int(((second < first) & ~tie).sum()), int(((second > first) & ~tie).sum()), int(tie.sum()),
    )  # fmt: skip


def _samples(n: int) -> Iterator[NDArray[np.float64]]:
    """Say of each sample how often each of `n` pairs is in it: the same samples for every two versions."""
    import numpy as np

    random = np.random.default_rng(SEED)
    rows = max(1, BLOCK // n)
    for start in range(0, RESAMPLES, rows):
        drawn: Any = random.integers(0, n, (min(rows, RESAMPLES - start), n))
        places = drawn + np.arange(len(drawn))[:, None] * n
        yield np.bincount(places.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)


@lru_cache(maxsize=1)
def _kept_samples(n: int) -> tuple[NDArray[np.float64], ...]:
    """Keep them from one figure to the next, which have the same inputs."""
    return tuple(_samples(n))
