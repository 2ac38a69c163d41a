"""A check is a function with a name, a version and settings; what is none is refused in words."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from nbtrace import Session, check
from nbtrace._evaluate.check import check_of
from nbtrace._evaluating import evaluated
from nbtrace.checks import Verdict
from nbtrace.errors import UsageError
from tests.evaluate.judging import QUIET, SPANS


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: True, "a function of a span, or of its answer"),
        (lambda span, other: True, "a default for 'other'"),
        (7, "a function of a span"),
    ],
)
def test_what_is_no_check_is_refused_in_words(session: Session, function: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        evaluated(session, SPANS, function, **QUIET)


def test_a_check_is_still_a_function_and_has_the_parameters_that_it_has() -> None:
    @check
    def short(answer: str, most: int = 3) -> bool:
        """Say whether an answer is short."""
        return len(answer) <= most

    assert [short(span) for span in (SPANS[0], SPANS[2])] == [False, False]
    assert short(SPANS[0], most=4) is True
    assert short.using(most=4)(SPANS[0]) is True
    with pytest.raises(UsageError, match="unknown parameter of short 'least'; expected one of: most"):
        short.using(least=1)
    assert short.version != check(lambda answer: True).version
    assert check(lambda answer: True).name == "<lambda>"


def test_checks_that_look_alike_are_told_apart() -> None:
    def above(limit: int) -> Any:
        return lambda answer: len(answer) > limit

    pair = (lambda answer: "a" in answer, lambda answer: "b" in answer)  # fmt: skip
    parts = [functools.partial(longer, most=most) for most in (1, 2)]
    several = [above(1), above(2), *pair, *parts, Above(1), Above(2)]
    assert len({check_of(one, name="one").version for one in several}) == len(several)
    assert [check_of(above(3), name="one").version for _ in range(2)] == [check_of(above(3), name="one").version] * 2


def longer(answer: str, most: int) -> bool:
    return len(answer) > most


class Above:
    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __call__(self, answer: str) -> bool:
        return len(answer) > self.limit


def test_two_checks_of_one_name_and_version_are_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="give one of those called 'longer' another name="):
        evaluated(session, SPANS, [check(longer), check(longer)], **QUIET)


def test_a_check_that_is_cancelled_by_what_it_waits_for_has_failed(session: Session) -> None:
    async def cancelled(answer: str) -> bool:
        raise asyncio.CancelledError

    found = evaluated(session, SPANS[:2], cancelled, **QUIET)
    assert found.table["error"].to_pylist() == ["asyncio.exceptions.CancelledError"] * 2


def test_a_number_that_is_none_is_no_verdict(session: Session) -> None:
    found = evaluated(session, SPANS[:1], check_of(lambda answer: Verdict(float("nan")), name="odd"), **QUIET)
    assert found.table["error"].to_pylist() == ["ValueError"]


def test_a_slip_of_the_pen_in_a_parameters_name_is_told() -> None:
    with pytest.raises(UsageError, match="bad takes 'anser', which a span does not have; did you mean 'answer'"):

        @check
        def bad(question: str, anser: str) -> bool:
            return True
