"""Gives the values of Arrow arrays to Python, without an object of Arrow's for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from nbtrace._store.expand import bits
from nbtrace._store.texts import view

Array = Any


def listed(column: pa.ChunkedArray) -> list[Any]:
    """Give the values of a column."""
    return [value for chunk in column.chunks for value in values(chunk)]


def values(array: Array) -> list[Any]:
    """Give the values of an array, words once each."""
    kind = array.type
    if array.null_count == len(array):
        return [None] * len(array)
    if pa.types.is_dictionary(kind):
        words = [*array.dictionary.to_pylist(), None]
        return [words[code] for code in or_minus_one(array.indices).tolist()]
    if pa.types.is_integer(kind):
        found = (view(array) if kind != pa.uint32() else view(array).view(np.uint32)).tolist()
    elif pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        joined = array.buffers()[1][array.offset * width : (array.offset + len(array)) * width].to_pybytes()
        found = [joined[at : at + width] for at in range(0, len(joined), width)]
    else:
        return array.to_pylist()
    return with_nulls(found, array)


def numbers(array: Array) -> Any:
    """Look at integers as a numpy array, zero for null."""
    if array.null_count == len(array):
        return np.zeros(len(array), np.int64)
    found = view(array) if array.type != pa.uint32() else view(array).view(np.uint32)
    return np.where(bits(array.is_valid()), found, 0) if array.null_count else found


def with_nulls(found: list[Any], array: Array) -> list[Any]:
    """Put None into a list of an array's values where the array has null."""
    if array.null_count:
        for row in np.flatnonzero(~bits(array.is_valid())).tolist():
            found[row] = None
    return found


def or_minus_one(array: Array) -> Any:
    """Look at 32-bit integers as a numpy array, with -1 for null."""
    data = array.buffers()[1]
    found = np.frombuffer(data, np.int32, len(array), 4 * array.offset) if data else np.full(len(array), -1, np.int32)
    return np.where(bits(array.is_valid()), found, -1) if array.null_count else found


def sliced(array: Array) -> Callable[[int], memoryview | bytes | None]:
    """Make what gives one of the texts of an array of large strings as it lies in memory."""
    _, offsets, data = array.buffers()
    memory = memoryview(data) if data is not None else b""
    at = np.frombuffer(offsets, np.int64, len(array) + 1, 8 * array.offset).tolist() if len(array) else [0]
    if not array.null_count:
        return lambda row: memory[at[row] : at[row + 1]]
    valid = bits(array.is_valid()).tolist()
    return lambda row: memory[at[row] : at[row + 1]] if valid[row] else None


def slices(array: Array) -> list[memoryview | bytes | None]:
    """Give the texts of an array of large strings as they lie in memory."""
    return list(map(sliced(array), range(len(array))))


def starts(lists: Array) -> Any:
    """Give where each list begins among all elements, and where the last one ends; a null has none."""
    offsets = np.frombuffer(lists.buffers()[1], np.int32, len(lists) + 1, 4 * lists.offset)
    if not lists.null_count:
        return offsets - offsets[0]
    lengths = np.where(bits(lists.is_valid()), np.diff(offsets), 0)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
