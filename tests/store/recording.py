"""A store behind a real provider, with ids that count up and times that a test gives."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext

from nbtrace._trace.processor import SinkProcessor

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from nbtrace._store.snapshot import Snapshot
    from nbtrace._trace.sink import SpanSink

START = 1_700_000_000_123_456_789


class CountingIds(IdGenerator):
    """Ids 1, 2, 3, ..."""

    def __init__(self) -> None:
        self._spans = itertools.count(1)
        self._traces = itertools.count(1)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def generate_trace_id(self) -> int:
        return next(self._traces)


def tracer_into(store: SpanSink, limits: SpanLimits | None = None) -> Tracer:
    """Give a tracer whose spans go to a store, or to whatever else takes them."""
    resource = Resource({"service.name": "notebook"}, "https://example.org/resource")
    provider = TracerProvider(resource=resource, id_generator=CountingIds(), span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(store))
    return provider.get_tracer("scope", "1.2", "https://example.org/scope", {"part": "a"})


def names(table: Snapshot) -> list[Any]:
    return table["name"].to_pylist()


def ended(name: str, span_id: int = 1, **parts: Any) -> ReadableSpan:
    context = SpanContext(1, span_id, is_remote=False)
    return ReadableSpan(name, context, resource=Resource({}), start_time=START, end_time=START + 1, **parts)
