"""Reads OTLP: JSON lines, one JSON document, and protobuf, whole or with a length before each request.

All come to the one form, the JSON mapping of protobuf, before spans are made of it. A line, a request, a resource or a
span that cannot be read costs only itself, and is counted; so is the torn end of a file.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace._read.frames import hex_id
from nbtrace._read.spans import (
    Draft,
    ReadContext,
    ReadEvent,
    ReadLink,
    ReadOrigin,
    ReadSpan,
    ReadState,
    encodable,
    moment,
    number,
    plain,
    span,
    text,
    whole,
    wide,
)

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._read.found import Account

Json = dict[str, Any]

NESTED: Final = 64
"""`AnyValue`s inside each other that are walked; JSON itself may be deeper than Python can follow."""

_RESOURCES: Final = 64
"""Resources and scopes kept in mind, so that those which are alike are the same object."""


def read_json(path: Path, account: Account) -> Iterator[ReadSpan]:
    """Read a file of OTLP JSON, a document a line or one in all."""
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            document = _loaded(line, account)
            if document is None and not file.tell() - len(line):
                yield from _whole(path, account)
                return
            if document is None:
                account.left_out["line that is no JSON"] += 1
            else:
                yield from Reader(account, hex_id).spans(document)


def _whole(path: Path, account: Account) -> Iterator[ReadSpan]:
    """Read a document of several lines; if it is none, leave out the lines that are not."""
    data = path.read_bytes()
    document = _loaded(data, account)
    if document is not None:
        yield from Reader(account, hex_id).spans(document)
        return
    for line in data.splitlines():
        found = _loaded(line, account) if line.strip() else {}
        if found is None:
            account.left_out["line that is no JSON"] += 1
        elif found:
            yield from Reader(account, hex_id).spans(found)


def _loaded(data: bytes, account: Account) -> Json | None:
    """Read a JSON object: none of what is none. Python's reader takes what the quick one does not, such as NaN."""
    try:
        found: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            found = json.loads(data.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            return None
        if b"\xef\xbf\xbd" not in data and "\ufffd" in data.decode("utf-8", "replace"):
            account.repaired["bytes that are no UTF-8"] += 1
    return cast("Json", found) if isinstance(found, dict) else None


def read_protobuf(data: bytes, account: Account) -> Iterator[ReadSpan]:
    """Read `ExportTraceServiceRequest`s: one, or many, each after its length as a varint or in four bytes."""
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    reader = Reader(account, _base64)
    for request in _requests(memoryview(data), account):
        for resource_spans in _fields(request, account):
            message = ResourceSpans()
            try:
                message.ParseFromString(bytes(resource_spans))
                document = MessageToDict(message, use_integers_for_enums=True)
            except (DecodeError, ValueError, RecursionError):
                account.left_out["resource that is no OTLP"] += 1
            else:
                yield from reader.spans({"resourceSpans": [document]})


def is_protobuf(data: bytes) -> bool:
    """Say whether bytes begin as OTLP in protobuf does, with or without a length before it."""
    view = memoryview(data)
    varint = _varint(view, 0)
    return data[:1] == _TAG or data[4:5] == _TAG or (varint is not None and data[varint[1] : varint[1] + 1] == _TAG)


_TAG: Final = b"\x0a"
"""Of field 1, `resource_spans`, which is all that a request has."""


def _requests(data: memoryview, account: Account) -> Iterator[memoryview]:
    """Cut a file into its requests."""
    if bytes(data[:1]) == _TAG and (_ends_well(data, _after_tag) or not _ends_well(data, _varint)):
        yield data
        return
    measure = _four_bytes if bytes(data[4:5]) == _TAG and data[0] == 0 else _varint
    at = 0
    while at < len(data):
        found = measure(data, at)
        if found is None or found[1] + found[0] > len(data):
            account.left_out["torn end of the file"] += 1
            if found is not None:
                yield data[found[1] :]
            return
        length, begin = found
        yield data[begin : begin + length]
        at = begin + length


def _fields(request: memoryview, account: Account) -> Iterator[memoryview]:
    """Cut a request into its `ResourceSpans`."""
    at = 0
    while at < len(request):
        found = _after_tag(request, at)
        if found is None or found[1] + found[0] > len(request):
            account.left_out["part of a request that is no OTLP"] += 1
            return
        length, begin = found
        yield request[begin : begin + length]
        at = begin + length


def _ends_well(data: memoryview, measure: Any) -> bool:
    """Say whether lengths lead from the first byte exactly to the last."""
    at = 0
    while at < len(data):
        found = measure(data, at)
        if found is None:
            return False
        at = found[0] + found[1]
    return at == len(data)


def _after_tag(data: memoryview, at: int) -> tuple[int, int] | None:
    return _varint(data, at + 1) if bytes(data[at : at + 1]) == _TAG else None


def _four_bytes(data: memoryview, at: int) -> tuple[int, int] | None:
    head = bytes(data[at : at + 4])
    return (int.from_bytes(head, "big"), at + 4) if len(head) == 4 else None  # noqa: PLR2004


def _varint(data: memoryview, at: int) -> tuple[int, int] | None:
    """Read a length and where what it measures begins."""
    value = 0
    for index, byte in enumerate(data[at : at + 5]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004
            return value, at + index + 1
    return None


def _base64(given: object) -> object:
    return base64.b64decode(given) if isinstance(given, str) else given


class Reader:
    """Makes spans of documents in the JSON mapping of OTLP.

    Args:
        account: where repairs are counted.
        id_of: reads an id: hex digits in OTLP's JSON, base64 in protobuf's own.
    """

    def __init__(self, account: Account, id_of: Any) -> None:
        self._account = account
        self._id = id_of
        self._origins: dict[str, ReadOrigin] = {}

    def spans(self, document: Json) -> Iterator[ReadSpan]:
        """Read `TracesData` or a request."""
        if "resourceSpans" not in document:
            self._account.left_out["document without spans"] += 1
        for resource_spans in self._objects(document.get("resourceSpans")):
            resource = self.origin(resource_spans, "resource")
            for scope_spans in self._objects(resource_spans.get("scopeSpans")):
                scope = self.origin(scope_spans, "scope")
                for given in self._objects(scope_spans.get("spans")):
                    yield span(self._draft(given, resource, scope), self._account.repaired)

    def _draft(self, given: Json, resource: ReadOrigin, scope: ReadOrigin) -> Draft:
        repairs: list[str] = []
        status = _object(given.get("status"))
        return Draft(
            trace_id=self._id(given.get("traceId")),
            span_id=self._id(given.get("spanId")),
            parent_span_id=self._id(given.get("parentSpanId")),
            name=given.get("name", ""),
            kind=given.get("kind", 0),
            start=given.get("startTimeUnixNano"),
            end=given.get("endTimeUnixNano"),
            attributes=self._attributes(given.get("attributes"), repairs),
            status_code=status.get("code", 0),
            status_message=_encodable(status.get("message"), repairs),
            trace_state=given.get("traceState"),
            flags=given.get("flags", 0),
            events=[self._event(event, repairs) for event in self._objects(given.get("events"))],
            links=[self._link(link, repairs) for link in self._objects(given.get("links"))],
            dropped=(
                given.get("droppedAttributesCount"),
                given.get("droppedEventsCount"),
                given.get("droppedLinksCount"),
            ),
            resource=resource,
            scope=scope if scope.name or scope.attributes or scope.version or scope.schema_url else None,
            repairs=repairs,
        )

    def _event(self, given: Json, repairs: list[str]) -> ReadEvent:
        time = given.get("timeUnixNano")
        return ReadEvent(
            name=text(given.get("name"), repairs, "name of an event"),
            timestamp=moment(time, repairs, "time of an event"),
            attributes=self._attributes(given.get("attributes"), repairs),
            dropped_attributes=whole(
                given.get("droppedAttributesCount"), repairs, "dropped attributes", most=2**32 - 1
            ),
        )

    def _link(self, given: Json, repairs: list[str]) -> ReadLink:
        state = text(given.get("traceState"), repairs, "trace state")
        return ReadLink(
            context=ReadContext(
                wide(self._id(given.get("traceId")), 16, repairs, "trace id of a link"),
                wide(self._id(given.get("spanId")), 8, repairs, "span id of a link"),
                ReadState(state) if state else None,
                whole(given.get("flags"), repairs, "flags", most=2**32 - 1),
            ),
            attributes=self._attributes(given.get("attributes"), repairs),
            dropped_attributes=whole(
                given.get("droppedAttributesCount"), repairs, "dropped attributes", most=2**32 - 1
            ),
        )

    def origin(self, around: Json, name: str) -> ReadOrigin:
        """Read a resource or a scope; those that are alike are one object, which is written once."""
        given, url = _object(around.get(name)), around.get("schemaUrl")
        key = repr((name, given, url))
        known = self._origins.get(key)
        if known is None:
            if len(self._origins) >= _RESOURCES:
                self._origins.clear()
            repairs: list[str] = []
            known = self._origins[key] = ReadOrigin(
                self._attributes(given.get("attributes"), repairs),
                text(url, repairs, "schema URL"),
                whole(given.get("droppedAttributesCount"), repairs, "dropped attributes", most=2**32 - 1),
                text(given.get("name"), repairs, "name"),
                text(given.get("version"), repairs, "version"),
            )
            self._account.repaired.update(f"{name}: {repair}" for repair in set(repairs))
        return known

    def _attributes(self, given: object, repairs: list[str]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for pair in self._objects(given):
            key = text(pair.get("key"), repairs, "key")
            if key in made:
                repairs.append("attribute given twice")
            made[key] = plain(value_of(pair.get("value"), repairs), repairs)
        return made

    def _objects(self, given: object) -> Iterator[Json]:
        """Give the objects of a list, and count what else is there."""
        if given is None:
            return
        if not isinstance(given, list):
            self._account.left_out["value that is no list"] += 1
            return
        for one in cast("list[object]", given):
            if isinstance(one, dict):
                yield cast("Json", one)
            else:
                self._account.left_out["element that is no object"] += 1


def _object(given: object) -> Json:
    return cast("Json", given) if isinstance(given, dict) else {}


def _encodable(given: object, repairs: list[str]) -> object:
    return encodable(given, repairs) if isinstance(given, str) else given


def value_of(given: Any, repairs: list[str], depth: int = 0) -> Any:
    """Read an `AnyValue`; what is none is kept as text."""
    if depth > NESTED:
        return given  # as it is written, which becomes text
    match given:
        case None:
            return None
        case {"stringValue": str() as said} | {"boolValue": bool() as said}:
            return said
        case {"intValue": given_int} if (value := number(given_int)) is not None:
            return value
        case {"doubleValue": int() | float() | str() as said} if (double := _double(said)) is not None:
            return double
        case {"bytesValue": str() as said} if (decoded := _decoded(said)) is not None:
            return decoded
        case {"arrayValue": dict() as array}:
            values: Any = cast("Json", array).get("values")
            return [value_of(one, repairs, depth + 1) for one in values] if isinstance(values, list) else []
        case {"kvlistValue": dict() as pairs}:
            listed: Any = cast("Json", pairs).get("values")
            found: list[Json] = [_object(pair) for pair in listed] if isinstance(listed, list) else []
            return {str(pair.get("key", "")): value_of(pair.get("value"), repairs, depth + 1) for pair in found}
        case {} if not given:
            return None
        case _:
            repairs.append("value of no type")
            return given


def _double(said: float | str) -> float | None:
    try:
        return float(said)
    except (ValueError, OverflowError):
        return None


def _decoded(said: str) -> bytes | None:
    try:
        return base64.b64decode(said)
    except (binascii.Error, ValueError):
        return None
