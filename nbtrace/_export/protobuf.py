"""Protobuf's wire format, as far as an OTLP span needs it: https://protobuf.dev/programming-guides/encoding/."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from nbtrace._export.otlp import json_value

Part = bytes | memoryview


def varint(number: int) -> bytes:
    """Write an unsigned number, seven bits a byte."""
    if number < len(_VARINTS):
        return _VARINTS[number]
    made = bytearray()
    while number >> 7:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


_VARINTS: Final = [
    *(bytes((one,)) for one in range(0x80)),
    *(bytes((one & 0x7F | 0x80, one >> 7)) for one in range(0x80, 0x4000)),
]
"""Those of one and of two bytes, which lengths mostly are."""


def framed(number: int, content: bytes) -> bytes:
    """Write a field that has a length."""
    return _VARINTS[number << 3 | 2] + varint(len(content)) + content


def text_head(key: str) -> Callable[[Part], bytes]:
    """Make what writes an attribute of this key that is a text, but for the text, which ends it."""
    name = framed(1, key.encode())

    def write(text: Part) -> bytes:
        size = len(text)
        inner = b"\x0a%b" % varint(size)
        value = b"\x12%b%b" % (varint(len(inner) + size), inner)
        return b"\x4a%b%b%b" % (varint(len(name) + len(value) + size), name, value)

    return write


def attribute(key: str, value: bytes) -> bytes:
    """Write an attribute; its value is an `AnyValue` in wire format."""
    pair = b"%b\x12%b%b" % (_key(key), varint(len(value)), value)
    return b"\x4a%b%b" % (varint(len(pair)), pair)


def text_field(key: str, text: bytes) -> bytes:
    """Write an attribute that is a text."""
    name, length = _key(key), varint(len(text))
    size = 1 + len(length) + len(text)
    value = varint(size)
    return b"\x4a%b%b\x12%b\x0a%b%b" % (varint(len(name) + 1 + len(value) + size), name, value, length, text)


def int_field(key: str, number: int) -> bytes:
    """Write an attribute that is an integer."""
    name, value = _key(key), varint(number & 0xFFFFFFFFFFFFFFFF)
    size = len(value) + 1
    return b"\x4a%b%b\x12%b\x18%b" % (varint(len(name) + 2 + size), name, varint(size), value)


@lru_cache(maxsize=4096)
def _key(name: str) -> bytes:
    return framed(1, name.encode())


def string_value(text: bytes) -> bytes:
    """Write an `AnyValue` that is a text."""
    return framed(1, text)


def bool_value(is_true: bool) -> bytes:
    """Write an `AnyValue` that is true or false."""
    return b"\x10\x01" if is_true else b"\x10\x00"


def int_value(number: int) -> bytes:
    """Write an `AnyValue` that is an integer of 64 bits."""
    return b"\x18" + varint(number & 0xFFFFFFFFFFFFFFFF)


def double_value(number: float) -> bytes:
    """Write an `AnyValue` that is a double."""
    return b"\x21" + struct.pack("<d", number)


def bytes_value(text: bytes) -> bytes:
    """Write an `AnyValue` of the bytes that base64 says."""
    return framed(7, base64.b64decode(text))


def strings_value(values: list[str]) -> bytes:
    """Write an `AnyValue` that is an array of texts."""
    return framed(5, b"".join(framed(1, string_value(one.encode())) for one in values))


PROMOTED_VALUES: Final[dict[str, Callable[[Any], bytes]]] = {
    "string": lambda value: string_value(value.encode()),
    "int": int_value,
    "double": double_value,
    "strings": strings_value,
}
"""Type of a promoted column to what writes its values."""

KEPT: Final[dict[str, Callable[[bytes], bytes]]] = {
    "string": string_value,
    "int": lambda text: int_value(int(text)),
    "double": lambda text: double_value(float(text)),
    "bool": lambda text: bool_value(text == b"true"),
    "bytes": bytes_value,
    "json": json_value,
    "empty": lambda text: b"",
}
"""Kind of a kept attribute to what writes its text."""
