"""All spans of one moment, immutable: rows as they are kept, and the texts that they refer to.

A snapshot reads like the table of `schema`, and builds of it what is asked for: `column` and `select` some columns,
`filter` and `slice` some rows, `table` everything. A long conversation whose every call repeats its history is many
times as large as a table than as it is kept, so nothing that draws or counts asks for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from nbtrace._store.schema import COLUMNS, Column, schema
from nbtrace._store.scores import scores_schema
from nbtrace._store.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa

_BY_NAME = {column.name: column for column in COLUMNS}


class Snapshot:
    """Spans as readers see them, made of kept rows column by column.

    Args:
        kept: the rows, as `kept_schema` has them.
        texts: what their numbers mean.
        scores: judgements of these and other spans, as `scores_schema` has them; none by default.
        gone: gives the rows of spans that are in others of these now; see `folding`.
    """

    __slots__ = ("_gone", "_scores", "kept", "texts")

    def __init__(
        self,
        kept: pa.Table,
        texts: Texts,
        scores: pa.Table | None = None,
        gone: Callable[[], pa.Table] | None = None,
    ) -> None:
        self.kept = kept
        self.texts = texts
        self._scores = scores
        self._gone = gone

    @property
    def gone(self) -> Self | None:
        """Spans that were merged into these, as they were; none if there are no such."""
        return None if self._gone is None else type(self)(self._gone(), self.texts)

    @property
    def scores(self) -> pa.Table:
        """Judgements of spans, of those that are left out here too."""
        return scores_schema().empty_table() if self._scores is None else self._scores

    def with_own_scores(self) -> Self:
        """Give the same spans with the judgements of them alone."""
        import pyarrow.compute as pc

        from nbtrace._store.remap import keys

        own = pc.is_in(keys(self.scores), value_set=keys(self.kept).combine_chunks())
        return self.judged(self.scores.filter(own))

    def judged(self, scores: pa.Table) -> Self:
        """Give the same spans with other judgements."""
        return type(self)(self.kept, self.texts, scores, self._gone)

    def judged_too(self, scores: pa.Table) -> Self:
        """Give the same spans with more judgements."""
        import pyarrow as pa

        return self.judged(pa.concat_tables([self.scores, scores]))

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """Make a snapshot of a table as readers see it, or of an earlier version; columns that it lacks are null.

        Raises:
            UnsupportedVersionError: a newer nbtrace wrote the table.
            pyarrow.ArrowInvalid: a column's values do not have its type.
        """
        import pyarrow as pa

        from nbtrace._store.contents import Contents
        from nbtrace._store.keep import keep
        from nbtrace._store.kept import kept_schema
        from nbtrace._store.migrate import upgraded

        contents = Contents()
        batches = keep(upgraded(table), contents)
        contents.commit()
        return cls(pa.Table.from_batches(batches, schema=kept_schema()), contents.texts)

    def __len__(self) -> int:
        return self.kept.num_rows

    @property
    def num_rows(self) -> int:
        """The number of spans."""
        return self.kept.num_rows

    @property
    def nbytes(self) -> int:
        """What these spans take in memory; nulls alone take nothing, and the texts are those of the whole session."""
        arrays = (array for column in self.kept.columns for array in column.chunks)
        return self.texts.nbytes + sum(array.nbytes for array in arrays if array.null_count < len(array))

    @property
    def column_names(self) -> list[str]:
        """The names of the readers' columns."""
        return list(_BY_NAME)

    def column(self, name: str) -> pa.ChunkedArray:
        """Build one column."""
        import pyarrow as pa

        from nbtrace._store.expand import expand

        column = _BY_NAME[name]
        chunks = [expand(column, chunk, self.texts) for chunk in self.kept.column(_source(column)).chunks]
        return pa.chunked_array(chunks, type=schema().field(name).type)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        return self.column(name)

    def select(self, names: Sequence[str]) -> pa.Table:
        """Build a table of some columns."""
        import pyarrow as pa

        fields = [schema().field(name) for name in names]
        return pa.Table.from_arrays([self.column(name) for name in names], schema=pa.schema(fields))

    def table(self) -> pa.Table:
        """Build the table of `schema`, with every text wherever it is referred to."""
        import pyarrow as pa

        return pa.Table.from_arrays([self.column(name) for name in _BY_NAME], schema=schema())

    def pieces(self, names: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Build a table of some columns, so many rows at a time."""
        for start in range(0, len(self), rows):
            yield self.slice(start, rows).select(names)

    def filter(self, mask: pa.Array | pa.ChunkedArray) -> Self:
        """Give the rows where a mask is true."""
        return self._with(self.kept.filter(mask))

    def slice(self, offset: int = 0, length: int | None = None) -> Self:
        """Give some rows in a row."""
        return self._with(self.kept.slice(offset, length))

    def take(self, rows: Any) -> Self:
        """Give rows by number; a list may be empty, from which Arrow would not tell a type."""
        import pyarrow as pa

        return self._with(self.kept.take(pa.array(rows, pa.int64()) if isinstance(rows, list) else rows))

    def last_messages(self, name: str) -> pa.ChunkedArray:
        """Build a column of messages with only the last message of each span."""
        import pyarrow as pa

        from nbtrace._store.expand import expand, lasts

        column = _BY_NAME[name]
        chunks = [expand(column, lasts(chunk), self.texts) for chunk in self.kept.column(name).chunks]
        return pa.chunked_array(chunks, type=schema().field(name).type)

    def _with(self, kept: pa.Table) -> Self:
        return type(self)(kept, self.texts, self._scores, self._gone)

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self)} spans>"


def _source(column: Column) -> str:
    """Name the kept column that a column is made of."""
    return "start_time_unix_nano" if column.name == "start_time" else column.name
