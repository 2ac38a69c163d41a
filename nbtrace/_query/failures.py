"""Counts a failure once, where it began: the steps around a call that failed mostly fail with it.

A span passed a failure on if a failed span right below it failed with the same error: nothing that both say of it
differs. An exception that a step raised instead, in other words, is a failure of the step's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._query import arrays
from nbtrace._query.parents import parents_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbtrace._store.snapshot import Snapshot

BEFORE: Final = {"error_type": r"^.*\.", "status_message": rf"^({semconv.NOT_ENDED}: )?([A-Za-z_][\w.]*: )?"}
"""What may stand before the same name or message: a class's module, and the class; that it had not ended."""


def begun(table: Snapshot, failed: Any) -> pa.ChunkedArray:
    """Say of spans which of those that failed did so by themselves."""
    import numpy as np
    import pyarrow as pa

    rows = np.flatnonzero(arrays.known(failed) & arrays.booleans(failed))
    own = np.zeros(len(failed), np.bool_)
    own[rows] = True
    if len(rows) > 1:
        own[rows[_passed_on(table.take(arrays.column(pa.int64(), rows)))]] = False
    return pa.chunked_array([arrays.column(pa.bool_(), own)])


def _passed_on(failed: Snapshot) -> NDArray[Any]:
    """List the rows, of spans that failed, that did so with one below them."""
    import numpy as np

    begun = failed["start_time_unix_nano"]
    parents, _ = parents_of(failed, np.where(arrays.known(begun), arrays.numbers(begun, np.int64), 0))
    children = np.flatnonzero(parents >= 0)
    above, same = parents[children], np.ones(len(children), np.bool_)
    for name, before in BEFORE.items():
        codes, _ = arrays.codes(_plain(failed[name], before))
        same &= (codes[children] == codes[above]) | (codes[children] < 0) | (codes[above] < 0)
    return above[same]


def _plain(column: Any, before: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.replace_substring_regex(column, pattern=before, replacement="")
