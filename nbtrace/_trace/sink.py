"""The hinge between OpenTelemetry and the store.

Capture puts on a span only what is small and safe for any exporter that the user has attached; prompts and answers
travel beside the span as a *detail*, a function that the sink evaluates later, off the call's path. Nothing on this
side knows Arrow, and nothing behind the sink knows OpenTelemetry beyond the spans it is told of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from opentelemetry.util.types import AttributeValue

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

Attributes = Mapping[str, AttributeValue]

Detail = Callable[[], Attributes]
"""The rest of a span's attributes, built when first needed. It closes over immutable values only, and may say as `size`
how many bytes it holds meanwhile."""


class SpanSink(Protocol):
    """What the store offers to the tracing side. All methods are called on the user's thread and must be quick."""

    def started(self, span: ReadableSpan) -> None:
        """Take note of a span that has begun."""
        ...

    def progressed(self, span: ReadableSpan, detail: Detail) -> None:
        """Take a running span that has come to something: until it ends, `detail` says at each look what that is."""
        ...

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Take a span that is over; it supersedes its start."""
        ...
