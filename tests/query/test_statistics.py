"""Paired changes, held against scipy's bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nbtrace._query.statistics import RESAMPLES, change


def ours_and_scipys(before: np.ndarray, after: np.ndarray, *, relative: bool) -> tuple[list[float], list[float]]:
    found = change(before.tolist(), after.tolist(), relative=relative)

    def statistic(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
        means = first.mean(axis=axis), second.mean(axis=axis)
        return means[1] / means[0] - 1 if relative else means[1] - means[0]

    theirs = stats.bootstrap(
        (before, after), statistic, paired=True, method="percentile", n_resamples=40_000, rng=np.random.default_rng(7)
    ).confidence_interval
    return [found.change, found.low, found.high], [float(statistic(before, after)), theirs.low, theirs.high]


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("n", [5, 12, 100])
def test_the_interval_is_scipys(n: int, *, relative: bool) -> None:
    random = np.random.default_rng(n)
    before = random.lognormal(size=n)
    after = before * random.normal(0.85, 0.1, n)
    ours, theirs = ours_and_scipys(before, after, relative=relative)
    spread = theirs[2] - theirs[1]
    # Two estimates of a percentile from so many resamples differ by this much of the interval in a rare case.
    assert ours == pytest.approx(theirs, abs=spread * 5 / math.sqrt(RESAMPLES))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        before = random.normal(10, 3, 40)
        found = change(before.tolist(), (before + random.normal(0.5, 1, 40)).tolist(), relative=False)
        covered += found.low <= 0.5 <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_a_change_is_the_same_each_time_it_is_looked_at() -> None:
    before, after = [1.0, 2.0, 3.0, 9.0], [1.5, 1.0, 3.0, 8.0]
    assert change(before, after, relative=True) == change(before, after, relative=True)
    found = change(before, after, relative=False)
    assert (found.n, found.before, found.after, found.change) == (4, 3.75, 3.375, -0.375)
    assert (found.fewer, found.equal, found.more, found.is_noise) == (2, 1, 1, True)


def test_what_cannot_be_a_share_is_a_difference() -> None:
    found = change([0.0, 0.0, 1.0], [1.0, 1.0, 1.0], relative=True)
    assert (found.is_relative, found.change) == (False, pytest.approx(2 / 3))


def test_of_fewer_than_five_pairs_nothing_is_claimed() -> None:
    found = [change([1.0] * n, [2.0] * n, relative=True) for n in (2, 4, 5)]
    assert [(one.low, one.is_few, one.is_noise) for one in found] == [
        (1.0, True, True), (1.0, True, True), (1.0, False, False),
    ]  # fmt: skip


@pytest.mark.parametrize("comparisons", [2, 5])
def test_among_several_comparisons_the_interval_is_scipys_of_a_higher_confidence(comparisons: int) -> None:
    random = np.random.default_rng(comparisons)
    before = random.lognormal(size=30)
    after = before + random.normal(0.2, 1, 30)
    found = change(before.tolist(), after.tolist(), relative=False, comparisons=comparisons)
    theirs = stats.bootstrap(
        (after - before,), np.mean, method="percentile", n_resamples=40_000, rng=np.random.default_rng(7),
        confidence_level=1 - 0.05 / comparisons,
    ).confidence_interval  # fmt: skip
    tolerance = (theirs.high - theirs.low) * 5 / math.sqrt(RESAMPLES)
    assert (found.low, found.high) == (
        pytest.approx(theirs.low, abs=tolerance),
        pytest.approx(theirs.high, abs=tolerance),
    )


def test_one_pair_has_no_interval_and_none_has_nothing() -> None:
    one, none = change([2.0], [1.0], relative=True), change([], [], relative=True)
    assert (one.n, one.change, math.isnan(one.low), one.is_noise) == (1, -0.5, True, True)
    assert (none.n, math.isnan(none.change), none.is_noise) == (0, True, True)


@given(st.lists(st.tuples(st.floats(0.001, 1e6), st.floats(0.001, 1e6)), min_size=2, max_size=30))
def test_a_pair_is_lower_equal_or_higher_and_the_interval_is_among_the_changes(
    pairs: list[tuple[float, float]],
) -> None:
    before, after = zip(*pairs, strict=True)
    found = change(before, after, relative=False)
    assert found.fewer + found.equal + found.more == found.n == len(pairs)
    differences = [second - first for first, second in pairs]
    tolerance = 1e-6 * max(1.0, *map(abs, differences))
    assert min(differences) - tolerance <= found.low <= found.high <= max(differences) + tolerance
