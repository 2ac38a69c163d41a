"""Rendered texts, which remember their prompt.

A rendered prompt is an ordinary string, accepted by every client. What is joined to it by `+` remembers too. An
f-string or `str.join` makes a string that knows nothing, so the last rendered texts are kept in mind: a message that
holds one of them whole was made of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from time import time_ns
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Self

if TYPE_CHECKING:
    from nbtrace._prompts.prompt import Prompt

REMEMBERED: Final = 64
"""Rendered texts that are kept in mind."""
TELLING: Final = 16
"""Characters of a text from which on it does not turn up in a message by chance."""


class PromptText(str):
    """The text of a rendered prompt, or one that begins or ends with it."""

    __slots__ = ("made_ns", "prompt", "variables")
    made: ClassVar = False
    """Whether there has been any: where there is none, nobody needs to look for one."""
    recent: ClassVar[deque[PromptText]] = deque(maxlen=REMEMBERED)
    """The last ones that are looked for in messages, whole."""
    rendered: ClassVar[deque[PromptText]] = deque(maxlen=REMEMBERED)
    """The last ones, short ones too."""
    made_ns: int
    """When it was rendered, in nanoseconds since the epoch."""
    prompt: Prompt
    variables: Mapping[str, str]

    @classmethod
    def of(cls, text: str, prompt: Prompt, variables: Mapping[str, str]) -> Self:
        """Make a text that remembers."""
        made = cls(text)
        made.prompt = prompt
        made.variables = variables
        made.made_ns = time_ns()
        PromptText.made = True
        PromptText.rendered.append(made)
        if len(text) >= TELLING:
            PromptText.recent.append(made)
        return made

    def __add__(self, other: str) -> PromptText:
        return self._joined(str.__add__(self, other))

    def __radd__(self, other: str) -> PromptText:
        return self._joined(str.__add__(other, self))

    def _joined(self, text: str) -> PromptText:
        joined = PromptText(text)
        joined.prompt, joined.variables, joined.made_ns = self.prompt, self.variables, self.made_ns
        return joined

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Travel to other processes as plain text."""
        return str, (str(self),)


class Source(NamedTuple):
    """Where a text comes from."""

    prompt: Prompt
    variables: Mapping[str, str]


def held_in(text: str, rendered: Iterable[PromptText]) -> Source | None:
    """Find the rendered prompt that a text holds; of several the longest, of equal ones the last."""
    found = [one for one in reversed(tuple(rendered)) if one in text]
    longest = max(found, key=len, default=None)
    return Source(longest.prompt, longest.variables) if longest is not None else None
