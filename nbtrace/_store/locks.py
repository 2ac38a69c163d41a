"""A lock on a file that the system lets go of when its process dies, however it dies.

It is how one kernel knows that a session belongs to another that is alive: a process id alone may have been given to
another process since, or be one of another machine that shares the directory.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hold(path: Path) -> int:
    """Take the lock for the life of the process, or until the returned file is closed.

    Raises:
        OSError: the file cannot be made. Where the file system has no locks, none is taken.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with suppress(OSError):
        _take(file)
    return file


def is_held(path: Path) -> bool:
    """Say whether a living process holds the lock."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        _take(file)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(file)


try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - only there
else:

    def _take(file: int) -> None:
        flock(file, LOCK_EX | LOCK_NB)
