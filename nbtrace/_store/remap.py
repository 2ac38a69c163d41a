"""Gives kept rows other numbers for their texts, by whole arrays: rows of one store become rows of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace._store.columns import binary
from nbtrace._store.contents import Contents
from nbtrace._store.expand import relist
from nbtrace._store.kept import how
from nbtrace._store.schema import COLUMNS
from nbtrace._store.texts import Texts, int32

Array = Any
"""Nested arrays have more than the stubs of pyarrow know."""

PIECE: Final = 4096
"""Texts that are looked at together."""


def move(texts: Texts, contents: Contents) -> Array:
    """Put texts into contents.

    Returns:
        Their numbers there, by their numbers here.
    """
    numbers = np.empty(len(texts), np.int32)
    at = 0
    for chunk in texts.chunks:
        for start in range(0, len(chunk), PIECE):
            some: Any = chunk.slice(start, PIECE).cast(pa.large_binary()).to_pylist()
            for text in some:
                numbers[at] = contents.intern(text)
                at += 1
    return int32(numbers)


def without(batches: Iterable[pa.RecordBatch], known: Iterable[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Give batches without the spans that are known, by trace and span id."""
    there = pa.concat_arrays([binary(pa.binary(), []), *map(keys, known)])
    return [batch.filter(pc.invert(pc.is_in(keys(batch), value_set=there))) for batch in batches]


def keys(rows: pa.RecordBatch | pa.Table) -> Array:
    """Give what tells spans apart: their trace's id with theirs."""
    trace, span = (rows.column(name).cast(pa.binary()) for name in ("trace_id", "span_id"))
    return pc.binary_join_element_wise(trace, span, binary(pa.binary(), [b""])[0])


def remap(batch: pa.RecordBatch, numbers: Array) -> pa.RecordBatch:
    """Give rows the numbers that their texts have elsewhere."""
    arrays: list[Array] = [
        _moved(array, numbers) if name in _REFERRING and array.null_count < len(array) else array
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def referred(batch: pa.RecordBatch) -> tuple[int, int]:
    """Give the lowest and the highest number of a text in rows; 0 and -1 if there is none."""
    found = [bound for name in _REFERRING for bound in _bounds(batch.column(name))]
    return min(0, *(low for low, _ in found), 0), max(-1, *(high for _, high in found), -1)


def _bounds(array: Array) -> Iterator[tuple[int, int]]:
    kind = array.type
    if pa.types.is_list(kind):
        yield from _bounds(array.flatten())
    elif pa.types.is_struct(kind):
        for index, field in enumerate(kind):
            if field.name in _NUMBERED:
                yield from _bounds(array.field(index))
    elif array.null_count < len(array):
        both: Any = pc.min_max(array)
        yield both["min"].as_py(), both["max"].as_py()


def _moved(array: Array, numbers: Array) -> Array:
    kind = array.type
    if pa.types.is_list(kind):
        return relist(kind, array, _moved(array.flatten(), numbers))
    if pa.types.is_struct(kind):
        children = [
            _moved(array.field(index), numbers) if field.name in _NUMBERED else array.field(index)
            for index, field in enumerate(kind)
        ]
        return pa.StructArray.from_arrays(children, fields=list(kind))
    return numbers.take(array)


_REFERRING: Final = frozenset(
    column.name for column in COLUMNS if how(column) in ("messages", "answers", "attributes", "events", "links")
)
_NUMBERED: Final = ("message", "tail", "content", "attributes")
"""Fields of structs that are numbers of texts, or have such in them."""
