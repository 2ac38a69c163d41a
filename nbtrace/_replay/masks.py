"""The masks of a cassette: what stands where a secret was, by the rule that put it there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from nbtrace import semconv
from nbtrace._replay.recording import Recording

_MASK: Final = re.compile(r"\[redacted: ([\w .-]{1,80})\]")
_CONTENT: Final = (
    semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.INPUT_VALUE, semconv.TOOL_DEFINITIONS,
    semconv.OUTPUT_MESSAGES, semconv.OUTPUT_VALUE, semconv.ERROR_BODY,
)  # fmt: skip


def counted(recordings: Iterable[Recording]) -> Counter[str]:
    """Count the masks of recordings by rule."""
    found: Counter[str] = Counter()
    for recording in recordings:
        for name in _CONTENT:
            found.update(_MASK.findall(str(recording.attributes.get(name) or "")))
    return found
