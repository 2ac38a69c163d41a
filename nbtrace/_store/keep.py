"""Turns tables as readers see them into kept rows, by whole arrays: what brings files and other tables into a store.

Only texts that are long or messages are looked at one by one, because they go to the contents. Columns that a table
lacks are null; columns that it has besides are left out, which the caller may want to say.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace._store import nested
from nbtrace._store.columns import binary, nulls_of, numbers
from nbtrace._store.expand import bits, relist
from nbtrace._store.kept import VALUE_KINDS, Kept, how, kept_schema
from nbtrace._store.nested import SHARED_LENGTH
from nbtrace._store.schema import COLUMNS, schema
from nbtrace._store.texts import int32, view

if TYPE_CHECKING:
    from nbtrace._store.contents import Gatherer

Array = Any
DataType = Any
"""Nested arrays and their types have more than the stubs of pyarrow know."""

ROWS: Final = 8192
"""Rows kept at a time, which are a chunk of the store."""


def keep(table: pa.Table, contents: Gatherer, rows: int = ROWS) -> list[pa.RecordBatch]:
    """Turn a table of `schema`, or of a file, into kept batches.

    Args:
        table: whose messages are texts, or lists of texts as in a file.
        contents: where the texts go.
        rows: of a batch.

    Raises:
        pyarrow.ArrowInvalid: a column's values do not have its type.
    """
    return [_keep(table.slice(start, rows).combine_chunks(), contents) for start in range(0, len(table), rows or 1)]


def _keep(table: pa.Table, contents: Gatherer) -> pa.RecordBatch:
    arrays: list[Array] = []
    for column in COLUMNS:
        if how(column) == "derived":
            continue
        kind = kept_schema().field(column.name).type
        if column.name not in table.column_names:
            arrays.append(nulls_of(kind, len(table)))
            continue
        array: Array = table.column(column.name).combine_chunks()
        if not _is_kept_like(array.type, how(column)):
            array = array.cast(schema().field(column.name).type)
        arrays.append(_KEEPERS[how(column)](kind, array, contents))
    return pa.RecordBatch.from_arrays(arrays, schema=kept_schema())


def _is_kept_like(kind: DataType, kept: Kept) -> bool:
    """Say whether a column is cut into messages or words already, as in a file."""
    if kept in ("messages", "answers"):
        return pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return kept == "word" and pa.types.is_dictionary(kind)


def _same(kind: DataType, read: Array, contents: Gatherer) -> Array:
    return read


def _cast(kind: DataType, read: Array, contents: Gatherer) -> Array:
    return read.cast(kind)


def _nonzero(kind: DataType, read: Array, contents: Gatherer) -> Array:
    return pc.if_else(pc.equal(read, _ZERO), nulls_of(kind, len(read)), read)


def _word(kind: DataType, read: Array, contents: Gatherer) -> Array:
    return pc.dictionary_encode(read).cast(kind)


def _words(kind: DataType, read: Array, contents: Gatherer) -> Array:
    return relist(kind, read, pc.dictionary_encode(read.flatten()))


def _messages(kind: DataType, read: Array, contents: Gatherer) -> Array:
    if pa.types.is_large_string(read.type):
        return nested.messages(read.to_pylist(), contents)
    return relist(kind, *_numbered(read, contents))


def _answers(kind: DataType, read: Array, contents: Gatherer) -> Array:
    if pa.types.is_large_string(read.type):
        return nested.answers(read.to_pylist(), contents)
    lists, numbered = _numbered(read, contents)
    children = [numbered, nulls_of(pa.int32(), len(numbered))]
    return relist(kind, lists, pa.StructArray.from_arrays(children, fields=list(kind.value_type)))


def _numbered(read: Array, contents: Gatherer) -> tuple[Array, Array]:
    """Put texts in lists into the contents: gives the lists, and the numbers of all their texts."""
    if pa.types.is_large_list(read.type):
        read = read.cast(pa.list_(pa.field("element", read.type.value_type)))
    flat = read.flatten()
    if not pa.types.is_dictionary(flat.type):
        flat = flat.cast(pa.large_string()).dictionary_encode()
    return read, contents.extend(flat.dictionary.cast(pa.large_string())).take(flat.indices)


def _attributes(kind: DataType, read: Array, contents: Gatherer) -> Array:
    flat = read.flatten()
    codes = np.full(len(flat), len(VALUE_KINDS) - 1, np.int8)
    text: Array = nulls_of(pa.large_string(), len(flat))
    for code, name in enumerate(VALUE_KINDS[:-1]):
        child = flat.field(flat.type.get_field_index(name))
        codes[bits(pc.is_valid(child))] = code
        text = pc.coalesce(text, _base64(child) if name == "bytes" else child.cast(pa.large_string()))
    lengths = pc.fill_null(pc.binary_length(text), _NONE)
    long = np.flatnonzero(view(lengths) >= SHARED_LENGTH)
    shared: list[int | None] = [None] * len(flat)
    for row, one in zip(long.tolist(), cast("list[str]", text.take(int32(long)).to_pylist()), strict=True):
        shared[row] = contents.intern(one.encode())
    content = numbers(pa.int32(), "i", shared)
    short = pc.if_else(pc.is_null(content), text, nulls_of(pa.large_string(), len(flat)))
    children = [
        pc.dictionary_encode(flat.field(0)),
        pa.Array.from_buffers(pa.int8(), len(flat), [None, pa.py_buffer(cast("Any", codes))]),
        pc.dictionary_encode(short.cast(pa.string())),
        content,
    ]
    struct = pa.StructArray.from_arrays(children, fields=list(kind.value_type))
    return _without_empty(kind, read, struct)


def _base64(values: Array) -> Array:
    encoded = [None if value is None else base64.b64encode(value) for value in values.to_pylist()]
    return binary(pa.large_string(), encoded)


def _nested(kind: DataType, read: Array, contents: Gatherer) -> Array:
    flat = read.flatten()
    fields = list(kind.value_type)
    children = [
        _attributes(field.type, flat.field(index), contents) if field.name == "attributes" else flat.field(index)
        for index, field in enumerate(fields)
    ]
    return _without_empty(kind, read, pa.StructArray.from_arrays(children, fields=fields))


def _without_empty(kind: Any, read: Array, elements: Array) -> Array:
    return relist(kind, read, elements) if len(elements) else nulls_of(kind, len(read))


_ZERO: Final = numbers(pa.uint32(), "I", [0])[0]
_NONE: Final = numbers(pa.int64(), "q", [0])[0]

_KEEPERS: Final[dict[Kept, Callable[[DataType, Array, Gatherer], Array]]] = {
    "same": _same,
    "int8": _cast,
    "nonzero": _nonzero,
    "word": _word,
    "words": _words,
    "messages": _messages,
    "answers": _answers,
    "attributes": _attributes,
    "events": _nested,
    "links": _nested,
}
