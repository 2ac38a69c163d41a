"""The rules of a session, and what they make of a text."""

from __future__ import annotations

from typing import Final

from nbtrace._guard import guard, report
from nbtrace._trace.redact import assignments, credentials, keys
from nbtrace._trace.redact.hits import MASK, Hit, beside_masks, mask, replaced
from nbtrace._trace.redact.known import Known
from nbtrace._trace.redact.shape import shape_of

BUILT_IN = (*credentials.RULES, *keys.RULES, *assignments.RULES)
"""The names of the rules that are always in force."""


_SHORT: Final = 64
_REMEMBERED: Final = 4096
"""Short texts known to be clean: the names, models and ids that every span has are looked at once."""


class Rules:
    """What is masked, by rule; where rules overlap, the more telling one is named."""

    def __init__(self) -> None:
        self.known = Known(self._changed)
        self._clean: set[str] = set()
        """Short texts in which nothing was found."""

    def _changed(self) -> None:
        self._clean = set()

    def refresh(self) -> None:
        """Take note of what has changed around: new secrets in the environment."""
        with guard("redact"):
            self.known.read_environment()

    def hits(self, text: str) -> list[Hit]:
        """Find what must not be kept of a text."""
        shape = shape_of(text)
        found = list(credentials.find(text, shape))
        named = list(assignments.find(text))
        if MASK in text:
            found, named = list(beside_masks(text, found)), list(beside_masks(text, named))
        return [*found, *keys.find(text, shape), *self.known.find(text), *named]

    def masked(self, text: str) -> str:
        """Mask the secrets in a text; all of it if a rule fails.

        Examples:
            >>> Rules().masked("OpenAI(api_key='sk-proj-0123456789abcdef0123')")
            "OpenAI(api_key='[redacted: openai-key]')"
        """
        if text in self._clean:
            return text
        try:
            found = self.hits(text)
            masked = replaced(text, found) if found else text
        except Exception as error:  # noqa: BLE001 - fail closed, whatever the reason
            report("redact", error)
            return mask("rule failed")
        if not found and len(text) <= _SHORT:
            if len(self._clean) >= _REMEMBERED:
                self._clean = set()
            self._clean.add(text)
        return masked
