"""Values of kept columns as codes: rows with one code have one value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from nbtrace._export.values import numbers, or_minus_one, starts
from nbtrace._store.expand import bits

Array = Any


class Codes(NamedTuple):
    """Of each row a number from 0 that is below the size."""

    codes: Any
    size: int


def dense(codes: Any, size: int) -> Codes:
    """Number codes anew where many of them do not come, as of a long dictionary in few rows."""
    if size <= len(codes):
        return Codes(codes, size)
    different, found = np.unique(codes, return_inverse=True)
    return Codes(found, len(different))


def coded(array: Array) -> Codes:
    """Give the codes of a kept column; where it takes long to tell, each row has its own."""
    kind = array.type
    if array.null_count == len(array):
        return Codes(np.zeros(len(array), np.int64), 1)
    if pa.types.is_dictionary(kind):
        return dense(or_minus_one(array.indices).astype(np.int64) + 1, len(array.dictionary) + 1)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        found = numbers(array) if pa.types.is_integer(kind) else _floats(array)
        different, codes = np.unique(found, return_inverse=True)
        if not array.null_count:
            return Codes(codes, len(different))
        return Codes(np.where(bits(array.is_valid()), codes + 1, 0), len(different) + 1)
    if pa.types.is_list(kind) and is_numbered(array.flatten()):
        flat = elements(array.flatten())
        known: dict[bytes | None, int] = {}
        each = [known.setdefault(one, len(known)) for one in _slices(flat, array)]
        return Codes(np.array(each, np.int64), len(known))
    return Codes(np.arange(len(array)), len(array))


def _floats(array: Array) -> Any:
    """Look at doubles as integers, which tell 0.0 and -0.0 apart."""
    found = np.frombuffer(array.buffers()[1], np.int64, len(array), 8 * array.offset)
    return np.where(bits(array.is_valid()), found, 0) if array.null_count else found


def is_numbered(flat: Array) -> bool:
    """Say whether the elements of lists are words, texts by number, or answers with their tails."""
    kind = flat.type
    is_answer = pa.types.is_struct(kind) and [field.name for field in kind] == ["message", "tail"]
    return pa.types.is_dictionary(kind) or kind == pa.int32() or is_answer


def elements(flat: Array) -> Any:
    """Give such elements as numbers."""
    if pa.types.is_dictionary(flat.type):
        return or_minus_one(flat.indices)
    if pa.types.is_struct(flat.type):
        message, tail = (or_minus_one(flat.field(index)).astype(np.int64) for index in range(2))
        return message << 32 | tail + 1
    return or_minus_one(flat)


def _slices(flat: Any, lists: Array) -> Iterator[bytes | None]:
    """Give the bytes of the numbers of each list."""
    joined, ends = flat.tobytes(), (starts(lists) * flat.itemsize).tolist()
    valid = bits(lists.is_valid()).tolist() if lists.null_count else [True] * len(lists)
    for start, end, is_valid in zip(ends[:-1], ends[1:], valid, strict=True):
        yield joined[start:end] if is_valid else None
