"""Builds Arrow arrays from Python values without `pa.array`, whose first call imports pandas (a second of waiting).

Every builder lays out Arrow's buffers itself: a validity bitmap, offsets, values. `None` is null. Values must have the
column's type already; `encode` sees to that. Text that UTF-8 cannot encode is escaped, never refused.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, chain
from typing import Any, Final, cast

import pyarrow as pa

Values = Sequence[Any]

WORD: Final = pa.dictionary(pa.int32(), pa.string())

NULLS: Final = 8192
"""Nulls of each type that are kept at hand: as many as the store's chunks have rows."""


def numbers(kind: pa.DataType, code: str, values: Values) -> pa.Array:
    """Build integers, floats or timestamps; `code` is the layout's letter for the `array` module."""
    nulls = values.count(None)
    if nulls == len(values):
        return nulls_of(kind, nulls)
    filled = values if nulls == 0 else [0 if value is None else value for value in values]
    return _primitive(kind, values, nulls, array(code, filled))


def booleans(values: Values) -> pa.Array:
    """Build booleans, which are bits."""
    nulls = values.count(None)
    if nulls == len(values):
        return nulls_of(pa.bool_(), nulls)
    return _primitive(pa.bool_(), values, nulls, _bits([value is True for value in values]))


def fixed(width: int, values: Values) -> pa.Array:
    """Build byte strings of one width."""
    kind = pa.binary(width)
    nulls = values.count(None)
    if nulls == len(values):
        return nulls_of(kind, nulls)
    zero = bytes(width)
    return _primitive(kind, values, nulls, b"".join([zero if value is None else value for value in values]))


def strings(kind: pa.DataType, values: Values) -> pa.Array:
    """Build text in UTF-8."""
    if values.count(None) == len(values):
        return nulls_of(kind, len(values))
    try:
        encoded = [None if value is None else value.encode() for value in values]
    except UnicodeEncodeError:
        encoded = [None if value is None else utf8(value) for value in values]
    return binary(kind, encoded)


def utf8(text: str) -> bytes:
    """Encode text; a lone surrogate, which has no encoding, is spelled out as its escape."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def binary(kind: pa.DataType, values: Values) -> pa.Array:
    """Build byte strings of any length."""
    nulls = values.count(None)
    if nulls == len(values):
        return nulls_of(kind, nulls)
    present = values if nulls == 0 else [value or b"" for value in values]
    code = "q" if kind in (pa.large_string(), pa.large_binary()) else "i"
    offsets = array(code, accumulate(map(len, present), initial=0))
    buffers = [_validity(values, nulls), pa.py_buffer(offsets), pa.py_buffer(b"".join(present))]
    return pa.Array.from_buffers(kind, len(values), buffers, nulls)


def lists(kind: pa.DataType, values: Values, child: Callable[[Values], pa.Array]) -> pa.Array:
    """Build lists, given how to build the array of all their elements."""
    nulls = values.count(None)
    if nulls == len(values):
        return nulls_of(kind, nulls)
    present = values if nulls == 0 else [value or () for value in values]
    offsets = array("i", accumulate(map(len, present), initial=0))
    elements = child(list(chain.from_iterable(present)))
    return pa.Array.from_buffers(
        kind, len(values), [_validity(values, nulls), pa.py_buffer(offsets)], nulls, children=[elements]
    )


def dictionary(values: Values) -> pa.Array:
    """Build text that repeats: each distinct value is kept once."""
    if values.count(None) == len(values):
        return nulls_of(WORD, len(values))
    codes = {value: code for code, value in enumerate(dict.fromkeys(value for value in values if value is not None))}
    indices = numbers(pa.int32(), "i", [None if value is None else codes[value] for value in values])
    return pa.DictionaryArray.from_arrays(indices, strings(pa.string(), list(codes)))


def structs(kind: pa.DataType, size: int, children: list[pa.Array]) -> pa.Array:
    """Build structs of which none is null."""
    return pa.Array.from_buffers(kind, size, [None], 0, children=children)


def _primitive(kind: pa.DataType, values: Values, nulls: int, content: bytes | array[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [_validity(values, nulls), pa.py_buffer(content)], nulls)


def nulls_of(kind: pa.DataType, size: int) -> pa.Array:
    """Give nulls, all of a type in the same memory: most columns of most batches have nothing else."""
    return _nulls(kind).slice(0, size) if size <= NULLS else pa.nulls(size, cast("Any", kind))


@cache
def _nulls(kind: Any) -> Any:
    if not pa.types.is_list(kind):
        return pa.nulls(NULLS, kind)
    # What Arrow makes has the memory of as many elements, which a file of a few rows would hold too.
    bits, offsets = (pa.py_buffer(bytes(size)) for size in (NULLS // 8, 4 * NULLS + 4))
    return pa.Array.from_buffers(kind, NULLS, [bits, offsets], NULLS, children=[pa.nulls(0, kind.value_type)])


def _validity(values: Values, nulls: int) -> pa.Buffer | None:
    return pa.py_buffer(_bits([value is not None for value in values])) if nulls else None


def _bits(flags: Sequence[bool]) -> bytes:
    """Pack booleans, least significant bit first."""
    digits = bytes(flags)[::-1].translate(_DIGITS)
    return int(digits, 2).to_bytes((len(flags) + 7) // 8, "little")


_DIGITS: Final = bytes.maketrans(b"\x00\x01", b"01")
