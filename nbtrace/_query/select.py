"""Choosing rows: the spans of a trace, the trace somebody means, the branch of a tree.

Nothing here turns a Python value into an Arrow one by `pa.array`, `pa.scalar` or a comparison: the first time, that
imports pandas, a second that the first cell with a call would wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot


def of_trace(table: Snapshot, trace_id: str) -> Snapshot:
    """Give the spans of one trace, by its id in hex."""
    import pyarrow.compute as pc

    from nbtrace._store.columns import fixed

    wanted = fixed(16, [bytes.fromhex(trace_id)])[0]
    return table.filter(pc.equal(table["trace_id"], wanted))


def find_trace(table: Snapshot, trace_id: str | None = None) -> str:
    """Find the trace that a few hex digits mean, or without them the last one with an LLM call.

    Raises:
        NotFoundError: no trace, or more than one, fits; or there is no LLM call yet.
        UsageError: the id is no text.
    """
    import pyarrow.compute as pc

    if not isinstance(cast("object", trace_id), str | None):
        raise UsageError.kind("the trace id", trace_id, "text: 32 hex digits, or the first few of them")
    if trace_id is None:
        calls = table.filter(pc.is_valid(table["operation"]))
        if calls.num_rows == 0:
            message = "no LLM call was recorded yet; make one, then ask for its trace"
            raise NotFoundError(message)
        starts = calls["start_time_unix_nano"]
        return calls["trace_id"][pc.index(starts, pc.max(starts)).as_py()].as_py().hex()
    known = sorted(value.hex() for value in table["trace_id"].unique().to_pylist() if value is not None)
    found = [value for value in known if value.startswith(trace_id.lower())]
    if len(found) != 1:
        held = f"the session has {len(known) or 'none'}{'' if known else ' yet'}"
        message = f"{len(found) or 'no'} trace{'s begin' if found else ' begins'} with {trace_id!r}; {held}"
        raise NotFoundError(message)
    return found[0]


def below(table: Snapshot, span_id: int) -> Snapshot:
    """Give a span and its descendants, in the order they have in `table`."""
    from nbtrace._store.columns import booleans

    children: dict[bytes | None, list[bytes]] = {}
    ids: list[Any] = table["span_id"].to_pylist()
    for own, parent in zip(ids, table["parent_span_id"].to_pylist(), strict=True):
        children.setdefault(parent, []).append(own)
    wanted: set[bytes] = set()
    waiting = [span_id.to_bytes(8, "big")]
    while waiting:
        own = waiting.pop()
        if own not in wanted:
            wanted.add(own)
            waiting += children.get(own, ())
    return table.filter(booleans([own in wanted for own in ids]))


def without_cells(table: Snapshot) -> Snapshot:
    """Give the spans that are not cells."""
    from nbtrace._store.columns import booleans

    return table.filter(booleans([kind != "cell" for kind in table["span_type"].to_pylist()]))
