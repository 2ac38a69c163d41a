"""Store tables from a few words: what a test does not name has the value of a plain ended span."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from nbtrace._store.schema import schema
from nbtrace._store.snapshot import Snapshot

MS = 1_000_000
START = 1_700_000_000_000 * MS


def row(
    span_id: int,
    parent: int | None = None,
    *,
    trace: int = 1,
    start: float | None = 0,
    ms: float | None = 1,
    **columns: Any,
) -> dict[str, Any]:
    """Give a row; `start` is in milliseconds after the first."""
    return {
        "trace_id": trace.to_bytes(16, "big"),
        "span_id": span_id.to_bytes(8, "big"),
        "parent_span_id": None if parent is None else parent.to_bytes(8, "big"),
        "name": f"span {span_id}",
        "start_time_unix_nano": None if start is None else START + round(start * MS),
        "duration_ns": None if ms is None else round(ms * MS),
        "status_code": 0,
        "attributes": [],
        "events": [],
        "links": [],
    } | columns


def table(*rows: dict[str, Any]) -> Snapshot:
    return Snapshot.of(pa.Table.from_pylist(list(rows), schema=schema()))


def chat(span_id: int, parent: int | None = None, **columns: Any) -> dict[str, Any]:
    """Give the row of an answered and priced call."""
    answered: dict[str, Any] = {
        "operation": "chat",
        "request_model": "m",
        "response_model": "m-1",
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": 0.5,
        "cost_state": "priced",
    }
    return row(span_id, parent, **(answered | columns))
