"""Tells those who hold locks or files that they are in a forked process now.

There only the thread that forked goes on: a lock that another thread held is held for good, and a file that is shared
with the parent must not be written.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What has to hear of a fork."""

    def forked(self) -> None:
        """Go on in a child process, without waiting for anything."""
        ...


_hearing: WeakSet[Forkable] = WeakSet()


def hear(one: Forkable) -> None:
    """Tell an object of forks as long as it lives."""
    _hearing.add(one)


def _tell() -> None:
    for one in list(_hearing):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
