"""Tells those who follow a store what was added: every row once, in order, as it is encoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from nbtrace._guard import guard

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.texts import Texts


class Appended(NamedTuple):
    """What was added to the store since the last time, or all of it to begin with."""

    rows: tuple[pa.RecordBatch, ...]
    """Ended spans, as they are kept."""
    texts: Texts
    """All texts so far; the numbers of those that are new follow on the numbers of the old."""
    scores: tuple[pa.RecordBatch, ...] = ()
    first_row: int = 0
    """How many ended spans there were before."""
    first_score: int = 0
    life: int = 0
    """How often the store had been cleared: what was told in an earlier life does not count any more."""

    def after(self) -> Appended:
        """Give nothing, added after this."""
        first_row, first_score = self.first_row + count(self.rows), self.first_score + count(self.scores)
        return self._replace(rows=(), scores=(), first_row=first_row, first_score=first_score)


Follower = Callable[[Appended], None]


class Following:
    """The followers of a store, and what they have not been told yet.

    What is added is noted in the step that adds it, so that an interrupt cannot come between, and told after that. What
    is told says from which row on, so that who hears of a row again can tell.
    """

    def __init__(self, texts: Texts) -> None:
        self.untold = Appended((), texts)
        self._told_life = 0
        self._followers: tuple[Follower, ...] = ()

    def with_added(
        self, rows: tuple[pa.RecordBatch, ...], scores: tuple[pa.RecordBatch, ...], texts: Texts
    ) -> Appended:
        """Give what is untold, with this."""
        untold = self.untold
        return untold._replace(rows=untold.rows + rows, scores=untold.scores + scores, texts=texts)

    def cleared(self, texts: Texts) -> Appended:
        """Give what is untold at the beginning of a new life of the store."""
        return Appended((), texts, life=self.untold.life + 1)

    @property
    def is_due(self) -> bool:
        """Whether there is something to tell."""
        untold = self.untold
        return bool(untold.rows or untold.scores) or untold.life != self._told_life

    def tell(self) -> None:
        """Tell what is untold, which then is not; after an interrupt it is told again."""
        told = self.untold
        rest = told.after()
        for follower in self._followers:
            with guard("store"):
                follower(told)
        self._told_life = told.life
        if self.untold is told:  # and the store was not cleared meanwhile
            self.untold = rest

    def add(self, follower: Follower) -> None:
        """Tell one more."""
        self._followers = (*self._followers, follower)

    def remove(self, follower: Follower) -> None:
        """Tell one less."""
        self._followers = tuple(one for one in self._followers if one is not follower)


def count(batches: tuple[pa.RecordBatch, ...]) -> int:
    """Count rows."""
    return sum(batch.num_rows for batch in batches)
