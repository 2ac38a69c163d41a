"""Choosing rows: the spans of a trace, the trace somebody means, the branch of a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa


def of_trace(table: pa.Table, trace_id: str) -> pa.Table:
    """Give the spans of one trace, by its id in hex."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["trace_id"], pa.scalar(bytes.fromhex(trace_id), pa.binary(16))))


def find_trace(table: pa.Table, trace_id: str | None = None) -> str:
    """Find the trace that a few hex digits mean, or without them the last one with an LLM call.

    Raises:
        NotFoundError: no trace, or more than one, fits; or there is no LLM call yet.
    """
    import pyarrow.compute as pc

    if trace_id is None:
        calls = table.filter(pc.is_valid(table["operation"]))
        if calls.num_rows == 0:
            message = "no LLM call was recorded yet; make one, then ask for its trace"
            raise NotFoundError(message)
        starts = calls["start_time_unix_nano"]
        return calls["trace_id"][pc.index(starts, pc.max(starts)).as_py()].as_py().hex()
    known = sorted({value.hex() for value in table["trace_id"].unique().to_pylist()})
    found = [value for value in known if value.startswith(trace_id.lower())]
    if len(found) != 1:
        held = f"the session has {len(known) or 'none'}{'' if known else ' yet'}"
        message = f"{len(found) or 'no'} trace{'s begin' if found else ' begins'} with {trace_id!r}; {held}"
        raise NotFoundError(message)
    return found[0]


def subtree(rows: pa.Table, span_id: str) -> pa.Table:
    """Cut the branch below a span, itself included, out of a depth-first tree.

    Args:
        rows: what `tree` gives.
        span_id: 16 hex digits; if it is not there, all rows are given.
    """
    ids = rows["span_id"].to_pylist()
    if span_id not in ids:
        return rows
    first = ids.index(span_id)
    depths = rows["depth"].to_pylist()
    last = next((i for i in range(first + 1, len(ids)) if depths[i] <= depths[first]), len(ids))
    return rows.slice(first, last - first)
