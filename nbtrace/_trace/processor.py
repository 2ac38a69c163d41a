"""The hinge between OpenTelemetry and the store: a span processor that forwards starts and ends to a sink.

Capture puts on a span only what is small and safe for any exporter that the user has attached; prompts and answers
travel beside the span as a *detail*, a function that the sink evaluates later, off the call's path. Nothing here
knows Arrow, and nothing behind the sink knows OpenTelemetry beyond `ReadableSpan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.util.types import AttributeValue

from nbtrace._guard import guard

Attributes = Mapping[str, AttributeValue]

Detail = Callable[[], Attributes]
"""The rest of a span's attributes, built when first needed. It closes over immutable values only."""


class SpanSink(Protocol):
    """What the store offers to the tracing side. Both methods are called on the user's thread and must be quick."""

    def started(self, span: ReadableSpan) -> None:
        """Take note of a span that has begun."""
        ...

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Take a span that is over; it supersedes its start."""
        ...


class SinkProcessor(SpanProcessor):
    """Forward every span of a provider to a sink until closed.

    The SDK has no way to remove a processor from a provider, so a closed one stays attached and does nothing.
    """

    def __init__(self, sink: SpanSink) -> None:
        self._sink: SpanSink | None = sink
        self._details: dict[int, Detail] = {}

    def attach(self, span_id: int, detail: Detail) -> None:
        """Give the detail of a span that is about to end."""
        if self._sink is not None:
            self._details[span_id] = detail

    def close(self) -> None:
        """Stop forwarding, for good."""
        self._sink = None
        self._details.clear()

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
                sink.ended(span, detail)

    def shutdown(self) -> None:
        """Keep what was received: the store outlives the provider."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
