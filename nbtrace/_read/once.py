"""Finds the spans that several files of a dataset have, so that each counts once: in the first file that has it.

The same span has the same start, so only files whose times overlap can have one in common, and only of these are the
ids read. What the footers of the files state is enough to tell that.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

IDS: Final = ("trace_id", "span_id")
START: Final = "start_time_unix_nano"
READERS: Final = 16
"""Footers read at the same time, each of which an object store takes its time for."""

Bounds = tuple[float, float]


def overlapping(files: Any) -> Any | None:
    """Give the files, as pyarrow's dataset, that may have a span which another one has too; none if there are none."""
    import pyarrow.dataset as ds

    fragments = list(files.get_fragments())
    if len(fragments) < 2:  # noqa: PLR2004 - it takes two
        return None
    with ThreadPoolExecutor(READERS) as pool:
        bounds = list(pool.map(_bounds, fragments))
    chosen = [fragments[index] for index in among(bounds)]
    return ds.FileSystemDataset(chosen, files.schema, files.format, files.filesystem) if chosen else None


def among(bounds: Sequence[Bounds]) -> list[int]:
    """Say which of some intervals overlap with another one.

    Examples:
        >>> among([(0, 2), (8, 9), (2, 3), (4, 6)])
        [0, 2]
    """
    order = sorted(range(len(bounds)), key=bounds.__getitem__)
    found: set[int] = set()
    latest = -1
    for index in order:
        if latest >= 0 and bounds[latest][1] >= bounds[index][0]:
            found |= {latest, index}
        if latest < 0 or bounds[index][1] > bounds[latest][1]:
            latest = index
    return sorted(found)


def _bounds(fragment: Any) -> Bounds:
    """Give the earliest and the latest start in a file; what does not state them may have any."""
    found = [group.statistics.get(START) for group in fragment.row_groups]
    if not all(found):
        return float("-inf"), float("inf")
    return min((one["min"] for one in found), default=0), max((one["max"] for one in found), default=0)


def firsts(spans: pa.Table) -> pa.Table:
    """Give the rows that have the same ids as no row before them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.remap import keys

    rows = _repeated(spans)
    if not len(rows):
        return spans
    every: Any = keys(spans.take(pa.array(rows))).combine_chunks()
    places: Any = pc.fill_null(pc.index_in(every, value_set=every), pa.scalar(-1, pa.int32()))
    chosen = np.ones(len(spans), bool)
    chosen[rows] = (places.to_numpy() == np.arange(len(rows))) | (places.to_numpy() < 0)
    return spans.filter(pa.array(chosen))


def _repeated(spans: pa.Table) -> Any:
    """Give the rows whose span id others have too, in order: most often none, which is told by numbers alone."""
    import numpy as np

    ids: Any = spans.column("span_id").combine_chunks()
    found = np.frombuffer(ids.buffers()[1] or b"", np.uint64, len(ids), 8 * ids.offset)
    order = np.argsort(found, kind="stable")
    same = found[order][1:] == found[order][:-1]
    return np.unique(np.concatenate([order[1:][same], order[:-1][same]]))
