"""One call seen by two instrumentations counts once: the span nearest to the wire has it, ours before any other.

A duplicate keeps all it says but its operation, which goes to `nbtrace.duplicate.operation`, and is a `chain` from then
on: every reader counts calls by their operation, so none of them, nor a backend after an export, needs to know. Two
spans are of one call if they have the same response id in the same trace and overlap, or are parent and child, overlap
and name the same model. What is known of calls is bounded; a call that was forgotten has no duplicates.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.provider import SCOPE_NAME
from nbtrace._trace.sink import Attributes

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

LIMIT: Final = 16_384
"""Calls kept in mind: above the 10,000 that a notebook may have in flight, below a few megabytes."""


class _Call(NamedTuple):
    span_id: int
    models: frozenset[str]
    start: int
    end: int | None

    def overlaps(self, start: int, end: int | None) -> bool:
        return (self.end is None or start <= self.end) and (end is None or self.start <= end)


_Place = tuple[int, int | str]
"""A trace, and in it a span or a response."""


class Calls:
    """Keeps in mind which span has which call, and marks the spans that repeat one.

    Args:
        watching: whether to keep calls of ours in mind before a span of somebody else's has been seen. Where there are
            none there are no duplicates, and what is kept costs every call some microseconds.
    """

    def __init__(self, *, watching: bool = True) -> None:
        self._watching = watching
        self._lock = RLock()  # a garbage collection in here may end a stream, which may come here again
        self._ours: dict[_Place, _Call] = {}
        """Calls of ours by their own span."""
        self._children: dict[_Place, _Call] = {}
        """The last call below each span."""
        self._answers: dict[_Place, _Call] = {}
        """Calls by the id of their response."""

    def watch(self) -> None:
        """Keep calls of ours in mind from now on: spans of somebody else's are to be expected."""
        self._watching = True

    def started(self, span: ReadableSpan) -> None:
        """Take note of a call of ours that has begun: a span around it may end first."""
        if not is_ours(span):
            self._watching = True
        elif self._watching:
            known = span.attributes or {}
            if known.get(semconv.OPERATION_NAME) in semconv.LLM_OPERATIONS and span.context:
                self._note(span, span.context, known)

    def marked(self, span: ReadableSpan, attributes: Attributes) -> dict[str, AttributeValue]:
        """Give a span's attributes as they are to be stored: with a mark if another span has its call."""
        made = dict(attributes)
        if made.get(semconv.OPERATION_NAME) not in semconv.LLM_OPERATIONS or span.context is None:
            return made
        if not is_ours(span) and (call := self._find(span, span.context, made)) is not None:
            made[semconv.DUPLICATE_OF] = f"{call.span_id:016x}"
            made[semconv.DUPLICATE_OPERATION] = made.pop(semconv.OPERATION_NAME)
            made[semconv.SPAN_TYPE] = "chain"
        elif self._watching and span.end_time is not None:
            self._note(span, span.context, made)
        return made

    def _find(self, span: ReadableSpan, context: SpanContext, attributes: Attributes) -> _Call | None:
        trace_id, span_id, start = context.trace_id, context.span_id, span.start_time or 0
        response = attributes.get(semconv.RESPONSE_ID)
        answered = self._answers.get((trace_id, str(response))) if response is not None else None
        if answered and answered.span_id != span_id and answered.overlaps(start, span.end_time):
            return answered
        models = _models(attributes)
        beside = [self._children.get((trace_id, span_id))]
        if span.parent is not None:
            beside.append(self._ours.get((trace_id, span.parent.span_id)))
        return next(
            (call for call in beside if call and call.models & models and call.overlaps(start, span.end_time)), None
        )

    def _note(self, span: ReadableSpan, context: SpanContext, attributes: Attributes) -> None:
        trace_id, span_id = context.trace_id, context.span_id
        call = _Call(span_id, _models(attributes), span.start_time or 0, span.end_time)
        response = attributes.get(semconv.RESPONSE_ID)
        with self._lock:
            if is_ours(span):
                _keep(self._ours, (trace_id, span_id), call)
            if span.parent is not None:
                _keep(self._children, (trace_id, span.parent.span_id), call)
            if response is not None:
                _keep(self._answers, (trace_id, str(response)), call)


def is_ours(span: ReadableSpan) -> bool:
    """Tell a span of ours from one that another instrumentation made."""
    scope = span.instrumentation_scope
    return scope is not None and scope.name == SCOPE_NAME


def _models(attributes: Attributes) -> frozenset[str]:
    """Name the models of a call, without the provider that a router puts before them."""
    named = (attributes.get(semconv.REQUEST_MODEL), attributes.get(semconv.RESPONSE_MODEL))
    return frozenset(str(model).rpartition("/")[2] for model in named if model is not None)


def _keep(calls: dict[_Place, _Call], place: _Place, call: _Call) -> None:
    calls[place] = call
    if len(calls) > LIMIT:
        del calls[next(iter(calls))]
