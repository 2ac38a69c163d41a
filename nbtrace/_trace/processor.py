"""A span processor that forwards the spans of others, made on the user's tracer provider, to a sink.

Those of our own are told by who makes them (`provider`), with what they must not carry to the user's exporters.
Imported only once there is such a provider: it needs OpenTelemetry's SDK, which is then loaded already.
"""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from nbtrace._guard import guard
from nbtrace._trace.sink import SpanSink
from nbtrace._trace.span import is_ours


class SinkProcessor(SpanProcessor):
    """Forward every span of others to a sink until closed.

    The SDK has no way to remove a processor from a provider, so a closed one stays attached and does nothing.
    """

    def __init__(self, sink: SpanSink) -> None:
        self._sink: SpanSink | None = sink

    def close(self) -> None:
        """Stop forwarding, for good."""
        self._sink = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        sink = self._sink
        if sink is not None:
            with guard("store"):
                if not is_ours(span):
                    sink.started(span)

    def on_end(self, span: ReadableSpan) -> None:
        sink = self._sink
        if sink is not None:
            with guard("store"):
                if not is_ours(span):
                    sink.ended(span, None)

    def shutdown(self) -> None:
        """Keep what was received: the store outlives the provider."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
