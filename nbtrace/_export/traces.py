"""What a span's trace says of it: which spans are roots, and what one span of a trace tells for all of them.

Told by whole columns, so that a million traces of one span cost little.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nbtrace._export.values import listed, numbers, or_minus_one, values
from nbtrace._store.expand import bits
from nbtrace._store.remap import keys

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

TOLD: Final = ("user_id", "session_id", "conversation_id")
"""Columns that hold for a trace where its first span with one has said it."""


class Around(NamedTuple):
    """What a span's trace says of it."""

    root_name: str | None = None
    """The name of the trace's first span."""
    user_id: str | None = None
    session_id: str | None = None
    conversation_id: str | None = None
    tags: tuple[str, ...] = ()
    root_ids: frozenset[bytes] = frozenset()
    """The spans whose parents are not there."""


class Shared(NamedTuple):
    """A fact of each row: a code, and the value of each code."""

    codes: Any
    values: Sequence[Any]


class Traces:
    """The traces of some spans.

    Args:
        spans: all that are there of them.
    """

    def __init__(self, spans: Snapshot) -> None:
        self._tagged: Any = spans.kept.column("tags")
        self._spans = spans.kept.select([*_READ]).unify_dictionaries()
        self._of_row, self._order = self._numbered()
        self.is_root = self._roots()
        """Of each row whether its parent is not there, or it has none."""

    def facts(self) -> dict[str, Shared]:
        """Give what its trace says of each row, by the names of `Around`."""
        firsts, roots = self._firsts, self._first(self.is_root)
        found = {"root_name": self._word("name", np.where(roots < 0, firsts, roots))}
        for name in TOLD:
            column = self._column(name)
            if column.null_count == len(column):
                found[name] = Shared(np.full(len(column), -1), [None])
                continue
            is_said = np.array([*map(bool, column.dictionary.to_pylist()), False])[or_minus_one(column.indices)]
            found[name] = self._word(name, self._first(is_said))
        return found | {"tags": self._tags()}

    def around(self) -> dict[bytes, Around]:
        """Give the same by the ids of the traces."""
        facts = self.facts()
        traces, ids = (values(self._column(name)) for name in ("trace_id", "span_id"))
        roots: dict[bytes, list[bytes]] = {}
        for row in np.flatnonzero(self.is_root).tolist():
            roots.setdefault(traces[row], []).append(ids[row])
        return {
            traces[row]: Around(
                **{name: one.values[one.codes[row]] for name, one in facts.items()},
                root_ids=frozenset(roots.get(traces[row], ())),
            )
            for row in self._firsts.tolist()
        }

    def _column(self, name: str) -> Any:
        return self._spans.column(name).combine_chunks()

    def _numbered(self) -> tuple[Any, Any]:
        """Number the traces, and give the rows in the order of trace and start."""
        ids = self._column("trace_id")
        halves = np.frombuffer(ids.buffers()[1] or b"", np.uint64, 2 * len(ids), 16 * ids.offset).reshape(-1, 2)
        starts = numbers(self._column("start_time_unix_nano"))
        order = np.lexsort((starts, halves[:, 0], halves[:, 1]))
        of_row = np.zeros(len(ids), np.int64)
        of_row[order[1:]] = np.cumsum((halves[order[1:]] != halves[order[:-1]]).any(axis=1))
        return of_row, order

    def _roots(self) -> Any:
        import pyarrow.compute as pc

        parents = self._spans.column("parent_span_id")
        if parents.null_count == len(parents):
            return np.ones(len(parents), bool)
        pairs = self._spans.select(["trace_id", "parent_span_id"]).rename_columns(["trace_id", "span_id"])
        found: Any = pc.is_in(keys(pairs), value_set=keys(self._spans).combine_chunks())
        return ~bits(found.combine_chunks())

    def _first(self, chosen: Any) -> Any:
        """Give of each trace the first row that is chosen, or -1."""
        rows = self._order[chosen[self._order]]
        found = np.full(len(self._firsts), -1)
        found[self._of_row[rows[::-1]]] = rows[::-1]  # of several the first one is written last
        return found

    @cached_property
    def _firsts(self) -> Any:
        """The first row of each trace."""
        return self._order[np.flatnonzero(np.diff(self._of_row[self._order], prepend=-1))]

    def _word(self, name: str, rows: Any) -> Shared:
        """Give for each row the word that one row of its trace has."""
        column = self._column(name)
        codes = np.append(or_minus_one(column.indices), -1)[rows]
        return Shared(codes[self._of_row], [*column.dictionary.to_pylist(), None])

    def _tags(self) -> Shared:
        """Give for each row all tags of its trace."""
        if self._tagged.null_count == len(self._tagged):
            return Shared(np.zeros(len(self._tagged), np.int64), [()])
        tags = listed(self._tagged)
        found: list[dict[str, None]] = [{} for _ in self._firsts]
        for row in self._order.tolist():
            found[self._of_row[row]].update(dict.fromkeys(tags[row] or ()))
        known = {each: code for code, each in enumerate(dict.fromkeys(map(tuple, found)))}
        return Shared(np.array([known[tuple(each)] for each in found], np.int64)[self._of_row], [*known])


_READ: Final = ("trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano", *TOLD)
