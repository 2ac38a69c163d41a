"""SQL over spans, messages and scores, by DuckDB: nothing is copied that the query does not mention.

`spans` is the store's table with its ids as hex digits; `messages` has a row for each message of each span, read from
the JSON by DuckDB itself; `scores` has the judgements of these spans. The macro `attribute(attributes, name)` gives one
attribute as text. What is stored may be hostile, and so may a query that somebody sends along: the connection lives for
one query, cannot reach files, network or extensions, does not spill to disk, and sees no Python variable but those that
were handed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.frame import Spans
from nbtrace._query.result import Result, duckdb
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

IDS: Final = ("trace_id", "span_id", "parent_span_id")

CONTENT: Final = ("system_instructions", "input_messages", "output_messages")
"""The columns that `messages` is read from."""

TABLES: Final = frozenset({"spans", "messages", "scores", "nbtrace_spans", "nbtrace_scores"})
"""Names of ours, which a frame that is given cannot have; DuckDB sees no difference of case."""

SETTINGS: Final = (
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET TimeZone = 'UTC'",
    "SET lock_configuration = true",
)

SPANS: Final = """
CREATE VIEW spans AS
SELECT
    lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id, lower(hex(parent_span_id)) AS parent_span_id,
    * EXCLUDE (trace_id, span_id, parent_span_id)
FROM nbtrace_spans
"""

SCORES: Final = """
CREATE VIEW scores AS
SELECT lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id, * EXCLUDE (trace_id, span_id)
FROM nbtrace_scores SEMI JOIN nbtrace_spans USING (trace_id, span_id)
"""

MACRO: Final = """
CREATE MACRO attribute(attributes, name) AS (
    list_transform(
        list_filter(attributes, lambda one: one.key = name),
        lambda one: coalesce(one.string, one.int::VARCHAR, one.double::VARCHAR, one.bool::VARCHAR, one.json)
    )[1]
)
"""

MESSAGES: Final = """
CREATE VIEW messages AS
WITH content AS (
    SELECT trace_id, span_id, 'input' AS direction, input_messages AS json FROM spans
    UNION ALL
    SELECT trace_id, span_id, 'output', output_messages FROM spans
    UNION ALL
    SELECT trace_id, span_id, 'system', '[{"role":"system","parts":' || system_instructions || '}]' FROM spans
), listed AS (
    SELECT trace_id, span_id, direction, json_extract(json, '$[*]') AS each FROM content WHERE json_valid(json)
), message AS (
    SELECT trace_id, span_id, direction, unnest(each) AS message, generate_subscripts(each, 1) - 1 AS position
    FROM listed
), parted AS (
    SELECT *, json_extract(message, '$.parts[*]') AS each FROM message
)
SELECT
    trace_id, span_id, direction, position, message->>'role' AS role,
    array_to_string(list_transform(
        list_filter(each, lambda part: part->>'type' = 'text'), lambda part: coalesce(part->>'content', '')
    ), '') AS text,
    list_transform(
        list_filter(each, lambda part: part->>'type' = 'tool_call'), lambda part: part->>'name'
    ) AS tool_calls,
    message->>'finish_reason' AS finish_reason, message->'parts' AS parts
FROM parted
"""


def run(query: str, spans: Spans, given: Mapping[str, object]) -> Result:
    """Answer a query.

    Args:
        query: One statement in DuckDB's SQL.
        spans: What `spans` and `messages` are.
        given: Data frames become tables of their names, all else values for `$name`.

    Raises:
        UsageError: DuckDB is not installed or refuses the query, or a frame has the name of a table of ours.
    """
    module = duckdb("SQL")
    for name, value in given.items():
        if hasattr(value, "__arrow_c_stream__") and name.lower() in TABLES:
            message = f"a data frame cannot be named {name}, which is a table of nbtrace's own: give it another name"
            raise UsageError(message)
    frames = {name: _arrow(value) for name, value in given.items() if hasattr(value, "__arrow_c_stream__")}
    values = {name: value for name, value in given.items() if name not in frames}
    named = [column for column in spans.snapshot.column_names if _mentions(query, column)]
    try:
        try:
            return _run(query, spans.snapshot, named, frames, values)
        except module.BinderException:  # a column that was not seen to be mentioned, or one that is not there
            return _run(query, spans.snapshot, spans.snapshot.column_names, frames, values)
    except module.Error as error:
        message = f"DuckDB cannot run this query: {error}"
        raise UsageError(message) from None


def _run(
    query: str, spans: Snapshot, names: list[str], frames: Mapping[str, pa.Table], values: Mapping[str, object]
) -> Result:
    connection = duckdb("SQL").connect(":memory:")
    try:
        connection.register("nbtrace_spans", spans.select([*dict.fromkeys([*IDS, *names])]))
        for name, frame in frames.items():
            connection.register(name, frame)
        connection.register("nbtrace_scores", spans.scores)
        connection.execute(SPANS)
        connection.execute(SCORES)
        connection.execute(MACRO)
        if set(CONTENT) <= set(names):
            connection.execute(MESSAGES)
        for setting in SETTINGS:
            connection.execute(setting)
        relation = connection.sql(query, params=dict(values) if values else None)
        if relation is None:
            raise UsageError.argument("query", "a query that gives rows, such as SELECT", query)
        return Result(relation.to_arrow_table())
    finally:
        connection.close()


def _mentions(query: str, column: str) -> bool:
    """Say whether a query may need a column: its name is in it, or a `*` that stands for all."""
    if "*" in query:
        return True
    words = [column, "messages"] if column in CONTENT else [column]
    return re.search(rf"\b(?:{'|'.join(words)})\b", query, re.IGNORECASE) is not None


def _arrow(frame: Any) -> pa.Table:
    import pyarrow as pa

    return pa.table(frame)
