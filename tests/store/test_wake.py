"""A thread is woken also by what interrupts the one that wakes it, or itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType

import pytest

from nbtrace._store.wake import Wake


@pytest.mark.parametrize("interrupted", [Wake.set, Wake.wait, Wake.clear])
def test_what_interrupts_it_can_set_it(interrupted: Callable[[Wake], None]) -> None:
    """As a garbage collection does: at each call of the same thread, inside of it."""
    wake, depth = Wake(), [0]

    def collect(_: FrameType, event: str, __: object) -> None:
        if event in {"call", "c_call"} and not depth[0]:
            depth[0] = 1
            wake.set()
            depth[0] = 0

    def run() -> None:
        sys.setprofile(collect)
        interrupted(wake)
        sys.setprofile(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_what_is_said_while_nobody_waits_is_heard_once() -> None:
    wake, heard = Wake(), threading.Semaphore(0)

    def hear() -> None:
        wake.wait()
        heard.release()
        wake.wait()
        heard.release()

    wake.set()
    wake.set()
    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    assert heard.acquire(timeout=60)
    assert not heard.acquire(timeout=0.01)
    wake.set()
    assert heard.acquire(timeout=60)
