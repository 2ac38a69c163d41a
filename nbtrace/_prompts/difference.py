"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]+")
_LONG: Final = 5000
"""Words of a text from which on words that are everywhere are no landmarks: the search would take minutes."""
_MARKS: Final = {"removed": ("[-", "-]"), "added": ("{+", "+}"), "same": ("", "")}
TAGS: Final = {
    "removed": (
        '<del style="background:rgba(215,58,73,.2);text-decoration:line-through;text-decoration-thickness:1px">',
        "</del>",
    ),
    "added": ('<ins style="background:rgba(46,160,67,.25);text-decoration:none">', "</ins>"),
    "same": ("", ""),
}


class Part(NamedTuple):
    """A piece of text that is in both, or in one only."""

    kind: Literal["same", "removed", "added"]
    text: str


class Difference:
    """Two texts compared by words; prints as `wdiff` does, and in a notebook as coloured text.

    Args:
        title: what is compared.
        before: the text that was.
        after: the text that is.
    """

    def __init__(self, title: str, before: str, after: str) -> None:
        self.title = title
        self.parts = tuple(_parts(_WORDS.findall(before), _WORDS.findall(after)))
        """What is the same, removed and added, in reading order."""

    def __bool__(self) -> bool:
        return any(part.kind != "same" for part in self.parts)

    def __repr__(self) -> str:
        said = "".join(f"{_MARKS[part.kind][0]}{part.text}{_MARKS[part.kind][1]}" for part in self.parts)
        return f"{self.title}: {said if self else 'no change'}"

    def _repr_html_(self) -> str:
        from html import escape

        said = "".join(f"{TAGS[part.kind][0]}{escape(part.text)}{TAGS[part.kind][1]}" for part in self.parts)
        title = escape(self.title if self else f"{self.title}: no change")
        return (
            f'<div><div style="opacity:.7;font-size:85%">{title}</div>'
            f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{said}</div></div>'
        )


def _parts(before: list[str], after: list[str]) -> list[Part]:
    from difflib import SequenceMatcher

    found: list[Part] = []
    for kind, start, end, to_start, to_end in SequenceMatcher(
        None, before, after, autojunk=len(after) > _LONG
    ).get_opcodes():
        if kind == "equal":
            found.append(Part("same", "".join(before[start:end])))
            continue
        found += [Part("removed", "".join(before[start:end]))] * (end > start)
        found += [Part("added", "".join(after[to_start:to_end]))] * (to_end > to_start)
    return found
