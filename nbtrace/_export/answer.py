"""What a receiver made of one request, whichever way that went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nbtrace._export.endpoint import Endpoint
    from nbtrace.errors import ExportError

PAUSES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each new try: together less than the default timeout."""

CONNECTION_TRIES: Final = 3
"""Nothing listens is rarely cured by waiting, and a person waits with us."""

MESSAGE_CHARACTERS: Final = 300


@dataclass(frozen=True)
class Answer:
    """What the receiver said to a request that it took."""

    sent_bytes: int
    rejected: int
    message: str


@dataclass(frozen=True)
class Failure:
    """A try that failed: what to tell, and whether and when another one makes sense."""

    error: ExportError
    tries: int = 1
    after: float = 0.0
    is_unreadable: bool = False
    """Whether it may be that the receiver cannot unpack a compressed request."""


def short(endpoint: Endpoint, message: str) -> str:
    """Make one line of what a receiver said, without secrets and with visible characters only."""
    words = " ".join(endpoint.redact(message).split())
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words)
    return line if len(line) <= MESSAGE_CHARACTERS else line[: MESSAGE_CHARACTERS - 1] + "…"
