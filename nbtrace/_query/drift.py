"""Whether calls have come to behave otherwise: figures of two samples of them, tested.

Of numbers it is asked whether they became larger or smaller, and whether they are spread otherwise; of words, whether
they are as frequent. The p-values of all tests, of all groups, are corrected together. What is too few for a test is
said and not tested; what is the same in every call is no question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from nbtrace._query import hypotheses
from nbtrace._query.aggregate import KEYS
from nbtrace._query.hypotheses import Tested
from nbtrace._query.samples import NUMBERS, WORDS, Sample, Vectors, samples
from nbtrace._query.scored import SCORE, Judged
from nbtrace._query.verdict import FEW
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans

VECTORS: Final = "embeddings"
CHANCE: Final = 0.05
"""What is more probable than this, after correction, is not beyond chance."""
_ROMANO: Final = (0.147, 0.33, 0.474)
SIZES: Final = {"Cliff's delta": _ROMANO, "D": _ROMANO, "Cramér's V": (0.1, 0.3, 0.5)}
"""From where an effect is small, medium and large: of Cliff's delta Romano and others (2006), of Cramér's V Cohen."""
NEGLIGIBLE: Final = {"Cliff's delta": _ROMANO[0], "D": _ROMANO[0], "energy": 0.01}
"""Effects below are beyond chance only because there are many calls."""
MOST_WORDS: Final = 20
OTHERS: Final = "(others)"
SAME: Final = "the same in all calls"


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure before and after."""

    figure: str
    kind: Literal["number", "word", "vector"]
    n: tuple[int, int]
    """Of how many calls it is known."""
    before: Any
    """Of numbers all of them, sorted; of words how often each is there."""
    after: Any
    tests: tuple[Tested, ...] = ()
    p: tuple[float, ...] = ()
    """Of each test, after correction."""
    note: str = ""
    """Why it is not tested."""

    @property
    def best(self) -> int:
        """The test to tell of: of those that find that it moved the one with the largest effect, else the first.

        What only shifts has a Cliff's delta above its D.
        """
        every = range(len(self.tests))
        return max(every, key=lambda at: (self.moves(at), abs(self.tests[at].effect) * self.moves(at), -at))

    @property
    def has_moved(self) -> bool:
        """Whether it differs beyond chance, and not negligibly."""
        return any(self.moves(at) for at, _ in enumerate(self.tests))

    @property
    def is_beyond_chance(self) -> bool:
        """Whether it differs beyond chance, be it ever so little."""
        return any(p < CHANCE for p in self.p)

    def moves(self, at: int) -> bool:
        """Say whether one of the tests finds a difference beyond chance that is not negligible."""
        one = self.tests[at]
        return self.p[at] < CHANCE and abs(one.effect) >= NEGLIGIBLE.get(one.effect_name, 0.0)


class Pair(NamedTuple):
    """Two samples, compared."""

    before: str
    """What the first one is called."""
    after: str
    calls: tuple[int, int]
    figures: tuple[Compared, ...]


class Drifts(NamedTuple):
    """What has become otherwise."""

    pairs: tuple[Pair, ...]
    tests: int
    """How many tests there were, for all of which p-values are corrected."""
    left_out: tuple[str, ...]
    """The groups that were not compared."""


def drifts(before: Spans, after: Spans | None, by: str | None, vectors: Vectors | None) -> Drifts:
    """Compare two selections, or the groups of one with the one that began first.

    Raises:
        UsageError: there is nothing to compare with, no such column, or the vectors do not fit.
    """
    taken, left_out = samples(before, after, by, vectors)
    pairs = [
        Pair(each.before, each.after, (each.one.calls, each.other.calls), tuple(_compared(each.one, each.other, by)))
        for each in taken
    ]
    p = hypotheses.holm([test.p for pair in pairs for figure in pair.figures for test in figure.tests])
    corrected = iter(p)
    told = [
        pair._replace(
            figures=tuple(replace(figure, p=tuple(next(corrected) for _ in figure.tests)) for figure in pair.figures)
        )
        for pair in pairs
    ]
    return Drifts(tuple(told), len(p), tuple(left_out))


def _compared(before: Sample, after: Sample, by: str | None) -> Iterator[Compared]:
    for name in NUMBERS:
        yield from _of_numbers(name, before.numbers[name], after.numbers[name])
    for name in WORDS:
        if name not in KEYS.get(by or "", (by,)):
            yield from _of_words(name, before.words[name], after.words[name])
    for name in sorted({*before.scores, *after.scores}):
        yield from _of_scores(f"{SCORE}{name}", before.scores.get(name, []), after.scores.get(name, []))
    if before.vectors is not None and after.vectors is not None:
        yield from _of_vectors(before.vectors, after.vectors)


def _of_numbers(name: str, before: Any, after: Any) -> Iterator[Compared]:
    n = len(before), len(after)
    if not any(n):
        return
    one = Compared(name, "number", n, before, after)
    if note := _untested(n, is_same=all(n) and before[0] == before[-1] == after[0] == after[-1]):
        yield replace(one, note=note)
        return
    yield replace(one, tests=(hypotheses.mann_whitney(before, after), hypotheses.kolmogorov_smirnov(before, after)))


def _of_words(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Compared]:
    n = len(before), len(after)
    if not any(n):
        return
    both = Counter(before) + Counter(after)
    kept = [word for word, _ in both.most_common(MOST_WORDS)]
    counts = [_folded(Counter(words), kept) for words in (before, after)]
    one = Compared(name, "word", n, counts[0], counts[1])
    if note := _untested(n, is_same=len(both) == 1):
        yield replace(one, note=note)
        return
    every = [*kept, OTHERS]
    yield replace(one, tests=(hypotheses.categories(*([count.get(word, 0) for word in every] for count in counts)),))


def _folded(counts: Mapping[str, int], kept: Sequence[str]) -> dict[str, int]:
    """Count words that are rare together."""
    found = {word: counts[word] for word in kept if counts.get(word)}
    rest = sum(counts.values()) - sum(found.values())
    return found | ({OTHERS: rest} if rest else {})


def _of_scores(name: str, before: Sequence[Judged], after: Sequence[Judged]) -> Iterator[Compared]:
    import numpy as np

    if any(said.label is not None for said in (*before, *after)):
        yield from _of_words(name, *([_word(said) for said in each] for each in (before, after)))
        return
    values = [np.sort([said.value for said in each if said.value is not None]) for each in (before, after)]
    yield from _of_numbers(name, *values)


def _word(said: Judged) -> str:
    return said.label if said.label is not None else f"{said.value}"


def _of_vectors(before: Any, after: Any) -> Iterator[Compared]:
    n = len(before), len(after)
    if not any(n):
        return
    one = Compared(VECTORS, "vector", n, None, None)
    if note := _untested(n, is_same=False):
        yield replace(one, note=note)
        return
    if before.shape[1] != after.shape[1]:
        lengths = f"{before.shape[1]} and {after.shape[1]}"
        raise UsageError.argument("embeddings", "vectors of one length before and after", lengths)
    yield replace(one, tests=(hypotheses.energy(before, after),))


def _untested(n: tuple[int, int], *, is_same: bool) -> str:
    """Say why a figure is not tested; nothing, if it can be."""
    if not all(n):
        return "known only after" if n[1] else "known only before"
    if min(n) < FEW:
        return f"too few to test: {n[0]:,} and {n[1]:,}, {FEW} are needed"
    return SAME if is_same else ""
