"""Spans of a session as plain values, to be compared whole."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry import context as otel_context

from nbtrace import semconv
from nbtrace._store.attributes import plain
from nbtrace._store.schema import PROMOTED
from nbtrace._trace.provider import below

if TYPE_CHECKING:
    from collections.abc import Generator

    from nbtrace import Session

CONTENT = (
    semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS, semconv.TOOL_DEFINITIONS,
    semconv.EMBEDDINGS_VECTORS,
)  # fmt: skip
PACE = (
    semconv.RESPONSE_TIME_TO_FIRST_CHUNK,
    semconv.STREAM_GAP_P50,
    semconv.STREAM_GAP_P95,
    semconv.STREAM_GAP_MAX,
    semconv.STREAM_OUTPUT_RATE,
)
"""How fast a stream came."""
PIECES = (semconv.STREAM_CUTS, semconv.STREAM_ARRIVALS)
"""In which pieces it came: a number for each chunk."""
VARYING = (
    semconv.REQUEST_OPTIONS,
    semconv.SERVER_PORT,
    semconv.COST_SOURCE,
    semconv.CLIENT_NAME,
    semconv.CLIENT_VERSION,
    *PACE,
    *PIECES,
)
STATUS = {0: "unset", 1: "ok", 2: "error"}


def spans(session: Session, after: int = 0) -> list[dict[str, Any]]:
    """Give each span as it is stored: name, ids, status, and attributes by their own names with content parsed."""
    return [_span(row) for row in session.spans().table.slice(after).to_pylist()]


def only(session: Session) -> dict[str, Any]:
    """Give the attributes of the one span there is, without those that vary from run to run."""
    (span,) = spans(session)
    return {key: value for key, value in span["attributes"].items() if key not in VARYING}


def told(session: Session) -> dict[str, dict[str, Any]]:
    """Give each span's attributes, parent's name and status by its name."""
    found = spans(session)
    names = {span["id"]: span["name"] for span in found}
    return {
        span["name"]: {"parent": names.get(span["parent"]), "status": span["status"], **span["attributes"]}
        for span in found
    }


@contextmanager
def step(session: Session, name: str) -> Generator[None]:
    """Make a span of the session the current one, as a cell does."""
    span = session.tracing.start(name, attributes={})
    token = otel_context.attach(below(span))
    try:
        yield
    finally:
        otel_context.detach(token)
        span.end()


def _span(row: dict[str, Any]) -> dict[str, Any]:
    promoted = {key: row[column.name] for key, column in PROMOTED.items() if row[column.name] is not None}
    attributes = promoted | plain(row["attributes"])
    for key in CONTENT:
        if key in attributes:
            attributes[key] = orjson.loads(attributes[key])
    return {
        "name": row["name"],
        "trace": int.from_bytes(row["trace_id"]),
        "id": int.from_bytes(row["span_id"]),
        "parent": int.from_bytes(row["parent_span_id"]) if row["parent_span_id"] else None,
        "running": row["duration_ns"] is None,
        "status": STATUS[row["status_code"]],
        "message": row["status_message"],
        "attributes": attributes,
    }


def held(content: str) -> dict[str, Any]:
    """Give what a part says of bytes that it holds in base64."""
    read = base64.b64decode(content)
    return {"size": len(read), "sha256": hashlib.sha256(read).hexdigest(), "content": content}
