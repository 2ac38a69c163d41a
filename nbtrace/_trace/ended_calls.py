"""Calls that are over and repeat none, among which is that of a span which is neither above nor below it.

Such a span has the call that overlaps it and has the same response id, or that began while it ran and was asked the
same; in its own trace, right beside it if there is one, and of several the one that began nearest to it. In another
trace it has to be the only one that may be meant, as nobody's data must come to another's call. Nor may one be out of
sight: so many calls are compared, and so many kept. Where the call of a span may be one of the others, none is found,
and the span is in doubt.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar, cast

if TYPE_CHECKING:
    from nbtrace._trace.duplicates import Call

_T = TypeVar("_T")

LIMIT: Final = 16_384
"""Calls kept in mind: above the 10,000 that a notebook may have in flight, below a few megabytes."""

LOOK_BACK: Final = 1024
"""Calls that are compared with a span whose place in the tree does not say which one is its."""

Place = tuple[int, int | str]
"""A trace, and in it a span or an instrumentation; 0 for any trace, and in it what was asked or a response."""

Known = OrderedDict[Place, _T]


def keep(known: Known[_T], place: Place, what: _T) -> _T | None:
    """Keep something, and give what has to go for it."""
    known[place] = what
    known.move_to_end(place)
    return known.popitem(last=False)[1] if len(known) > LIMIT else None


@dataclass(slots=True)
class _At:
    """The calls at a place, in the order of their ends."""

    calls: deque[Call] = field(default_factory=deque["Call"])
    taken: Counter[str] | None = None
    """How many of them cannot be what a span of an instrumentation has: its own, and those that have a span of it.
    None as long as all are compared."""

    def add(self, call: Call) -> None:
        self.calls.append(call)
        if self.taken is not None:
            self.taken[call.scope] += 1
        elif len(self.calls) > LOOK_BACK:
            self.taken = Counter(scope for one in self.calls for scope in (one.scope, *one.claimed_by))

    def forget_first(self) -> None:
        call = self.calls.popleft()
        if self.taken is not None:
            self.taken.subtract((call.scope, *call.claimed_by))

    def is_all(self, free: int, scope: str) -> bool:
        """Say whether so many calls, of those that are compared, are all that a span of an instrumentation may have."""
        return self.taken is None or free == len(self.calls) - self.taken[scope]


@dataclass(slots=True)
class _Seen:
    """What a span may have of the calls at a place."""

    calls: list[Call]
    is_all: bool
    """Whether no other call there may be its."""


class EndedCalls:
    """Calls by their trace; and under trace 0 by what was asked, and by the response."""

    def __init__(self) -> None:
        self._at: dict[Place, _At] = {}
        self._forgotten: Known[int] = OrderedDict()
        """When the last call of a place ended that was forgotten and had no span beside it."""

    def add(self, call: Call) -> None:
        """Keep a call that is over."""
        for place in _places(call):
            self._at.setdefault(place, _At()).add(call)

    def forget(self, call: Call) -> None:
        """Let go of a call, which is the oldest."""
        for place in _places(call):
            at = self._at.get(place)
            if at is None or at.calls[0] is not call:
                continue
            at.forget_first()
            if not at.calls:
                del self._at[place]
            if not call.claimed_by:
                keep(self._forgotten, place, max(call.end or 0, self._forgotten.get(place, 0)))

    def of(self, span: Call, others: Container[Place]) -> Call | None:
        """Find the call of a span, and say of the span if that is in doubt.

        Args:
            span: what is beside it.
            others: the traces in which another instrumentation has spans, with its name.
        """
        found, is_sure = self._found(span, others)
        span.is_in_doubt = not is_sure
        if found is None or not is_sure:
            return None
        if span.scope not in found.claimed_by:
            found.claimed_by.add(span.scope)
            for place in _places(found):
                at = self._at.get(place)
                if at is not None and at.taken is not None:
                    at.taken[span.scope] += 1
        return found

    def _found(self, span: Call, others: Container[Place]) -> tuple[Call | None, bool]:
        """Give the call that is likely a span's, and whether it can be no other."""
        same_answer = self._during(span, (0, span.response))
        answered = [one for one in same_answer.calls if one.names(span)]
        here = _in_trace(span, answered)
        if here:  # spans around each other may all say the same response
            return min(_free(span, here) or here, key=span.distance), same_answer.is_all
        same_question = self._during(span, (0, span.said))
        asked = [one for one in same_question.calls if one.happens_in(span)]
        if not same_question.is_all:
            return None, False
        if free := _free(span, _in_trace(span, asked)):
            return min(free, key=span.distance), True
        nearby = self._during(span, (span.trace_id, ""))
        if free := _free(span, [one for one in nearby.calls if one.happens_in(span)]):
            return min(free, key=span.distance), nearby.is_all
        if len(answered) == 1:
            return answered[0], same_answer.is_all
        # An instrumentation that has spans in the trace of a call has that of the call there too.
        if len(asked) == 1 and (asked[0].trace_id, span.scope) not in others:
            return next(iter(_free(span, asked)), None), True
        return None, span.said is not None or nearby.is_all

    def _during(self, span: Call, place: tuple[int, int | str | None]) -> _Seen:
        """Give the last calls at a place that other instrumentations saw while a span ran.

        Of a stream the span may say that it ended when the stream was made, which is before its call began.
        """
        at = self._at.get(cast("Place", place))
        is_all = span.start > self._forgotten.get(cast("Place", place), -1)
        found: list[Call] = []
        if at is None:
            return _Seen(found, is_all)
        free = 0
        for other in islice(reversed(at.calls), LOOK_BACK):
            if other.end is not None and other.end < span.start:
                return _Seen(found, is_all)  # they come in the order of their ends
            if other.scope == span.scope:
                continue
            free += span.scope not in other.claimed_by
            if other.overlaps(span) or (other.trace_id == span.trace_id and other.said == span.said is not None):
                found.append(other)
        return _Seen(found, is_all and at.is_all(free, span.scope))


def _in_trace(span: Call, calls: list[Call]) -> list[Call]:
    return [one for one in calls if one.trace_id == span.trace_id]


def _free(span: Call, calls: list[Call]) -> list[Call]:
    return [one for one in calls if span.scope not in one.claimed_by]


def _places(call: Call) -> Iterator[Place]:
    yield call.trace_id, ""
    for one in (call.said, call.response):
        if one is not None:
            yield 0, one
