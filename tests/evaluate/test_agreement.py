"""Two people judge the same spans: how far they agree, held against statsmodels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa  # pyright: ignore[reportMissingTypeStubs]

from nbtrace import Session
from nbtrace._evaluate.agreement import Weights, kappa
from nbtrace._evaluating import agreed
from nbtrace._store.scores import Score
from nbtrace.errors import NotFoundError, UsageError


def theirs(first: list[int], second: list[int], weights: Weights | None) -> Any:
    size = max(*first, *second) + 1
    table = np.zeros((size, size))
    np.add.at(table, (first, second), 1)
    return cohens_kappa(table, wt=weights)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(4))
def test_kappa_is_that_of_statsmodels(weights: Weights | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, 80)
    second = np.where(rng.random(80) < 0.6, first, rng.integers(0, 4, 80))
    found = kappa(first.tolist(), second.tolist(), weights)
    known = theirs(first.tolist(), second.tolist(), weights)
    assert found.kappa == pytest.approx(known.kappa, abs=1e-12)
    assert (found.low, found.high) == (
        pytest.approx(known.kappa_low, abs=1e-9),
        pytest.approx(known.kappa_upp, abs=1e-9),
    )
    assert found.spans == 80


def test_nothing_to_tell_from_chance_has_no_kappa() -> None:
    assert [math.isnan(value) for value in kappa(["a", "a"], ["a", "a"])] == [False, False, True, True, True]
    assert kappa([], []).spans == 0


def test_weights_of_words_go_by_their_values_or_by_the_order_of_the_labels_and_are_refused_without(
    session: Session,
) -> None:
    steps = {"poor": 0, "fair": 1, "good": 2}
    words = {"ada": ["poor", "poor", "fair", "good", "good"], "bo": ["fair", "poor", "fair", "good", "poor"]}
    for name, values in (("valued", steps), ("ordered", {})):
        for person, said in words.items():
            session.annotator = person
            for at, word in enumerate(said, 1):
                ids = at.to_bytes(16, "big"), at.to_bytes(8, "big")
                session.rate_by_hand(Score(*ids, name, values.get(word), word, source="human"))
    known = theirs([steps[one] for one in words["ada"]], [steps[one] for one in words["bo"]], "linear").kappa
    assert agreed(session, name="valued", weights="linear")["kappa"] == [pytest.approx(known)]
    with pytest.raises(UsageError, match="there is none of the labels 'fair', 'good', 'poor'"):
        agreed(session, name="ordered", weights="linear")
    session.labels = {"ordered": [*steps]}
    assert agreed(session, name="ordered", weights="linear")["kappa"] == [pytest.approx(known)]


def test_where_nobody_has_judged_there_is_no_name_to_tell(session: Session) -> None:
    with pytest.raises(NotFoundError, match="no two people have judged the same spans; those who judged: nobody; "):
        agreed(session)


def test_those_who_rated_by_hand_are_compared_by_their_last_word(session: Session) -> None:
    ids = [(number.to_bytes(16, "big"), number.to_bytes(8, "big")) for number in range(1, 5)]
    for person, said in {"ada": [5, 1, 3, 3], "bo": [5, 1, 3, 2]}.items():
        session.annotator = person
        for span, value in zip(ids, said, strict=True):
            session.rate_by_hand(Score(*span, "rating", 4.0, source="human", time_unix_nano=1))
            session.rate_by_hand(Score(*span, "rating", float(value), source="human", time_unix_nano=2))
    session.rate(Score(*ids[0], "rating", 1.0, source="code", evaluator="f"))
    found = agreed(session)
    assert found.columns == ["first", "second", "spans", "agreed", "kappa", "low", "high"]
    assert (found["first"], found["second"], found["spans"], found["agreed"]) == (["ada"], ["bo"], [4], [0.75])
    assert found["kappa"] == [pytest.approx(theirs([5, 1, 3, 3], [5, 1, 3, 2], None).kappa)]
    session.rate_by_hand(Score(*ids[0], "tone", 1.0, source="human"))
    with pytest.raises(UsageError, match="one of the scores that there are: rating, tone"):
        agreed(session)
    with pytest.raises(
        NotFoundError, match="no two people have judged the same spans as 'tone'; those who judged: bo 1"
    ):
        agreed(session, name="tone")
    with pytest.raises(UsageError, match="unknown weights"):
        agreed(session, name="rating", weights="cubic")  # pyright: ignore[reportArgumentType]
