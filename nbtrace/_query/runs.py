"""Which runs count: a cell that was run again has been paid twice, and only its last run is what the notebook shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def latest_runs(columns: Callable[[str], Any]) -> Any:
    """Say of each span whether it is of the latest run of its cell, or of no cell.

    Runs are numbered by the recording that made them, which their scope names. The latest is the one that began last,
    so that a run after a kernel's restart, which is number 1 again, comes after the runs before it.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._query.quantile import numbered

    cells, runs = columns("cell_id"), columns("cell_run")
    if not len(cells):
        return pc.is_null(cells)
    starts = pc.fill_null(columns("start_time_unix_nano"), 2**63 - 1).to_numpy()
    groups, (cell_of, *_) = numbered([cells, runs, columns("resource"), columns("scope")])
    began = np.full(len(cell_of), 2**63 - 1)
    np.minimum.at(began, groups, starts)
    cell, _ = numbered([pa.chunked_array([cell_of])])
    order = np.lexsort((began, cell))
    latest = np.zeros(len(cell_of), bool)
    latest[order[np.flatnonzero(np.append(np.diff(cell[order]), 1))]] = True
    return pc.or_(pa.chunked_array([pa.array(latest[groups])]), pc.is_null(cells))
