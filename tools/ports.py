"""Ports that stay one's own from the moment they are found until a program that was started listens on them."""

from __future__ import annotations

import socket
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def reserved_port(wish: int = 0) -> Generator[int]:
    """Give a port of loopback on which nothing listens, and keep it.

    It is bound here without listening, so that the system gives it to nobody who asks for any port, and who connects
    to it is refused; a program that is told its number can still listen on it, as servers set `SO_REUSEADDR`. Only
    Linux lets two sockets share a port so: elsewhere it is let go again, and may be another's by then.

    Args:
        wish: the port that is wanted; another one is given if it is not free.
    """
    with socket.socket() as held:
        if sys.platform == "linux":
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            held.bind(("127.0.0.1", wish))
        if not held.getsockname()[1]:
            held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        if sys.platform != "linux":
            held.close()
        yield port
