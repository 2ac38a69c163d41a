"""Which span of one recording is which of another: two forests aligned from the roots down, the same way every time.

Siblings are aligned in their order. First those that are the same by their sharpest key (what they are and are asked),
then, between these, those that are the same by a blunter one (what they are called), then by the bluntest (what kind
they are). What is left over was added or removed; so is what has moved past another. Only below spans that are aligned
are spans aligned.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, NamedTuple

Keys = Sequence[Hashable]
"""Of one span, from the sharpest to the bluntest."""

PRODUCT: Final = 4_000_000
"""Siblings by siblings, from which on the search for the longest common order would take seconds: then the how-manieth
of a key is aligned with the how-manieth."""


class Forest(NamedTuple):
    """Spans in depth-first order."""

    parents: Sequence[int]
    """Of each span its parent's place, -1 for a root."""
    keys: Sequence[Keys]

    def children(self) -> dict[int, list[int]]:
        """Give the places of each span's children, and at -1 of the roots."""
        below: dict[int, list[int]] = defaultdict(list)
        for place, parent in enumerate(self.parents):
            below[parent].append(place)
        return below


class Pair(NamedTuple):
    """A span of both, or of one: then the other is none."""

    before: int | None
    after: int | None
    depth: int


def align(before: Forest, after: Forest) -> list[Pair]:
    """Align two forests.

    Returns:
        Every span of both once, depth-first; what was removed stands where it was.
    """
    left, right = before.children(), after.children()
    found: list[Pair] = []
    stack: list[Pair] = []

    def push(above: Pair) -> None:
        own = left[above.before] if above.before is not None else []
        other = right[above.after] if above.after is not None else []
        aligned = _siblings(before.keys, after.keys, own, other)
        stack.extend(reversed([Pair(one, two, above.depth + 1) for one, two in aligned]))

    push(Pair(-1, -1, -1))
    while stack:
        pair = stack.pop()
        found.append(pair)
        push(pair)
    return found


def _siblings(
    before: Sequence[Keys], after: Sequence[Keys], own: list[int], other: list[int], level: int = 0
) -> Iterator[tuple[int | None, int | None]]:
    """Align siblings by the keys of a level, and what is between them by those of the next."""
    if not own or not other or level == len(before[own[0]]):
        yield from ((one, None) for one in own)
        yield from ((None, two) for two in other)
        return
    at = to = 0
    for one, two in [
        *_matched([before[place][level] for place in own], [after[place][level] for place in other]),
        (len(own), len(other)),
    ]:
        yield from _siblings(before, after, own[at:one], other[to:two], level + 1)
        if one < len(own):
            yield own[one], other[two]
        at, to = one + 1, two + 1


def _matched(own: list[Hashable], other: list[Hashable]) -> list[tuple[int, int]]:
    """Find the places at which two lists are the same, both growing."""
    from difflib import SequenceMatcher

    least = min(len(own), len(other))
    head = next((at for at in range(least) if own[at] != other[at]), least)
    tail = next((at for at in range(least - head) if own[-1 - at] != other[-1 - at]), least - head)
    first, second = own[head : len(own) - tail], other[head : len(other) - tail]
    if len(first) * len(second) > PRODUCT:
        middle = _in_order(first, second)
    else:
        blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
        middle = [(one + at, two + at) for one, two, size in blocks for at in range(size)]
    return [
        *((at, at) for at in range(head)),
        *((head + one, head + two) for one, two in middle),
        *((len(own) - at, len(other) - at) for at in range(tail, 0, -1)),
    ]


def _in_order(own: list[Hashable], other: list[Hashable]) -> list[tuple[int, int]]:
    """Match each with the next of its key that comes after the last match."""
    places: dict[Hashable, deque[int]] = defaultdict(deque)
    for at, key in enumerate(other):
        places[key].append(at)
    found: list[tuple[int, int]] = []
    last = -1
    for at, key in enumerate(own):
        waiting = places[key]
        while waiting and waiting[0] <= last:
            waiting.popleft()
        if waiting:
            last = waiting.popleft()
            found.append((at, last))
    return found
