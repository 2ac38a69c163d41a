"""The traces of a session as static HTML and text: a row a trace, the latest first, the runs of a cell as one row.

What is drawn and how is `static`'s; here rows of a tree become rows of a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace._query import arrays, text
from nbtrace._widgets import static

if TYPE_CHECKING:
    import pyarrow as pa


def list_html(tree: pa.Table) -> str:
    """Draw the traces of a tree table as HTML."""
    rows, traces = _rows(tree), _entries(tree)
    end = max((row["duration_ms"] or 0.0 for row in rows), default=0.0)
    line = headline(tree)
    return static.page(line, static.rows_html(rows, end, len(traces), "more trace") if rows else "")


def list_text(tree: pa.Table) -> str:
    """Draw the traces of a tree table as text."""
    rows, traces = _rows(tree), _entries(tree)
    return "\n".join([headline(tree), *static.row_lines(rows), *static.more(len(traces) - len(rows), "more trace")])


def headline(tree: pa.Table) -> str:
    """Say in one line what the traces hold."""
    firsts = _firsts(tree)
    return f"{text.counted(len(firsts), 'trace')} · {static.headline(tree)}"


def _firsts(tree: pa.Table) -> list[int]:
    """Find the first row of each trace."""
    import numpy as np

    if not len(tree):
        return []
    traces = arrays.fixed(tree["trace_id"], 16)
    differs = np.any(traces[1:] != traces[:-1], axis=1)
    return [0, *(np.flatnonzero(differs) + 1).tolist()]


def _entries(tree: pa.Table) -> list[tuple[int, int, int]]:
    """List the latest run of each cell and every other trace, latest first: rows, and the number of earlier runs."""
    firsts = _firsts(tree)
    ends = [*firsts[1:], *([len(tree)] if firsts else [])]
    rows = tree.select(["type", "cell_id", "cell_run"])
    latest: dict[Any, tuple[int, int, int, int]] = {}
    for first, end in zip(firsts, ends, strict=True):
        kind, cell, run = (rows[name][first].as_py() for name in ("type", "cell_id", "cell_run"))
        key = (cell,) if kind == "cell" and cell else first
        before = latest.get(key, (-1, 0, 0, -1))
        number = before[3] + 1
        latest[key] = (run or 0, first, end, number) if (run or 0) >= before[0] else (*before[:3], number)
    return sorted(((first, end, earlier) for _, first, end, earlier in latest.values()), reverse=True)


def _rows(tree: pa.Table) -> list[dict[str, Any]]:
    from nbtrace._query.branch import branch
    from nbtrace._query.tree import INTERRUPTED

    entries = _entries(tree)[: static.ROWS]
    made: list[dict[str, Any]] = []
    for first, end, earlier in entries:
        (row,) = tree.select(static.COLUMNS).slice(first, 1).to_pylist()
        below = branch(tree, first, end)
        duration = below.end_ms - (row["start_ms"] or 0.0)
        going = below.running or below.unfinished
        name = f"{row['name']} · {text.counted(earlier, 'earlier run')}" if earlier else row["name"]
        made.append(
            row
            | {
                "name": name, "depth": 0, "branch": below, "start_ms": 0.0, "end_ms": duration,
                "duration_ms": None if going or below.interrupted else duration,
                "flags": row["flags"] | (0 if going or not below.interrupted else INTERRUPTED),
                "summary": row["summary"] or row["title"],
            }
        )  # fmt: skip
    return made
