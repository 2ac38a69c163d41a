"""One call seen by two instrumentations is one: the span nearest to the wire has it, ours before any other.

A duplicate is marked with whose call it repeats, and the store makes one row of both. Its operation goes to
`nbtrace.duplicate.operation`, and it is a `chain` from then on: where it is without the other, it counts as no call. So
is a span around several calls: it repeats none of them, and what it says of all of them does not count again.

The tree comes first: a span has the call that is right above or below it, but for spans of others, and names no other
model. Some instrumentations do not make their span the current one. Of such a span is the call that overlaps it and has
the same response id, or that began while it ran and was asked the same; in its own trace, right beside it if there is
one, and of several the one that began nearest to it. In another trace it has to be the only one that may be meant, as
nobody's data must come to another's call. What is known of calls is bounded; a call that was forgotten has no
duplicates.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
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
"""How many instrumentations around one call are seen through, and how many spans and calls right below each of them."""

LOOK_BACK: Final = 1024
"""Calls that are compared with a span whose place in the tree does not say which one is its."""


@dataclass(slots=True, eq=False)
class Call:
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
    claimed_by: set[str] = field(default_factory=set[str])
    """The instrumentations that have a span of this call beside ours, not above or below it."""

    def overlaps(self, other: Call) -> bool:
        return (self.end is None or other.start <= self.end) and (other.end is None or self.start <= other.end)

    def names(self, other: Call) -> bool:
        """Whether nothing that the two say of their models tells them apart."""
        alike = self.models & other.models or not self.models or not other.models
        return self.is_embedding == other.is_embedding and bool(alike)

    def happens_in(self, other: Call) -> bool:
        """Whether it may be what another span is of, by all but their places in the tree.

        Some instrumentations give an end that is earlier than the moment at which they tell of it: when the stream was
        made, and not when it had been read. Where the same was asked, that is no objection.
        """
        asked = self.said is not None and self.said == other.said
        open_question = None in {self.said, other.said} and other.end is not None and self.start <= other.end
        alike = self.models & other.models and self.is_embedding == other.is_embedding
        answers_differ = None not in {self.response, other.response} and self.response != other.response
        return other.start <= self.start and (asked or open_question) and bool(alike) and not answers_differ

    def distance(self, other: Call) -> tuple[bool, bool, int]:
        """Give how far it is from another span: by what was asked, by its place in the tree, and by its start."""
        asked_else = None not in {self.said, other.said} and self.said != other.said
        return asked_else, self.parent_id != other.parent_id, abs(self.start - other.start)


_Place = tuple[int, int | str]
"""A trace, and in it a span or an instrumentation; 0 for any trace, and in it what was asked or a response."""

_Known = OrderedDict[_Place, _T]


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
        self._ours: _Known[Call] = OrderedDict()
        """Calls of ours by their own span."""
        self._children: _Known[tuple[Call, ...]] = OrderedDict()
        """The last calls below each span, also below one that repeats them."""
        self._below: _Known[tuple[int, ...]] = OrderedDict()
        """The last spans of others right below each span."""
        self._others: _Known[None] = OrderedDict()
        """The traces in which another instrumentation has spans, with its name."""
        self._marked: _Known[tuple[Call, tuple[Call, ...]]] = OrderedDict()
        """The calls that are over, in the order in which they were marked, and what each of them repeats."""
        self._ended: dict[_Place, deque[Call]] = {}
        """Those that repeat nothing, by their trace; and under trace 0 by what was asked, and by the response."""

    def forked(self) -> None:
        """Go on in a forked process with a lock of its own."""
        self._lock = RLock()

    def watch(self) -> None:
        """Keep calls of ours in mind from now on: spans of somebody else's are to be expected."""
        self.watching = True

    def started(self, span: ReadableSpan) -> None:
        """Take note of what has begun: a span around a call of ours may end first."""
        if not is_ours(span):
            self.watching = True
            if span.context is not None:
                with self._lock:
                    self._begin(span.context.trace_id, span.context.span_id, parent_of(span), scope_of(span))
        elif self.watching and (call := call_of(span, span.attributes or {})) is not None:
            with self._lock:
                self._place(call, (call,))

    def _begin(self, trace_id: int, span_id: int, parent_id: int | None, scope: str) -> None:
        """Take note of a span of others."""
        _keep(self._others, (trace_id, scope), None)
        if parent_id is not None:
            place = (trace_id, parent_id)
            _keep(self._below, place, (*self._below.get(place, ())[1 - WIDTH :], span_id))

    def marked(self, span: ReadableSpan, attributes: Attributes) -> dict[str, AttributeValue]:
        """Give a span's attributes as they are to be stored: with a mark if another span has its call.

        Who is interrupted may ask again, and is told the same.
        """
        made = dict(attributes)
        if not self.watching and is_ours(span):
            return made
        call = call_of(span, made)
        if call is not None and (mark := self._mark(call, str(made[semconv.OPERATION_NAME]))):
            del made[semconv.OPERATION_NAME]
            made |= mark
        return made

    def _mark(self, call: Call, operation: str) -> dict[str, str]:
        """Give what is to be said of a span if it repeats calls, and keep it in mind once it is over."""
        with self._lock:
            known = self._marked.get((call.trace_id, call.span_id))
            if known is not None:
                found = known[1]
            else:
                found = () if call.scope == SCOPE_NAME else self._find(call)
                if call.end is not None:
                    self._place(call, found or (call,))
                    self._keep_ended(call, found)
        if not found:
            return {}
        mark = {semconv.DUPLICATE_OPERATION: operation, semconv.SPAN_TYPE: "chain"}
        return mark | ({semconv.DUPLICATE_OF: f"{found[0].span_id:016x}"} if len(found) == 1 else {})

    def _find(self, call: Call) -> tuple[Call, ...]:
        """Find whose call a span of another instrumentation repeats; several if it is around several."""
        inside = {one.span_id: one for one in self._inside(call.trace_id, call.span_id, DEPTH)}
        found = tuple(one for one in inside.values() if one.names(call) and one.overlaps(call))
        if not found and call.parent_id is not None:
            above = self._ours.get((call.trace_id, call.parent_id))
            if above is not None and above.names(call) and above.overlaps(call):
                found = (above,)
        if not found and call.end is not None:
            beside = self._beside(call)
            if beside is not None:
                beside.claimed_by.add(call.scope)
                found = (beside,)
        return found

    def _inside(self, trace_id: int, span_id: int, depth: int) -> Iterator[Call]:
        """Give the last calls below a span, and below the spans of others that are below it."""
        yield from self._children.get((trace_id, span_id), ())
        if depth:
            for below in self._below.get((trace_id, span_id), ()):
                yield from self._inside(trace_id, below, depth - 1)

    def _beside(self, call: Call) -> Call | None:
        """Find the call of a span that is neither above nor below it."""
        answered = [one for one in self._during(call, (0, call.response)) if one.names(call)]
        asked = [one for one in self._during(call, (0, call.said)) if one.happens_in(call)]
        for candidates in (answered, asked):
            here = [one for one in candidates if one.trace_id == call.trace_id]
            free = [one for one in here if call.scope not in one.claimed_by]
            if free or (here and candidates is answered):  # spans around each other may all say the same response
                return min(free or here, key=call.distance)
        around = [one for one in self._during(call, (call.trace_id, "")) if one.happens_in(call)]
        if free := [one for one in around if call.scope not in one.claimed_by]:
            return min(free, key=call.distance)
        if len(answered) == 1:
            return answered[0]
        # An instrumentation that has spans in the trace of a call has that of the call there too.
        if len(asked) == 1 and (asked[0].trace_id, call.scope) not in self._others:
            return asked[0] if call.scope not in asked[0].claimed_by else None
        return None

    def _during(self, call: Call, place: tuple[int, int | str | None]) -> Iterator[Call]:
        """Give the last calls at a place that other instrumentations saw while a span ran.

        Of a stream the span may say that it ended when the stream was made, which is before its call began.
        """
        for other in islice(reversed(self._ended.get(cast("_Place", place), ())), LOOK_BACK):
            if other.end is not None and other.end < call.start:
                break  # they come in the order of their ends
            is_asked_here = other.trace_id == call.trace_id and other.said == call.said is not None
            if other.scope != call.scope and (other.overlaps(call) or is_asked_here):
                yield other

    def _place(self, call: Call, has_it: tuple[Call, ...]) -> None:
        """Say which calls are at the places of a span: its own, or those that it repeats."""
        if call.scope == SCOPE_NAME:
            _keep(self._ours, (call.trace_id, call.span_id), call)
        if call.parent_id is not None:
            place = (call.trace_id, call.parent_id)
            now = {one.span_id for one in has_it}
            others = [one for one in self._children.get(place, ()) if one.span_id not in now]
            _keep(self._children, place, (*others, *has_it)[-WIDTH:])

    def _keep_ended(self, call: Call, repeated: tuple[Call, ...]) -> None:
        gone = _keep(self._marked, (call.trace_id, call.span_id), (call, repeated))
        if not repeated:
            for place in _beside_places(call):
                self._ended.setdefault(place, deque()).append(call)
        if gone is not None and not gone[1]:
            for place in _beside_places(gone[0]):
                calls = self._ended.get(place)
                if calls and calls[0] is gone[0]:
                    calls.popleft()
                if not calls:
                    self._ended.pop(place, None)


def call_of(span: ReadableSpan, attributes: Attributes) -> Call | None:
    """Read what tells calls apart; none for a span that is no call."""
    operation, context = attributes.get(semconv.OPERATION_NAME), span.context
    if operation not in semconv.LLM_OPERATIONS or context is None:
        return None
    response = attributes.get(semconv.RESPONSE_ID)
    named = (attributes.get(semconv.REQUEST_MODEL), attributes.get(semconv.RESPONSE_MODEL))
    return Call(
        span_id=context.span_id,
        trace_id=context.trace_id,
        parent_id=parent_of(span),
        scope=scope_of(span),
        is_embedding=operation == "embeddings",
        # A router puts the provider before the model.
        models=frozenset(str(model).rpartition("/")[2] for model in named if model is not None),
        response=None if response is None else str(response),
        said=_said(attributes),
        start=span.start_time or 0,
        end=span.end_time,
    )


def parent_of(span: ReadableSpan) -> int | None:
    """Give the id of a span's parent."""
    return span.parent.span_id if span.parent is not None else None


def scope_of(span: ReadableSpan) -> str:
    """Give the name of a span's instrumentation."""
    return span.instrumentation_scope.name if span.instrumentation_scope is not None else ""


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


def _beside_places(call: Call) -> list[_Place]:
    return [(call.trace_id, ""), *((0, one) for one in (call.said, call.response) if one is not None)]


def _keep(known: _Known[_T], place: _Place, what: _T) -> _T | None:
    """Keep something, and give what has to go for it."""
    known[place] = what
    known.move_to_end(place)
    return known.popitem(last=False)[1] if len(known) > LIMIT else None
