"""Which spans reach the sinks: none that began while recording was off, and of the traces as many as are sampled.

A trace is in the sample by its id, as OpenTelemetry's `TraceIdRatioBased` sampler has it, so that processes that share
one agree. A cell is a trace, so a cell is recorded whole or not at all; but a trace in which something fails is always
recorded: the spans of one that is not in the sample are held until its first span ends, and handed on once one of them
has failed. What is held is bounded, and all that is not recorded is counted.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import RLock
from time import time_ns
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import StatusCode

from nbtrace import semconv
from nbtrace._trace.sink import Detail
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

HELD: Final = 2048
"""Spans held of traces that are not in the sample; of more, those of the oldest trace are let go."""
_FAILED: Final = 4096
"""Traces remembered because something failed in them."""
_STARTED: Final = 65_536
"""Spans remembered that began while recording was off; one that never ends must not stay for good."""
_BITS: Final = 2**64 - 1


@dataclass
class Unrecorded:
    """How much was not recorded."""

    traces: int = 0
    spans: int = 0
    calls: int = 0
    """LLM calls among the spans."""

    def add(self, span: ReadableSpan) -> None:
        """Count a span."""
        self.spans += 1
        self.calls += (span.attributes or {}).get(semconv.OPERATION_NAME) in semconv.LLM_OPERATIONS


class Gate:
    """Lets spans through to the sinks, or not."""

    def __init__(self) -> None:
        self.lets_all = True
        """Whether every span is recorded at the moment, those that end as well."""
        self._is_open = True
        self._closed_ns = 0
        self.while_off = Unrecorded()
        self.sampled_out = Unrecorded()
        self._rate = 1.0
        self._lock = RLock()  # a garbage collection in here may end a stream, which comes here again
        self._began_off: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._held: OrderedDict[int, list[tuple[ReadableSpan, Detail | None]]] = OrderedDict()
        self._held_spans = 0
        self._failed: OrderedDict[int, None] = OrderedDict()

    def forked(self) -> None:
        """Go on in a forked process with a lock of its own."""
        self._lock = RLock()
        self._held_spans = sum(map(len, self._held.values()))

    @property
    def is_open(self) -> bool:
        """Whether spans that begin now are recorded."""
        return self._is_open

    @is_open.setter
    def is_open(self, value: bool) -> None:
        if not value:
            self._closed_ns = time_ns()
        self._is_open = value
        self._settle()

    def _settle(self) -> None:
        self.lets_all = self._is_open and self._rate >= 1 and not self._began_off

    @property
    def rate(self) -> float:
        """The share of traces that is recorded, from 0 to 1."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
            raise UsageError.share("sample", value)
        self._rate = float(value)
        self._settle()

    def started(self, span: ReadableSpan) -> bool:
        """Say whether the sinks are to hear of a span that has begun."""
        context = span.context
        if context is None:
            return self._is_open
        if self._is_open or (span.start_time or self._closed_ns) < self._closed_ns:  # it may be told a little later
            return self._is_in(context.trace_id)
        with self._lock:
            self._began_off[context.trace_id, context.span_id] = None
            if len(self._began_off) > _STARTED:
                self._began_off.popitem(last=False)
        return False

    def progressed(self, span: ReadableSpan) -> bool:
        """Say whether the sinks are to hear of a span that goes on."""
        if self.lets_all:
            return True
        context = span.context
        return context is not None and not self._is_off(context) and self._is_in(context.trace_id)

    def ended(self, span: ReadableSpan, detail: Detail | None) -> list[tuple[ReadableSpan, Detail | None]]:
        """Give the ended spans that the sinks are to hear of now."""
        with self._lock:
            return self._admitted(span, detail)

    def _admitted(self, span: ReadableSpan, detail: Detail | None) -> list[tuple[ReadableSpan, Detail | None]]:
        context = span.context
        if context is None:
            return [(span, detail)] if self._is_open else []
        if self._is_off(context):
            del self._began_off[context.trace_id, context.span_id]
            self._settle()
            self.while_off.add(span)
            return []
        trace_id = context.trace_id
        if self._is_in(trace_id):
            return [(span, detail)]
        if span.status.status_code is StatusCode.ERROR:
            self._failed[trace_id] = None
            if len(self._failed) > _FAILED:
                self._failed.popitem(last=False)
            held = self._held.pop(trace_id, [])
            self._held_spans -= len(held)
            return [*held, (span, detail)]
        self._held.setdefault(trace_id, []).append((span, detail))
        self._held_spans += 1
        if span.parent is None or span.parent.is_remote:
            self._let_go(trace_id)
        while self._held_spans > HELD:
            self._let_go(next(iter(self._held)))
        return []

    def _is_off(self, context: SpanContext) -> bool:
        return (context.trace_id, context.span_id) in self._began_off

    def _is_in(self, trace_id: int) -> bool:
        return self._rate >= 1 or trace_id & _BITS < round(self._rate * (_BITS + 1)) or trace_id in self._failed

    def _let_go(self, trace_id: int) -> None:
        self.sampled_out.traces += 1
        for span, _ in self._held.pop(trace_id):
            self._held_spans -= 1
            self.sampled_out.add(span)
