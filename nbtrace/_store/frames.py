"""Frames: what is appended to a file of the journal, each with its length and checksum.

A file begins with `MAGIC`. A frame that is not whole ends the reading of its file: what the kernel was writing when it
was killed is lost, and nothing before it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

MAGIC: Final = b"nbtrace journal 1\n"

HEAD: Final = "<BI"
"""Kind, and length of the payload, as `struct` has them; behind the payload comes the checksum of all that."""

_HEAD: Final = struct.Struct(HEAD)
CHECKSUM: Final = 4


class Frame(NamedTuple):
    """One piece of a file."""

    kind: int
    payload: memoryview


def frame(kind: int, payload: bytes) -> bytes:
    """Put a payload into a frame."""
    return sealed(_HEAD.pack(kind, len(payload)) + payload)


def sealed(record: bytes) -> bytes:
    """Put the checksum behind a head and its payload."""
    return record + crc32(record).to_bytes(CHECKSUM, "little")


class Frames:
    """The whole frames of a file, in order.

    Args:
        data: all bytes of the file.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.is_journal = bytes(data[: len(MAGIC)]) == MAGIC
        """Whether the file is one of the journal's."""
        self.unread = 0
        """Bytes at the end that are no whole frame, known when all frames have been read."""

    def __iter__(self) -> Iterator[Frame]:
        data = self._data
        at = len(MAGIC) if self.is_journal else 0
        while self.is_journal and at + _HEAD.size <= len(data):
            kind, length = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + length
            # A checksum that ends in zero bytes says the same without them.
            if end + CHECKSUM > len(data):
                break
            if crc32(data[at:end]) != int.from_bytes(data[end : end + CHECKSUM], "little"):
                break
            yield Frame(kind, data[at + _HEAD.size : end])
            at = end + CHECKSUM
        self.unread = len(data) - at
