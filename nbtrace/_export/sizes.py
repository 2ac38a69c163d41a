"""The bytes of kept texts, known without reading them, and batches of spans that are bounded by them.

Calls that repeat a conversation are many times as large as they are kept, so rows alone bound no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace._export.values import numbers, or_minus_one, starts
from nbtrace._store.schema import COLUMNS
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.texts import Texts

ROWS: Final = 4096
"""Most rows that are encoded together."""
BYTES: Final = 16_000_000
"""Most bytes of the texts of rows that are encoded together, unless one row alone has more."""
TEXTS: Final = [column.name for column in COLUMNS if column.type == "text"]
Array = Any


class Sizes:
    """The bytes of texts by number.

    Args:
        texts: those that kept columns refer to.
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def of(self, column: Array) -> Any:
        """Give the bytes of a column's texts, or a few more."""
        if column.null_count == len(column):
            return np.zeros(len(column), np.int64)
        if pa.types.is_dictionary(column.type):
            each = [*(len(word.encode()) for word in column.dictionary.to_pylist()), 0]
            return np.array(each, np.int64)[or_minus_one(column.indices)]
        if not pa.types.is_list(column.type):
            return sizes(column)
        flat = column.flatten()
        parts = [flat.field(0), flat.field(1)] if pa.types.is_struct(flat.type) else [flat]
        return _summed(column, sum(self._each[or_minus_one(part)] + 1 for part in parts)) + 2

    def of_rows(self, batch: pa.RecordBatch) -> Any:
        """Give the bytes of the long texts of each row: messages, and attributes that have no column."""
        attributes: Array = batch.column("attributes")
        found = _summed(attributes, self._each[or_minus_one(attributes.flatten().field(3))])
        return sum((self.of(batch.column(name)) for name in TEXTS), start=found)

    @cached_property
    def _each(self) -> Any:
        """The bytes of each text, and 0 for none."""
        return np.concatenate([*(sizes(chunk) for chunk in self._texts.chunks), np.zeros(1, np.int64)])


def batches(spans: Snapshot) -> Iterator[pa.RecordBatch]:
    """Cut kept rows into batches that are encoded together."""
    known = Sizes(spans.texts)
    for batch in spans.kept.to_batches(max_chunksize=ROWS):
        ends = np.cumsum(known.of_rows(batch))
        start = 0
        while start < batch.num_rows:
            before = ends[start - 1] if start else 0
            end = max(int(np.searchsorted(ends, before + BYTES, "right")), start + 1)
            yield batch.slice(start, end - start)
            start = end


def sizes(texts: Array) -> Any:
    """Give the bytes of texts, 0 for null."""
    return numbers(pc.binary_length(texts)).astype(np.int64)


def _summed(lists: Array, each: Any) -> Any:
    """Add up for each list what its elements have."""
    return np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(each)])[starts(lists)])
