"""Merges calls with what repeats them, some at a time, and those that make that fail not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from nbtrace._guard import guard
from nbtrace._store.batches import taken
from nbtrace._store.call_rows import content_sizes
from nbtrace._store.merging import merge
from nbtrace._store.repeats import Rows

if TYPE_CHECKING:
    from nbtrace._store.texts import Texts

PIECE_BYTES: Final = 8 * 2**20
"""Content of calls that are merged at a time: a conversation whose every call has its history is large once read."""

Batches = tuple[pa.RecordBatch, ...]


class Calls(NamedTuple):
    """Calls, and what repeats them."""

    batches: Batches
    rows: Rows
    owners: dict[int, int]
    """The rows that repeat a call, and those that have it."""
    texts: Texts

    def merged(
        self, rows: Sequence[int], groups: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], Batches]]:
        """Merge calls: gives some of them with their merged rows, and one that makes that fail with none."""
        for piece in self._pieces(rows, groups):
            whole = self._tried(piece, groups)
            if whole or len(piece) == 1:
                yield piece, whole
            else:
                for row in piece:
                    yield [row], self._tried([row], groups)

    def _pieces(self, rows: Sequence[int], groups: Mapping[int, Sequence[int]]) -> Iterator[Sequence[int]]:
        """Cut calls into pieces whose contents, as all are read at once, are of some size."""
        if not rows:
            return
        members = [row for call in rows for row in (call, *groups[call])]
        sizes = np.cumsum(content_sizes(taken(self.batches, members), self.texts))
        ends = np.cumsum([1 + len(groups[call]) for call in rows]) - 1
        pieces = (sizes[ends] // PIECE_BYTES).tolist()
        for _, piece in groupby(range(len(rows)), pieces.__getitem__):
            yield [rows[number] for number in piece]

    def _tried(self, rows: Sequence[int], groups: Mapping[int, Sequence[int]]) -> Batches:
        with guard("store"):
            return (self._merged(rows, groups),)
        return ()

    def _merged(self, rows: Sequence[int], groups: Mapping[int, Sequence[int]]) -> pa.RecordBatch:
        repeats = [repeat for row in rows for repeat in groups[row]]
        owners = [number for number, row in enumerate(rows) for _ in groups[row]]
        return merge(taken(self.batches, rows), taken(self.batches, repeats), owners, self.texts)
