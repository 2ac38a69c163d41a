"""Cuts the JSON of messages into pieces that repeat from call to call, and loses not a byte.

A conversation sends its history with every call, so the store keeps each message once. The text of a JSON array of
objects is cut at its commas: the pieces, joined by commas and put in brackets, are the text again, byte for byte. An
answer comes back as a message of the next call but without its `finish_reason`, so that is cut off as a tail. Anything
that is not such an array is kept whole, after a piece that is none.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Any, Final, cast

import orjson

Piece = bytes | None

_TAIL: Final = re.compile(rb',\s*"finish_reason":\s*(?:"[^"\\]*"|null)\}\Z')
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = JSONDecoder()


def split(text: bytes) -> list[Piece]:
    """Cut the text of an array of objects into theirs; of any other text give none and the text itself."""
    return cast("list[Piece] | None", _pieces(text)) or ([] if text == b"[]" else [None, text])


def split_answer(message: bytes) -> tuple[bytes, bytes | None]:
    """Cut off the tail of an answer: `message[:-1] + tail` is the whole."""
    found = _TAIL.search(message)
    return (message, None) if found is None else (message[: found.start()] + b"}", message[found.start() :])


def _pieces(text: bytes) -> list[bytes] | None:
    if text[:1] != b"[" or text[-1:] != b"]":
        return None
    try:
        parsed: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not all(isinstance(one, dict) for one in parsed):
        return None
    try:
        pieces = [orjson.dumps(one) for one in parsed]
    except orjson.JSONEncodeError:  # it reads deeper than it writes
        return _cut(text.decode())
    return pieces if b"[%b]" % b",".join(pieces) == text else _cut(text.decode())


def _cut(text: str) -> list[bytes] | None:
    """Cut an array that somebody else wrote, with spaces, escapes and numbers in a form of theirs."""
    pieces: list[bytes] = []
    start = 1
    try:
        while start < len(text):
            _, end = _DECODER.raw_decode(text, _after_space(text, start))
            end = _after_space(text, end)
            pieces.append(text[start:end].encode())
            start = end + 1
    except (ValueError, RecursionError):  # an integer of thousands of digits, or depth: orjson has read either
        return None
    return pieces


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found is not None else start
