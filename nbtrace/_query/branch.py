"""What a row of a tree and all below it come to: sums over a branch, which in depth-first order is a run of rows.

Only LLM calls count for tokens and cost. What is unknown is counted as unknown and never as zero: a sum over rows of
which none is known is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrace._query import arrays
from nbtrace._query.tree import CALL, ESTIMATED_COST, FAILURE, INTERRUPTED, UNFINISHED, UNPRICED

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Branch:
    """The sums of one branch."""

    spans: int
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    unpriced: int
    estimated: int
    errors: int
    running: int
    unfinished: int
    """Streams that are not read to their end, and spans that had not ended when they were exported."""
    interrupted: int
    """Spans that had not ended when their kernel did."""
    end_ms: float
    """When the last of its spans ended; one that runs counts as it starts."""


def end_of(tree: pa.Table, row: int) -> int:
    """Find the row after a row's branch."""
    import numpy as np

    depths = arrays.numbers(tree["depth"], np.int32)
    is_after = depths[row + 1 :] <= depths[row]
    return row + 1 + int(is_after.argmax()) if is_after.any() else tree.num_rows


def branch(tree: pa.Table, first: int, end: int) -> Branch:
    """Add up the rows from `first` to before `end`."""
    import numpy as np

    rows = tree.slice(first, end - first)
    flags = arrays.numbers(rows["flags"], np.uint16)
    calls = (flags & CALL) != 0

    def total(name: str) -> float | None:
        counted = arrays.known(rows[name]) & calls
        values: NDArray[Any] = arrays.numbers(rows[name], np.float64)[counted]
        return float(values.sum()) if len(values) else None

    def count(bit: int) -> int:
        return int(np.count_nonzero(flags & bit))

    tokens_in, tokens_out = total("input_tokens"), total("output_tokens")
    return Branch(
        spans=rows.num_rows,
        calls=count(CALL),
        input_tokens=None if tokens_in is None else int(tokens_in),
        output_tokens=None if tokens_out is None else int(tokens_out),
        cost_usd=total("cost_usd"),
        unpriced=count(UNPRICED),
        estimated=count(ESTIMATED_COST),
        errors=count(FAILURE),
        running=rows["duration_ms"].null_count - count(UNFINISHED) - count(INTERRUPTED),
        unfinished=count(UNFINISHED),
        interrupted=count(INTERRUPTED),
        end_ms=_end(rows),
    )


def _end(rows: pa.Table) -> float:
    import numpy as np

    starts = np.where(arrays.known(rows["start_ms"]), arrays.numbers(rows["start_ms"], np.float64), 0)
    durations = np.where(arrays.known(rows["duration_ms"]), arrays.numbers(rows["duration_ms"], np.float64), 0)
    return float((starts + durations).max(initial=0))
