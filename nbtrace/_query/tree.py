"""Orders spans into parent-child trees, columnar in and out: what the widget and the static views draw.

Every row of the table comes out exactly once, whatever the parents say: a span whose parent is not in the table is a
root, spans that are each other's ancestors are cut at the earliest one, of several spans with one id the first is the
parent. All passes are loops over integers, so depth has no limit and time is linear, but for the sort by start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.preview import previews
from nbtrace._query.totals import AMOUNTS, ERROR, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

    Columns = dict[str, list[Any]]

TYPES: Final = frozenset(
    (
        "cell",
        "llm",
        "embedding",
        "tool",
        "retrieval",
        "agent",
        "chain",
        "guardrail",
        "evaluation",
        "attempt",
        "span",
    )
)
"""What a span can be for the reader."""

OPERATION_TYPES: Final = {
    "chat": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "fetch_response": "llm",
    "embeddings": "embedding",
    "execute_tool": "tool",
    "retrieval": "retrieval",
    "search_memory": "retrieval",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "plan": "agent",
    "invoke_workflow": "chain",
}
"""GenAI operation to type, where no span type says it."""

COLUMNS: Final = {
    "span_id": "string", "trace_id": "string", "parent_span_id": "string", "depth": "int32", "child_count": "int32",
    "name": "string", "type": "string", "model": "string", "provider": "string",
    "start_ms": "double", "duration_ms": "double", "first_chunk_ms": "double",
    "input_tokens": "int64", "output_tokens": "int64", "cost_usd": "double", "cost_state": "string",
    "usage_state": "string", "stream_outcome": "string", "error": "bool", "error_type": "string",
    "prompt_name": "string", "prompt_version": "string", "cell_id": "string", "execution_count": "int64",
    "cell_run": "int64", "finish_reasons": "string", "refusal": "string", "summary": "string",
    "sum_calls": "int64", "sum_input_tokens": "int64", "sum_output_tokens": "int64", "sum_cost_usd": "double",
    "sum_unpriced": "int64", "sum_estimated": "int64", "sum_errors": "int64", "end_ms": "double",
}  # fmt: skip
"""The tree's columns and their types; `sum_*` and `end_ms` are over the span and all below it."""

SAME: Final = (
    "name", "provider", "input_tokens", "output_tokens", "cost_usd", "cost_state", "usage_state", "stream_outcome",
    "error_type", "prompt_name", "prompt_version", "cell_id", "execution_count", "cell_run", "refusal",
)  # fmt: skip
"""Columns taken over from the store."""

READ: Final = (
    *SAME, "trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "duration_ns", "status_code", "span_type",
    "operation", "request_model", "response_model", "time_to_first_chunk_s", "finish_reasons",
)  # fmt: skip

SUMMED: Final = ("calls", *AMOUNTS, "unpriced", "estimated", "errors")
"""What is added up over the span and all below it."""

NO_PARENT: Final = -1


def tree(table: Snapshot) -> pa.Table:
    """Order spans depth-first, siblings by start, the spans of a trace together.

    Args:
        table: Spans of one or more traces.

    Returns:
        One row a span with `COLUMNS`; times are milliseconds after the earliest start in the table.
    """
    rows = {name: _values(table[name]) for name in READ}
    parents = _parents(rows)
    order, depths, child_counts = _depth_first(rows, parents)
    ids = [span_id.hex() for span_id in rows["span_id"]]
    made: Columns = {
        **{name: rows[name] for name in SAME},
        "span_id": ids,
        "trace_id": [trace_id.hex() for trace_id in rows["trace_id"]],
        "parent_span_id": [None if parent == NO_PARENT else ids[parent] for parent in parents],
        "depth": depths,
        "child_count": child_counts,
        "type": list(map(_type, rows["span_type"], rows["operation"])),
        "model": [answered or asked for answered, asked in _pairs(rows, "response_model", "request_model")],
        "error": [status == ERROR for status in rows["status_code"]],
        "finish_reasons": [None if some is None else ",".join(map(str, some)) for some in rows["finish_reasons"]],
        "summary": previews(table),
        **_times(rows),
    }
    made |= _totals(table, made, order, parents)
    return _build({name: list(map(some.__getitem__, order)) for name, some in made.items()})


def _parents(rows: Columns) -> list[int]:
    """Find the row of each row's parent, and cut every circle at its earliest row."""
    keys = list(_pairs(rows, "trace_id", "span_id"))
    first: dict[tuple[bytes, bytes], int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    parents = [first.get(key, NO_PARENT) for key in _pairs(rows, "trace_id", "parent_span_id")]
    walked_by = [NO_PARENT] * len(parents)
    for walker in range(len(parents)):
        row = walker
        while row != NO_PARENT and walked_by[row] == NO_PARENT:
            walked_by[row] = walker
            row = parents[row]
        if row != NO_PARENT and walked_by[row] == walker:
            circle = [row]
            while parents[circle[-1]] != row:
                circle.append(parents[circle[-1]])
            parents[min(circle, key=lambda one: (_start(rows, one), one))] = NO_PARENT
    return parents


def _start(rows: Columns, row: int) -> int:
    """Give what rows are sorted by; one without a start comes first, and of two the one that arrived first."""
    return rows["start_time_unix_nano"][row] or 0


def _by_start(rows: Columns) -> list[int]:
    return sorted(range(len(rows["span_id"])), key=lambda row: _start(rows, row))


def _depth_first(rows: Columns, parents: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Order the rows of a forest.

    Returns:
        The rows in order; and by row, its depth and its number of children.
    """
    children: list[list[int]] = [[] for _ in parents]
    roots: dict[bytes, list[int]] = {}
    for row in _by_start(rows):
        if parents[row] == NO_PARENT:
            roots.setdefault(rows["trace_id"][row], []).append(row)
        else:
            children[parents[row]].append(row)
    order: list[int] = []
    depths = [0] * len(parents)
    stack = [row for trace in roots.values() for row in trace][::-1]
    while stack:
        row = stack.pop()
        order.append(row)
        for child in children[row]:
            depths[child] = depths[row] + 1
        stack.extend(reversed(children[row]))
    return order, depths, list(map(len, children))


def _times(rows: Columns) -> Columns:
    starts = rows["start_time_unix_nano"]
    origin = min((start for start in starts if start is not None), default=0)
    return {
        "start_ms": [None if start is None else (start - origin) / 1e6 for start in starts],
        "duration_ms": [None if duration is None else duration / 1e6 for duration in rows["duration_ns"]],
        "first_chunk_ms": [None if first is None else first * 1e3 for first in rows["time_to_first_chunk_s"]],
    }


def _totals(table: Snapshot, made: Columns, order: list[int], parents: list[int]) -> Columns:
    """Add up what each span and all below it did, children before parents."""
    each = counted(table)
    sums: Columns = {f"sum_{name}": _values(each[name]) for name in SUMMED}
    ends: list[float | None] = [
        None if start is None else start + (duration or 0.0)
        for start, duration in zip(made["start_ms"], made["duration_ms"], strict=True)
    ]
    for row in reversed(order):
        parent = parents[row]
        if parent == NO_PARENT:
            continue
        for some in sums.values():
            if some[row] is not None:
                some[parent] = some[row] + (some[parent] or 0)
        end, latest = ends[row], ends[parent]
        if end is not None and (latest is None or end > latest):
            ends[parent] = end
    return {**sums, "end_ms": ends}


def _type(span_type: str | None, operation: str | None) -> str:
    if span_type in TYPES:
        return span_type
    return OPERATION_TYPES.get(operation or "", "span")


def _values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Read a column as Python values; most columns of most tables are empty, which costs nothing here."""
    return [None] * len(column) if column.null_count == len(column) else column.to_pylist()


def _pairs(rows: Columns, *names: str) -> zip[tuple[Any, ...]]:
    return zip(*(rows[name] for name in names), strict=True)


def _build(values: Columns) -> pa.Table:
    """Build the table without `pa.array`, which imports pandas."""
    import pyarrow as pa

    from nbtrace._store.columns import booleans, numbers, strings

    def column(kind: str, some: Sequence[Any]) -> pa.Array:
        match kind:
            case "string":
                return strings(pa.string(), some)
            case "bool":
                return booleans(some)
            case "int32":
                return numbers(pa.int32(), "i", some)
            case "int64":
                return numbers(pa.int64(), "q", some)
            case _:
                return numbers(pa.float64(), "d", some)

    return pa.Table.from_arrays([column(kind, values[name]) for name, kind in COLUMNS.items()], names=list(COLUMNS))
