"""Spans of our own, for a process without a tracer provider of the user's.

They are OpenTelemetry spans by API and by what they hold. The SDK's would do the same with thirty objects instead of
five, which every garbage collection walks, and its import takes most of what `%load_ext` may cost. They have no
limits, so nothing is cut, and ids of a generator of their own: the SDK's draws from `random`, and so would change what
a seeded notebook computes.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from random import Random
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes as OptionalAttributes
from opentelemetry.util.types import AttributeValue

from nbtrace._guard import caught

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._trace.sink import Attributes, Detail, SpanSink

SCOPE_NAME: Final = "nbtrace"
"""The name of our instrumentation scope."""

_UNSET = Status(StatusCode.UNSET)
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NO_STATE = trace.INVALID_SPAN_CONTEXT.trace_state
(_CURRENT,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
"""Context key of the current span: the API names it nowhere, and its own way there is five calls of Python's."""


class Ids(Protocol):
    """What makes ids, as the SDK's `IdGenerator` does."""

    def generate_span_id(self) -> int:
        """Give 64 bits that are not all zero."""
        ...

    def generate_trace_id(self) -> int:
        """Give 128 bits that are not all zero."""
        ...


class RandomIds:
    """Random ids from a generator that nobody else draws from or seeds; a forked process draws others."""

    def __init__(self) -> None:
        self._random = Random()  # noqa: S311 - ids need to be unique, not secret
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._random.seed)

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        return self._random.getrandbits(128) or self.generate_trace_id()


RANDOM_IDS = RandomIds()
"""One for the process: what it registers for forks stays."""


@dataclass(frozen=True)
class Resource:
    """What made the spans: an OpenTelemetry resource."""

    attributes: Mapping[str, AttributeValue]
    schema_url: str = ""


@dataclass(frozen=True)
class Scope:
    """What instrumented the code: an OpenTelemetry instrumentation scope."""

    name: str
    version: str
    schema_url: str
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])


class OwnContext(SpanContext):
    """A span's context, of which what it is made of is read some ten times a span: without a call of Python's here."""

    trace_id = property(itemgetter(0))  # pyright: ignore[reportIncompatibleMethodOverride]
    span_id = property(itemgetter(1))  # pyright: ignore[reportIncompatibleMethodOverride]
    trace_state = property(itemgetter(4))  # pyright: ignore[reportIncompatibleMethodOverride]
    is_valid = property(itemgetter(5))  # pyright: ignore[reportIncompatibleMethodOverride]


class Event(NamedTuple):
    """Something that happened at a moment of a span."""

    name: str
    timestamp: int
    """Nanoseconds since the epoch."""
    attributes: Mapping[str, AttributeValue]
    dropped_attributes: int = 0


class Span(trace.Span):
    """A span that tells a sink of its end; readable as the SDK's `ReadableSpan` is."""

    __slots__ = (
        "_sink", "attributes", "context", "detail", "end_time", "events", "instrumentation_scope", "kind", "links",
        "name", "parent", "resource", "start_time", "status",
    )  # fmt: skip

    dropped_attributes = dropped_events = dropped_links = 0

    def __init__(  # noqa: PLR0917 - made in one place, on the call's path
        self,
        name: str,
        kind: SpanKind,
        context: SpanContext,
        parent: SpanContext | None,
        attributes: dict[str, AttributeValue],
        origin: tuple[Resource, Scope, SpanSink],
        start_time: int | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.parent = parent
        self.attributes = attributes
        self.resource, self.instrumentation_scope, self._sink = origin
        self.status = _UNSET
        self.events: tuple[Event, ...] = ()
        self.links: tuple[Link, ...] = ()
        self.detail: Detail | None = None
        """What is built when the span is stored."""
        self.end_time: int | None = None
        self.start_time = start_time or time_ns()

    def get_span_context(self) -> SpanContext:
        return self.context

    def is_recording(self) -> bool:
        return self.end_time is None

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Attributes) -> None:
        if self.end_time is None:
            self.attributes.update((key, _frozen(value)) for key, value in attributes.items())

    def update_name(self, name: str) -> None:
        if self.end_time is None:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        made = status if isinstance(status, Status) else Status(status, description)
        settled = self.status.status_code is StatusCode.OK or made.status_code is StatusCode.UNSET
        if self.end_time is None and not settled:
            self.status = made

    def add_event(self, name: str, attributes: OptionalAttributes = None, timestamp: int | None = None) -> None:
        if self.end_time is None:
            frozen = {key: _frozen(value) for key, value in (attributes or {}).items()}
            self.events = (*self.events, Event(name, timestamp or time_ns(), frozen))

    def add_link(self, context: SpanContext, attributes: OptionalAttributes = None) -> None:
        if self.end_time is None:
            self.links = (*self.links, Link(context, attributes))

    def record_exception(
        self,
        exception: BaseException,
        attributes: OptionalAttributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        kind = type(exception)
        found: dict[str, AttributeValue] = {
            "exception.type": kind.__qualname__
            if kind.__module__ == "builtins"
            else f"{kind.__module__}.{kind.__qualname__}",
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**found, **(attributes or {})}, timestamp)

    def announce(self) -> None:
        """Tell the sink that the span has begun."""
        try:
            self._sink.started(self)  # pyright: ignore[reportArgumentType] - readable as the SDK's is
        except Exception as error:  # noqa: BLE001 - as the guard does
            caught("store", error)

    def end(self, end_time: int | None = None) -> None:
        if self.end_time is None:
            self.end_time = end_time or time_ns()
            detail, self.detail = self.detail, None  # which knows this span: together they would wait for the collector
            try:
                self._sink.ended(self, detail)  # pyright: ignore[reportArgumentType] - readable as the SDK's is
            except Exception as error:  # noqa: BLE001 - as the guard does
                caught("store", error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is not None:
            self.record_exception(error)
            self.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        self.end()


def make(  # noqa: PLR0917 - on the call's path
    name: str,
    kind: SpanKind,
    context: Context,
    attributes: dict[str, AttributeValue],
    ids: Ids,
    origin: tuple[Resource, Scope, SpanSink],
    flags: TraceFlags = SAMPLED,
    start_time: int | None = None,
) -> Span:
    """Make a span below the current one, or of a new trace if there is none; who makes it announces it.

    Args:
        name: the span's name.
        kind: its kind.
        context: in which the span above is current.
        attributes: what it begins with; taken over, not copied.
        ids: what makes its ids.
        origin: its resource, its scope, and whom it tells.
        flags: whether spans below it that others make are to be exported.
        start_time: when it began, in nanoseconds since the epoch; by default now.
    """
    above: Any = context.get(_CURRENT)
    parent = above.context if type(above) is Span else trace.get_current_span(context).get_span_context()
    if parent.is_valid:
        trace_id, state = parent.trace_id, parent.trace_state
    else:
        trace_id, state, parent = ids.generate_trace_id(), _NO_STATE, None
    # As `SpanContext` makes itself of ids that it has to check.
    made: OwnContext = tuple.__new__(OwnContext, (trace_id, ids.generate_span_id(), False, flags, state, True))
    return Span(name, kind, made, parent, attributes, origin, start_time)


def entered(span: trace.Span, context: Context) -> Context:
    """Give a context in which `span` is current, and all else as in `context`."""
    made = Context(context)
    dict.__setitem__(made, _CURRENT, span)
    return made


def is_ours(span: ReadableSpan) -> bool:
    """Tell a span of ours, also one on the user's provider, from one that another instrumentation made."""
    scope = span.instrumentation_scope
    return scope is not None and scope.name == SCOPE_NAME


def _frozen(value: AttributeValue) -> AttributeValue:
    """Copy what its owner may change later."""
    if isinstance(value, list):
        return tuple(value)
    return dict(value) if isinstance(value, dict) else value
