"""Marks the spans that repeat a call where they come in any order, as in files: in the order of their times.

What is told of a file is thus what a session would have told that had been there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.duplicates import Call, Calls, call_of, parent_of, scope_of
from nbtrace._trace.sink import Attributes
from nbtrace._trace.span import is_ours

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

DEEPEST: Final = 64
"""Spans above one that are counted; a circle of them has no end."""

NEVER: Final = 2**64
"""After all times: when a span ends that has no end."""

_Id = tuple[int, int]
"""A trace's id and a span's."""


class _Noted(NamedTuple):
    own: _Id
    parent_id: int | None
    scope: str
    is_ours: bool
    start: int
    end: int
    call: Call | None
    operation: str


class OrderedCalls(Calls):
    """Takes note of spans in any order; `marks` says then which of them repeat calls."""

    def __init__(self) -> None:
        super().__init__(watching=True)
        self._noted: list[_Noted] = []

    def marked(self, span: ReadableSpan, attributes: Attributes) -> dict[str, AttributeValue]:
        """Take note of a span, and give its attributes as they are."""
        made = dict(attributes)
        if span.context is not None:
            own = span.context.trace_id, span.context.span_id
            start = span.start_time or 0
            end = NEVER if span.end_time is None else span.end_time
            call, operation = call_of(span, made), str(made.get(semconv.OPERATION_NAME))
            self._noted.append(_Noted(own, parent_of(span), scope_of(span), is_ours(span), start, end, call, operation))
        return made

    def marks(self) -> dict[_Id, dict[str, str]]:
        """Give what is to be said of the spans that repeat calls, in place of the operation that they name."""
        noted, self._noted = self._noted, []
        if all(one.is_ours or one.call is None for one in noted):
            return {}
        parents = {one.own: one.parent_id for one in noted}
        # What begins at a moment is told before what ends then, and of what ends the innermost first.
        times = [((one.start, 0, 0, 0, one.own), one) for one in noted]
        times += [((max(one.end, one.start), 1, -one.start, -_depth(one, parents), one.own), one) for one in noted]
        found: dict[_Id, dict[str, str]] = {}
        for (_, has_ended, *_), one in sorted(times, key=lambda time: time[0]):
            if has_ended:
                if one.call is not None and (mark := self._mark(one.call, one.operation)):
                    found[one.own] = mark
            elif not one.is_ours:
                self._begin(*one.own, one.parent_id, one.scope)
            elif one.call is not None:
                self._place(one.call, (one.call,))
        return found


def _depth(one: _Noted, parents: dict[_Id, int | None]) -> int:
    above = one.parent_id
    for depth in range(DEEPEST):
        if above is None:
            return depth
        above = parents.get((one.own[0], above))
    return DEEPEST
