"""Builds the kept arrays of what spans nest: attributes, events, links, messages.

Whatever is longer than a line goes to the session's contents and leaves its number here. An attribute is its key, the
kind of its value, and the value as text, because a batch's spans share most of those: a dictionary keeps each once.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from nbtrace._store.columns import dictionary, fixed, lists, numbers, strings, structs, utf8
from nbtrace._store.kept import VALUE_KINDS, kept_schema
from nbtrace._store.messages import split, split_answer
from nbtrace._store.schema import HAS_IS_REMOTE, IS_REMOTE
from nbtrace._store.values import to_json

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event
    from opentelemetry.trace import Link, SpanContext

    from nbtrace._store.contents import Interner

SHARED_LENGTH: Final = 128
"""Characters of an attribute's text from which on it goes to the contents: its number and index take 44 bytes."""

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


def messages(values: Sequence[str | None], contents: Interner) -> pa.Array:
    """Build lists of the numbers of messages."""
    rows = [None if value is None else [_number(piece, contents) for piece in split(utf8(value))] for value in values]
    return lists(_kind("input_messages"), rows, lambda flat: numbers(pa.int32(), "i", flat))


def answers(values: Sequence[str | None], contents: Interner) -> pa.Array:
    """Build lists of the numbers of answers and of their tails."""
    kind = _kind("output_messages")

    def child(flat: Sequence[bytes | None]) -> pa.Array:
        pairs = [(None, None) if piece is None else split_answer(piece) for piece in flat]
        columns = [numbers(pa.int32(), "i", [_number(pair[part], contents) for pair in pairs]) for part in (0, 1)]
        return structs(kind.value_type, len(flat), columns)

    return lists(kind, [None if value is None else split(utf8(value)) for value in values], child)


def attributes(values: Sequence[Mapping[str, object]], contents: Interner) -> pa.Array:
    """Build lists of typed attributes from one mapping a row."""
    kind = _kind("attributes")
    rows = [value.items() or None for value in values]
    return lists(kind, rows, lambda pairs: _typed(kind.value_type, pairs, contents))


def _typed(kind: pa.DataType, pairs: Sequence[tuple[str, object]], contents: Interner) -> pa.Array:
    codes = [0] * len(pairs)
    texts: list[str | None] = [None] * len(pairs)
    shared: list[int | None] = [None] * len(pairs)
    for index, (_, value) in enumerate(pairs):
        code, text = _CODES.get(type(value), _odd)(value)
        codes[index] = code
        if text is not None and len(text) >= SHARED_LENGTH:
            shared[index] = contents.intern(utf8(text))
        else:
            texts[index] = text
    return structs(
        kind,
        len(pairs),
        [
            dictionary([str(key) for key, _ in pairs]),
            numbers(pa.int8(), "b", codes),
            dictionary(texts),
            numbers(pa.int32(), "i", shared),
        ],
    )


Coded = tuple[int, str | None]

STRING, INT, DOUBLE, BOOL, BYTES, JSON, EMPTY = range(len(VALUE_KINDS))


def _int(value: Any) -> Coded:
    return (INT, str(int(value))) if fits_int64(value) else (JSON, to_json(value))


_CODES: Final[dict[type, Callable[[Any], Coded]]] = {
    str: lambda value: (STRING, value),
    int: _int,
    float: lambda value: (DOUBLE, repr(value)),
    bool: lambda value: (BOOL, "true" if value else "false"),
    bytes: lambda value: (BYTES, base64.b64encode(value).decode()),
    type(None): lambda value: (EMPTY, None),
    tuple: lambda value: (JSON, to_json(value)),
    list: lambda value: (JSON, to_json(value)),
    dict: lambda value: (JSON, to_json(value)),
}
"""How a value of a type is kept."""


def _odd(value: object) -> Coded:
    """Keep a value of a subclass of a known type, such as an enum of strings, as that type; others as OTLP JSON."""
    match value:
        case str():
            return STRING, str.__str__(value)
        case int():
            return _int(value)
        case float():
            return DOUBLE, repr(float(value))
        case _:
            return JSON, to_json(value)


def events(values: Sequence[Sequence[Event]], contents: Interner) -> pa.Array:
    """Build lists of OTLP events."""
    kind = _kind("events")

    def child(flat: Sequence[Event]) -> pa.Array:
        columns = [
            numbers(pa.int64(), "q", [nanoseconds(event.timestamp) for event in flat]),
            strings(pa.string(), [str(event.name) for event in flat]),
            attributes([event.attributes or {} for event in flat], contents),
            numbers(pa.uint32(), "I", [event.dropped_attributes for event in flat]),
        ]
        return structs(kind.value_type, len(flat), columns)

    return lists(kind, [value or None for value in values], child)


def links(values: Sequence[Sequence[Link]], contents: Interner) -> pa.Array:
    """Build lists of OTLP links."""
    kind = _kind("links")

    def child(flat: Sequence[Link]) -> pa.Array:
        columns = [
            fixed(16, [link.context.trace_id.to_bytes(16, "big") for link in flat]),
            fixed(8, [link.context.span_id.to_bytes(8, "big") for link in flat]),
            strings(pa.string(), [trace_state(link.context) for link in flat]),
            numbers(pa.uint32(), "I", [flags(link.context, link.context) for link in flat]),
            attributes([link.attributes or {} for link in flat], contents),
            numbers(pa.uint32(), "I", [link.dropped_attributes for link in flat]),
        ]
        return structs(kind.value_type, len(flat), columns)

    return lists(kind, [value or None for value in values], child)


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


def _number(piece: bytes | None, contents: Interner) -> int | None:
    return None if piece is None else contents.intern(piece)


def _kind(name: str) -> Any:
    return kept_schema().field(name).type
