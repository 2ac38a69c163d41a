"""Choosing rows: the spans of a trace, the trace somebody means, the branch of a tree.

Nothing here turns a Python value into an Arrow one by `pa.array`, `pa.scalar` or a comparison: the first time, that
imports pandas, a second that the first cell with a call would wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot


def of_trace(table: Snapshot, trace_id: str) -> Snapshot:
    """Give the spans of one trace, by its id in hex."""
    import pyarrow.compute as pc

    from nbtrace._store.columns import fixed

    wanted = fixed(16, [bytes.fromhex(trace_id)])[0]
    return table.filter(pc.equal(table["trace_id"], wanted))


def of_traces(table: Snapshot, trace_ids: Iterable[str]) -> Snapshot:
    """Give the spans of several traces, by their ids in hex."""
    import pyarrow.compute as pc

    from nbtrace._store.columns import fixed

    wanted = fixed(16, sorted({bytes.fromhex(one) for one in trace_ids}))
    return table.filter(pc.is_in(table["trace_id"], value_set=wanted))


def find_trace(table: Snapshot, trace_id: str | None = None) -> str:
    """Find the trace that a few hex digits mean, or without them the last one with an LLM call.

    Raises:
        NotFoundError: no trace, or more than one, fits; or there is no LLM call yet.
        UsageError: the id is no text.
    """
    import pyarrow.compute as pc

    if trace_id is not None:
        return find_trace_id(table["trace_id"], trace_id).hex()
    is_call = pc.is_valid(table["operation"])
    starts, traces = table["start_time_unix_nano"].filter(is_call), table["trace_id"].filter(is_call)
    if not len(traces):
        message = "no LLM call was recorded yet; make one, then ask for its trace"
        raise NotFoundError(message)
    return traces[pc.index(starts, pc.max(starts)).as_py()].as_py().hex()


def find_trace_id(traces: pa.ChunkedArray, trace_id: str) -> bytes:
    """Find the trace that a few hex digits mean, among the traces of all spans.

    Raises:
        NotFoundError: no trace, or more than one, fits.
        UsageError: the id is no text.
    """
    if not isinstance(cast("object", trace_id), str):
        raise UsageError.kind("the trace id", trace_id, "text: 32 hex digits, or the first few of them")
    known = sorted(value.hex() for value in traces.unique().to_pylist() if value is not None)
    found = [value for value in known if value.startswith(trace_id.lower())]
    if len(found) != 1:
        held = f"the session has {len(known) or 'none'}{'' if known else ' yet'}"
        message = f"{len(found) or 'no'} trace{'s begin' if found else ' begins'} with {trace_id!r}; {held}"
        raise NotFoundError(message)
    return bytes.fromhex(found[0])


def find_span(table: Snapshot, given: object) -> int | None:
    """Find the row of the span that somebody means by a row of it, or by its id.

    Args:
        table: the spans to look in.
        given: anything with a `span_id`, or a span's id: bytes, 16 hex digits, or the first few of them.

    Returns:
        The row; none if what was given has no id.

    Raises:
        NotFoundError: no span, or more than one, has it.
    """
    keys = getattr(given, "keys", None)  # a dict's, or a pandas row's
    key: Any = cast("Any", given)["span_id"] if keys and "span_id" in keys() else getattr(given, "span_id", given)
    key = key.hex() if isinstance(key, bytes) else key
    if not isinstance(key, str):
        return None
    known = [None if one is None else one.hex() for one in table["span_id"].to_pylist()]
    found = [row for row, one in enumerate(known) if one and one.startswith(key.lower())]
    if len(found) != 1:
        message = f"{len(found) or 'no'} span{'s begin' if found else ' begins'} with {key!r}; there are {len(table):,}"
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
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import strings

    return table.filter(pc.invert(pc.is_in(table["span_type"], value_set=strings(pa.string(), ["cell"]))))
