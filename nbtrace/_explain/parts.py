"""The parts of a span, and the attributes of what is around it: its resource, its scope, an exception."""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from nbtrace._explain.entry import Entry


class Part(NamedTuple):
    """A field of a span, in OTLP's own word and in plain ones."""

    title: str
    why: str


PARTS: Final = {
    "traceId": Part("trace id", "All spans of one piece of work share it, over threads, processes and machines."),
    "spanId": Part("span id", "This span's own name within its trace; what scores and links point to."),
    "parentSpanId": Part("parent", "The span that this one happened in. Without one it is the root of its trace."),
    "traceState": Part("trace state", "Notes of tracing systems that the trace has passed through."),
    "flags": Part("flags", "Whether the trace was to be recorded, and whether the parent is in another process."),
    "name": Part("name", "What is done, in few different words, so that spans of one name can be counted together."),
    "kind": Part("kind", "Which side of a call: `CLIENT` waits for somebody else, `INTERNAL` is the program's own."),
    "startTimeUnixNano": Part("start", "When it began, in nanoseconds since 1970, which is why it is a text in JSON."),
    "endTimeUnixNano": Part("end", "When it ended. Its duration is stored nowhere: it is end minus start."),
    "status": Part("status", "`ERROR` is a failure. `UNSET` is the usual case: nobody said that anything was wrong."),
    "attributes": Part("attributes", "What is known about it: names that are agreed on, each with a typed value."),
    "droppedAttributesCount": Part("dropped attributes", "How many were lost before nbtrace saw the span."),
    "events": Part("events", "What happened at a moment within it: an exception, a judgement."),
    "droppedEventsCount": Part("dropped events", "How many were lost before nbtrace saw the span."),
    "links": Part("links", "Other spans that it has to do with and that are not its parent."),
    "droppedLinksCount": Part("dropped links", "How many were lost before nbtrace saw the span."),
    "resource": Part("resource", "Who speaks: the process or notebook. All of its spans share it, so it is sent once."),
    "scope": Part("scope", "Which instrumentation made the span, with its version. Here mostly nbtrace itself."),
    "schemaUrl": Part("schema URL", "Which version of the conventions the names are from."),
}
"""By the name that OTLP's JSON has for it."""

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES: Final = ("UNSET", "OK", "ERROR")

_resource = partial(Entry, "resource")
_process = partial(Entry, "process")
_exception = partial(Entry, "exception")

AROUND: Final[tuple[Entry, ...]] = (
    _resource("service.name", "string", "required", "Backends file everything under it. Here the notebook's name."),
    _resource("service.instance.id", "string", "recommended", "Tells this kernel from any other run of the notebook."),
    _resource("telemetry.sdk.language", "string", "required", "The language of what made the spans."),
    _resource("telemetry.sdk.name", "string", "required", "What made the spans."),
    _resource("telemetry.sdk.version", "string", "required", "Its version."),
    _process("process.runtime.name", "string", "recommended", "Which Python it is, such as `cpython`."),
    _process("process.runtime.version", "string", "recommended", "The version of Python."),
    _exception("exception.type", "string", "conditionally required", "The class of what was raised.",
        when="without a message"),
    _exception("exception.message", "string", "conditionally required", "What it said.", when="without a type"),
    _exception("exception.stacktrace", "string", "recommended", "Where it came from, frame by frame."),
    Entry("none", "exception.escaped", "string", "extra",
        "Whether it left the span. The conventions had this name, and have given it up."),
)  # fmt: skip
"""What nbtrace writes that is no attribute of a span."""
