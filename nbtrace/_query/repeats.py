"""Draws a call below the span of a framework that repeats it, where nothing else says that it belongs there.

Some instrumentations do not make their spans the current ones, LangChain's among them: the call is then beside the
chain that made it, below the same span as the whole chain. The span that repeats the call says whose it is
(`nbtrace.duplicate_of`), and so where the call is to be drawn. It stays below all that it was below.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._query import arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbtrace._store.snapshot import Snapshot

    Ints = NDArray[np.int64]

ID: Final = 8
"""Bytes of a span's id."""


def drawn_below(table: Snapshot, starts: Ints, parents: Ints) -> bool:
    """Put calls below the spans that repeat them; says whether any was.

    Args:
        table: spans.
        starts: their starts.
        parents: the row of each row's parent, negative for a root; changed in place.
    """
    found = _repeats(table)
    rows = _rows(table, {call for _, call in found}) if found else {}
    moved = False
    for repeat, key in sorted(found, key=lambda one: starts[one[0]]):
        call = rows.get(key)
        if call is not None and parents[call] >= 0 and _reaches(parents, repeat, int(parents[call]), past=call):
            parents[call] = repeat
            moved = True
    return moved


def _reaches(parents: Ints, row: int, goal: int, *, past: int) -> bool:
    """Say whether the walk up from a row comes to another, and not through a third."""
    row = int(parents[row])
    while row >= 0 and row not in {goal, past}:
        row = int(parents[row])
    return row == goal


def _repeats(table: Snapshot) -> list[tuple[int, bytes]]:
    """Find the rows that repeat a call, and the call's trace and span id."""
    import numpy as np
    import pyarrow as pa

    kinds, words = arrays.codes(table["span_type"])
    is_chain = np.array([*(word == "chain" for word in words.to_pylist()), False])[kinds]
    # A chain that names a model was a call before it was marked: few others do.
    marked = is_chain & (arrays.known(table["request_model"]) | arrays.known(table["response_model"]))
    if not marked.any():
        return []
    some = table.filter(arrays.column(pa.bool_(), marked))
    lists: Any = some["attributes"].combine_chunks()
    entries = lists.flatten()
    keys, names = arrays.codes(pa.chunked_array([entries.field("key")]))
    says = np.array([*(name == semconv.DUPLICATE_OF for name in names.to_pylist()), False])[keys]
    found, texts = arrays.codes(pa.chunked_array([entries.field("string")]))
    ids = [*map(_id, texts.to_pylist()), None]
    owners = np.repeat(np.arange(len(lists)), arrays.lengths(lists))[says].tolist()
    rows, traces = np.flatnonzero(marked).tolist(), some["trace_id"].to_pylist()
    pairs = zip(owners, found[says].tolist(), strict=True)
    return [(rows[owner], traces[owner] + made) for owner, text in pairs if (made := ids[text]) is not None]


def _id(text: str | None) -> bytes | None:
    with suppress(ValueError):  # a file of somebody else's may say anything
        made = bytes.fromhex(text or "")
        return made if len(made) == ID else None
    return None


def _rows(table: Snapshot, wanted: set[bytes]) -> dict[bytes, int]:
    """Find the rows of spans by trace and span id."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, keys = pa.binary(24), list(wanted)
    asked = arrays.column(kind, np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 24))
    ids = arrays.column(kind, np.hstack([arrays.fixed(table["trace_id"], 16), arrays.fixed(table["span_id"], ID)]))
    found = pc.index_in(asked, value_set=ids).to_pylist()
    return {key: row for key, row in zip(keys, found, strict=True) if row is not None}
