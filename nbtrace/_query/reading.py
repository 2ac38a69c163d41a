"""Spans as a pandas data frame for people: the columns that they ask for first, ids in hex, nothing that says nothing.

Columns whose type pandas shares with Arrow are not copied. What costs a Python object a span, such as attributes, is
there only when everything is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._store.attributes import plain, plain_column

if TYPE_CHECKING:
    import pandas as pd

    from nbtrace._store.snapshot import Snapshot

FIRST: Final = (
    "start_time", "name", "operation", "request_model", "duration_ms", "input_tokens", "output_tokens", "cost_usd",
    "cost_state", "error_type", "prompt_name", "prompt_version", "input_messages", "output_messages",
)  # fmt: skip
"""The columns that people read first, in this order; the others follow in the store's."""

ALWAYS: Final = ("start_time", "name", "duration_ms")
"""Columns that are there even if they are empty."""

PLUMBING: Final = frozenset(
    (
        "start_time_unix_nano", "duration_ns", "trace_state", "flags", "kind", "dropped_attributes_count",
        "dropped_events_count", "dropped_links_count", "resource", "scope", "attributes", "events", "links",
    )
)  # fmt: skip
"""Columns for exporters, and those whose values are many; shown by `full=True`."""

IDS: Final = ("trace_id", "span_id", "parent_span_id")

LISTS: Final = ("finish_reasons", "tags")
"""Columns with several texts a span."""


NESTED: Final = frozenset((*IDS, *LISTS, "attributes", "events", "links"))
"""Columns that pandas has no type for."""


def to_pandas(spans: Snapshot, *, full: bool) -> pd.DataFrame:
    """Convert spans; with `full` every column, else those that tell a reader anything."""
    import pandas as pd
    import pyarrow as pa

    stored = {name: spans[name] for name in spans.column_names if full or _is_telling(name, spans)}
    scalars: Any = {name: column for name, column in stored.items() if name not in NESTED}
    frame: pd.DataFrame = pa.table(scalars).to_pandas(
        types_mapper=lambda kind: pd.Int64Dtype() if str(kind) in ("int64", "uint32") else None
    )
    columns: dict[str, Any] = {str(name): frame[name] for name in frame}
    columns["duration_ms"] = pd.Series(spans["duration_ns"].to_pandas(), dtype="Float64") / 1e6
    for name, column in stored.items():
        if name in IDS:
            columns[name] = _hex(column).to_pandas()
        elif name in LISTS:
            columns[name] = pd.Series(column.to_pylist(), dtype=object)
        elif name == "attributes":
            columns[name] = pd.Series(plain_column(column), dtype=object)
        elif name in ("events", "links"):
            rows = [[_readable(one) for one in row or ()] for row in column.to_pylist()]
            columns[name] = pd.Series(rows, dtype=object)
    for name in ("resource", "scope"):
        if name in columns:
            columns[name] = columns[name].astype(columns["name"].dtype)
    order = [*FIRST, *(name for name in stored if name not in FIRST)]
    return pd.DataFrame({name: columns[name] for name in order if name in columns}, copy=False)


def _is_telling(name: str, spans: Snapshot) -> bool:
    """Say whether a column tells a reader anything about these spans."""
    return name in ALWAYS or (name not in PLUMBING and spans.kept[name].null_count < len(spans))


def _hex(column: Any) -> Any:
    """Write ids in hex digits, all at once."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    written: list[Any] = []
    for chunk in column.chunks:
        width = chunk.type.byte_width
        filled = chunk.fill_null(bytes(width)) if chunk.null_count else chunk
        start, stop = filled.offset * width, (filled.offset + len(chunk)) * width
        content = memoryview(filled.buffers()[1])[start:stop].hex().encode()
        offsets = np.arange(len(chunk) + 1, dtype=np.int32) * 2 * width
        digits = pa.StringArray.from_buffers(len(chunk), pa.py_buffer(offsets), pa.py_buffer(content))
        written.append(pc.if_else(chunk.is_valid(), digits, None) if chunk.null_count else digits)
    return pa.chunked_array(written, pa.string())


def _readable(one: dict[str, Any]) -> dict[str, Any]:
    """Make an event or link readable: its attributes as a mapping, ids as hex."""
    return {
        name: plain(value) if name == "attributes" else value.hex() if isinstance(value, bytes) else value
        for name, value in one.items()
    }
