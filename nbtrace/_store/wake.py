"""Wakes a thread, also from where no lock may be waited for.

A span can end in a garbage collection, which runs in the middle of whatever its thread does. A `threading.Event` holds
a lock while it is set: a collection just then that sets it too would wait for its own thread, and the cell with it.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queue import SimpleQueue


class Wake:
    """Tells a thread that waits that there is something to do, however often it is said.

    `queue.SimpleQueue` is made to be put to by what interrupts a `put` or a `get` of the same thread.
    """

    def __init__(self) -> None:
        self._said: SimpleQueue[None] = queue.SimpleQueue()
        self.is_silent = self._said.empty
        """Whether nothing is said that is not heard: asked before `set` where that is done for each call."""

    def set(self) -> None:
        """Wake who waits, or who waits next."""
        if self.is_silent():
            self._said.put(None)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is said, so many seconds at most; what was said is then heard."""
        try:
            self._said.get(timeout=timeout)
        except queue.Empty:
            return

    def clear(self) -> None:
        """Hear what was said, without waiting."""
        self.wait(0)
