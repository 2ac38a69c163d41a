"""One call seen by two instrumentations is one row: what repeats a call is folded into the row that has it.

What the store and its journal keep is every span as it came, so that nothing depends on which of them ends first, or
on what has been written by then. A snapshot is made of it by `Folding`, which remembers what it made as long as the
rows are the same: a call is merged once, and later looks cost what it takes to find which rows belong together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from nbtrace._guard import guard
from nbtrace._store.batches import compact, taken
from nbtrace._store.calls import Calls
from nbtrace._store.columns import fixed, nulls_of
from nbtrace._store.expand import relist
from nbtrace._store.following import count
from nbtrace._store.kept import kept_schema
from nbtrace._store.repeats import Rows, marks
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.spill import Spill, rows_size

if TYPE_CHECKING:
    from nbtrace._store.texts import Texts

Batches = tuple[pa.RecordBatch, ...]
Key = bytes
"""A trace's id with a span's."""


class Folded(NamedTuple):
    """Rows of which each call is one."""

    batches: Batches
    work: _Work | None = None
    """How they became that; none if they were."""

    def snapshot(self, texts: Texts, scores: pa.Table | None = None) -> Snapshot:
        """Give them with their texts, and with the judgements of what is gone as those of what has it."""
        rows = pa.Table.from_batches(self.batches, schema=kept_schema())
        if self.work is None:
            return Snapshot(rows, texts, scores)
        return Snapshot(rows, texts, None if scores is None else self.work.moved(scores), self.work.gone)


class Folding:
    """Makes one row of all rows of a call, each time of the same ones or of more.

    Args:
        spill: takes what is made of rows that are on the disk.
    """

    def __init__(self, spill: Spill | None = None) -> None:
        self._spill = spill or Spill()
        self.gone = 0
        """Ended rows that were in others, at the last look."""
        self._marks: dict[int, tuple[pa.RecordBatch, list[tuple[int, int]]]] = {}
        self._merged: Batches = ()
        self._settled = 0
        """How many of the first of those are on the disk."""
        self._places: dict[tuple[Key, ...], int | None] = {}
        """The merged row of a call and of what repeats it, by number; none where they could not be merged."""
        self._made: dict[int, _Made] = {}
        self._is_folding = False
        self._is_to_relieve = False

    def fold(self, ended: Batches, running: Batches, texts: Texts, settled: int = 0) -> Folded:
        """Fold rows; where that fails they stay as they came.

        Args:
            ended: rows that stay as they are.
            running: rows that may be others the next time.
            texts: what the numbers of texts mean, in all of them.
            settled: how many of the first batches are on the disk.
        """
        if self._is_folding:  # a look within a look: the garbage collector ran somebody's code that looks
            return Folding(self._spill).fold(ended, running, texts, settled)
        self._is_folding = True
        try:
            with guard("store"):
                return self._fold(ended, running, texts, settled)
            return Folded((*ended, *running))
        finally:
            self._is_folding = False
            if self._is_to_relieve:
                self.relieve()

    def _fold(self, ended: Batches, running: Batches, texts: Texts, settled: int) -> Folded:
        batches = (*ended, *running)
        found = self._found(ended, running)
        rows = Rows(batches if found else ())
        owners = rows.owners(sorted(found, key=lambda one: (rows.starts[one[0]], one[0])))
        size = count(ended)
        places, merged, failed = self._merge(Calls(batches, rows, owners, texts), size)
        owners = {repeat: row for repeat, row in owners.items() if row not in failed}
        self.gone = sum(repeat < size for repeat in owners)
        if not owners:
            return Folded(batches)
        work = _Work(batches, rows, owners, rows.lifted(owners))
        made: dict[int, _Made] = {}
        folded: list[pa.RecordBatch] = []
        for number, (batch, todo) in enumerate(zip(batches, work.todo(places), strict=True)):
            if todo is None:
                folded.append(batch)
                continue
            known = self._made.get(id(batch))
            if known is None or known.batch is not batch or known.todo != todo:
                new = _rebuilt(batch, todo, merged)
                moved = self._spill.moved(new) if number < settled else new
                known = _Made(batch, todo, moved, moved is not new)
            if number < len(ended):
                made[id(batch)] = known
            folded.append(known.rows)
        self._made = made
        return Folded(tuple(folded), work)

    def relieve(self) -> None:
        """Let go of what the store has moved to the disk, and move there what was made of it."""
        self._is_to_relieve = self._is_folding
        if self._is_folding:
            return
        self._marks, self._made = {}, {}
        self._merged = (*self._merged[: self._settled], *map(self._spill.moved, self._merged[self._settled :]))
        self._settled = len(self._merged)

    def _let_go(self, wanted: set[tuple[Key, ...]]) -> None:
        """Forget merged rows of which there are others by now, once they are the most."""
        if len(self._places) <= 2 * len(wanted):
            return
        left = {keys: place for keys, place in self._places.items() if keys in wanted}
        rows = [place for place in left.values() if place is not None]
        numbers = {place: number for number, place in enumerate(rows)}
        merged: Batches = (_shrunk(taken(self._merged, rows)),) if rows else ()
        if self._settled:
            merged = (*map(self._spill.moved, merged),)
        places = {keys: None if place is None else numbers[place] for keys, place in left.items()}
        # At once: after an interrupt between these a place would be that of another call.
        self._merged, self._places, self._settled = merged, places, len(merged) if self._settled else 0

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of what was made, in memory and on the disk."""
        made = [(one.size, one.is_on_disk) for one in self._made.values()]
        memory = rows_size(self._merged[self._settled :]) + sum(size for size, is_on_disk in made if not is_on_disk)
        return memory, rows_size(self._merged) + sum(size for size, _ in made) - memory

    def _found(self, ended: Batches, running: Batches) -> list[tuple[int, int]]:
        """Find the rows that say that they repeat a call, by their number in all batches."""
        found: list[tuple[int, int]] = []
        known: dict[int, tuple[pa.RecordBatch, list[tuple[int, int]]]] = {}
        first = 0
        for batch in (*ended, *running):
            before = self._marks.get(id(batch))
            one = before if before is not None and before[0] is batch else (batch, marks(batch))
            known[id(batch)] = one
            found += [(first + row, span_id) for row, span_id in one[1]]
            first += batch.num_rows
        self._marks = {id(batch): known[id(batch)] for batch in ended}
        return found

    def _merge(self, calls: Calls, ended: int) -> tuple[dict[int, int], Batches, set[int]]:
        """Merge what was not merged before.

        What still runs adds nothing yet: it may say something else at each look.

        Returns:
            The merged row of each call by number, all of those rows, and the calls that could not be merged.
        """
        groups: dict[int, list[int]] = {}
        for repeat, row in calls.owners.items():
            if repeat < ended:
                groups.setdefault(row, []).append(repeat)
        known = calls.rows.keys((*groups, *calls.owners))
        keys = {row: tuple(known[one] for one in (row, *repeats)) for row, repeats in groups.items()}
        lasting = [row for row in groups if row < ended]
        new = [row for row in lasting if keys[row] not in self._places]
        for rows, merged in calls.merged(new, groups):
            first = count(self._merged)
            self._merged = compact((*self._merged, *merged), self._settled)
            self._places |= {keys[row]: first + number if merged else None for number, row in enumerate(rows)}
        self._let_go({keys[row] for row in lasting})
        places = {row: self._places[keys[row]] for row in lasting}
        passing = self._merged
        for rows, merged in calls.merged([row for row in groups if row not in places], groups):
            first = count(passing)
            passing = (*passing, *merged)
            places |= {row: first + number if merged else None for number, row in enumerate(rows)}
        failed = {row for row, place in places.items() if place is None}
        return {row: place for row, place in places.items() if place is not None}, passing, failed


class _Todo(NamedTuple):
    """What is to be done with a batch."""

    gone: tuple[int, ...]
    """Its rows that go."""
    replaced: tuple[tuple[int, int], ...]
    """Its rows that become merged ones, and which."""
    parents: bytes
    """The parents of its rows; zero for none."""


class _Work(NamedTuple):
    batches: Batches
    rows: Rows
    owners: dict[int, int]
    """The rows that go, and the rows that they go to."""
    parents: Any
    """Of all rows, as they will be."""

    def todo(self, places: Mapping[int, int]) -> Iterator[_Todo | None]:
        """Say of each batch what is to be done with it; none if it stays as it is."""
        gone, calls = sorted(self.owners), sorted(places)
        first = 0
        for batch in self.batches:
            last = first + batch.num_rows
            parents = self.parents[first:last]
            todo = _Todo(
                tuple(row - first for row in gone[bisect_left(gone, first) : bisect_left(gone, last)]),
                tuple(
                    (row - first, places[row]) for row in calls[bisect_left(calls, first) : bisect_left(calls, last)]
                ),
                parents.tobytes(),
            )
            is_same = not todo.gone and not todo.replaced and (parents == self.rows.parents[first:last]).all()
            yield None if is_same else todo
            first = last

    def gone(self) -> pa.Table:
        """Give the rows that are in others now, as they were but for a cost of their own, and below what is left."""
        rows = [*self.owners]
        batch = _with_parents(taken(self.batches, rows), self.parents[rows])
        free = {name: nulls_of(batch.column(name).type, len(rows)) for name in ("cost_usd", "cost_state")}
        return pa.Table.from_batches([_with(batch, free)])

    def moved(self, scores: pa.Table) -> pa.Table:
        """Give judgements of what is gone as those of what has it."""
        from nbtrace._store.remap import keys

        if not len(scores):
            return scores
        spans = self.rows.keys((*self.owners, *self.owners.values()))
        became = {spans[repeat]: spans[row] for repeat, row in self.owners.items()}
        known: list[bytes] = keys(scores).to_pylist()
        moved = [became.get(key, key) for key in known]
        ids = {"trace_id": fixed(16, [key[:16] for key in moved]), "span_id": fixed(8, [key[16:] for key in moved])}
        columns = [ids.get(name, scores.column(name)) for name in scores.schema.names]
        return pa.Table.from_arrays(columns, schema=scores.schema)


class _Made(NamedTuple):
    """What came of a batch."""

    batch: pa.RecordBatch
    todo: _Todo
    rows: pa.RecordBatch
    is_on_disk: bool

    @property
    def size(self) -> int:
        """Bytes of what it does not share with the batch."""
        is_shared = not self.todo.gone and not self.todo.replaced
        return self.rows.column("parent_span_id").nbytes if is_shared else rows_size((self.rows,))


def _rebuilt(batch: pa.RecordBatch, todo: _Todo, merged: Batches) -> pa.RecordBatch:
    parents = np.frombuffer(todo.parents, np.uint64)
    if todo.gone or todo.replaced:
        order = np.arange(batch.num_rows)
        order[[row for row, _ in todo.replaced]] = batch.num_rows + np.arange(len(todo.replaced))
        order = np.delete(order, todo.gone)
        parents = np.delete(parents, todo.gone)
        new = [_shrunk(taken(merged, [place for _, place in todo.replaced]))] if todo.replaced else []
        batch = taken([batch, *new], order.tolist())
    return _with_parents(batch, parents)


def _shrunk(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Let go of the values of other rows: what is told of merged spans is long, and no other row has the same."""
    lists: Any = batch.column("attributes")
    flat = lists.flatten()
    fields = list(lists.type.value_type)
    children = [
        flat.field(field.name).cast(pa.string()).dictionary_encode()
        if field.name == "value"
        else flat.field(field.name)
        for field in fields
    ]
    attributes = pa.StructArray.from_arrays(children, fields=fields)
    return _with(batch, {"attributes": relist(lists.type, lists, attributes)})


def _with_parents(batch: pa.RecordBatch, parents: Any) -> pa.RecordBatch:
    ids = fixed(8, [parent.to_bytes(8, "big") if parent else None for parent in parents.tolist()])
    return _with(batch, {"parent_span_id": ids})


def _with(batch: pa.RecordBatch, changed: Mapping[str, pa.Array]) -> pa.RecordBatch:
    columns = [changed.get(name, batch.column(name)) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=kept_schema())
