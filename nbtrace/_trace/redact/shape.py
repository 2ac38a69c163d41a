"""The shape of a text: which of its characters belong to words.

It is made once for all rules. To look in it for a long word costs about as much as to look for two prefixes in the text
itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LONG: Final = 20
"""Characters of a long word."""

BEGINNING: Final = r"(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u00[0-9a-fA-F]{2})|(?<=\dm))"
"""A pattern of where a word begins: also right after an escape whose last character would otherwise be part of it, such
as `\\n`, `%20`, `\\u0022`, or a colour of a terminal.
"""

_TABLE: Final = bytes(
    ord("a" if (sign := chr(code)).isascii() and (sign.isalnum() or sign in "_-") else " ") for code in range(256)
)
_LONG: Final = b"a" * LONG


def shape_of(text: str) -> bytes:
    """Give a text with `a` for letters, digits, `_` and `-` and a space for all else, one byte a character.

    Examples:
        >>> shape_of("Hé_1: you")
        b'a aa  aaa'
    """
    return text.encode("ascii", "replace").translate(_TABLE)


def long_words(shape: bytes) -> Iterator[tuple[int, int]]:
    """Give where each long word begins and ends."""
    start = shape.find(_LONG)
    while start >= 0:
        end = shape.find(b" ", start)
        end = len(shape) if end < 0 else end
        yield start, end
        start = shape.find(_LONG, end)
