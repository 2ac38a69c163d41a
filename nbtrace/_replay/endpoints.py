"""What the endpoints of calls are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace._capture.anthropic import MESSAGES
from nbtrace._capture.responses import RESPONSES

if TYPE_CHECKING:
    from nbtrace._capture.wire import Wire


def endpoint_of(wire: Wire) -> str:
    """Name the endpoint as a recording does."""
    if wire is RESPONSES:
        return "responses"
    return "messages" if wire is MESSAGES else wire.operation
