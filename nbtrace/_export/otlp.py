"""Encodes a span table as OTLP protobuf requests: the tested inverse of the store's encoder.

Every fact of a span comes back where the SDK had it; a promoted column is an attribute again, under its own key. Spans
are serialized one by one and framed by hand, so that the size of a request is known before it is built.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from nbtrace._export.batch import Encoded, Row, batches, nested
from nbtrace._export.portable import loads
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbtrace._export.prepare import Prepared

REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Uncompressed size of a request: what a collector's default of 4 MiB for one message still takes."""

SPANS_FIELD: Final = 2
"""Number of `ScopeSpans.spans` and of `ResourceSpans.scope_spans`."""

RESOURCE_SPANS_FIELD: Final = 1
"""Number of `ExportTraceServiceRequest.resource_spans`."""


def spans(prepared: Prepared) -> Iterator[Encoded]:
    """Encode ended spans, straight from their columns."""
    from nbtrace._export import overlaid, wire

    return overlaid.encoded(prepared) if prepared.is_changed else wire.encoded(prepared.table)


def requests(prepared: Prepared, limit: int = REQUEST_BYTES) -> Iterator[tuple[bytes, int]]:
    """Encode ended spans.

    Yields:
        A serialized `ExportTraceServiceRequest` and the number of spans in it.
    """
    for batch in batches(spans(prepared), limit):
        yield request(batch), len(batch)


def encode(row: Row) -> bytes:
    """Serialize the span of one row."""
    return Span(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        trace_state=row["trace_state"],
        parent_span_id=row["parent_span_id"],
        flags=row["flags"],
        name=row["name"],
        kind=row["kind"],
        start_time_unix_nano=row["start_time_unix_nano"],
        end_time_unix_nano=row["start_time_unix_nano"] + row["duration_ns"],
        attributes=[*_promoted(row), *_attributes(row["attributes"])],
        dropped_attributes_count=row["dropped_attributes_count"],
        events=[_event(one) for one in row["events"] or ()],
        dropped_events_count=row["dropped_events_count"],
        links=[_link(one) for one in row["links"] or ()],
        dropped_links_count=row["dropped_links_count"],
        status=Status(code=row["status_code"], message=row["status_message"]),
    ).SerializeToString()


def event(stored: Row) -> bytes:
    """Serialize an event."""
    return _event(stored).SerializeToString()


def link(stored: Row) -> bytes:
    """Serialize a link."""
    return _link(stored).SerializeToString()


def json_value(stored: bytes) -> bytes:
    """Serialize the `AnyValue` that OTLP JSON says."""
    return from_json(loads(stored.decode())).SerializeToString()


def _event(stored: Row) -> Span.Event:
    return Span.Event(
        time_unix_nano=max(stored["time_unix_nano"] or 0, 0),
        name=stored["name"],
        attributes=_attributes(stored["attributes"]),
        dropped_attributes_count=stored["dropped_attributes_count"],
    )


def _link(stored: Row) -> Span.Link:
    return Span.Link(
        trace_id=stored["trace_id"],
        span_id=stored["span_id"],
        trace_state=stored["trace_state"],
        flags=stored["flags"],
        attributes=_attributes(stored["attributes"]),
        dropped_attributes_count=stored["dropped_attributes_count"],
    )


def _promoted(row: Row) -> Iterator[KeyValue]:
    for key, column in PROMOTED.items():
        value = row[column.name]
        if value is None:
            continue
        match column.type:
            case "int":
                yield KeyValue(key=key, value=AnyValue(int_value=value))
            case "double":
                yield KeyValue(key=key, value=AnyValue(double_value=value))
            case "strings":
                values = [AnyValue(string_value=one) for one in value]
                yield KeyValue(key=key, value=AnyValue(array_value=ArrayValue(values=values)))
            case _:
                yield KeyValue(key=key, value=AnyValue(string_value=value))


def _attributes(stored: list[Row] | None) -> list[KeyValue]:
    return [KeyValue(key=attribute["key"], value=_value(attribute)) for attribute in stored or ()]


def _value(attribute: Row) -> AnyValue:
    if attribute["string"] is not None:
        return AnyValue(string_value=attribute["string"])
    if attribute["int"] is not None:
        return AnyValue(int_value=attribute["int"])
    if attribute["double"] is not None:
        return AnyValue(double_value=attribute["double"])
    if attribute["bool"] is not None:
        return AnyValue(bool_value=attribute["bool"])
    if attribute["bytes"] is not None:
        return AnyValue(bytes_value=attribute["bytes"])
    if attribute["json"] is not None:
        return from_json(loads(attribute["json"]))
    return AnyValue()


def from_json(value: dict[str, Any]) -> AnyValue:
    """Read an OTLP JSON `AnyValue`."""
    match value:
        case {"stringValue": text}:
            return AnyValue(string_value=text)
        case {"intValue": number}:
            return AnyValue(int_value=int(number))
        case {"doubleValue": number}:
            return AnyValue(double_value=float(number))
        case {"boolValue": truth}:
            return AnyValue(bool_value=truth)
        case {"bytesValue": encoded}:
            return AnyValue(bytes_value=base64.b64decode(encoded))
        case {"arrayValue": {"values": values}}:
            return AnyValue(array_value=ArrayValue(values=[from_json(one) for one in values]))
        case {"kvlistValue": {"values": pairs}}:
            return AnyValue(kvlist_value=KeyValueList(values=_key_values(pairs)))
        case _:
            return AnyValue()


def _key_values(pairs: list[dict[str, Any]]) -> list[KeyValue]:
    return [KeyValue(key=pair["key"], value=from_json(pair.get("value", {}))) for pair in pairs]


def request(batch: Sequence[Encoded]) -> bytes:
    """Serialize an `ExportTraceServiceRequest`; each span is copied once, from where it was encoded."""
    parts: list[bytes] = []
    for resource, scopes in nested(batch).items():
        inside: list[bytes] = [_resource(resource)]
        for scope, spans in scopes.items():
            within = [_scope(scope)]
            for span in spans:
                within += (_head(SPANS_FIELD, len(span)), span)
            inside += (_head(SPANS_FIELD, sum(map(len, within))), *within)
        parts += (_head(RESOURCE_SPANS_FIELD, sum(map(len, inside))), *inside)
    return b"".join(parts)


def _head(number: int, length: int) -> bytes:
    """Write what stands before a message that is a field of another: its tag and its length."""
    head = bytearray((number << 3 | 2,))
    while length >> 7:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head)


@lru_cache(maxsize=256)
def _resource(stored: str) -> bytes:
    """Serialize the head of a `ResourceSpans`: everything but the spans."""
    resource = loads(stored)
    return ResourceSpans(
        resource=Resource(
            attributes=_key_values(resource.get("attributes", [])),
            dropped_attributes_count=int(resource.get("droppedAttributesCount", 0)),
        ),
        schema_url=resource.get("schemaUrl", ""),
    ).SerializeToString()


@lru_cache(maxsize=256)
def _scope(stored: str) -> bytes:
    """Serialize the head of a `ScopeSpans`: everything but the spans."""
    scope = loads(stored)
    return ScopeSpans(
        scope=InstrumentationScope(
            name=scope.get("name", ""),
            version=scope.get("version", ""),
            attributes=_key_values(scope.get("attributes", [])),
            dropped_attributes_count=int(scope.get("droppedAttributesCount", 0)),
        ),
        schema_url=scope.get("schemaUrl", ""),
    ).SerializeToString()
