"""Tests of two samples, held against scipy's and statsmodels'."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import spatial
from scipy import stats as scipys
from statsmodels.stats import multitest

from nbtrace._query import hypotheses
from nbtrace._query.hypotheses import (
    categories,
    chi_squared_beyond,
    energy,
    holm,
    kolmogorov_smirnov,
    mann_whitney,
)

stats: Any = scipys  # its stubs leave results open
SIZES = [(8, 8), (9, 700), (60, 41), (300, 170)]


def samples(sizes: tuple[int, int], *, has_ties: bool) -> tuple[list[float], list[float]]:
    random = np.random.default_rng(sum(sizes))
    before, after = random.lognormal(size=sizes[0]), random.lognormal(0.4, 1.3, sizes[1])
    return (
        (np.round(before * 2).tolist(), np.round(after * 2).tolist()) if has_ties else (before.tolist(), after.tolist())
    )


@pytest.mark.parametrize("has_ties", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_numbers_are_tested_as_scipy_does(sizes: tuple[int, int], *, has_ties: bool) -> None:
    before, after = samples(sizes, has_ties=has_ties)
    theirs = stats.mannwhitneyu(after, before, method="asymptotic")
    larger = sum(math.copysign(1, b - a) if a != b else 0 for a in before for b in after)
    found = mann_whitney(before, after)
    assert (found.p, found.effect) == pytest.approx((theirs.pvalue, larger / math.prod(sizes)))

    apart = stats.ks_2samp(before, after, method="exact")
    shape = kolmogorov_smirnov(before, after)
    assert (shape.effect, shape.p) == pytest.approx((apart.statistic, apart.pvalue), abs=1e-12)


def test_large_samples_are_tested_by_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = samples((300, 170), has_ties=False)
    exactly = kolmogorov_smirnov(before, after).p
    monkeypatch.setattr(hypotheses, "EXACT", 0)
    found = kolmogorov_smirnov(before, after)
    assert found.p == pytest.approx(stats.kstwobign.sf(found.effect * math.sqrt(300 * 170 / 470)))
    assert found.p == pytest.approx(exactly, rel=0.3)
    assert kolmogorov_smirnov(before, before).p == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [([19, 1], [10, 10]), ([100, 0], [96, 4]), ([3, 9], [40, 5]), ([5, 5], [5, 5]), ([40_000, 300], [39_000, 420])],
)
def test_two_words_are_tested_by_fishers_exact_test(before: list[int], after: list[int]) -> None:
    found = categories(before, after)
    assert found.test == "Fisher's exact"
    assert found.p == pytest.approx(stats.fisher_exact([before, after]).pvalue, rel=1e-6)
    assert found.effect == pytest.approx(stats.contingency.association(np.array([before, after]), method="cramer"))


def test_more_words_are_tested_by_chi_squared_and_by_permutation_where_a_count_is_small() -> None:
    table = [[90, 12, 20], [60, 30, 25]]
    found = categories(*table)
    assert (found.test, found.p) == (
        "chi-squared",
        pytest.approx(stats.chi2_contingency(table, correction=False).pvalue),
    )
    assert found.effect == pytest.approx(stats.contingency.association(np.array(table), method="cramer"))

    few = [[40, 3, 0, 1], [30, 0, 5, 1]]
    drawn = stats.PermutationMethod(n_resamples=20_000, rng=np.random.default_rng(3))
    theirs = stats.chi2_contingency(few, correction=False, method=drawn).pvalue
    permuted = categories(*few)
    assert permuted.test == "chi-squared, permuted"
    # Two estimates of a probability from so many draws differ by this much in a rare case.
    assert permuted.p == pytest.approx(theirs, abs=5 * math.sqrt(theirs / hypotheses.PERMUTATIONS))
    assert categories([*few[0], 0], [*few[1], 0]) == permuted


@given(st.integers(1, 12), st.floats(0, 1500))
def test_chi_squared_is_scipys(degrees: int, square: float) -> None:
    assert chi_squared_beyond(square, degrees) == pytest.approx(stats.chi2.sf(square, degrees), rel=1e-9, abs=1e-300)


def test_vectors_are_tested_by_their_energy_distance() -> None:
    random = np.random.default_rng(2)
    before, after = random.normal(size=(14, 3)), random.normal(0.5, 1.2, (11, 3))

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        every = [spatial.distance.cdist(a, b).mean() for a, b in ((one, other), (one, one), (other, other))]
        return float(2 * every[0] - every[1] - every[2])

    own = distance(before, after)
    found = energy(before, after)
    assert found.effect == pytest.approx(own / (2 * spatial.distance.cdist(before, after).mean()))
    joined = np.concatenate([before, after])
    mixed = (random.permutation(joined) for _ in range(4000))
    theirs = np.mean([distance(one[:14], one[14:]) >= own for one in mixed])
    assert found.p == pytest.approx(theirs, abs=5 * math.sqrt(theirs / hypotheses.VECTOR_PERMUTATIONS))
    # Of numbers it is the square of scipy's.
    line = energy(before[:, :1], after[:, :1]).effect
    across = np.abs(before[:, :1] - after[:, 0]).mean()
    assert line == pytest.approx(stats.energy_distance(before[:, 0], after[:, 0]) ** 2 / (2 * across))
    assert energy(before, before).p == 1


def test_many_vectors_are_compared_by_some_of_them() -> None:
    line = np.arange(4 * hypotheses.VECTORS, dtype=np.float64)[:, None]
    assert energy(line, line + 1).effect == pytest.approx(0, abs=1e-5)
    assert energy(np.zeros((9, 1)), np.zeros((9, 1))).effect == 0


def test_corrected_p_values_are_statsmodels() -> None:
    p = [0.01, 0.04, 0.03, 0.0002, 1.0, 0.04, 0.7, 0.0]
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
    assert holm([]) == []


def test_without_a_difference_a_false_alarm_is_as_rare_as_it_says() -> None:
    random = np.random.default_rng(1)
    alarms = np.zeros(3)
    for _ in range(200):
        before, after = random.lognormal(size=25), random.lognormal(size=20)
        counts = random.multinomial(30, [0.8, 0.15, 0.05], size=2).tolist()
        found = mann_whitney(before, after), kolmogorov_smirnov(before, after), categories(*counts)
        alarms += [one.p < 0.05 for one in found]
    assert (alarms / 200).max() <= 0.1
    assert alarms[0] > 0
