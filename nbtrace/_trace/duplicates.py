"""One call seen by two instrumentations is one: the span nearest to the wire has it, ours before any other.

A duplicate is marked with whose call it repeats, and the store makes one row of both. Its operation goes to
`nbtrace.duplicate.operation`, and it is a `chain` from then on: where it is without the other, it counts as no call. So
is a span around several calls: it repeats none of them, and what it says of all of them does not count again.

The tree comes first: a span has the call that is right above or below it, but for spans of others, and names no other
model. Some instrumentations do not make their span the current one: of such a span `ended_calls` finds the call. What
is known of calls is bounded; a call that was forgotten has no duplicates, and a span of which it may be says that it is
in doubt.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.ended_calls import LOOK_BACK, EndedCalls, Known, keep
from nbtrace._trace.sink import Attributes
from nbtrace._trace.span import SCOPE_NAME, is_ours

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

DEPTH: Final = 3
WIDTH: Final = 4
"""How many instrumentations around one call are seen through, and how many spans and calls right below each of them."""

DOUBT: Final = f"it may be one of more than {LOOK_BACK:,} calls at once that look the same, and counts besides them"
"""What is said of a span in doubt."""


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
    is_in_doubt: bool = False
    """Whether it may be what another span has, and there is no saying which."""

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
        self._ours: Known[Call] = OrderedDict()
        """Calls of ours by their own span."""
        self._children: Known[tuple[Call, ...]] = OrderedDict()
        """The last calls below each span, also below one that repeats them."""
        self._below: Known[tuple[int, ...]] = OrderedDict()
        """The last spans of others right below each span."""
        self._others: Known[None] = OrderedDict()
        """The traces in which another instrumentation has spans, with its name."""
        self._marked: Known[tuple[Call, tuple[Call, ...]]] = OrderedDict()
        """The calls that are over, in the order in which they were marked, and what each of them repeats."""
        self._ended = EndedCalls()
        """Those that repeat nothing."""

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
        keep(self._others, (trace_id, scope), None)
        if parent_id is not None:
            place = (trace_id, parent_id)
            keep(self._below, place, (*self._below.get(place, ())[1 - WIDTH :], span_id))

    def marked(self, span: ReadableSpan, attributes: Attributes) -> dict[str, AttributeValue]:
        """Give a span's attributes as they are to be stored: with a mark if another span has its call.

        Who is interrupted may ask again, and is told the same.
        """
        made = dict(attributes)
        if not self.watching and is_ours(span):
            return made
        call = call_of(span, made)
        if call is not None and (mark := self._mark(call, str(made[semconv.OPERATION_NAME]))):
            if semconv.DUPLICATE_OPERATION in mark:
                del made[semconv.OPERATION_NAME]
            made |= mark
        return made

    def _mark(self, call: Call, operation: str) -> dict[str, str]:
        """Give what is to be said of a span if it repeats calls, and keep it in mind once it is over."""
        with self._lock:
            known = self._marked.get((call.trace_id, call.span_id))
            if known is not None:
                call, found = known
            else:
                found = () if call.scope == SCOPE_NAME else self._find(call)
                if call.end is not None:
                    self._place(call, found or (call,))
                    self._keep_ended(call, found)
        if not found:
            return {semconv.DUPLICATE_DOUBT: DOUBT} if call.is_in_doubt else {}
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
            beside = self._ended.of(call, self._others)
            found = (beside,) if beside is not None else ()
        return found

    def _inside(self, trace_id: int, span_id: int, depth: int) -> Iterator[Call]:
        """Give the last calls below a span, and below the spans of others that are below it."""
        yield from self._children.get((trace_id, span_id), ())
        if depth:
            for below in self._below.get((trace_id, span_id), ()):
                yield from self._inside(trace_id, below, depth - 1)

    def _place(self, call: Call, has_it: tuple[Call, ...]) -> None:
        """Say which calls are at the places of a span: its own, or those that it repeats."""
        if call.scope == SCOPE_NAME:
            keep(self._ours, (call.trace_id, call.span_id), call)
        if call.parent_id is not None:
            place = (call.trace_id, call.parent_id)
            now = {one.span_id for one in has_it}
            others = [one for one in self._children.get(place, ()) if one.span_id not in now]
            keep(self._children, place, (*others, *has_it)[-WIDTH:])

    def _keep_ended(self, call: Call, repeated: tuple[Call, ...]) -> None:
        gone = keep(self._marked, (call.trace_id, call.span_id), (call, repeated))
        if not repeated:
            self._ended.add(call)
        if gone is not None and not gone[1]:
            self._ended.forget(gone[0])


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
