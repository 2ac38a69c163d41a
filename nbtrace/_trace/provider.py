"""Where spans are made: the user's tracer provider if there is one, otherwise a private one.

The global provider is never set: a program may set it once only, and that chance is the user's. Spans made on the
user's provider reach the user's exporters too, so they carry names, ids, numbers and no content (see `processor`). A
span that the user's sampler refuses is made on the private provider instead: sampling decides what is exported, not
what the notebook remembers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.processor import SinkProcessor, SpanSink

SCOPE_NAME = "nbtrace"

_INHERITED = otel_context.create_key("nbtrace.inherited")
"""Context key of the attributes that every span of ours below takes over (the cell's)."""


class Tracing:
    """Makes spans and sees to it that every span of the process reaches the sink."""

    def __init__(self, sink: SpanSink, *, version: str, id_generator: IdGenerator | None = None) -> None:
        self.processor = SinkProcessor(sink)
        self._version = version
        self._private = TracerProvider(
            sampler=ALWAYS_ON,
            resource=_resource(),
            id_generator=id_generator,
            # Limits would drop or cut attributes silently; the store has room.
            span_limits=SpanLimits(*(SpanLimits.UNSET,) * 8),
            shutdown_on_exit=False,
        )
        self._private.add_span_processor(self.processor)
        self._private_tracer = self._private.get_tracer(SCOPE_NAME, version, schema_url=semconv.SCHEMA_URL)
        self._tracer = self._private_tracer
        self._users: Any = None
        self.attach()

    @property
    def shared(self) -> bool:
        """Whether spans are made on the user's provider, so that others may read them."""
        return self._users is not None

    @property
    def disabled(self) -> bool:
        """Whether `OTEL_SDK_DISABLED` keeps the SDK from making spans at all."""
        return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"

    def attach(self) -> None:
        """Follow the user's provider, also one that was set since the last look."""
        provider: Any = trace.get_tracer_provider()
        if provider is self._users or not hasattr(provider, "add_span_processor"):
            return
        _remove(self._users, self.processor)
        provider.add_span_processor(self.processor)
        self._users = provider
        self._tracer = cast("Tracer", provider.get_tracer(SCOPE_NAME, self._version, schema_url=semconv.SCHEMA_URL))

    def start(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue],
        context: Context | None = None,
    ) -> Span:
        """Start a span below the current one, with the attributes of the cell it belongs to."""
        self.attach()
        inherited = cast("Mapping[str, AttributeValue] | None", otel_context.get_value(_INHERITED, context))
        if inherited:
            attributes = {**attributes, **inherited}
        span = self._tracer.start_span(name, context, kind, attributes)
        if not span.is_recording():
            span = self._private_tracer.start_span(name, context, kind, attributes)
        return cast("Span", span)

    def close(self) -> None:
        """Stop receiving spans and leave the user's provider as it was."""
        _remove(self._users, self.processor)
        self.processor.close()
        self._users = None
        self._tracer = self._private_tracer


def below(span: Span, *, inherit: Mapping[str, AttributeValue] | None = None) -> Context:
    """Give the context in which `span` is current, and its descendants inherit attributes."""
    context = trace.set_span_in_context(span)
    return otel_context.set_value(_INHERITED, inherit, context) if inherit else context


def _resource() -> Resource:
    # Resource.create() would run every installed detector; some of them ask the network.
    notebook = PurePath(os.environ.get("JPY_SESSION_NAME", "")).stem
    own = Resource({"service.name": notebook or "notebook"})
    named = OTELResourceDetector().detect()
    return Resource.get_empty().merge(Resource(_sdk())).merge(own).merge(named)


def _sdk() -> dict[str, AttributeValue]:
    from opentelemetry.sdk.version import __version__

    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": __version__,
    }


def _remove(provider: Any, processor: SinkProcessor) -> None:
    """Take a processor off a provider. The SDK has no public way; a closed processor left behind is harmless."""
    active = getattr(provider, "_active_span_processor", None)
    lock = getattr(active, "_lock", None)
    if active is not None and lock is not None:
        with lock:
            active._span_processors = tuple(p for p in active._span_processors if p is not processor)
