"""Builds Arrow arrays from Python values without `pa.array`, whose first call imports pandas (a second of waiting).

Every builder lays out Arrow's buffers itself: a validity bitmap, offsets, values. `None` is null. Values must have the
column's type already; `encode` sees to that. Text that UTF-8 cannot encode is escaped, never refused.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final, cast

import pyarrow as pa

from nbtrace._store.schema import ColumnType, schema
from nbtrace._store.values import to_json

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event
    from opentelemetry.trace import Link, SpanContext

Values = Sequence[Any]

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

HAS_IS_REMOTE: Final = 0x100
IS_REMOTE: Final = 0x200
"""Bits 8 and 9 of OTLP's flags: whether a parent or link comes from another process."""


def build(kind: ColumnType, values: Values) -> pa.Array:
    """Build the array of one store column."""
    return _BUILDERS[kind](values)


def numbers(kind: pa.DataType, code: str, values: Values) -> pa.Array:
    """Build integers, floats or timestamps; `code` is the layout's letter for the `array` module."""
    nulls = values.count(None)
    if nulls == len(values):
        return _nulls(kind, nulls)
    filled = values if nulls == 0 else [0 if value is None else value for value in values]
    return _primitive(kind, values, nulls, array(code, filled))


def booleans(values: Values) -> pa.Array:
    """Build booleans, which are bits."""
    nulls = values.count(None)
    if nulls == len(values):
        return _nulls(pa.bool_(), nulls)
    return _primitive(pa.bool_(), values, nulls, _bits([value is True for value in values]))


def fixed(width: int, values: Values) -> pa.Array:
    """Build byte strings of one width."""
    kind = pa.binary(width)
    nulls = values.count(None)
    if nulls == len(values):
        return _nulls(kind, nulls)
    zero = bytes(width)
    return _primitive(kind, values, nulls, b"".join([zero if value is None else value for value in values]))


def strings(kind: pa.DataType, values: Values) -> pa.Array:
    """Build text in UTF-8."""
    if values.count(None) == len(values):
        return _nulls(kind, len(values))
    try:
        encoded = [None if value is None else value.encode() for value in values]
    except UnicodeEncodeError:
        encoded = [None if value is None else value.encode("utf-8", "backslashreplace") for value in values]
    return binary(kind, encoded)


def binary(kind: pa.DataType, values: Values) -> pa.Array:
    """Build byte strings of any length."""
    nulls = values.count(None)
    if nulls == len(values):
        return _nulls(kind, nulls)
    present = values if nulls == 0 else [value or b"" for value in values]
    code = "q" if kind in (pa.large_string(), pa.large_binary()) else "i"
    offsets = array(code, accumulate(map(len, present), initial=0))
    buffers = [_validity(values, nulls), pa.py_buffer(offsets), pa.py_buffer(b"".join(present))]
    return pa.Array.from_buffers(kind, len(values), buffers, nulls)


def lists(kind: pa.DataType, values: Values, child: Callable[[Values], pa.Array]) -> pa.Array:
    """Build lists, given how to build the array of all their elements."""
    nulls = values.count(None)
    if nulls == len(values):
        return _nulls(kind, nulls)
    present = values if nulls == 0 else [value or () for value in values]
    offsets = array("i", accumulate(map(len, present), initial=0))
    elements = child(list(chain.from_iterable(present)))
    return pa.Array.from_buffers(
        kind, len(values), [_validity(values, nulls), pa.py_buffer(offsets)], nulls, children=[elements]
    )


def dictionary(values: Values) -> pa.Array:
    """Build text that repeats: each distinct value is kept once."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(value for value in values if value is not None))}
    indices = numbers(pa.int32(), "i", [None if value is None else codes[value] for value in values])
    return pa.DictionaryArray.from_arrays(indices, strings(pa.string(), list(codes)))


def attributes(values: Sequence[Mapping[str, object]]) -> pa.Array:
    """Build lists of typed attributes from one mapping a row."""
    kind = schema().field("attributes").type
    return lists(kind, [value.items() for value in values], lambda pairs: _typed(kind.value_type, pairs))


def _typed(kind: pa.DataType, pairs: Sequence[tuple[str, object]]) -> pa.Array:
    size = len(pairs)
    columns: dict[str, list[Any]] = {
        name: [None] * size for name in ("string", "int", "double", "bool", "bytes", "json")
    }
    for index, (_, value) in enumerate(pairs):
        child = _CHILDREN.get(type(value)) or _child(value)
        if child == "json" or (child == "int" and not fits_int64(value)):
            columns["json"][index] = to_json(value)
        elif child != "empty":
            columns[child][index] = value
    return _struct(
        kind,
        size,
        [
            strings(pa.string(), [str(key) for key, _ in pairs]),
            strings(pa.string(), columns["string"]),
            numbers(pa.int64(), "q", columns["int"]),
            numbers(pa.float64(), "d", columns["double"]),
            booleans(columns["bool"]),
            binary(pa.binary(), columns["bytes"]),
            strings(pa.string(), columns["json"]),
        ],
    )


_CHILDREN: Final[dict[type, str]] = {
    str: "string", int: "int", float: "double", bool: "bool", bytes: "bytes", type(None): "empty",
    tuple: "json", list: "json", dict: "json",
}  # fmt: skip
"""The child of an attribute's struct that holds values of a type."""


def _child(value: object) -> str:
    """Find the child for a subclass of a known type, such as an enum of strings."""
    return next((child for known, child in _CHILDREN.items() if isinstance(value, known)), "json")


def events(values: Sequence[Sequence[Event]]) -> pa.Array:
    """Build lists of OTLP events."""
    kind = schema().field("events").type

    def child(flat: Sequence[Event]) -> pa.Array:
        columns = [
            numbers(pa.int64(), "q", [nanoseconds(event.timestamp) for event in flat]),
            strings(pa.string(), [str(event.name) for event in flat]),
            attributes([event.attributes or {} for event in flat]),
            numbers(pa.uint32(), "I", [event.dropped_attributes for event in flat]),
        ]
        return _struct(kind.value_type, len(flat), columns)

    return lists(kind, values, child)


def links(values: Sequence[Sequence[Link]]) -> pa.Array:
    """Build lists of OTLP links."""
    kind = schema().field("links").type

    def child(flat: Sequence[Link]) -> pa.Array:
        columns = [
            fixed(16, [link.context.trace_id.to_bytes(16, "big") for link in flat]),
            fixed(8, [link.context.span_id.to_bytes(8, "big") for link in flat]),
            strings(pa.string(), [trace_state(link.context) for link in flat]),
            numbers(pa.uint32(), "I", [flags(link.context, link.context) for link in flat]),
            attributes([link.attributes or {} for link in flat]),
            numbers(pa.uint32(), "I", [link.dropped_attributes for link in flat]),
        ]
        return _struct(kind.value_type, len(flat), columns)

    return lists(kind, values, child)


def nanoseconds(value: float | None) -> int | None:
    """Keep a time that 64 bits hold, until the year 2262; the SDK takes any number, such as `time.time() * 1e9`."""
    return int(value) if value is not None and fits_int64(value) else None


def fits_int64(value: Any) -> bool:
    """Say whether a number is in the range of 64 bits."""
    return INT64_MIN <= value <= INT64_MAX


def trace_state(context: SpanContext) -> str | None:
    """Write a W3C tracestate, if there is one."""
    return context.trace_state.to_header() if context.trace_state else None


def flags(context: SpanContext, origin: SpanContext | None) -> int:
    """Join the W3C flags of a context with OTLP's bits about where its parent or link comes from."""
    return int(context.trace_flags) | HAS_IS_REMOTE | (IS_REMOTE if origin is not None and origin.is_remote else 0)


def _struct(kind: pa.DataType, size: int, children: list[pa.Array]) -> pa.Array:
    return pa.Array.from_buffers(kind, size, [None], 0, children=children)


def _primitive(kind: pa.DataType, values: Values, nulls: int, content: bytes | array[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [_validity(values, nulls), pa.py_buffer(content)], nulls)


def _nulls(kind: pa.DataType, size: int) -> pa.Array:
    """Give nulls; all buffers of the array share one block of zeros."""
    return cast("pa.Array", pa.nulls(size, cast("Any", kind)))


def _validity(values: Values, nulls: int) -> pa.Buffer | None:
    return pa.py_buffer(_bits([value is not None for value in values])) if nulls else None


def _bits(flags: Sequence[bool]) -> bytes:
    """Pack booleans, least significant bit first."""
    digits = bytes(flags)[::-1].translate(_DIGITS)
    return int(digits, 2).to_bytes((len(flags) + 7) // 8, "little")


_DIGITS: Final = bytes.maketrans(b"\x00\x01", b"01")

_BUILDERS: Final[dict[ColumnType, Callable[[Values], pa.Array]]] = {
    "id16": lambda values: fixed(16, values),
    "id8": lambda values: fixed(8, values),
    "string": lambda values: strings(pa.string(), values),
    "text": lambda values: strings(pa.large_string(), values),
    "int": lambda values: numbers(pa.int64(), "q", values),
    "uint": lambda values: numbers(pa.uint32(), "I", values),
    "double": lambda values: numbers(pa.float64(), "d", values),
    "bool": booleans,
    "time": lambda values: numbers(pa.timestamp("us", tz="UTC"), "q", values),
    "strings": lambda values: lists(
        schema().field("finish_reasons").type, values, lambda flat: strings(pa.string(), flat)
    ),
    "dictionary": dictionary,
    "attributes": attributes,
    "events": events,
    "links": links,
}
