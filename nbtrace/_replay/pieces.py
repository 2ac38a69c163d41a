"""An answer cut into the pieces that it came in.

An answer is a row of *steps*: some bring text, which may be cut anywhere, the others come whole. The recording says how
many characters each chunk brought (`nbtrace.stream.cuts`); one that does not, from before that was recorded, is cut
evenly. Where the text has another length now, because a secret in it is masked, the cuts move in proportion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

from nbtrace import semconv

JSON = dict[str, Any]
Separators = tuple[str, str]

COMPACT: Final[Separators] = (",", ":")
_SPACED: Final[Separators] = (", ", ": ")
_WHOLE: Final = "exhausted"


class Step(NamedTuple):
    """What comes next in an answer."""

    make: Callable[[str], JSON]
    """Gives its form with a text, or a piece of it."""
    text: str | None = None
    """None where there is nothing to cut."""
    may_join: bool = False
    """Whether it may come with the text before it; it does where there are too few chunks without text."""
    kind: str = ""
    """What it is called, if it is one that not every server sends."""


def cuts(recorded: Mapping[str, Any]) -> list[int] | None:
    """Read how many characters each chunk brought, if it was recorded."""
    return _numbers(recorded.get(semconv.STREAM_CUTS))


def gaps_s(recorded: Mapping[str, Any]) -> list[float]:
    """Read the seconds before each chunk, if they were recorded."""
    return [each / 1e6 for each in _numbers(recorded.get(semconv.STREAM_ARRIVALS)) or ()]


def _numbers(written: object) -> list[int] | None:
    words = str(written).replace(",", " ").split() if written is not None else []  # there were spaces once
    return [int(word) for word in words] if words and all(word.isdecimal() for word in words) else None


def dealt(steps: Sequence[Step], recorded: Mapping[str, Any], *, closing: int = 1) -> list[list[JSON]]:
    """Deal the steps of an answer out to its chunks.

    Args:
        steps: the answer.
        recorded: attributes of the recording.
        closing: how many chunks come after the text, where the recording does not say.

    Examples:
        >>> steps = [Step(lambda _: {"begin": 1}), Step(lambda text: {"said": text}, "Hello!")]
        >>> dealt(steps, {"nbtrace.stream.cuts": "0 4 2"})
        [[{'begin': 1}], [{'said': 'Hell'}], [{'said': 'o!'}]]
        >>> dealt(steps, {"nbtrace.stream.chunks": 3}, closing=0)
        [[{'begin': 1}], [{'said': 'Hel'}], [{'said': 'lo!'}]]
    """
    length = _length(steps)
    known = cuts(recorded)
    if known is None:
        count = max(1, int(recorded.get(semconv.STREAM_CHUNKS) or 0) - 1 - closing)
        known = [0, *_even(length, count), *[0] * closing]
    fitted = _fitted(known, length)
    joins = known.count(0) < sum(not step.text for step in steps)
    queue, made = deque(steps), list[list[JSON]]()
    for before, now in zip(known, fitted, strict=True):
        if before:
            made.append(_text(queue, now, joins=joins))
        else:
            made.append([queue.popleft().make("")] if queue and not queue[0].text else [])
    rest = [step.make(step.text or "") for step in queue]
    if made:
        made[-1] += rest
    return made or [rest]


def spaced(recorded: Mapping[str, Any], make: Callable[[Separators], Sequence[Step]]) -> Sequence[Step]:
    """Give the steps of an answer with JSON written as the model wrote it, as far as the number of characters tells."""
    steps, expected = make(COMPACT), cuts(recorded)
    if expected is None or _length(steps) == sum(expected):
        return steps
    others = make(_SPACED)
    return others if _length(others) == sum(expected) else steps


def in_events(steps: Sequence[Step], recorded: Mapping[str, Any], optional: Sequence[str]) -> list[JSON]:
    """Give the events of an answer of which each is one step, or a piece of one.

    Args:
        steps: the answer; texts that are empty bring no event.
        recorded: attributes of the recording.
        optional: kinds that not every server sends, left out one after the other where there were fewer events.

    Examples:
        >>> steps = [Step(lambda _: {"begin": 1}, kind="b"), Step(lambda text: {"said": text}, "Hello!")]
        >>> in_events(steps, {"nbtrace.stream.cuts": "4 2"}, ["b"])
        [{'said': 'Hell'}, {'said': 'o!'}]
    """
    known = cuts(recorded)
    count = len(known) if known is not None else int(recorded.get(semconv.STREAM_CHUNKS) or 0)
    if known is not None:
        for kind in optional:
            if sum(step.text is None for step in steps) > known.count(0):
                steps = [step for step in steps if step.kind != kind]
    sizes = [size for size in known or () if size]
    length = _length(steps)
    if not sizes:
        sizes = _even(length, max(1, count - sum(step.text is None for step in steps)))
    left, made = deque(_fitted(sizes, length)), list[JSON]()
    for step in steps:
        text = step.text
        if text is None:
            made.append(step.make(""))
        while text:
            size = max(1, left.popleft()) if left else len(text)
            made.append(step.make(text[:size]))
            text = text[size:]
    return made if recorded.get(semconv.STREAM_OUTCOME) == _WHOLE or not count else made[:count]


def _length(steps: Sequence[Step]) -> int:
    return sum(len(step.text or "") for step in steps)


def _text(queue: deque[Step], count: int, *, joins: bool) -> list[JSON]:
    """Take so many characters, what stands between them, and what comes with them."""
    found: list[JSON] = []
    while queue and count > 0:
        step = queue.popleft()
        if not step.text:
            found.append(step.make(""))
            continue
        piece, rest = step.text[:count], step.text[count:]
        count -= len(piece)
        found.append(step.make(piece))
        if rest:
            queue.appendleft(step._replace(text=rest))
    while joins and queue and queue[0].may_join:
        found.append(queue.popleft().make(""))
    return found


def _even(length: int, count: int) -> list[int]:
    places = [length * each // count for each in range(count + 1)]
    return [max(1, after - before) for before, after in pairwise(places)]


def _fitted(known: list[int], length: int) -> list[int]:
    total = sum(known)
    if total in (0, length):
        return known
    places = [0, *(each * length // total for each in accumulate(known))]
    return [after - before for before, after in pairwise(places)]
