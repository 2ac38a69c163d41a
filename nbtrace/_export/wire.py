"""Writes OTLP's span in protobuf wire format from the columns as they are kept, by whole arrays.

What repeats in a batch is encoded once: words, attributes, flags. Of each row only its own is made, and one join puts
it together, so that a text is copied from Arrow's memory to the request and nowhere between. Wire format:
https://protobuf.dev/programming-guides/encoding/, fields: opentelemetry/proto/trace/v1/trace.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from nbtrace._export import otlp
from nbtrace._export.attributes import Attributes
from nbtrace._export.batch import Encoded
from nbtrace._export.protobuf import KEPT, PROMOTED_VALUES, Part, attribute, framed, text_head, varint
from nbtrace._export.sizes import batches
from nbtrace._export.values import numbers, or_minus_one, slices, starts, values
from nbtrace._store.expand import bits, expand
from nbtrace._store.kept import VALUE_KINDS
from nbtrace._store.schema import COLUMNS, PROMOTED
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.texts import Texts, int32, view

Coded = tuple[Any, list[bytes]] | None
"""Which of some written values each row has, and these; none where no row has any."""
Array = Any

_BY_NAME: Final = {column.name: column for column in COLUMNS}
_HEAD: Final = 46
"""Bytes of the fields that every span has: trace id, span id, start and end, each with its tag."""


def encoded(spans: Snapshot) -> Iterator[Encoded]:
    """Encode ended spans."""
    for batch in batches(spans):
        yield from Batch(batch, spans.texts).encoded()


class Batch:
    """The rows of one record batch of kept columns.

    Args:
        batch: the rows.
        texts: what their numbers mean.
        left_out: keys of attributes that are not written, each with a mask of the rows that go without it.
        attributes: those of the batch, where they are at hand.
    """

    def __init__(
        self,
        batch: pa.RecordBatch,
        texts: Texts,
        left_out: Mapping[str, Any] | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        self._batch = batch
        self._texts = texts
        self._rows = batch.num_rows
        self._known = attributes or Attributes(batch.column("attributes"), texts)
        self._left_out = left_out or {}
        self._emptied = {PROMOTED[key].name: mask for key, mask in self._left_out.items() if key in PROMOTED}

    def encoded(self, added: Sequence[Sequence[Part]] = ()) -> Iterator[Encoded]:
        """Give the spans with what they are nested in.

        Args:
            added: lists of fields, in wire format, that are written behind those of each row.
        """
        parts = [self._heads(), self._words(), *self._parts(), *added]
        keys = _pairs(self._column("trace_id"), self._column("span_id"))
        around = [[text or "{}" for text in _spread(self._column(name), str, None)] for name in ("resource", "scope")]
        for key, resource, scope, span in zip(keys, *around, map(b"".join, zip(*parts, strict=True)), strict=True):
            yield Encoded(key, resource, scope, span)

    def _column(self, name: str) -> Array:
        array = self._batch.column(name)
        mask = self._emptied.get(name)
        return array if mask is None or array.null_count == len(array) else _without(array, mask)

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
            different, codes = np.unique(numbers(array), return_inverse=True)
            made = [write(value) for value in different.tolist()]
        return np.where(codes < 0, len(made), codes), [*made, b""]

    def _statuses(self) -> Coded:
        """Write the status, which is there even where it says nothing."""
        codes, message = numbers(self._column("status_code")).tolist(), self._column("status_message")
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
        write = text_head(key)
        texts = slices(expand(_BY_NAME[name], kept, self._texts))
        yield [b"" if text is None else write(text) for text in texts]
        yield [b"" if text is None else text for text in texts]

    def _attributes(self) -> Iterator[Sequence[Part]]:
        """Write the attributes without a column: each that is different once."""
        found = self._known
        if not len(found.each):
            return
        firsts, contents = found.firsts, found.contents[found.firsts]
        long = iter(slices(self._texts.take(int32(contents[contents >= 0]))))
        made = np.empty(len(firsts), dtype=object)
        different = (one.tolist() for one in (firsts, found.kinds[firsts], contents, found.own[firsts]))
        for index, (first, kind, content, own) in enumerate(zip(*different, strict=True)):
            text = bytes(next(long) or b"") if content >= 0 else found.words[own].encode() if own >= 0 else b""
            made[index] = attribute(found.key(first), KEPT[VALUE_KINDS[kind]](text))
        written = made[found.each]
        for key, mask in self._left_out.items():
            at = found.at(key)
            written[at[mask[found.rows[at]]]] = b""
        each: list[bytes] = written.tolist()
        yield [b"".join(each[start:end]) for start, end in pairwise(found.bounds.tolist())]

    def _nested(self, name: str, encode: Callable[[Any], bytes]) -> Iterator[Sequence[Part]]:
        """Write events or links, which few spans have."""
        kept = self._column(name)
        number = 11 if name == "events" else 13
        if not np.diff(starts(kept)).any():
            return
        rows = expand(_BY_NAME[name], kept, self._texts).to_pylist()
        yield [b"".join(framed(number, encode(one)) for one in row or ()) for row in rows]


def _without(array: Array, mask: Any) -> Array:
    """Put nulls where a mask is true."""
    buffers: list[Any] = [np.packbits(~mask, bitorder="little"), np.arange(len(array), dtype=np.int32)]
    return array.take(pa.Array.from_buffers(pa.int32(), len(array), list(map(pa.py_buffer, buffers))))


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
