"""A span processor that forwards the spans of the user's tracer provider to a sink.

Imported only once there is such a provider: it needs OpenTelemetry's SDK, which is then loaded already.
"""

from __future__ import annotations

from typing import Any, cast

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Status

from nbtrace._guard import guard
from nbtrace._trace.sink import Detail, SpanSink


class SinkProcessor(SpanProcessor):
    """Forward every span of a provider to a sink until closed.

    The SDK has no way to remove a processor from a provider, so a closed one stays attached and does nothing.
    """

    def __init__(self, sink: SpanSink) -> None:
        self._sink: SpanSink | None = sink
        self._details: dict[int, Detail] = {}
        self._messages: dict[int, str] = {}

    def attach(self, span_id: int, detail: Detail) -> None:
        """Give the detail of a span that is about to end."""
        if self._sink is not None:
            self._details[span_id] = detail

    def describe(self, span_id: int, message: str) -> None:
        """Give what the error of a span that is about to end said."""
        if self._sink is not None:
            self._messages[span_id] = message

    def close(self) -> None:
        """Stop forwarding, for good."""
        self._sink = None
        self._details.clear()
        self._messages.clear()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        sink = self._sink
        if sink is not None:
            with guard("store"):
                sink.started(span)

    def on_end(self, span: ReadableSpan) -> None:
        sink = self._sink
        if sink is not None:
            with guard("store"):
                context = span.context
                detail = self._details.pop(context.span_id, None) if context and self._details else None
                message = self._messages.pop(context.span_id, None) if context and self._messages else None
                sink.ended(span if message is None else cast("ReadableSpan", _Described(span, message)), detail)

    def shutdown(self) -> None:
        """Keep what was received: the store outlives the provider."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class _Described:
    """A failed span with what its error said, which the span itself must not carry to other exporters."""

    def __init__(self, span: ReadableSpan, message: str) -> None:
        self._span = span
        self.status = Status(span.status.status_code, message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)
