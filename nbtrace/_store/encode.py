"""Maps OpenTelemetry spans to kept rows of the store, losing nothing that OTLP can carry.

An attribute goes to its own column when the column can hold it exactly as it came, and else to the `attributes` list
with its type, so both together are the span's attributes. A bool is no int and an int is no double here, because the
exporters write back what the user's code wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import pyarrow as pa

from nbtrace._store import nested
from nbtrace._store.columns import dictionary, fixed, lists, numbers, strings
from nbtrace._store.kept import Kept, how, kept_schema
from nbtrace._store.nested import fits_int64, flags, nanoseconds, trace_state
from nbtrace._store.schema import COLUMNS, PROMOTED, Column, ColumnType
from nbtrace._store.values import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext

    from nbtrace._store.contents import Interner


class Finished(NamedTuple):
    """A span and the attributes to store with it, in place of its own."""

    span: ReadableSpan
    attributes: Mapping[str, object]


def encode(finished: Sequence[Finished], contents: Interner, *, running: bool = False) -> pa.RecordBatch:
    """Encode spans.

    Args:
        finished: Spans with a context, and their attributes.
        contents: Where the texts go that are kept once.
        running: Leave the durations null, also of a span that has ended meanwhile.
    """
    values = _core([span for span, _ in finished], running=running) | _attributes([some for _, some in finished])
    arrays = [_build(column, values[column.name], contents) for column in COLUMNS if column.name in values]
    return pa.RecordBatch.from_arrays(arrays, schema=kept_schema())


def _build(column: Column, values: Sequence[Any], contents: Interner) -> pa.Array:
    kept = how(column)
    builder = _BUILDERS.get(kept) or _SAME[column.type]
    return builder(values, contents)


def _core(spans: Sequence[ReadableSpan], *, running: bool) -> dict[str, list[Any]]:
    contexts = [cast("SpanContext", span.context) for span in spans]
    starts = [nanoseconds(span.start_time) for span in spans]
    ends = [None if running else nanoseconds(span.end_time) for span in spans]
    described = _Descriptions()
    return {
        "trace_id": [context.trace_id.to_bytes(16, "big") for context in contexts],
        "span_id": [context.span_id.to_bytes(8, "big") for context in contexts],
        "parent_span_id": [span.parent.span_id.to_bytes(8, "big") if span.parent else None for span in spans],
        "trace_state": [trace_state(context) for context in contexts],
        "flags": [flags(context, span.parent) for context, span in zip(contexts, spans, strict=True)],
        "name": [str(span.name) for span in spans],
        "kind": [span.kind.value + 1 for span in spans],
        "start_time_unix_nano": starts,
        "duration_ns": [
            None if start is None or end is None else nanoseconds(end - start)
            for start, end in zip(starts, ends, strict=True)
        ],
        "status_code": [span.status.status_code.value for span in spans],
        "status_message": [span.status.description for span in spans],
        "dropped_attributes_count": [span.dropped_attributes or None for span in spans],
        "events": [span.events for span in spans],
        "dropped_events_count": [span.dropped_events or None for span in spans],
        "links": [span.links for span in spans],
        "dropped_links_count": [span.dropped_links or None for span in spans],
        "resource": [described.resource(span) for span in spans],
        "scope": [described.scope(span.instrumentation_scope) for span in spans],
    }


def _attributes(rows: Sequence[Mapping[str, object]]) -> dict[str, list[Any]]:
    """Sort attributes into their columns; what has none, or does not fit it, is left over."""
    columns: dict[str, list[Any]] = {column.name: [None] * len(rows) for column in PROMOTED.values()}
    left: list[dict[str, object]] = []
    for index, row in enumerate(rows):
        rest: dict[str, object] = {}
        for key, value in row.items():
            column = PROMOTED.get(key)
            if column is not None and _FITS[column.type](value):
                columns[column.name][index] = value
            else:
                rest[key] = value
        left.append(rest)
    return columns | {"attributes": left}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_int(value: object) -> bool:
    return type(value) is int and fits_int64(value)


def _is_double(value: object) -> bool:
    return type(value) is float


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, cast("Sequence[object]", value)))


_FITS: Final[dict[ColumnType, Callable[[object], bool]]] = {
    "string": _is_text, "text": _is_text, "int": _is_int, "double": _is_double, "strings": _is_texts,
}  # fmt: skip


_BUILDERS: Final[dict[Kept, Callable[[Sequence[Any], Interner], pa.Array]]] = {
    "int8": lambda values, _: numbers(pa.int8(), "b", values),
    "nonzero": lambda values, _: numbers(pa.uint32(), "I", values),
    "word": lambda values, _: dictionary(values),
    "words": lambda values, _: lists(kept_schema().field("tags").type, values, dictionary),
    "messages": nested.messages,
    "answers": nested.answers,
    "attributes": nested.attributes,
    "events": nested.events,
    "links": nested.links,
}
_SAME: Final[dict[ColumnType, Callable[[Sequence[Any], Interner], pa.Array]]] = {
    "id16": lambda values, _: fixed(16, values),
    "id8": lambda values, _: fixed(8, values),
    "string": lambda values, _: strings(pa.string(), values),
    "int": lambda values, _: numbers(pa.int64(), "q", values),
    "uint": lambda values, _: numbers(pa.uint32(), "I", values),
    "double": lambda values, _: numbers(pa.float64(), "d", values),
    "dictionary": lambda values, _: dictionary(values),
}


class _Descriptions:
    """Resources and scopes as JSON, each written once for a batch; nearly all its spans share them."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def resource(self, span: ReadableSpan) -> str:
        resource = span.resource
        known = self._known.get(id(resource))
        if known is None:
            known = describe(
                attributes=resource.attributes,
                droppedAttributesCount=_dropped(resource),
                schema_url=resource.schema_url,
            )
            self._known[id(resource)] = known
        return known

    def scope(self, scope: InstrumentationScope | None) -> str | None:
        if scope is None:
            return None
        known = self._known.get(id(scope))
        if known is None:
            known = describe(
                name=scope.name,
                version=scope.version,
                attributes=scope.attributes or {},
                droppedAttributesCount=_dropped(scope),
                schema_url=scope.schema_url or "",
            )
            self._known[id(scope)] = known
        return known


def _dropped(described: object) -> int:
    """Read the count of dropped attributes, which the SDK keeps for resources and scopes but does not offer."""
    return getattr(getattr(described, "_attributes", None), "dropped", 0)
