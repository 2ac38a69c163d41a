"""Makes spans of what files say: objects that read like the SDK's, of plain values of any type, wrong ones too.

A reader fills in a `Draft`, whose values may be anything; `span` keeps what can be kept, and says of the rest what it
did instead. An id of the wrong length becomes one of the right length, always the same, so that children still find
their parents. A time that is none is none, and nothing is guessed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.trace import StatusCode

from nbtrace import semconv

if TYPE_CHECKING:
    from collections import Counter

DEPTH: Final = 32
"""Arrays and maps inside each other that are kept as such; what is deeper is kept as JSON text."""

MOST: Final = 2**53
"""Of tokens, or of anything else that is added up."""

LATEST: Final = 2**63 - 1
"""Nanoseconds, in the year 2262."""

NUMBERS: Final = (
    semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS, semconv.USAGE_CACHE_READ, semconv.USAGE_CACHE_WRITE,
    semconv.USAGE_REASONING, semconv.USAGE_COST, semconv.RESPONSE_TIME_TO_FIRST_CHUNK,
)  # fmt: skip
"""Attributes that are added up; one that is negative or no number would spoil the sum."""


@dataclass(slots=True)
class ReadContext:
    """A span's own context, or one that it links to."""

    trace_id: int
    span_id: int
    trace_state: ReadState | None
    otlp_flags: int
    """OTLP's flags as they were written."""
    trace_flags: int = 0
    is_remote: bool = False


@dataclass(slots=True)
class ReadState:
    """A W3C tracestate as it was written."""

    header: str

    def to_header(self) -> str:
        """Give it as it was written."""
        return self.header


@dataclass(slots=True)
class Valued:
    """A number in place of the SDK's enum with that value."""

    value: int


@dataclass(slots=True)
class ReadStatus:
    """A span's status."""

    status_code: StatusCode
    description: str | None


@dataclass(slots=True)
class ReadEvent:
    """An event."""

    name: str
    timestamp: int | None
    attributes: dict[str, Any]
    dropped_attributes: int


@dataclass(slots=True)
class ReadLink:
    """A link."""

    context: ReadContext
    attributes: dict[str, Any]
    dropped_attributes: int


class ReadOrigin:
    """A resource or a scope."""

    def __init__(self, attributes: dict[str, Any], schema_url: str, dropped: int, name: str, version: str) -> None:
        self.attributes = attributes
        self.schema_url = schema_url
        self.name = name
        self.version = version
        self._attributes = Dropped(dropped)  # where the SDK has it


@dataclass(slots=True)
class Dropped:
    """How many attributes were dropped."""

    dropped: int


@dataclass(slots=True)
class ReadSpan:
    """A span that was read, as the SDK's `ReadableSpan` has it."""

    name: str
    context: ReadContext
    parent: ReadContext | None
    kind: Valued
    start_time: int | None
    end_time: int | None
    status: ReadStatus
    attributes: dict[str, Any]
    dropped_attributes: int
    events: list[ReadEvent]
    dropped_events: int
    links: list[ReadLink]
    dropped_links: int
    resource: ReadOrigin
    instrumentation_scope: ReadOrigin | None


NO_RESOURCE: Final = ReadOrigin({}, "", 0, "", "")


@dataclass(slots=True)
class Draft:
    """What a file says of a span; values may be of any type. Ids are bytes, attributes a mapping of Python values."""

    trace_id: object
    span_id: object
    parent_span_id: object = None
    name: object = ""
    kind: object = 0
    start: object = None
    end: object = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    status_code: object = 0
    status_message: object = None
    trace_state: object = None
    flags: object = 0
    events: list[ReadEvent] = field(default_factory=list[ReadEvent])
    links: list[ReadLink] = field(default_factory=list[ReadLink])
    dropped: tuple[object, object, object] = (0, 0, 0)
    """Attributes, events, links."""
    resource: ReadOrigin = NO_RESOURCE
    scope: ReadOrigin | None = None
    repairs: list[str] = field(default_factory=list[str])
    """What was repaired before, in words."""


def span(draft: Draft, repaired: Counter[str]) -> ReadSpan:
    """Make a span, mark on it what had to be repaired, and count that."""
    repairs = draft.repairs
    trace_id, span_id = wide(draft.trace_id, 16, repairs, "trace id"), wide(draft.span_id, 8, repairs, "span id")
    above = draft.parent_span_id
    parent = wide(above, 8, repairs, "parent id") if above and above != bytes(8) else None
    code = whole(draft.status_code, repairs, "status", most=2)
    flags = whole(draft.flags, repairs, "flags", most=2**32 - 1)
    start, end = moment(draft.start, repairs, "start"), moment(draft.end, repairs, "end")
    if start is not None and end is not None and end < start:
        repairs.append("end before start")
    for key in NUMBERS:
        value = draft.attributes.get(key)
        if isinstance(value, int | float) and not 0 <= value <= MOST:
            draft.attributes[key] = repr(value)
            repairs.append(f"{key} is no amount")
    state = text(draft.trace_state, repairs, "trace state") if draft.trace_state else ""
    made = ReadSpan(
        name=text(draft.name, repairs, "name"),
        context=ReadContext(trace_id, span_id, ReadState(state) if state else None, flags),
        parent=None if parent is None else ReadContext(trace_id, parent, None, 0),
        kind=Valued(whole(draft.kind, repairs, "kind", most=5) - 1),
        start_time=start,
        end_time=end,
        status=ReadStatus(StatusCode(code), said if (said := draft.status_message) and isinstance(said, str) else None),
        attributes=draft.attributes,
        dropped_attributes=whole(draft.dropped[0], repairs, "dropped attributes", most=2**32 - 1),
        events=draft.events,
        dropped_events=whole(draft.dropped[1], repairs, "dropped events", most=2**32 - 1),
        links=draft.links,
        dropped_links=whole(draft.dropped[2], repairs, "dropped links", most=2**32 - 1),
        resource=draft.resource,
        instrumentation_scope=draft.scope,
    )
    if repairs:
        made.attributes[semconv.REPAIRED] = tuple(dict.fromkeys(repairs))
        repaired.update(set(repairs))
    return made


def wide(given: object, width: int, repairs: list[str], what: str) -> int:
    """Give an id of the right length as a number: of what is of another length or no id, one that it always becomes."""
    if isinstance(given, bytes) and len(given) == width and any(given):
        return int.from_bytes(given, "big")
    repairs.append(f"{what} of {len(given)} bytes" if isinstance(given, bytes) and any(given) else f"no {what}")
    said = given if isinstance(given, bytes) else repr(given).encode("utf-8", "replace")
    return int.from_bytes(blake2b(said, digest_size=width).digest(), "big") or 1


def moment(given: object, repairs: list[str], what: str) -> int | None:
    """Give nanoseconds since the epoch; zero is unknown in OTLP."""
    value = number(given)
    if value is None or not value:
        repairs.append(f"no {what}")
        return None
    if not 0 < value <= LATEST:
        repairs.append(f"{what} is no time")
        return None
    return value


def number(given: object) -> int | None:
    """Give a whole number; OTLP JSON writes them as text. None of what is none."""
    if isinstance(given, bool):
        return None
    try:
        return int(cast("Any", given))
    except (ValueError, TypeError, OverflowError):
        return None


def whole(given: object, repairs: list[str], what: str, *, most: int) -> int:
    """Give a number from 0 to `most`; zero of what is none."""
    value = 0 if given is None else number(given)
    if value is None or not 0 <= value <= most:
        repairs.append(f"unknown {what}")
        return 0
    return value


def text(given: object, repairs: list[str], what: str) -> str:
    """Give a text that has an encoding."""
    if not isinstance(given, str):
        if given is not None:
            repairs.append(f"{what} is no text")
        return "" if given is None else repr(given)
    return encodable(given, repairs)


def encodable(given: str, repairs: list[str]) -> str:
    """Spell out lone surrogates, which have no encoding."""
    if given.isascii():
        return given
    try:
        given.encode()
    except UnicodeEncodeError:
        repairs.append("text without an encoding")
        return given.encode("utf-8", "backslashreplace").decode()
    return given


def plain(given: Any, repairs: list[str], depth: int = 0) -> Any:
    """Give a JSON-like value that can be kept: of bounded depth, with texts that have an encoding."""
    match given:
        case str():
            return encodable(given, repairs)
        case None | bool() | int() | float() | bytes():
            return given
        case Mapping() | list() | tuple() if depth >= DEPTH:
            repairs.append("nested too deeply")
            return _written(given)
        case Mapping():
            pairs = cast("Mapping[Any, Any]", given).items()
            return {encodable(str(key), repairs): plain(value, repairs, depth + 1) for key, value in pairs}
        case list() | tuple():
            return tuple(plain(value, repairs, depth + 1) for value in cast("Iterable[Any]", given))
        case _:
            return encodable(str(given), repairs)


def _written(given: Any) -> str:
    try:
        return json.dumps(given, default=_bytes)
    except (RecursionError, ValueError):
        return "<nested too deeply to be read>"


def _bytes(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
