"""Where spans are made: on the user's tracer provider if there is one, otherwise as spans of our own.

The global provider is never set: a program may set it once only, and that chance is the user's. Spans made on the
user's provider reach the user's exporters too, so they carry names, ids, numbers and no content (see `sink`). A span
that the user's sampler refuses is made as our own instead: sampling decides what is exported, not what the notebook
remembers. OpenTelemetry's SDK is imported only by a user who has it already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from nbtrace._guard import guard
from nbtrace._trace import origin
from nbtrace._trace import span as own
from nbtrace._trace.sink import Detail, SpanSink

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

    from nbtrace._trace.duplicates import Calls
    from nbtrace._trace.gate import Gate
    from nbtrace._trace.processor import SinkProcessor

_INHERITED = otel_context.create_key("nbtrace.inherited")
"""Context key of the attributes that every span of ours below takes over (the cell's)."""


class Tracing:
    """Makes spans and sees to it that every span of the process reaches the sink.

    Args:
        sink: who is told of every span.
        version: that of the instrumentation scope.
        ids: what makes the ids of our own spans.
        sharing: called when spans of others are to be expected, because there is a provider of the user's.
        gate: what may draw a sample; without one, all is told at once.
        calls: what may look for duplicates; likewise.
    """

    def __init__(
        self,
        sink: SpanSink,
        *,
        version: str,
        ids: own.Ids | None = None,
        sharing: Callable[[], None] | None = None,
        gate: Gate | None = None,
        calls: Calls | None = None,
    ) -> None:
        self._sink = sink
        self._gate = gate
        self._calls = calls
        self._sharing = sharing or (lambda: None)
        self._ids = ids or own.RANDOM_IDS
        self._origin = (origin.resource(version), origin.scope(version), sink)
        self._users: Any = None
        self._tracer: Tracer | None = None
        self._processor: SinkProcessor | None = None
        self._messages: dict[int, str] = {}
        """What errors said, by span: the span itself must not carry it to exporters of the user's."""
        self._closed = False
        self.shared = False
        """Whether spans are made on the user's provider, so that others may read them."""
        self._attaching = threading.RLock()  # two threads that see a new provider would attach to it twice
        self.attach()

    def attach(self) -> None:
        """Follow the user's provider, also one that was set since the last look."""
        provider: Any = trace.get_tracer_provider()
        if provider is self._users or self._closed or not hasattr(provider, "add_span_processor"):
            return
        from nbtrace._trace.processor import SinkProcessor

        with self._attaching:
            if provider is self._users or self._closed:
                return
            self._detach()
            self._users = provider
            with guard("trace"):  # a provider that fails is not asked again
                processor, ours = SinkProcessor(self._sink), self._origin[1]
                tracer = provider.get_tracer(ours.name, ours.version, ours.schema_url, ours.attributes)
                self._sharing()
                provider.add_span_processor(processor)
                self._processor, self._tracer, self.shared = processor, cast("Tracer", tracer), True

    def start(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue],
        context: Context | None = None,
    ) -> Span:
        """Start a span below the current one, with the attributes of the cell it belongs to."""
        # The public look-up reads the environment each time; this is where it keeps the provider that was set.
        if getattr(trace, "_TRACER_PROVIDER", self) is not self._users:
            self.attach()
        here = otel_context.get_current() if context is None else context
        taken: Any = here.get(_INHERITED)  # this and others that are typed `Any` cost a call less than a cast
        given = {**attributes, **taken} if taken else dict(attributes)
        if self._tracer is not None:
            return self._make(name, here, kind, given)
        own_span: Any = own.make(name, kind, here, given, self._ids, self._origin)
        own_span.announce()
        return own_span

    def untold(
        self, name: str, kind: SpanKind, attributes: dict[str, AttributeValue], context: Context, now: int
    ) -> Any:
        """Make a span that begins now of which nobody is told before `tell`.

        Returns:
            A span of our own with these attributes; None where somebody has to know of it before what happens in it:
            a provider of the user's, or who draws a sample or looks for duplicates.
        """
        # As in `start`: a method for both would cost each call most of a microsecond.
        if getattr(trace, "_TRACER_PROVIDER", self) is not self._users:
            self.attach()
        gate, calls = self._gate, self._calls
        if self._tracer is not None or gate is None or not gate.lets_all or calls is None or calls.watching:
            return None
        return own.make(name, kind, context, attributes.copy(), self._ids, self._origin, start_time=now)

    def tell(self, span: Span, attributes: Mapping[str, AttributeValue], context: Context) -> None:
        """Tell of a span that was `untold`, with the rest of what it begins with, from the context of its making."""
        made: Any = span
        made.attributes.update(attributes, **inherited(context))
        made.announce()

    def _make(
        self,
        name: str,
        context: Context,
        kind: SpanKind,
        given: dict[str, AttributeValue],
        start_time: int | None = None,
    ) -> Span:
        """Make a span on the user's provider, or if there is none or it does not want it, one of our own."""
        flags = own.SAMPLED
        users: trace.Span | None = None
        if self._tracer is not None:
            with guard("trace"):
                users = self._tracer.start_span(name, context, kind, given, start_time=start_time)
        if users is not None:
            if users.is_recording():
                with guard("store"):
                    self._sink.started(cast("Span", users))
                return cast("Span", users)
            flags = users.get_span_context().trace_flags  # or the user's spans below would be exported after all
        made: Any = own.make(name, kind, context, given, self._ids, self._origin, flags, start_time)
        made.announce()
        return made

    def past(
        self,
        name: str,
        *,
        parent: Span,
        times_ns: tuple[int, int],
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        status: Status | None,
        detail: Detail | None = None,
    ) -> None:
        """Make a span of something that is over already, below `parent`."""
        start, end = times_ns
        span = self._make(name, below(parent), kind, {**attributes, **inherited()}, start)
        if status is not None:
            self.fail(span, status.description)
        self.end(span, detail, end)

    def fail(self, span: Span, message: str | None) -> None:
        """Mark a span as failed; what the error says may quote a prompt, so exporters of the user's do not get it.

        Args:
            span: a span of ours that has not ended.
            message: what the error said, without secrets.
        """
        made: object = span
        if isinstance(made, own.Span):
            made.set_status(Status(StatusCode.ERROR, message))
        elif span.is_recording():
            span.set_status(StatusCode.ERROR)
            if message:
                self._messages[span.get_span_context().span_id] = message

    def progress(self, span: Span, detail: Detail) -> None:
        """Say that a running span has come to something, which `detail` tells whoever looks at it."""
        with guard("store"):
            self._sink.progressed(span, detail)

    def end(self, span: Span, detail: Detail | None, end_time: int | None = None) -> None:
        """End a span and see to it that the sink hears of it, whatever has become of the provider meanwhile.

        Args:
            span: a span of ours.
            detail: what is to be built when it is stored.
            end_time: when it ended, in nanoseconds since the epoch; by default now.
        """
        made: object = span
        if isinstance(made, own.Span):
            made.detail = detail
            made.end(end_time)
            return
        with guard("trace"):  # a processor of the user's may fail
            span.end(end_time)
        message = self._messages.pop(span.get_span_context().span_id, None) if self._messages else None
        with guard("store"):
            self._sink.ended(span if message is None else cast("Span", _Described(span, message)), detail)

    def close(self) -> None:
        """Stop receiving spans, for good, and leave the user's provider as it was."""
        with self._attaching:
            self._closed = True
            self._detach()

    def _detach(self) -> None:
        """Take the processor off the provider. The SDK has no public way; a closed one left behind is harmless."""
        processor, provider = self._processor, self._users
        self._users = self._tracer = self._processor = None
        self.shared = False
        if processor is None:
            return
        processor.close()
        active = getattr(provider, "_active_span_processor", None)
        lock = getattr(active, "_lock", None)
        if active is not None and lock is not None:
            with lock:
                kept = tuple(known for known in active._span_processors if known is not processor)  # noqa: SLF001
                active._span_processors = kept  # noqa: SLF001


class _Described:
    """A failed span with what its error said."""

    def __init__(self, span: Span, message: str) -> None:
        self._span = span
        self.status = Status(span.status.status_code, message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)


def below(span: trace.Span, *, inherit: Mapping[str, AttributeValue] | None = None) -> Context:
    """Give the context in which `span` is current, and its descendants inherit attributes."""
    context = own.entered(span, otel_context.get_current())
    return inheriting(inherit, context) if inherit else context


def inheriting(attributes: Mapping[str, AttributeValue], context: Context | None = None) -> Context:
    """Give the context below which spans of ours also take over `attributes`."""
    known = cast("Mapping[str, AttributeValue] | None", otel_context.get_value(_INHERITED, context))
    return otel_context.set_value(_INHERITED, {**(known or {}), **attributes}, context)


def inherited(context: Context | None = None) -> Mapping[str, AttributeValue]:
    """Give what spans of ours take over here, or in a context: the identity of the cell that runs, and more."""
    found: Any = (otel_context.get_current() if context is None else context).get(_INHERITED)
    return found or {}
