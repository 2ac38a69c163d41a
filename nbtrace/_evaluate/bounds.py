"""Bounds on what a call took: characters, seconds, US dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace._evaluate.making import built_in
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._evaluate.check import Check

_Said = bool | tuple[bool, str] | None


def length(*, at_least: int | None = None, at_most: int | None = None, name: str = "length") -> Check:
    """Check that an answer has so many characters.

    Raises:
        UsageError: there is no bound.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.length(at_most=280).function("ab", at_most=1)
        (False, '2 characters, more than 1')
    """
    _bounded("length", at_least, at_most)
    return built_in(_length, name, at_least=at_least, at_most=at_most)


def latency(at_most_s: float, *, first_chunk: bool = False, name: str | None = None) -> Check:
    """Check that a span took no more than so many seconds.

    Args:
        at_most_s: seconds.
        first_chunk: of a stream, until its first chunk.
        name: what it is called; by default `latency` or `first_chunk`.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.latency(2).function(2_500_000_000, at_most_s=2)
        (False, '2.5 s, more than 2')
    """
    _bounded("latency", None, at_most_s)
    function = _first_chunk if first_chunk else _latency
    return built_in(function, name or ("first_chunk" if first_chunk else "latency"), at_most_s=at_most_s)


def cost(at_most_usd: float, *, name: str = "cost") -> Check:
    """Check that a call cost no more than so many US dollars; of one without a price it says nothing.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.cost(0.01).function(None, at_most_usd=0.01) is None
        True
    """
    _bounded("cost", None, at_most_usd)
    return built_in(_cost, name, at_most_usd=at_most_usd)


def _bounded(what: str, low: Any, high: Any) -> None:
    for bound in (low, high):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, (int, float))):
            raise UsageError.argument(what, "numbers as bounds", bound)
    if low is None and high is None:
        raise UsageError.argument(what, "a bound", None)


def _length(answer: str | None, at_least: float | None = None, at_most: float | None = None) -> _Said:
    return None if answer is None else _within(len(answer), "characters", at_least, at_most)


def _latency(duration_ns: int | None, at_most_s: float = 0) -> _Said:
    return None if duration_ns is None else _within(duration_ns / 1e9, "s", None, at_most_s)


def _first_chunk(time_to_first_chunk_s: float | None, at_most_s: float = 0) -> _Said:
    return None if time_to_first_chunk_s is None else _within(time_to_first_chunk_s, "s", None, at_most_s)


def _cost(cost_usd: float | None, at_most_usd: float = 0) -> _Said:
    return None if cost_usd is None else _within(cost_usd, "US dollars", None, at_most_usd)


def _within(value: float, unit: str, low: float | None, high: float | None) -> bool | tuple[bool, str]:
    if low is not None and value < low:
        return False, f"{value:g} {unit}, fewer than {low:g}"
    if high is not None and value > high:
        return False, f"{value:g} {unit}, more than {high:g}"
    return True
