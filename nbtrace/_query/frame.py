"""Spans as a user holds them: an immutable table with doors to the data frame libraries, and spans to choose from it.

What is chosen is kept as rows of the snapshot; a column is built when somebody asks for it, so that choosing among a
million spans does not copy their prompts.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, Final, Unpack, cast, overload

from nbtrace._query import text
from nbtrace._query.filters import Columns, Filters, choose
from nbtrace._query.preview import preview
from nbtrace._query.result import duckdb, polars
from nbtrace._query.row import Span
from nbtrace._query.select import find_trace
from nbtrace._query.totals import summarize
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from nbtrace._query.scored import SpanKey
    from nbtrace._store.snapshot import Snapshot

    Draw = Callable[[str, str | None], Any]
    """Draws the trace with an id in hex, with a span selected or none."""

SHOWN_ROWS: Final = 10
"""Rows of the HTML table in a notebook: what fits under a cell without scrolling."""


class Spans:
    """An immutable table of spans, one row a span.

    `spans[0]` and `spans[-1]` are single spans, `spans[:10]` is a table again.

    Examples:
        >>> import nbtrace
        >>> len(nbtrace.Session().spans())
        0
    """

    __slots__ = ("_chosen", "_draw", "_from", "_snapshot", "_table")

    def __init__(self, snapshot: Snapshot, draw: Draw | None = None, chosen: pa.ChunkedArray | None = None) -> None:
        self._from = snapshot
        self._chosen = chosen
        self._snapshot: Snapshot | None = None
        self._draw = draw
        self._table: pa.Table | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The same spans as the store keeps them, each text once."""
        if self._snapshot is None:
            self._snapshot = self._from if self._chosen is None else self._from.filter(self._chosen)
        return self._snapshot

    def words_of(self, names: Sequence[str]) -> pa.Table:
        """Build a table of some columns, with dictionaries for words that repeat; no others are touched."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = Columns(self._from)
        columns: Any = {name: column(name) for name in names}
        if self._chosen is not None:
            count = pc.sum(self._chosen).as_py() or 0
            columns = {name: _filtered(each, self._chosen, count) for name, each in columns.items()}
        return pa.table(columns).unify_dictionaries().combine_chunks()

    @property
    def table(self) -> pa.Table:
        """All columns of all spans; built when first asked for."""
        if self._table is None:
            self._table = self.snapshot.table()
        return self._table

    def filter(self, **filters: Unpack[Filters]) -> Spans:
        """Choose some of these spans; the filters are those of `nbtrace.spans`.

        Raises:
            UsageError: A filter is unknown or has a value that it cannot use.
            NotFoundError: There is no such trace, or more than one.

        Examples:
            >>> import nbtrace
            >>> nbtrace.spans(since="1h").filter(status="error", model="gpt-4*")
            <Spans: 0 spans, 0 LLM calls>
        """
        chosen = choose(self.snapshot, filters)
        return self if chosen is None else type(self)(self.snapshot, self._draw, chosen)

    def ordered(self, rows: object) -> Spans:
        """Give these spans in another order, or some of them: the numbers of their rows."""
        import numpy as np

        return self._with(self.snapshot.take(np.asarray(rows, np.int64)))

    def found(self, ids: Sequence[SpanKey]) -> Spans:
        """Find spans by their ids and their traces', in that order; those that are not there are left out."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from nbtrace._store.remap import keys

        wanted = pa.array([trace + span for trace, span in ids], pa.binary())
        places: Any = pc.index_in(wanted, value_set=keys(self.snapshot.kept).combine_chunks())
        return self.ordered(places.drop_null())

    def __len__(self) -> int:
        return len(self.snapshot)

    if not TYPE_CHECKING:  # a type checker is to know that there is nothing else

        def __getattr__(self, name: str) -> Any:
            hint = "" if name.startswith("_") else f"; as a data frame it may have one: .to_pandas().{name}"
            message = f"{type(self).__name__!r} has no attribute {name!r}{hint}"
            raise AttributeError(message, name=name, obj=self)

    @overload
    def __getitem__(self, at: int) -> Span: ...
    @overload
    def __getitem__(self, at: slice) -> Spans: ...
    def __getitem__(self, at: int | slice) -> Span | Spans:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step != 1:
                raise UsageError.argument("step", "a slice without a step, such as spans[:10]", at)
            return self._with(self.snapshot.slice(start, max(0, stop - start)))
        try:
            at = index(at)
        except TypeError:
            column = f"; a column is in .to_pandas()[{at!r:.80}]" if isinstance(at, str) else ""
            message = f"spans are asked for by number, as spans[0] or spans[:10], not by {type(at).__name__}{column}"
            raise TypeError(message) from None
        row = at + len(self) if at < 0 else at
        if not 0 <= row < len(self):
            message = f"there is no span {at} among these {len(self)}"
            raise IndexError(message)
        return Span(self.snapshot.slice(row, 1), self)

    def __iter__(self) -> Iterator[Span]:
        return (self[row] for row in range(len(self)))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def trace_ids(self) -> list[str]:
        """List the traces as 32 hex digits, in order of arrival."""
        return [value.hex() for value in cast("list[bytes]", self.snapshot["trace_id"].unique().to_pylist())]

    def trace(self, trace_id: str | None = None) -> Any:
        """Draw one of the traces that these spans are of, whole, as `nbtrace.trace` does.

        Args:
            trace_id: 32 hex digits, or the first few of them; without it, that of the last LLM call among these spans.

        Raises:
            NotFoundError: There is no such trace, or no LLM call, among these spans.
        """
        return self.draw(find_trace(self.snapshot, trace_id))

    def draw(self, trace_id: str, span_id: str | None = None) -> Any:
        """Draw the trace with this id."""
        if self._draw is None:
            message = "these spans are of no session; draw them by nbtrace.open(spans).trace()"
            raise NotFoundError(message)
        return self._draw(trace_id, span_id)

    def to_pandas(self, *, full: bool = False) -> pd.DataFrame:
        """Convert to pandas, for reading: the columns that people ask for come first, ids are hex digits.

        Args:
            full: Keep the columns that are empty in these spans, attributes, events and links as Python objects, and
                what only exporters need.
        """
        from nbtrace._query import reading

        return reading.to_pandas(self.snapshot, full=full)

    def to_polars(self) -> Any:
        """Convert to a polars data frame, with every column.

        Raises:
            UsageError: polars is not installed.
        """
        return polars(self.table)

    def to_duckdb(self) -> Any:
        """Make a relation of DuckDB's default connection, with every column.

        Raises:
            UsageError: DuckDB is not installed.
        """
        return duckdb("to_duckdb()").from_arrow(self.table)

    def _with(self, snapshot: Snapshot) -> Spans:
        return type(self)(snapshot, self._draw)

    def __repr__(self) -> str:
        summary = summarize(self.snapshot)
        words = [text.counted(summary.spans, "span"), text.counted(summary.calls, "LLM call")]
        if summary.calls:
            words += [
                f"{text.tokens(summary.input_tokens)} token{'s' * (summary.input_tokens != 1)} in",
                f"{text.tokens(summary.output_tokens)} out",
                text.cost(summary.cost_usd, "estimated" if summary.estimated else "priced"),
            ]
        words += [text.counted(summary.errors, "error")] if summary.errors else []
        words += [f"{summary.running} running"] if summary.running else []
        words += [f"{summary.unfinished} unfinished"] if summary.unfinished else []
        words += [f"{summary.interrupted} interrupted"] if summary.interrupted else []
        return f"<Spans: {', '.join(words)}>"

    def _repr_html_(self) -> str:
        from html import escape

        titles = ("name", "model", "duration", "tokens in", "out", "cost", "answer")
        rows = [f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"]
        rows += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self._last_rows()]
        above = f"{repr(self)[1:-1]}; the last {SHOWN_ROWS}:" if len(self) > SHOWN_ROWS else repr(self)[1:-1]
        return f"<div><p>{escape(above)}</p><table>{''.join(rows)}</table></div>"

    def _last_rows(self) -> list[tuple[str, ...]]:
        names = ("name", "response_model", "request_model", "duration_ns", "input_tokens", "output_tokens", "cost_usd",
                 "cost_state", "status_message", "output_messages", "input_messages")  # fmt: skip
        last = self.snapshot.slice(max(0, len(self) - SHOWN_ROWS)).select(names)
        return [
            (
                row["name"] or "",
                row["response_model"] or row["request_model"] or "",
                text.duration(row["duration_ns"], row["status_message"]),
                "" if row["input_tokens"] is None else text.tokens(row["input_tokens"]),
                "" if row["output_tokens"] is None else text.tokens(row["output_tokens"]),
                "" if row["cost_state"] is None else text.cost(row["cost_usd"], row["cost_state"]),
                preview(row["output_messages"], row["input_messages"]) or "",
            )
            for row in last.to_pylist()
        ]


def _filtered(column: Any, chosen: Any, count: int) -> Any:
    """Give the chosen rows of a column; of one that is nothing but nulls there is nothing to look at."""
    import pyarrow as pa

    return pa.nulls(count, column.type) if column.null_count == len(column) else column.filter(chosen)
