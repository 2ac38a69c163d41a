"""Word of a server's 429 for whoever paces the calls, while the client that met it still waits to try again."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

TOO_MANY: Final = 429

LISTENER: Final[ContextVar[Callable[[Any], object] | None]] = ContextVar("nbtrace.pressure", default=None)
"""Told of the response, on the thread of the call."""


def tell(response: Any) -> None:
    """Tell who listens here, if a response says that there were too many requests."""
    listener = LISTENER.get()
    if listener is not None and getattr(response, "status_code", None) == TOO_MANY:
        listener(response)
