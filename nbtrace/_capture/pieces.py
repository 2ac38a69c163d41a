"""What was read of a response, as the pieces of bytes in which it came."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

EVENT_STREAM: Final = "text/event-stream"
_TAIL: Final = 4
"""Pieces in which the last events are looked for first."""


class Pieces:
    """The bytes that were read of an event stream; may be read while they become more."""

    __slots__ = ("arrivals", "parts")
    is_stream = is_parsed = True

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.arrivals: list[int] = []
        """Nanoseconds since the epoch; each is there after its part."""

    def __len__(self) -> int:
        return len(self.arrivals)

    def size(self) -> int:
        return sum(map(len, self.parts))

    def content(self) -> bytes:
        """Give all that was read, as the server meant it."""
        return b"".join(self.parts)

    def events(self) -> list[tuple[str, int]]:
        arrivals = self.arrivals[:]
        return events(self.parts[: len(arrivals)], arrivals)

    def last(self) -> list[str]:
        count = _TAIL
        while True:
            tail = self.parts[-count:]
            found = events(tail, [0] * len(tail))
            if found[2:] or count >= len(self.parts):  # of which the first may have begun before
                return [text for text, _ in found[-2:]]
            count *= 2

    def is_whole(self) -> bool:
        return False


def is_event_stream(response: Any) -> bool:
    """Tell whether a response says that it is made of server-sent events."""
    return response.headers.get("content-type", "").startswith(EVENT_STREAM)


def events(parts: Sequence[bytes], arrivals: Sequence[int]) -> list[tuple[str, int]]:
    r"""Split an event stream: the data of each event, and when the piece came that it ended in.

    Examples:
        >>> events([b"data: 1\n\nda", b"ta: 2\ndata: 3\n\n: cut"], [10, 20])
        [('1', 10), ('2\n3', 20)]
    """
    found: list[tuple[str, int]] = []
    ends = list(accumulate(map(len, parts)))
    data: list[str] = []
    position = 0
    for line in b"".join(parts).splitlines(keepends=True):
        position += len(line)
        said = line.rstrip(b"\r\n")
        if said.startswith(b"data:"):
            data.append(said[5:].removeprefix(b" ").decode("utf-8", "replace"))
        elif not said and data:
            found.append(("\n".join(data), arrivals[min(bisect_left(ends, position), len(arrivals) - 1)]))
            data = []
    return found
