"""A second look at what is kept: what would be masked if every rule there is were in force, personal data too.

It asks the very code that masks before storage, and counts the masks that this adds. So nothing of what was found is
needed to show it: a sample is the text around a mask, after masking.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from nbtrace._trace.redact.masking import Masking
from nbtrace._trace.redact.rules import Rules

_MASK: Final = re.compile(r"\[redacted: ([^\]]{1,80})\]")
_BEFORE: Final = 6
"""Characters by which a mask that was there is known again."""
_AROUND: Final = 32
"""Characters of a sample on either side of the mask."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """What a rule found in a text."""

    rule: str
    count: int
    sample: str
    """The first place, with masks for all that was found."""


class Suspicion:
    """Looks for what should not be kept.

    Args:
        rules: those of the session; to them come the optional ones.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules.widened()

    def masked(self, text: str) -> str:
        """Give a text that may be shown."""
        return self._rules.masked(text, is_prose=False)

    def look(self, name: str, value: Any) -> list[Suspect]:
        """Find what looks like a secret.

        Args:
            name: that of the attribute which holds the value, or anything else.
            value: a text, or what JSON can say.
        """
        masked = Masking(self._rules, max_blob_bytes=sys.maxsize).attribute(name, value)
        if masked == value:
            return []
        before, after = _written(value), _written(masked)
        known = Counter(_signs(before))
        counts: Counter[str] = Counter()
        samples: dict[str, str] = {}
        for found, sign in zip(_MASK.finditer(after), _signs(after), strict=True):
            if known[sign]:
                known[sign] -= 1
                continue
            counts[found[1]] += 1
            samples.setdefault(found[1], _sample(after, *found.span()))
        return [Suspect(rule, count, samples[rule]) for rule, count in counts.items()]


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _signs(text: str) -> list[str]:
    return [text[max(0, found.start() - _BEFORE) : found.end()] for found in _MASK.finditer(text)]


def _sample(text: str, start: int, end: int) -> str:
    around = f"{text[max(0, start - _AROUND) : start]}{text[start:end]}{text[end : end + _AROUND]}"
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in around).split())
    return f"{'…' if start > _AROUND else ''}{line}{'…' if len(text) - end > _AROUND else ''}"
