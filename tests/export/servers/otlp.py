"""What a collector passes on and a receiver takes: OTLP, in which nothing has another name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nbtrace import semconv
from nbtrace._store.scores import ATTRIBUTES, EVENT
from tests.export.golden import attributes
from tests.export.servers.place import Place, Row, conventions, said

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

OPERATIONS = {"llm": "chat", "tool": "execute_tool", "agent": "invoke_agent", "embedding": "embeddings"}


def spans(received: Iterable[Span]) -> dict[int, Row]:
    """Give spans by their numbers."""
    return {
        int.from_bytes(span.span_id, "big"): {"span": span, "attributes": attributes(span.attributes)}
        for span in received
    }


def _step(row: Row) -> Any:
    given = row["attributes"]
    found = given.get(semconv.INPUT_VALUE) or given.get(semconv.CELL_SOURCE)
    return found and (found, given.get(semconv.OUTPUT_VALUE))


def _error(row: Row) -> Any:
    span = row["span"]
    if span.status.code != span.status.STATUS_CODE_ERROR:
        return None
    return span.status.message, row["attributes"].get(semconv.ERROR_TYPE), span.events[0].name


def _scores(row: Row) -> Any:
    names = ("name", "value", "label", "explanation", "evaluator", "source")
    events = [attributes(event.attributes) for event in row["span"].events if event.name == EVENT]
    return said([tuple(event.get(ATTRIBUTES[name]) for name in names) for event in events])


PLACES = conventions("yes") | {
    "spans": [Place(lambda row: (row["span"].trace_id.hex(), row["span"].name))],
    "parents": [Place(lambda row: said(int.from_bytes(row["span"].parent_span_id, "big")))],
    "times": [
        Place(lambda row: (row["span"].start_time_unix_nano, row["span"].end_time_unix_nano), "to the nanosecond")
    ],
    "kinds": [
        Place(
            lambda row: row["attributes"].get(semconv.SPAN_TYPE) or row["attributes"].get(semconv.OPERATION_NAME),
            kept=lambda kind: OPERATIONS.get(kind, kind),
        )
    ],
    "kinds of OTLP": [Place(lambda row: row["span"].SpanKind.Name(row["span"].kind).removeprefix("SPAN_KIND_"))],
    "inputs and outputs of steps": [Place(_step)],
    "errors": [Place(_error)],
    "scores": [Place(_scores, "as events")],
}
