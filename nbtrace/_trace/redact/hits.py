"""What a rule found: where in a text, and which rule. Found parts become masks that name their rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

MASK: Final = "[redacted: "
"""How every mask begins."""


_MASKED: Final = re.compile(r"\[redacted: [\w .-]{1,80}\]")
_LEAST: Final = 3
"""Letters and digits that must be left of a hit beside a mask."""


class Hit(NamedTuple):
    """A part of a text that must not be kept."""

    start: int
    end: int
    rule: str


def mask(rule: str) -> str:
    """Give what stands for a part that a rule found."""
    return f"{MASK}{rule}]"


def replaced(text: str, hits: Sequence[Hit]) -> str:
    """Put a mask in the place of each hit; where some overlap, one for all, of the rule that comes first in `hits`.

    Examples:
        >>> replaced("abcdef", [Hit(1, 3, "one"), Hit(2, 5, "two")])
        'a[redacted: one]f'
    """
    parts: list[str] = []
    done = 0
    for hit in disjoint(hits):
        parts += [text[done : hit.start], mask(hit.rule)]
        done = hit.end
    return "".join([*parts, text[done:]])


def disjoint(hits: Sequence[Hit]) -> list[Hit]:
    """Give hits in order, and in the place of those that overlap one, of the rule that comes first in `hits`."""
    rank = {rule: place for place, rule in reversed(list(enumerate(hit.rule for hit in hits)))}
    made: list[Hit] = []
    for hit in sorted(hits):
        if made and hit.start < made[-1].end:
            last = made[-1]
            rule = min(last.rule, hit.rule, key=rank.__getitem__)
            made[-1] = Hit(last.start, max(last.end, hit.end), rule)
        else:
            made.append(hit)
    return made


def beside_masks(text: str, hits: Sequence[Hit]) -> Iterator[Hit]:
    """Give what is left of hits outside of the masks that a text has already, so that none is masked again.

    Examples:
        >>> list(beside_masks("[redacted: a] word", [Hit(0, 18, "b"), Hit(0, 13, "c")]))
        [Hit(start=13, end=18, rule='b')]
    """
    masks = [found.span() for found in _MASKED.finditer(text)]
    for hit in hits:
        start = hit.start
        for first, last in masks:
            if start < last and first < hit.end:
                yield from _telling(text, Hit(start, first, hit.rule))
                start = last
        yield from _telling(text, hit._replace(start=start))


def _telling(text: str, hit: Hit) -> Iterator[Hit]:
    if sum(map(str.isalnum, text[hit.start : hit.end])) >= _LEAST:
        yield hit
