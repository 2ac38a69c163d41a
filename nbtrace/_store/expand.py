"""Turns kept columns into the ones that readers see, by whole arrays: the inverse of the encoder.

Every function takes an array of any length and offset, as `slice` and `filter` leave them, and gives one of the same
length. Nothing here makes an Arrow value of a Python one by `pa.scalar` or a cast of arguments: that imports pandas.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace._store.columns import binary, nulls_of, numbers, strings
from nbtrace._store.kept import VALUE_KINDS, Kept, how
from nbtrace._store.schema import Column, schema
from nbtrace._store.texts import Texts, int32, view

Array = Any
DataType = Any
"""Nested arrays and their types have more than the stubs of pyarrow know."""


def expand(column: Column, kept: Array, texts: Texts) -> Array:
    """Turn the kept array of a column into the readers'."""
    return _EXPANDERS[how(column)](schema().field(column.name).type, kept, texts)


def _same(kind: DataType, kept: Array, texts: Texts) -> Array:
    return kept


def _cast(kind: DataType, kept: Array, texts: Texts) -> Array:
    return kept.cast(kind)


def _time(kind: DataType, kept: Array, texts: Texts) -> Array:
    """Give the microseconds of the nanoseconds of the start."""
    return kept.cast(pa.timestamp("ns", tz="UTC")).cast(kind, safe=False)


def _nonzero(kind: DataType, kept: Array, texts: Texts) -> Array:
    return pc.fill_null(kept, _ZERO)


def _words(kind: DataType, kept: Array, texts: Texts) -> Array:
    return relist(kind, kept, kept.flatten().cast(pa.string()))


def messages(kind: DataType, kept: Array, texts: Texts) -> Array:
    """Join the messages of each span into the JSON text that they were cut from."""
    return _joined(kept, texts.take(kept.flatten()))


def answers(kind: DataType, kept: Array, texts: Texts) -> Array:
    """Join answers, each with its tail."""
    return _joined(kept, whole_answers(kept, texts))


def whole_answers(kept: Array, texts: Texts) -> Array:
    """Give all answers of all spans, each with its tail."""
    both = kept.flatten()
    return joined_answers(both.field(0), both.field(1), texts)


def joined_answers(bodies: Array, tails: Array, texts: Texts) -> Array:
    """Join the texts of answers with those of their tails, both by number."""
    body, tail = texts.take(bodies), texts.take(tails)
    if tail.null_count == len(tail):
        return body
    tailed = pc.if_else(pc.is_valid(tail), body, nulls_of(body.type, len(body)))
    opened = pc.binary_slice(tailed.cast(pa.large_binary()), 0, -1).cast(pa.large_string())
    return pc.coalesce(pc.binary_join_element_wise(opened, tail, _text("")), body)


def _joined(kept: Array, pieces: Array) -> Array:
    """Join the pieces of each row as a JSON array; after a null comes a text that is to stand as it is."""
    rows = relist(pa.list_(pa.field("element", pa.large_string())), kept, pieces)
    inside: Array = pc.binary_join(rows, _text(","))
    joined = pc.binary_join_element_wise(_text("["), inside, _text("]"), _text(""))
    whole: Array = pc.and_(pc.is_null(inside), pc.is_valid(kept))
    if pc.any(whole).as_py():
        firsts = list_offsets(kept)[:-1][bits(whole)]
        joined = pc.replace_with_mask(joined, whole, pieces.take(int32(firsts + 1)))
    return joined


def lasts(kept: Array) -> Array:
    """Cut lists of messages down to their last one; what is kept whole stays whole."""
    ends = list_offsets(kept)[1:]
    flat = kept.flatten()
    lengths = np.diff(list_offsets(kept))
    is_none = pc.is_null(flat.field(0) if pa.types.is_struct(flat.type) else flat)
    is_whole = np.zeros(len(kept), bool)
    is_whole[lengths > 1] = bits(is_none)[ends[lengths > 1] - 2]
    last, before = ends[lengths > 0] - 1, ends[is_whole] - 2
    offsets = np.concatenate([_NONE, np.cumsum(np.minimum(lengths, 1) + is_whole, dtype=np.int32)])
    mask = pc.is_null(kept) if kept.null_count else None
    elements = flat.take(int32(np.sort(np.concatenate([last, before]))))
    return pa.ListArray.from_arrays(int32(offsets), elements, type=kept.type, mask=mask)


def attributes(kind: DataType, kept: Array, texts: Texts) -> Array:
    """Give attributes their typed values."""
    flat = kept.flatten()
    keys, kinds, values, content = (flat.field(index) for index in range(4))
    codes = view(kinds)
    children: list[Array] = [keys.cast(pa.string())]
    for code, name in enumerate(VALUE_KINDS[:-1]):
        wanted = kind.value_type.field(name).type
        chosen = np.flatnonzero(codes == code)
        if not len(chosen):
            children.append(nulls_of(wanted, len(flat)))
            continue
        rows = int32(chosen)
        text = pc.coalesce(texts.take(content.take(rows)), values.take(rows).cast(pa.large_string()))
        typed = _from_base64(text) if name == "bytes" else text.cast(wanted)
        children.append(pc.replace_with_mask(pa.nulls(len(flat), wanted), _mask(len(flat), chosen), typed))
    struct = pa.StructArray.from_arrays(children, fields=list(kind.value_type))
    return relist(kind, kept, struct, empty=True)


def _from_base64(text: Array) -> Array:
    return binary(pa.binary(), [base64.b64decode(one) for one in text.to_pylist()])


def _nested(kind: DataType, kept: Array, texts: Texts) -> Array:
    """Give events or links their attributes."""
    flat = kept.flatten()
    fields = list(kind.value_type)
    children = [
        attributes(field.type, flat.field(index), texts) if field.name == "attributes" else flat.field(index)
        for index, field in enumerate(fields)
    ]
    return relist(kind, kept, pa.StructArray.from_arrays(children, fields=fields), empty=True)


def relist(kind: DataType, lists: Array, elements: Array, *, empty: bool = False) -> Array:
    """Give lists of the lengths that others have, over other elements.

    Args:
        kind: the type of the lists.
        lists: those whose lengths and nulls are taken.
        elements: all elements, as many as `lists.flatten()` has.
        empty: make nulls empty lists.
    """
    mask = pc.is_null(lists) if lists.null_count and not empty else None
    return pa.ListArray.from_arrays(int32(list_offsets(lists)), elements, type=kind, mask=mask)


def list_offsets(lists: Array) -> Any:
    """Give where each list would begin in `lists.flatten()`, and where the last one ends."""
    offsets = np.frombuffer(lists.buffers()[1], np.int32, len(lists) + 1, 4 * lists.offset) if len(lists) else _NONE
    if not lists.null_count:
        return offsets - offsets[0]
    lengths = np.where(bits(pc.is_null(lists)), 0, np.diff(offsets))
    return np.concatenate([_NONE, np.cumsum(lengths, dtype=np.int32)])


def bits(booleans: Array) -> Any:
    """Look at booleans without nulls as a numpy array of them."""
    packed = np.frombuffer(booleans.buffers()[1], np.uint8)
    unpacked = np.unpackbits(packed, count=booleans.offset + len(booleans), bitorder="little")
    return unpacked[booleans.offset :].astype(bool)


def _mask(size: int, chosen: Any) -> Array:
    flags = np.zeros(size, bool)
    flags[chosen] = True
    packed = pa.py_buffer(cast("Any", np.packbits(flags, bitorder="little")))
    return pa.Array.from_buffers(pa.bool_(), size, [None, packed])


@cache
def _text(text: str) -> Any:
    return strings(pa.large_string(), [text])[0]


_NONE: Final = np.zeros(1, np.int32)
_ZERO: Final = numbers(pa.uint32(), "I", [0])[0]

_EXPANDERS: Final[dict[Kept, Callable[[DataType, Array, Texts], Array]]] = {
    "same": _same,
    "derived": _time,
    "int8": _cast,
    "nonzero": _nonzero,
    "word": _cast,
    "words": _words,
    "messages": messages,
    "answers": answers,
    "attributes": attributes,
    "events": _nested,
    "links": _nested,
}
