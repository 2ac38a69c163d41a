"""The Arrow schema of the span table: one row a span, one documented column a fact.

A column either holds a core field of an OTLP span, or is *promoted* from an attribute: the attribute's value lives in
the column and not in `attributes`. A value whose type does not fit its column stays in `attributes` as it came, so
that column and list together are exactly the span's attributes. `COLUMNS` is the only statement of all this; the
encoder, the exporters and the documentation read it.

This is the table that readers see. The store keeps the same facts more closely, each text once: see `kept`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from nbtrace import semconv

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = 2
"""Raised with every change of the columns; written into the schema's metadata as `nbtrace.schema_version`."""

HAS_IS_REMOTE: Final = 0x100
IS_REMOTE: Final = 0x200
"""Bits 8 and 9 of OTLP's flags: whether a parent or link comes from another process."""

ColumnType = Literal[
    "id16", "id8", "string", "text", "int", "uint", "double", "bool", "time", "strings", "dictionary", "attributes",
    "events", "links",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, the attribute it is promoted from if any, and its meaning."""

    name: str
    type: ColumnType
    attribute: str | None
    doc: str


COLUMNS: Final[tuple[Column, ...]] = (
    Column("trace_id", "id16", None, "OTLP trace id, 16 bytes"),
    Column("span_id", "id8", None, "OTLP span id, 8 bytes"),
    Column("parent_span_id", "id8", None, "OTLP parent span id, null for a root"),
    Column("trace_state", "string", None, "W3C tracestate, null when empty"),
    Column("flags", "uint", None, "OTLP flags: W3C trace flags, and in bits 8 and 9 whether the parent is remote"),
    Column("name", "string", None, "span name"),
    Column("kind", "int", None, "OTLP span kind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer"),
    Column("start_time", "time", None, "start, UTC, microseconds: for reading; `start_time_unix_nano` is exact"),
    Column("start_time_unix_nano", "int", None, "start, nanoseconds since the epoch"),
    Column("duration_ns", "int", None, "end minus start in nanoseconds, null while the span runs and if it had no end"),
    Column("status_code", "int", None, "OTLP status: 0 unset, 1 ok, 2 error"),
    Column("status_message", "string", None, "OTLP status description"),
    Column("span_type", "string", semconv.SPAN_TYPE, "what the span is where no operation says it"),
    Column("operation", "string", semconv.OPERATION_NAME, "GenAI operation"),
    Column("provider", "string", semconv.PROVIDER_NAME, "GenAI provider"),
    Column("request_model", "string", semconv.REQUEST_MODEL, "model asked for"),
    Column("response_model", "string", semconv.RESPONSE_MODEL, "model that answered"),
    Column("response_id", "string", semconv.RESPONSE_ID, "provider's id of the response"),
    Column("conversation_id", "string", semconv.CONVERSATION_ID, "conversation the call belongs to"),
    Column("finish_reasons", "strings", semconv.RESPONSE_FINISH_REASONS, "one reason a choice"),
    Column("refusal", "string", semconv.REFUSAL, "who would not go on: `model`, `content_filter` or `prompt` filter"),
    Column("input_tokens", "int", semconv.USAGE_INPUT_TOKENS, "input tokens, cached ones included"),
    Column("output_tokens", "int", semconv.USAGE_OUTPUT_TOKENS, "output tokens, reasoning included"),
    Column("cache_read_tokens", "int", semconv.USAGE_CACHE_READ, "input tokens served from a cache"),
    Column("cache_write_tokens", "int", semconv.USAGE_CACHE_WRITE, "input tokens written to a cache"),
    Column("reasoning_tokens", "int", semconv.USAGE_REASONING, "output tokens spent on reasoning"),
    Column("usage_state", "string", semconv.USAGE_STATE, "`reported` or `estimated`; null when unknown"),
    Column("time_to_first_chunk_s", "double", semconv.RESPONSE_TIME_TO_FIRST_CHUNK, "streams: seconds to first chunk"),
    Column("stream_outcome", "string", semconv.STREAM_OUTCOME, "streams: how it ended; `unfinished` while it has not"),
    Column("cost_usd", "double", semconv.USAGE_COST, "US dollars, null when unpriced"),
    Column("cost_state", "string", semconv.COST_STATE, "`priced`, `estimated`, `unpriced` or `replayed`"),
    Column("attempts", "int", semconv.ATTEMPTS, "requests that went out for the call, null when it was one"),
    Column("rate_limited_s", "double", semconv.ATTEMPTS_RATE_LIMITED, "seconds of its waits that followed a 429"),
    Column("prompt_name", "string", semconv.PROMPT_NAME, "name of the prompt template"),
    Column("prompt_version", "string", semconv.PROMPT_VERSION, "version of the prompt template"),
    Column("error_type", "string", semconv.ERROR_TYPE, "class of the error, or the provider's code"),
    Column("user_id", "string", semconv.USER_ID, "user the call was made for"),
    Column("session_id", "string", semconv.SESSION_ID, "user session the call was made in"),
    Column("tags", "strings", semconv.TAGS, "the user's words to find the span by"),
    Column("cell_id", "string", semconv.CELL_ID, "notebook cell the span belongs to"),
    Column("execution_count", "int", semconv.CELL_EXECUTION_COUNT, "the number in the cell's brackets"),
    Column("cell_run", "int", semconv.CELL_RUN, "the how-manieth run of that cell, from 1"),
    Column("system_instructions", "text", semconv.SYSTEM_INSTRUCTIONS, "JSON as the GenAI conventions define it"),
    Column("input_messages", "text", semconv.INPUT_MESSAGES, "JSON as the GenAI conventions define it"),
    Column("output_messages", "text", semconv.OUTPUT_MESSAGES, "JSON as the GenAI conventions define it"),
    Column("tool_definitions", "text", semconv.TOOL_DEFINITIONS, "JSON as the GenAI conventions define it"),
    Column("attributes", "attributes", None, "every other attribute, with its type"),
    Column("dropped_attributes_count", "uint", None, "attributes lost before nbtrace saw the span"),
    Column("events", "events", None, "OTLP events"),
    Column("dropped_events_count", "uint", None, "events lost before nbtrace saw the span"),
    Column("links", "links", None, "OTLP links"),
    Column("dropped_links_count", "uint", None, "links lost before nbtrace saw the span"),
    Column("resource", "dictionary", None, "OTLP resource as OTLP JSON, with its schema URL"),
    Column("scope", "dictionary", None, "OTLP instrumentation scope as OTLP JSON, with its schema URL"),
)

PROMOTED: Final = {column.attribute: column for column in COLUMNS if column.attribute is not None}
"""Attribute key to the column that holds it."""


@cache
def schema() -> pa.Schema:
    """Build the Arrow schema.

    Returns:
        One field a column, each with its meaning in the field's metadata (`doc`, `attribute`).
    """
    import pyarrow as pa

    attributes = list_of(
        pa.struct(
            [
                pa.field("key", pa.string(), nullable=False),
                pa.field("string", pa.large_string()),
                pa.field("int", pa.int64()),
                pa.field("double", pa.float64()),
                pa.field("bool", pa.bool_()),
                pa.field("bytes", pa.binary()),
                pa.field("json", pa.large_string()),
            ]
        )
    )
    """At most one value is set; none is an empty value. `json` is an array or map as OTLP JSON `AnyValue`."""
    types: dict[ColumnType, pa.DataType] = {
        "id16": pa.binary(16),
        "id8": pa.binary(8),
        "string": pa.string(),
        "text": pa.large_string(),
        "int": pa.int64(),
        "uint": pa.uint32(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "strings": list_of(pa.string()),
        "dictionary": pa.dictionary(pa.int32(), pa.string()),
        "attributes": attributes,
        "events": events_of(attributes),
        "links": links_of(attributes),
    }
    fields = [
        pa.field(
            column.name,
            types[column.type],
            metadata={"doc": column.doc} | ({"attribute": column.attribute} if column.attribute else {}),
        )
        for column in COLUMNS
    ]
    return pa.schema(fields, metadata={"nbtrace.schema_version": str(VERSION)})


def list_of(kind: pa.DataType) -> pa.DataType:
    """Give the type of a list."""
    import pyarrow as pa

    # The name that Parquet gives to the elements of a list, so that a schema comes back from a file as it was.
    return pa.list_(pa.field("element", kind))


def events_of(attributes: pa.DataType) -> pa.DataType:
    """Give the type of a span's events, whose attributes are of this type."""
    import pyarrow as pa

    parts = {
        "time_unix_nano": pa.int64(), "name": pa.string(), "attributes": attributes,
        "dropped_attributes_count": pa.uint32(),
    }  # fmt: skip
    return list_of(pa.struct([pa.field(name, kind) for name, kind in parts.items()]))


def links_of(attributes: pa.DataType) -> pa.DataType:
    """Give the type of a span's links, whose attributes are of this type."""
    import pyarrow as pa

    parts = {
        "trace_id": pa.binary(16), "span_id": pa.binary(8), "trace_state": pa.string(), "flags": pa.uint32(),
        "attributes": attributes, "dropped_attributes_count": pa.uint32(),
    }  # fmt: skip
    return list_of(pa.struct([pa.field(name, kind) for name, kind in parts.items()]))
