"""What reading brings: spans, and an account of what had to be repaired or left out on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nbtrace._read.spans import ReadSpan
    from nbtrace._store.snapshot import Snapshot

    Finish = Callable[[ReadSpan], Mapping[str, object]]
    Mask = Callable[[ReadSpan], ReadSpan]


@dataclass
class Account:
    """What happened while reading, in words, each with how often."""

    repaired: Counter[str] = field(default_factory=Counter[str])
    """Repairs of spans; each is marked on its spans too."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """What is not among the spans."""


@dataclass(frozen=True)
class Found:
    """Spans that were read, and what they were read from."""

    snapshot: Snapshot
    format: str
    """In words."""
    account: Account
    is_masked: bool = False
    """Whether all of it went through the session's policy while it was read."""
    session: Path | None = None
    """The directory of the earlier session that was read."""
