"""One call seen by two instrumentations is one: the span nearest to the wire has it, ours before any other.

A duplicate is marked with whose call it repeats, and the store makes one row of both. Its operation goes to
`nbtrace.duplicate.operation`, and it is a `chain` from then on: where it is without the other, it counts as no call.

Two spans are of one call if they overlap and one of these holds: they have the same response id; they are parent and
child and name no different models; or, for instrumentations that do not make their span the current one, the call
began while the other span ran, they name the same model, were asked the same, and nothing else of that instrumentation
has the call already. What is known of calls is bounded; a call that was forgotten has no duplicates.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.sink import Attributes
from nbtrace._trace.span import SCOPE_NAME, is_ours

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_T = TypeVar("_T")

LIMIT: Final = 16_384
"""Calls kept in mind: above the 10,000 that a notebook may have in flight, below a few megabytes."""

DEPTH: Final = 3
WIDTH: Final = 4
"""How many instrumentations around one call are seen through, and how many spans each of them may have made for it."""

LOOK_BACK: Final = 1024
"""Calls that are compared with a span for which neither an id nor its place in the tree says which one is its."""


@dataclass(slots=True, eq=False)
class _Call:
    """A span that is an LLM call, or looks like one."""

    span_id: int
    trace_id: int
    parent_id: int | None
    scope: str
    is_embedding: bool
    models: frozenset[str]
    response: str | None
    said: int | None
    """Hash of what was asked, if that is known."""
    start: int
    end: int | None
    repeated_by: set[str] = field(default_factory=set[str])
    """The instrumentations that have a span of this call beside ours, not above or below it."""

    def overlaps(self, other: _Call) -> bool:
        return (self.end is None or other.start <= self.end) and (other.end is None or self.start <= other.end)

    def names(self, other: _Call) -> bool:
        """Whether nothing that the two say of their models tells them apart."""
        alike = self.models & other.models or not self.models or not other.models
        return self.is_embedding == other.is_embedding and bool(alike)

    def happens_in(self, other: _Call) -> bool:
        """Whether it may be what another span is of, by all but their places in the tree.

        Some instrumentations give an end that is earlier than the moment at which they tell of it: when the stream was
        made, and not when it had been read. Where the same was asked, that is no objection.
        """
        asked = self.said is not None and self.said == other.said
        open_question = None in {self.said, other.said} and other.end is not None and self.start <= other.end
        alike = self.models & other.models and self.is_embedding == other.is_embedding
        return other.start <= self.start and (asked or open_question) and bool(alike)


_Place = tuple[int, int | str]
"""A trace, and in it a span or a response; 0 for any trace."""


class Calls:
    """Keeps in mind which span has which call, and marks the spans that repeat one.

    Args:
        watching: whether to keep calls of ours in mind before a span of somebody else's has been seen. Where there are
            none there are no duplicates, and what is kept costs every call some microseconds.
    """

    def __init__(self, *, watching: bool = True) -> None:
        self.watching = watching
        """Whether it has to be told of what starts."""
        self._lock = RLock()  # a garbage collection in here may end a stream, which may come here again
        self._ours: dict[_Place, _Call] = {}
        """Calls of ours by their own span."""
        self._children: dict[_Place, _Call] = {}
        """The last call below each span, also below one that repeats it."""
        self._below: dict[_Place, tuple[int, ...]] = {}
        """The last spans of others right below each span."""
        self._answers: dict[_Place, _Call] = {}
        """Calls by the id of their response."""
        self._ended: dict[_Place, deque[_Call]] = {}
        """Calls that are over, by their trace; and by what was asked, under trace 0."""
        self._order: deque[_Call] = deque()

    def watch(self) -> None:
        """Keep calls of ours in mind from now on: spans of somebody else's are to be expected."""
        self.watching = True

    def started(self, span: ReadableSpan) -> None:
        """Take note of what has begun: a span around a call of ours may end first."""
        if not is_ours(span):
            self.watching = True
            if span.parent is not None and span.context is not None:
                place = (span.context.trace_id, span.parent.span_id)
                with self._lock:
                    _keep(self._below, place, (*self._below.get(place, ())[1 - WIDTH :], span.context.span_id))
        elif self.watching and (call := _call(span, span.attributes or {})) is not None:
            with self._lock:
                self._place(call, call)

    def marked(self, span: ReadableSpan, attributes: Attributes) -> dict[str, AttributeValue]:
        """Give a span's attributes as they are to be stored: with a mark if another span has its call."""
        made = dict(attributes)
        ours = is_ours(span)
        if ours and not self.watching:
            return made
        call = _call(span, made)
        if call is None:
            return made
        with self._lock:
            found = None if ours else self._find(call)
            if found is not None:
                made[semconv.DUPLICATE_OF] = f"{found.span_id:016x}"
                made[semconv.DUPLICATE_OPERATION] = made.pop(semconv.OPERATION_NAME)
                made[semconv.SPAN_TYPE] = "chain"
            if call.end is not None:
                self._place(call, found or call)
                if found is None:
                    self._keep_ended(call)
        return made

    def _find(self, call: _Call) -> _Call | None:
        """Find whose call a span of another instrumentation repeats."""
        if call.response is not None:
            for trace_id in (call.trace_id, 0):
                answered = self._answers.get((trace_id, call.response))
                if answered and answered.span_id != call.span_id and answered.overlaps(call):
                    return answered
        around = list(self._inside(call.trace_id, call.span_id, DEPTH))
        if call.parent_id is not None and (above := self._ours.get((call.trace_id, call.parent_id))) is not None:
            around.append(above)
        for one in around:
            if one.names(call) and one.overlaps(call):
                return one
        return self._beside(call) if call.end is not None else None

    def _inside(self, trace_id: int, span_id: int, depth: int) -> Iterator[_Call]:
        """Give the last call below a span, or below the spans of others that are below it."""
        call = self._children.get((trace_id, span_id))
        if call is not None:
            yield call
        elif depth:
            for below in reversed(self._below.get((trace_id, span_id), ())):
                yield from self._inside(trace_id, below, depth - 1)

    def _beside(self, call: _Call) -> _Call | None:
        places: list[_Place] = [(call.trace_id, "")]
        if call.said is not None:
            places.insert(0, (0, call.said))
        for place in places:
            for other in islice(reversed(self._ended.get(place, ())), LOOK_BACK):
                if other.end is not None and other.end < call.start:
                    break  # they come in the order of their ends
                if other.scope != call.scope and call.scope not in other.repeated_by and other.happens_in(call):
                    other.repeated_by.add(call.scope)
                    return other
        return None

    def _place(self, call: _Call, has_it: _Call) -> None:
        """Say which call is at the places of a span: its own, or the one that it repeats."""
        if call.scope == SCOPE_NAME:
            _keep(self._ours, (call.trace_id, call.span_id), call)
        if call.parent_id is not None:
            _keep(self._children, (call.trace_id, call.parent_id), has_it)
        if call.response is not None:
            for trace_id in (call.trace_id, 0):
                _keep(self._answers, (trace_id, call.response), has_it)

    def _keep_ended(self, call: _Call) -> None:
        self._order.append(call)
        for place in _beside_places(call):
            self._ended.setdefault(place, deque()).append(call)
        if len(self._order) > LIMIT:
            for place in _beside_places(self._order.popleft()):
                self._ended[place].popleft()
                if not self._ended[place]:
                    del self._ended[place]


def _call(span: ReadableSpan, attributes: Attributes) -> _Call | None:
    """Read what tells calls apart; none for a span that is no call."""
    operation, context = attributes.get(semconv.OPERATION_NAME), span.context
    if operation not in semconv.LLM_OPERATIONS or context is None:
        return None
    response = attributes.get(semconv.RESPONSE_ID)
    named = (attributes.get(semconv.REQUEST_MODEL), attributes.get(semconv.RESPONSE_MODEL))
    return _Call(
        span_id=context.span_id,
        trace_id=context.trace_id,
        parent_id=span.parent.span_id if span.parent is not None else None,
        scope=span.instrumentation_scope.name if span.instrumentation_scope is not None else "",
        is_embedding=operation == "embeddings",
        # A router puts the provider before the model.
        models=frozenset(str(model).rpartition("/")[2] for model in named if model is not None),
        response=None if response is None else str(response),
        said=_said(attributes),
        start=span.start_time or 0,
        end=span.end_time,
    )


def _said(attributes: Attributes) -> int | None:
    """Give a hash of the texts that were sent, whatever the shape they are in."""
    texts: list[str] = []
    for key in (semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES):
        try:
            texts += _texts(json.loads(str(attributes.get(key, "[]"))))
        except (ValueError, RecursionError):
            return None
    return hash("\n".join(texts)) if texts else None


def _texts(value: Any) -> Iterable[str]:
    for one in cast("list[Any]", value) if isinstance(value, list) else []:
        given = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        if isinstance(content := given.get("content"), str):
            yield content.strip()
        yield from _texts(given.get("parts"))


def _beside_places(call: _Call) -> list[_Place]:
    return [(call.trace_id, ""), *([(0, call.said)] if call.said is not None else [])]


def _keep(known: dict[_Place, _T], place: _Place, what: _T) -> None:
    known[place] = what
    if len(known) > LIMIT:
        del known[next(iter(known))]
