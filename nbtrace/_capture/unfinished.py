"""Streams that have not ended: shown with what had arrived, and shown again as they are read on.

A running span has no detail yet, so each stream gives one that can be asked at any time and from any thread, and says
now and then, and at the end of each cell, that there is something new to see. Nothing here keeps a stream's call alive:
that a stream was dropped is known by its call's being gone.
"""

from __future__ import annotations

import weakref
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry.util.types import AttributeValue

from nbtrace._guard import guard

if TYPE_CHECKING:
    from nbtrace._capture.stream import Passed

PAUSE_NS: Final = 200_000_000
"""How often a stream that is being read says so: as often as the eye wants."""
SHARE: Final = 20
"""Looking at a stream may take one part in so many of the time: of a long one it takes milliseconds."""


class Streamed(Protocol):
    """A call whose response is a stream."""

    passed: Passed | None

    def __call__(self) -> dict[str, AttributeValue]:
        """Build the attributes of what had passed."""
        ...

    def show(self, detail: Unfinished) -> None:
        """Say that there is something to see."""
        ...


class Unfinished:
    """The detail of a stream that still runs.

    Args:
        call: whose stream it is; held weakly.
    """

    __slots__ = ("__weakref__", "_call", "_made", "_pause_ns", "_told")

    def __init__(self, call: Streamed) -> None:
        self._call = weakref.ref(call)
        self._made: tuple[int, dict[str, AttributeValue]] | None = None
        self._told = -1
        self._pause_ns = PAUSE_NS
        _OPEN[id(self)] = self

    def __call__(self) -> dict[str, AttributeValue]:
        """Give what has come so far; nothing if the call is gone, whose span has ended then."""
        call = self._call()
        if call is None:
            return {}
        size, made = _size(call), self._made
        if made is None or made[0] != size:
            began = perf_counter_ns()
            made = self._made = size, call()
            self._pause_ns = max(PAUSE_NS, SHARE * (perf_counter_ns() - began))
        return made[1]

    def tell(self) -> None:
        """Say that there is something to see, if there is something new."""
        call = self._call()
        if call is not None and (size := _size(call)) != self._told:
            self._told = size
            call.show(self)

    def tick(self, now_ns: int) -> int:
        """Say so in the middle of the stream, and give when to do it again."""
        self.tell()
        return now_ns + self._pause_ns

    def over(self) -> None:
        """Forget a stream that has ended."""
        _OPEN.pop(id(self), None)


_OPEN: Final[weakref.WeakValueDictionary[int, Unfinished]] = weakref.WeakValueDictionary()
"""The streams that have not ended. Each is taken out when its span ends, also when it was dropped."""


def tell_all() -> None:
    """Have every stream that was read on say so: a cell has ended, and somebody will look."""
    for stream in list(_OPEN.values()):
        with guard("capture"):
            stream.tell()


def _size(call: Streamed) -> int:
    return len(call.passed) if call.passed is not None else 0
