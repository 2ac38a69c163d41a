r"""Writes a span table as OTLP JSON lines, the OpenTelemetry file exporter's format.

One `TracesData` a line, UTF-8, `\n`: ids in lowercase hex, 64-bit integers as decimal strings, enums as numbers,
bytes in base64, and NaN and the infinities as the strings that protobuf's JSON uses. Lines stay below 1 MiB, at which
the collector's file receiver cuts; a span that is larger alone has a line of its own, and the report says so.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Final

import orjson

from nbtrace._export.atomic import replacing
from nbtrace._export.batch import Encoded, Row, batches, encoded, nested
from nbtrace._export.portable import Json, loads, suspicious
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

LINE_BYTES: Final = 1024 * 1024 - 1
"""Longest line, its end included: `max_log_size` of the collector's file receiver is 1 MiB."""


def write(prepared: Iterable[Row], path: Path) -> tuple[int, int]:
    """Write the rows of ended spans to a file, in one step.

    Returns:
        The size of the file and how many spans have a line that is too long.
    """
    long = 0
    with replacing(path) as file:
        for line, _ in lines(prepared):
            file.write(line)
            long += len(line) > LINE_BYTES
        size = file.tell()
    return size, long


def lines(prepared: Iterable[Row], limit: int = LINE_BYTES) -> Iterator[tuple[bytes, int]]:
    """Encode the rows of ended spans.

    Yields:
        A line with its end, and the number of spans in it.
    """
    for batch in batches(spans(prepared), limit):
        yield request(batch) + b"\n", len(batch)


def spans(prepared: Iterable[Row]) -> Iterator[Encoded]:
    """Encode the rows of ended spans one by one."""
    return encoded(prepared, encode)


def request(batch: Sequence[Encoded]) -> bytes:
    """Make the document of a batch, which is a line of a file and the body of a request."""
    return orjson.dumps({"resourceSpans": [_resource_spans(*group) for group in nested(batch).items()]})


def _resource_spans(stored: str, scopes: dict[str, list[bytes]]) -> Json:
    resource = loads(stored)
    schema_url = resource.pop("schemaUrl", "")
    scope_spans = [_scope_spans(*group) for group in scopes.items()]
    return {"resource": resource, "scopeSpans": scope_spans, **_without_empty(schemaUrl=schema_url)}


def _scope_spans(stored: str, spans: list[bytes]) -> Json:
    scope = loads(stored)
    schema_url = scope.pop("schemaUrl", "")
    fragments = [orjson.Fragment(span) for span in spans]
    return {"scope": scope, "spans": fragments, **_without_empty(schemaUrl=schema_url)}


def encode(row: Row) -> bytes:
    """Write the span of one row as JSON."""
    fields = _without_empty(
        traceId=row["trace_id"].hex(),
        spanId=row["span_id"].hex(),
        traceState=row["trace_state"],
        parentSpanId=row["parent_span_id"].hex() if row["parent_span_id"] else None,
        flags=row["flags"],
        name=row["name"],
        kind=row["kind"],
        startTimeUnixNano=str(row["start_time_unix_nano"]),
        endTimeUnixNano=str(row["start_time_unix_nano"] + row["duration_ns"]),
        attributes=[*_promoted(row), *_attributes(row["attributes"])],
        droppedAttributesCount=row["dropped_attributes_count"],
        events=[_event(event) for event in row["events"] or ()],
        droppedEventsCount=row["dropped_events_count"],
        links=[_link(link) for link in row["links"] or ()],
        droppedLinksCount=row["dropped_links_count"],
    )
    fields["status"] = _without_empty(code=row["status_code"], message=row["status_message"])
    return orjson.dumps(fields)


def _event(event: Row) -> Json:
    return _without_empty(
        timeUnixNano=str(max(event["time_unix_nano"] or 0, 0)),
        name=event["name"],
        attributes=_attributes(event["attributes"]),
        droppedAttributesCount=event["dropped_attributes_count"],
    )


def _link(link: Row) -> Json:
    return _without_empty(
        traceId=link["trace_id"].hex(),
        spanId=link["span_id"].hex(),
        traceState=link["trace_state"],
        flags=link["flags"],
        attributes=_attributes(link["attributes"]),
        droppedAttributesCount=link["dropped_attributes_count"],
    )


def _without_empty(**fields: object) -> Json:
    """Leave out what equals protobuf's default: nothing, an empty list, an empty text, zero."""
    return {name: value for name, value in fields.items() if value}


def _promoted(row: Row) -> Iterator[Json]:
    for key, column in PROMOTED.items():
        value = row[column.name]
        if value is None:
            continue
        match column.type:
            case "int":
                typed: Json = {"intValue": str(value)}
            case "double":
                typed = {"doubleValue": _double(value)}
            case "strings":
                typed = {"arrayValue": {"values": [{"stringValue": one} for one in value]}}
            case _:
                typed = {"stringValue": value}
        yield {"key": key, "value": typed}


def _attributes(stored: list[Row] | None) -> list[Json]:
    return [{"key": attribute["key"], "value": _value(attribute)} for attribute in stored or ()]


def _value(attribute: Row) -> Json | orjson.Fragment:
    if attribute["string"] is not None:
        return {"stringValue": attribute["string"]}
    if attribute["int"] is not None:
        return {"intValue": str(attribute["int"])}
    if attribute["double"] is not None:
        return {"doubleValue": _double(attribute["double"])}
    if attribute["bool"] is not None:
        return {"boolValue": attribute["bool"]}
    if attribute["bytes"] is not None:
        return {"bytesValue": base64.b64encode(attribute["bytes"]).decode()}
    if attribute["json"] is not None:
        stored = attribute["json"]
        return loads(stored) if suspicious(stored) else orjson.Fragment(stored)
    return {}


def _double(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
