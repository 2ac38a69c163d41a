"""Finds the rows that repeat a call another row has, and where the spans around them are once those are gone.

A span that repeats a call says whose (`nbtrace.duplicate_of`). What was below it is then below what was above it. A
call that was beside it, because some instrumentations do not make their spans the current ones, LangChain's among them,
takes its place, as far as it stays below all that it was below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace import semconv
from nbtrace._store.columns import strings
from nbtrace._store.expand import bits, list_offsets
from nbtrace._store.texts import int32, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.uint64]

SPAN_ID: Final = re.compile("[0-9a-f]{16}", re.IGNORECASE)
"""In hex."""

DEEPEST: Final = 64
"""Spans that repeat a call, around each other, that are seen through; a circle of them has no end."""

NONE: Final = np.uint64(0)
"""Stands for the parent of a root."""


class Rows:
    """The ids and starts of all rows, as numbers.

    Args:
        batches: the rows.
    """

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self.ids: Ids = _numbers(batches, "span_id", 1)[:, 0]
        self.parents: Ids = _numbers(batches, "parent_span_id", 1)[:, 0]
        self.traces: Ids = _numbers(batches, "trace_id", 2)
        self.starts: Ids = _numbers(batches, "start_time_unix_nano", 1, "=u8")[:, 0]

    def keys(self, rows: Iterable[int]) -> dict[int, bytes]:
        """Give what tells the spans of rows from all others: its trace's id with its own."""
        chosen = np.array([*rows], np.int64)
        read = np.column_stack([self.traces[chosen], self.ids[chosen]]).astype(">u8").tobytes()
        return {row: read[24 * place : 24 * (place + 1)] for place, row in enumerate(chosen.tolist())}

    def has_one_trace(self, row: int, other: int) -> bool:
        """Say whether two rows are of the same trace."""
        traces = self.traces  # number by number: of two Python ones that is ten times as fast as of two arrays
        return bool(traces[row, 1] == traces[other, 1] and traces[row, 0] == traces[other, 0])

    def owners(self, marks: Iterable[tuple[int, int]]) -> dict[int, int]:
        """Say of rows that repeat a call which row has it, if it is here.

        Args:
            marks: the rows, each with the id of the span that has the call.
        """
        wanted = dict(marks)
        found: dict[int, list[int]] = {}
        for row in np.flatnonzero(np.isin(self.ids, np.array([*wanted.values()], np.uint64))).tolist():
            found.setdefault(int(self.ids[row]), []).append(row)
        has_it: dict[int, int] = {}
        for repeat, span_id in wanted.items():
            rows = found.get(span_id, [])
            row = rows[0] if rows else None
            if len(rows) > 1:
                row = next((one for one in rows if self.has_one_trace(one, repeat)), row)
            if row is not None and row not in wanted:  # what says that it repeats one has none
                has_it[repeat] = row
        return has_it

    def lifted(self, owners: dict[int, int]) -> Ids:
        """Give the parents of all rows once those that repeat a call are gone.

        Args:
            owners: those rows in the order of their starts, each with the row that has its call.
        """
        gone = np.array([*owners], np.int64)
        gone = gone[np.argsort(self.ids[gone], kind="stable")]
        parents = self.parents.copy()
        for depth in range(DEEPEST + 1):
            places = np.minimum(np.searchsorted(self.ids[gone], parents), len(gone) - 1)
            above = gone[places]
            lost = (self.ids[above] == parents) & (self.traces[above] == self.traces).all(axis=1)
            if not lost.any():
                break
            parents[lost] = self.parents[above[lost]] if depth < DEEPEST else NONE
        for repeat, row in owners.items():
            place = parents[repeat]
            if place != parents[row] != NONE and self.has_one_trace(repeat, row) and self._reaches(parents, place, row):
                parents[row] = place
        parents[(parents == self.ids) & (parents != self.parents)] = NONE
        return parents

    def _reaches(self, parents: Ids, start: np.uint64, row: int) -> bool:
        """Say whether the walk up from a span comes to the parent of a row, and not through the row itself."""
        span_id, ends, seen = int(start), {int(parents[row]), int(self.ids[row])}, set[int]()
        while span_id not in ends and span_id not in seen:
            seen.add(span_id)
            above = self._row_of.get(span_id)
            if above is None or not self.has_one_trace(above, row):
                return False
            span_id = int(parents[above])
        return span_id == int(parents[row])

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {span_id: row for row, span_id in enumerate(self.ids.tolist())}


def marks(batch: pa.RecordBatch) -> list[tuple[int, int]]:
    """Find the rows that repeat a call, each with the id of the span that has it."""
    lists: Any = batch.column("attributes")
    flat = lists.flatten()
    keys = flat.field("key")
    place = pc.index(keys.dictionary, _mark()).as_py()
    if place < 0:
        return []
    entries = np.flatnonzero(view(keys.indices) == place)
    rows = np.searchsorted(list_offsets(lists), entries, side="right") - 1
    texts: list[str | None] = flat.field("value").take(int32(entries)).to_pylist()
    found: list[tuple[int, int]] = []
    for row, text in zip(rows.tolist(), texts, strict=True):
        if text is not None and SPAN_ID.fullmatch(text):  # a file of somebody else's may say anything
            found.append((row, int(text, 16)))
    return found


def _numbers(batches: Sequence[pa.RecordBatch], name: str, width: int, kind: str = ">u8") -> Any:
    """Read a column as so many numbers each; a null is zero."""
    parts: list[Any] = [np.zeros((0, width), np.uint64)]
    for batch in batches:
        column: Any = batch.column(name)
        size = len(column)
        data = column.buffers()[1]
        if column.null_count == size or data is None:
            parts.append(np.zeros((size, width), np.uint64))
            continue
        read = np.frombuffer(data, kind, size * width, column.offset * 8 * width).reshape(size, width)
        read = read.astype(np.uint64)
        if column.null_count:
            read[bits(pc.is_null(column))] = NONE
        parts.append(read)
    return np.concatenate(parts)


@cache
def _mark() -> Any:
    return strings(pa.string(), [semconv.DUPLICATE_OF])[0]
