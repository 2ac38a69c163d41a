"""Our own spans behave as the SDK's do."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from nbtrace._trace import span as own
from tests.conftest import CountingIds

NONE = trace.INVALID_SPAN_CONTEXT
FAR = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "1")]))


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def started(self, span: Any) -> None:
        self.told.append(("started", span.name))

    def progressed(self, span: Any, detail: Any) -> None:
        self.told.append(("progressed", span.name))

    def ended(self, span: Any, detail: Any) -> None:
        self.told.append(("ended", span.name))


def make(sink: Kept, parent: SpanContext = NONE, **attributes: Any) -> own.Span:
    """Make a span of our own."""
    origin = (own.Resource({"service.name": "t"}), own.Scope("s", "1", ""), sink)
    span = own.make("step", SpanKind.CLIENT, inside(parent), attributes, CountingIds(), origin)
    span.announce()
    return span


def inside(parent: SpanContext) -> Context:
    """Give a context in which a span of others is current."""
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def of_the_sdk(parent: SpanContext = NONE, **attributes: Any) -> Any:
    """Make the same span by the SDK."""
    tracer = TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False).get_tracer("s", "1")
    return tracer.start_span("step", inside(parent), SpanKind.CLIENT, attributes)


def told(span: Any) -> dict[str, Any]:
    """Read what a sink reads, but for the times."""
    return {
        "name": span.name,
        "kind": span.kind,
        "ids": (span.context.trace_id, span.context.span_id, span.context.is_remote, dict(span.context.trace_state)),
        "sampled": span.context.trace_flags.sampled,
        "parent": span.parent,
        "status": (span.status.status_code, span.status.description),
        "attributes": dict(span.attributes),
        "events": [(event.name, dict(event.attributes), event.dropped_attributes) for event in span.events],
        "links": [(link.context, dict(link.attributes or {}), link.dropped_attributes) for link in span.links],
        "scope": (span.instrumentation_scope.name, span.instrumentation_scope.version),
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "recording": span.is_recording(),
    }


def write(span: Any) -> None:
    """Do to a span all that its API offers."""
    changing = [1, 2]
    span.set_attribute("list", changing)
    span.set_attributes({"text": "a", "number": 1})
    changing.append(3)
    span.update_name("renamed")
    span.add_event("happened", {"where": "here"}, 5)
    span.add_link(FAR, {"why": "because"})
    span.set_status(Status(StatusCode.UNSET))
    span.set_status(StatusCode.ERROR, "first")
    span.set_status(Status(StatusCode.ERROR, "second"))


@pytest.mark.parametrize("parent", [NONE, FAR], ids=["root", "child"])
def test_a_span_of_ours_reads_as_the_sdks(parent: SpanContext) -> None:
    ours, theirs = make(Kept(), parent, begun="with"), of_the_sdk(parent, begun="with")
    for span in (ours, theirs):
        write(span)
    assert told(ours) == told(theirs)
    for span in (ours, theirs):
        span.set_status(StatusCode.OK)
        span.set_status(StatusCode.ERROR, "too late")
        span.end(9)
    assert told(ours) == told(theirs)
    assert (ours.end_time, theirs.end_time) == (9, 9)
    assert ours.get_span_context() is ours.context


def test_an_ended_span_takes_no_more_and_tells_once() -> None:
    sink = Kept()
    span = make(sink)
    span.end()
    before = told(span)
    write(span)
    span.record_exception(ValueError("late"))
    span.end(1)
    assert told(span) == before
    assert sink.told == [("started", "step"), ("ended", "step")]


def test_an_exception_is_recorded_as_the_sdk_does() -> None:
    ours, theirs = make(Kept()), of_the_sdk()
    for span in (ours, theirs):
        with pytest.raises(ZeroDivisionError), trace.use_span(span, end_on_exit=True):
            _ = 1 / 0
    assert [event.name for event in ours.events] == ["exception"]
    (mine,), (sdks,) = ours.events, theirs.events
    assert {**mine.attributes, "exception.stacktrace": ""} == {**sdks.attributes, "exception.stacktrace": ""}
    assert "ZeroDivisionError: division by zero" in str(mine.attributes["exception.stacktrace"])
    assert (ours.status.status_code, ours.status.description) == (theirs.status.status_code, theirs.status.description)


def test_as_a_context_manager_it_ends_with_the_error() -> None:
    span = make(Kept())
    with pytest.raises(OSError, match="gone"), span:
        message = "gone"
        raise OSError(message)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "OSError: gone")
    assert span.end_time is not None


def test_ids_leave_the_users_random_numbers_alone() -> None:
    ids = own.RandomIds()
    random.seed(1)
    expected = random.random()
    random.seed(1)
    first = ids.generate_trace_id(), ids.generate_span_id()
    assert random.random() == expected
    random.seed(1)
    assert (ids.generate_trace_id(), ids.generate_span_id()) != first
    assert 0 < first[0] < 2**128
    assert 0 < first[1] < 2**64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_draws_other_ids() -> None:
    script = """
import os
from nbtrace._trace.span import RandomIds
ids = RandomIds()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, str(ids.generate_trace_id()).encode())
    os._exit(0)
os.wait()
print(os.read(read, 100).decode() != str(ids.generate_trace_id()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_link_given_to_a_span_is_opentelemetrys() -> None:
    span = make(Kept())
    span.add_link(FAR)
    assert [type(link) for link in span.links] == [Link]
