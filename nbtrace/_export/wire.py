"""Writes OTLP's span in protobuf wire format from the columns as they are kept, by whole arrays.

What repeats in a batch is encoded once: words, attributes, flags. Of each row only its own is made, and one join puts
it together, so that a text is copied from Arrow's memory to the request and nowhere between. Wire format:
https://protobuf.dev/programming-guides/encoding/, fields: opentelemetry/proto/trace/v1/trace.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from nbtrace._export import otlp
from nbtrace._export.batch import Encoded
from nbtrace._export.protobuf import KEPT, PROMOTED_VALUES, Part, attribute, framed, text_attribute, varint
from nbtrace._export.values import or_minus_one, values, with_nulls
from nbtrace._store.expand import bits, expand
from nbtrace._store.kept import VALUE_KINDS
from nbtrace._store.schema import COLUMNS, PROMOTED
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.texts import Texts, int32, view

ROWS: Final = 4096
"""Rows that are encoded together."""

Coded = tuple[Any, list[bytes]] | None
"""Which of some written values each row has, and these; none where no row has any."""
Array = Any

_BY_NAME: Final = {column.name: column for column in COLUMNS}
_HEAD: Final = 46
"""Bytes of the fields that every span has: trace id, span id, start and end, each with its tag."""


def encoded(spans: Snapshot) -> Iterator[Encoded]:
    """Encode ended spans."""
    for batch in spans.kept.to_batches(max_chunksize=ROWS):
        yield from _Batch(batch, spans.texts).encoded()


class _Batch:
    """The rows of one record batch of kept columns."""

    def __init__(self, batch: pa.RecordBatch, texts: Texts) -> None:
        self._batch = batch
        self._texts = texts
        self._rows = batch.num_rows

    def encoded(self) -> Iterator[Encoded]:
        """Give the spans with what they are nested in."""
        parts = [self._heads(), self._words(), *self._parts()]
        keys = _pairs(self._column("trace_id"), self._column("span_id"))
        around = [[text or "{}" for text in _spread(self._column(name), str, None)] for name in ("resource", "scope")]
        for key, resource, scope, span in zip(keys, *around, map(b"".join, zip(*parts, strict=True)), strict=True):
            yield Encoded(key, resource, scope, span)

    def _column(self, name: str) -> Array:
        return self._batch.column(name)

    def _heads(self) -> list[Part]:
        """Write the fields of a fixed size together, as one matrix of bytes."""
        start = view(self._column("start_time_unix_nano"))
        ends = start + view(self._column("duration_ns"))
        made = np.empty((self._rows, _HEAD), np.uint8)
        for at, tag, column in ((0, (0x0A, 0x10), "trace_id"), (18, (0x12, 0x08), "span_id")):
            made[:, at : at + 2] = tag
            width = tag[1]
            made[:, at + 2 : at + 2 + width] = _fixed(self._column(column), width)
        for at, tag, times in ((28, 0x39, start), (37, 0x41, ends)):
            made[:, at] = tag
            made[:, at + 1 : at + 9] = times.astype("<i8").view(np.uint8).reshape(-1, 8)
        flat = memoryview(made.tobytes())
        return [flat[at : at + _HEAD] for at in range(0, self._rows * _HEAD, _HEAD)]

    def _words(self) -> Sequence[Part]:
        """Write what many rows have in common, each combination once."""
        shared = [
            self._coded("name", lambda value: framed(5, value.encode())),
            self._coded("kind", lambda value: b"\x30" + varint(value)),
            self._coded("flags", lambda value: b"\x85\x01" + struct.pack("<I", value) if value else b""),
            self._statuses(),
        ]
        for number, name in ((10, "attributes"), (12, "events"), (14, "links")):
            tag = varint(number << 3)
            shared.append(
                self._coded(f"dropped_{name}_count", lambda value, tag=tag: tag + varint(value) if value else b"")
            )
        for key, column in PROMOTED.items():
            if column.type != "text" and _is_shared(self._column(column.name).type):
                write = PROMOTED_VALUES[column.type]
                shared.append(
                    self._coded(column.name, lambda value, key=key, write=write: attribute(key, write(value)))
                )
        return _joined(shared, self._rows)

    def _parts(self) -> Iterator[Sequence[Part]]:
        """Write what each row has of its own; what no row has is left out."""
        yield from self._each("parent_span_id", lambda value: framed(4, value))
        yield from self._each("trace_state", lambda value: framed(3, value.encode()))
        for key, column in PROMOTED.items():
            if column.type == "text":
                yield from self._texts_of(key, column.name)
            elif not _is_shared(self._column(column.name).type):
                write = PROMOTED_VALUES[column.type]
                yield from self._each(column.name, lambda value, key=key, write=write: attribute(key, write(value)))
        yield from self._attributes()
        yield from self._nested("events", otlp.event)
        yield from self._nested("links", otlp.link)

    def _each(self, name: str, write: Callable[[Any], bytes]) -> Iterator[Sequence[Part]]:
        """Write a field of one value a row, equal ones once."""
        array = self._column(name)
        if array.null_count < len(array):
            yield _spread(array, write, b"")

    def _coded(self, name: str, write: Callable[[Any], bytes]) -> Coded:
        """Write each value of a column once, and say which one a row has."""
        array = self._column(name)
        if array.null_count == len(array):
            return None
        if pa.types.is_list(array.type):
            return _coded_lists(array, write)
        if pa.types.is_dictionary(array.type):
            made = [b"" if one is None else write(one) for one in array.dictionary.to_pylist()]
            codes = or_minus_one(array.indices)
        else:
            different, codes = np.unique(_numbers(array), return_inverse=True)
            made = [write(value) for value in different.tolist()]
        return np.where(codes < 0, len(made), codes), [*made, b""]

    def _statuses(self) -> Coded:
        """Write the status, which is there even where it says nothing."""
        codes, message = _numbers(self._column("status_code")).tolist(), self._column("status_message")
        words = or_minus_one(message.indices).tolist()
        known = {pair: index for index, pair in enumerate(dict.fromkeys(zip(codes, words, strict=True)))}
        said = [*message.dictionary.to_pylist(), None]
        made = [framed(15, _message(said[word]) + (b"\x18" + varint(code) if code else b"")) for code, word in known]
        return np.array([known[pair] for pair in zip(codes, words, strict=True)], np.int64), made

    def _texts_of(self, key: str, name: str) -> Iterator[Sequence[Part]]:
        """Write messages: what stands before each text, and the texts where they are."""
        kept = self._column(name)
        if kept.null_count == len(kept):
            return
        write = text_attribute(key)
        texts = _slices(expand(_BY_NAME[name], kept, self._texts))
        pairs = [(b"", b"") if text is None else write(text) for text in texts]
        yield [before for before, _ in pairs]
        yield [text for _, text in pairs]

    def _attributes(self) -> Iterator[Sequence[Part]]:
        """Write the attributes without a column: each that is different once."""
        kept = self._column("attributes")
        flat = kept.flatten()
        if not len(flat):
            return
        keys, kinds, short, content = (flat.field(index) for index in range(4))
        names, words = keys.dictionary.to_pylist(), short.dictionary.to_pylist()
        own, shared = or_minus_one(short.indices), or_minus_one(content)
        value = np.where(shared >= 0, len(words) + 1 + shared, own + 1).astype(np.int64)
        code = (view(keys.indices).astype(np.int64) * len(VALUE_KINDS) + view(kinds)) * (value.max() + 1) + value
        _, firsts, inverse = np.unique(code, return_index=True, return_inverse=True)
        long = iter(_slices(self._texts.take(int32(shared[firsts][shared[firsts] >= 0]))))
        made = np.empty(len(firsts), dtype=object)
        key_codes, kind_codes = view(keys.indices)[firsts].tolist(), view(kinds)[firsts].tolist()
        for index, first in enumerate(firsts.tolist()):
            if shared[first] >= 0:
                text = bytes(next(long) or b"")
            else:
                text = words[own[first]].encode() if own[first] >= 0 else b""
            made[index] = attribute(names[key_codes[index]], KEPT[VALUE_KINDS[kind_codes[index]]](text))
        each: list[bytes] = made[inverse].tolist()
        ends = np.cumsum(_lengths(kept)).tolist()
        starts = [0, *ends[:-1]]
        yield [b"".join(each[start:end]) for start, end in zip(starts, ends, strict=True)]

    def _nested(self, name: str, encode: Callable[[Any], bytes]) -> Iterator[Sequence[Part]]:
        """Write events or links, which few spans have."""
        kept = self._column(name)
        number = 11 if name == "events" else 13
        if not _lengths(kept).any():
            return
        rows = expand(_BY_NAME[name], kept, self._texts).to_pylist()
        yield [b"".join(framed(number, encode(one)) for one in row or ()) for row in rows]


def _message(text: str | None) -> bytes:
    return framed(2, text.encode()) if text else b""


def _is_shared(kind: Any) -> bool:
    """Say whether many rows have the same value of a column of this type: words, and lists of them."""
    return pa.types.is_dictionary(kind) or pa.types.is_list(kind)


def _joined(columns: Sequence[Coded], rows: int) -> list[bytes]:
    """Join what columns have written, each combination once."""
    there = [one for one in columns if one is not None]
    code, size = np.zeros(rows, np.int64), 1
    for codes, made in there:
        if size * len(made) > 2**62:
            code = np.unique(code, return_inverse=True)[1]
            size = int(code.max()) + 1
        code = code * len(made) + codes
        size *= len(made)
    _, firsts, inverse = np.unique(code, return_index=True, return_inverse=True)
    chosen = zip(*(codes[firsts].tolist() for codes, _ in there), strict=True)
    written = [made for _, made in there]
    joined = [b"".join(made[at] for made, at in zip(written, row, strict=True)) for row in chosen]
    return [joined[at] for at in inverse.tolist()]


def _coded_lists(lists: Array, write: Callable[[Any], bytes]) -> Coded:
    """Write each list of words once."""
    words = lists.values
    names = words.dictionary.to_pylist()
    codes = or_minus_one(words.indices).tolist()
    offsets = np.frombuffer(lists.buffers()[1], np.int32, len(lists) + 1, 4 * lists.offset).tolist()
    rows = [tuple(codes[start:end]) for start, end in pairwise(offsets)]
    if lists.null_count:
        rows = [row if valid else None for row, valid in zip(rows, bits(lists.is_valid()).tolist(), strict=True)]
    known = {row: index for index, row in enumerate(dict.fromkeys(rows))}
    made = [b"" if row is None else write([names[code] for code in row]) for row in known]
    return np.array([known[row] for row in rows], np.int64), made


def _numbers(array: Array) -> Any:
    """Look at small integers as a numpy array, zero for null."""
    found = view(array) if array.type != pa.uint32() else view(array).view(np.uint32)
    return np.where(bits(array.is_valid()), found, 0) if array.null_count else found


def _spread(array: Array, write: Callable[[Any], Any], none: Any) -> list[Any]:
    """Write each value that is different once, and give that of every row."""
    if pa.types.is_dictionary(array.type):
        made = [none if one is None else write(one) for one in array.dictionary.to_pylist()]
        made.append(none)
        return [made[code] for code in or_minus_one(array.indices).tolist()]
    if pa.types.is_floating(array.type):  # 0.0 and -0.0 are equal, and not the same
        return [none if value is None else write(value) for value in array.to_pylist()]
    known: dict[Any, Any] = {None: none}
    found: list[Any] = []
    for value in values(array):
        if value not in known:
            known[value] = write(value)
        found.append(known[value])
    return found


def _fixed(array: Array, width: int) -> Any:
    """Look at an array of ids as a matrix of bytes."""
    return np.frombuffer(array.buffers()[1], np.uint8, len(array) * width, array.offset * width).reshape(-1, width)


def _pairs(first: Array, second: Array) -> list[bytes]:
    joined = np.concatenate([_fixed(first, 16), _fixed(second, 8)], axis=1).tobytes()
    return [joined[at : at + 24] for at in range(0, len(joined), 24)]


def _slices(array: Array) -> list[Part | None]:
    """Give the texts of an array of large strings as they lie in memory."""
    if not len(array):
        return []
    _, offsets, data = array.buffers()
    if data is None:
        return [None if not valid else b"" for valid in bits(array.is_valid()).tolist()]
    memory = memoryview(data)
    at = np.frombuffer(offsets, np.int64, len(array) + 1, 8 * array.offset).tolist()
    return with_nulls([memory[at[row] : at[row + 1]] for row in range(len(array))], array)


def _lengths(lists: Array) -> Any:
    """Give how long the lists are; a null has no elements."""
    offsets = np.frombuffer(lists.buffers()[1], np.int32, len(lists) + 1, 4 * lists.offset)
    lengths = np.diff(offsets)
    return np.where(bits(lists.is_valid()), lengths, 0) if lists.null_count else lengths
