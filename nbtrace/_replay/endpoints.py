"""Which calls are answered, and what their endpoints are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace._capture.anthropic import MESSAGES
from nbtrace._capture.responses import RESPONSES
from nbtrace._replay.recording import OPERATIONS

if TYPE_CHECKING:
    from nbtrace._capture.wire import Wire


def is_replayed(wire: Wire) -> bool:
    """Say whether calls of an endpoint are answered from a recording: LLM calls, and moderations."""
    return wire.operation in OPERATIONS


def endpoint_of(wire: Wire) -> str:
    """Name the endpoint as a recording does."""
    if wire is RESPONSES:
        return "responses"
    return "messages" if wire is MESSAGES else wire.operation
