"""One span taken apart: its parts, its attributes with what is known of each, its OTLP, what backends make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from nbtrace._explain.chat import Said, conversation
from nbtrace._explain.entry import Entry
from nbtrace._explain.glossary import find
from nbtrace._explain.happened import happened
from nbtrace._explain.parts import KINDS, PARTS, STATUSES
from nbtrace._explain.pretty import dumped, mark
from nbtrace._explain.received import Json, Received, document, plain, received, span_of
from nbtrace._export.facts import Facts
from nbtrace._export.prepare import Prepared, around
from nbtrace._store.schema import HAS_IS_REMOTE, IS_REMOTE
from nbtrace._store.snapshot import Snapshot

FIELDS: Final = (
    "traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
    "status", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount",
)  # fmt: skip
"""Parts that have one value."""
SAMPLED: Final = 1
"""OTLP's bit of a span's flags that W3C's has too."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of the span."""

    key: str
    """OTLP's name of the part, or the `mark` of the attribute."""
    title: str
    value: str
    why: str
    """What it is; of an attribute that is not in the glossary, that it is not."""
    entry: Entry | None = None
    note: str = ""
    """What is odd about it; of an attribute that is not in the glossary, its type."""


@dataclass(frozen=True, slots=True)
class Group:
    """Facts with a name and a meaning of their own: an event, a link, the resource, the scope."""

    key: str
    title: str
    why: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """The span."""

    row: Json
    type: str
    """What it is, as `nbtrace.spans(kind=...)` has it."""
    happened: list[str]
    """How it ended and why, a sentence each."""
    said: list[Said]
    parts: list[Fact]
    attributes: list[Fact]
    groups: list[Group]
    otlp: Json
    """The document with this one span, as the exporter writes it."""
    backends: list[Received]


def explained(spans: Snapshot, trace_id: str, span_id: str) -> Explained | None:
    """Take a span apart.

    Args:
        spans: all that are there.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.

    Returns:
        What is known of it; none if it is not among the spans.
    """
    from nbtrace._query.select import of_trace

    trace = of_trace(spans, trace_id)
    wanted = bytes.fromhex(span_id)
    ids: list[Any] = trace["span_id"].to_pylist()
    if wanted not in ids:
        return None
    one = trace.slice(ids.index(wanted), 1).with_own_scores()
    (row,) = Prepared(one)
    traces = around(trace)
    facts = Facts(row, traces[row["trace_id"]])
    found = document(row)
    span = span_of(found)
    return Explained(
        row,
        facts.type,
        happened(facts, trace),
        conversation(facts),
        list(_parts(span, ids)),
        [_attribute(pair) for pair in span.get("attributes", ())],
        list(_groups(found)),
        found,
        list(received(one, traces)),
    )


def _parts(span: Json, known: list[bytes]) -> Iterator[Fact]:
    for key in FIELDS:
        # What is zero or empty is not written, which for kind, status and parent is an answer too.
        if key in span or key in {"parentSpanId", "kind", "status"}:
            yield Fact(key, PARTS[key].title, _part(key, span, known), PARTS[key].why)
    if "startTimeUnixNano" in span and "endTimeUnixNano" not in span:
        yield Fact("endTimeUnixNano", "end", "none: it has not ended", PARTS["endTimeUnixNano"].why)


def _part(key: str, span: Json, known: list[bytes]) -> str:
    """Word the value of a part."""
    value: Any = span.get(key)
    match key:
        case "parentSpanId" if value is None:
            return "none: this is a root"
        case "parentSpanId" if bytes.fromhex(value) not in known:
            return f"{value}, which is not among the spans here"
        case "kind":
            return _named(KINDS, value or 0)
        case "status":
            said = f": {value['message']}" if value.get("message") else ""
            return _named(STATUSES, value.get("code", 0)) + said
        case "flags":
            return f"{value} ({', '.join(_flags(value))})"
        case "startTimeUnixNano" | "endTimeUnixNano":
            return f"{value}, {_when(int(value))}"
        case _:
            return str(value)


def _named(names: tuple[str, ...], number: int) -> str:
    return f"{number}, {names[number] if 0 <= number < len(names) else 'not known'}"


def _flags(flags: int) -> Iterator[str]:
    yield "to be recorded" if flags & SAMPLED else "not sampled"
    if flags & HAS_IS_REMOTE:
        yield "parent in another process" if flags & IS_REMOTE else "parent in this process"


def _when(unix_nano: int) -> str:
    whole, rest = divmod(unix_nano, 10**9)
    try:
        return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest:09} UTC"
    except (ValueError, OverflowError, OSError):
        return "at no time that a calendar has"


def _attribute(pair: Json) -> Fact:
    """Tell of an attribute what the glossary knows."""
    key, value = pair["key"], pair.get("value", {})
    entry = find(key)
    shown = plain(value)
    told = shown if isinstance(shown, str) else dumped(shown)
    kind = _kind(value)
    if entry is None:
        return Fact(
            mark(key), key, told, "Not in the glossary: it is your own, or of another instrumentation.", note=kind
        )
    fits = entry.type in {kind, "any"} or (entry.type, kind) == ("double", "int")
    return Fact(mark(key), key, told, entry.why, entry, "" if fits else f"here a {kind}")


_KINDS: Final = {
    "stringValue": "string", "intValue": "int", "doubleValue": "double", "boolValue": "boolean", "bytesValue": "bytes",
    "kvlistValue": "map",
}  # fmt: skip


def _kind(value: Json) -> str:
    """Name the type of a value as the conventions do."""
    kind = next(iter(value), "")
    if kind != "arrayValue":
        return _KINDS.get(kind, "empty value")
    kinds = {_kind(one) for one in value[kind].get("values", ())}
    return f"{kinds.pop()}[]" if len(kinds) == 1 else "string[]" if not kinds else "array"


def _groups(found: Json) -> Iterator[Group]:
    resource = found["resourceSpans"][0]
    scope = resource["scopeSpans"][0]
    span = span_of(found)
    told = scope["scope"]
    named = " ".join(str(told[name]) for name in ("name", "version") if name in told)
    yield Group("resource", "resource", PARTS["resource"].why, (*_all(resource["resource"]), *_schema(resource)))
    yield Group("scope", f"scope {named}", PARTS["scope"].why, (*_all(told), *_schema(scope)))
    for event in span.get("events", ()):
        after = int(event.get("timeUnixNano", 0)) - int(span.get("startTimeUnixNano", 0))
        when = f", {after / 1e9:.3f} s after the start" if "timeUnixNano" in event else ""
        yield Group("events", f"event {event.get('name', '')}{when}", PARTS["events"].why, _all(event))
    for link in span.get("links", ()):
        title = f"link to {link.get('spanId', '')} of {link.get('traceId', '')}"
        yield Group("links", title, PARTS["links"].why, _all(link))


def _all(holder: Json) -> tuple[Fact, ...]:
    return tuple(_attribute(pair) for pair in holder.get("attributes", ()))


def _schema(holder: Json) -> Iterator[Fact]:
    if url := holder.get("schemaUrl"):
        yield Fact("schemaUrl", PARTS["schemaUrl"].title, url, PARTS["schemaUrl"].why)
