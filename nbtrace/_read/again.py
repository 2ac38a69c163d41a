"""Makes spans of rows again, for a policy that asks for more than the one they were recorded with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson
from opentelemetry.trace import StatusCode

from nbtrace._read.otlp import Reader, value_of
from nbtrace._read.spans import (
    ReadContext,
    ReadEvent,
    ReadLink,
    ReadOrigin,
    ReadSpan,
    ReadState,
    ReadStatus,
    Valued,
    plain,
)
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace._read.found import Account
    from nbtrace._store.snapshot import Snapshot

Row = dict[str, Any]

TOGETHER = 1024
"""Rows turned into Python values at a time."""


def spans(snapshot: Snapshot, account: Account) -> Iterator[ReadSpan]:
    """Read rows as spans."""
    reader = Reader(account, lambda given: given)
    for piece in snapshot.pieces(snapshot.column_names, TOGETHER):
        for row in piece.to_pylist():
            yield _span(row, reader)


def _span(row: Row, reader: Reader) -> ReadSpan:
    start, duration = row["start_time_unix_nano"], row["duration_ns"]
    promoted = {key: row[column.name] for key, column in PROMOTED.items() if row[column.name] is not None}
    context = _context(row, row["flags"])
    parent = {**row, "span_id": row["parent_span_id"], "trace_state": None}
    return ReadSpan(
        name=row["name"] or "",
        context=context,
        parent=_context(parent, 0) if row["parent_span_id"] is not None else None,
        kind=Valued((row["kind"] or 0) - 1),
        start_time=start,
        end_time=None if start is None or duration is None else start + duration,
        status=ReadStatus(_code(row["status_code"]), row["status_message"]),
        attributes=promoted | _attributes(row["attributes"]),
        dropped_attributes=row["dropped_attributes_count"] or 0,
        events=[
            ReadEvent(
                event["name"] or "",
                event["time_unix_nano"],
                _attributes(event["attributes"]),
                event["dropped_attributes_count"] or 0,
            )
            for event in row["events"] or ()
        ],
        dropped_events=row["dropped_events_count"] or 0,
        links=[
            ReadLink(
                _context(link, link["flags"]), _attributes(link["attributes"]), link["dropped_attributes_count"] or 0
            )
            for link in row["links"] or ()
        ],
        dropped_links=row["dropped_links_count"] or 0,
        resource=_origin(row["resource"], "resource", reader),
        instrumentation_scope=_origin(row["scope"], "scope", reader) if row["scope"] else None,
    )


def _code(code: int | None) -> StatusCode:
    return StatusCode(code) if code in (1, 2) else StatusCode.UNSET


def _context(row: Row, flags: int | None) -> ReadContext:
    trace, span = (int.from_bytes(cast("bytes", row[name] or b""), "big") for name in ("trace_id", "span_id"))
    return ReadContext(trace, span, ReadState(row["trace_state"]) if row["trace_state"] else None, flags or 0)


def _attributes(stored: list[Row] | None) -> Row:
    return {one["key"]: _value(one) for one in stored or ()}


def _value(attribute: Row) -> Any:
    for name in ("string", "int", "double", "bool", "bytes"):
        if attribute[name] is not None:
            return attribute[name]
    written = attribute["json"]
    if written is None:
        return None
    try:
        return plain(value_of(orjson.loads(written), []), [])
    except orjson.JSONDecodeError:
        return written


def _origin(written: str | None, name: str, reader: Reader) -> ReadOrigin:
    try:
        found: Any = orjson.loads(written or "{}")
    except orjson.JSONDecodeError:
        found = {}
    found = found if isinstance(found, dict) else {}
    return reader.origin({name: found, "schemaUrl": found.get("schemaUrl")}, name)
