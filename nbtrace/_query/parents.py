"""Finds the row of each row's parent, whatever the parents say.

No circle is left, and of several spans with one id the first is the parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace._query import arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbtrace._store.snapshot import Snapshot

    Ints = NDArray[np.int64]

NO_PARENT: Final = -1


def parents_of(table: Snapshot, starts: Ints) -> tuple[Ints, Ints]:
    """Find the row of each row's parent, cut every circle at its earliest row, and measure depths."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    traces, spans = arrays.fixed(table["trace_id"], 16), arrays.fixed(table["span_id"], 8)
    above = arrays.fixed(table["parent_span_id"], 8)
    kind = pa.binary(24)
    keys = arrays.column(kind, np.hstack([traces, spans]))
    asked = arrays.column(kind, np.hstack([traces, above]))
    found = pa.chunked_array([pc.index_in(asked, value_set=keys)])
    is_known = arrays.known(found) & arrays.known(table["parent_span_id"])
    parents = np.where(is_known, arrays.numbers(found, np.int32), NO_PARENT).astype(np.int64)
    depths, lost = _depths(parents)
    if lost:
        _cut(parents, starts, lost)
        depths, _ = _depths(parents)
    return parents, depths


def _depths(parents: Ints) -> tuple[Ints, list[int]]:
    """Count each row's ancestors.

    Returns:
        The depths, and the rows that have none because no walk up leads out of a circle.
    """
    import numpy as np

    above, depths = parents.copy(), (parents >= 0).astype(np.int64)
    # Each pass doubles how far up a row looks.
    for _ in range(len(parents).bit_length()):
        going = np.flatnonzero(above >= 0)
        if not len(going):
            break
        depths[going] += depths[above[going]]
        above[going] = above[above[going]]
    return depths, np.flatnonzero(above >= 0).tolist()


def _cut(parents: Ints, starts: Ints, rows: list[int]) -> None:
    """Make the earliest row of each circle among some rows a root."""
    walked_by: dict[int, int] = {}
    for walker in rows:
        row = walker
        while row != NO_PARENT and row not in walked_by:
            walked_by[row] = walker
            row = int(parents[row])
        if row != NO_PARENT and walked_by[row] == walker:
            circle = [row]
            while parents[circle[-1]] != row:
                circle.append(int(parents[circle[-1]]))
            parents[min(circle, key=lambda one: (starts[one], one))] = NO_PARENT
