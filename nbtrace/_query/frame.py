"""Spans as a user holds them: an immutable Arrow table with doors to the data frame libraries.

Anything that reads the Arrow PyCapsule interface (DuckDB, polars, narwhals, pandas) takes it as it is, without a copy.
`to_pandas` is for reading: the columns that people ask for come first, ids are hex, and what says nothing in this
table is left out unless asked for. The table itself always has every column of the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._query import text
from nbtrace._query.attributes import plain
from nbtrace._query.preview import preview
from nbtrace._query.totals import summarize
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

FIRST: Final = (
    "start_time", "name", "operation", "request_model", "duration_ms", "input_tokens", "output_tokens", "cost_usd",
    "cost_state", "error_type", "prompt_name", "prompt_version", "input_messages", "output_messages",
)  # fmt: skip
"""The columns that people read first, in this order; the others follow in the store's."""

PLUMBING: Final = frozenset(
    (
        "start_time_unix_nano", "duration_ns", "trace_state", "flags", "kind", "dropped_attributes_count",
        "dropped_events_count", "dropped_links_count", "resource", "scope",
    )
)  # fmt: skip
"""Columns for exporters, shown by `full=True`."""

LISTS: Final = ("finish_reasons", "tags")
"""Columns with several texts a span."""

IDS: Final = ("trace_id", "span_id", "parent_span_id")

SHOWN_ROWS: Final = 10
"""Rows of the HTML table in a notebook: what fits under a cell without scrolling."""


class Spans:
    """An immutable table of spans, one row a span.

    Example:
        >>> import nbtrace
        >>> len(nbtrace.Session().spans())
        0
    """

    __slots__ = ("_table", "snapshot")

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        """The same spans as the store keeps them, each text once."""
        self._table: pa.Table | None = None

    @property
    def table(self) -> pa.Table:
        """All columns of all spans; built when first asked for."""
        if self._table is None:
            self._table = self.snapshot.table()
        return self._table

    def __len__(self) -> int:
        return len(self.snapshot)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def trace_ids(self) -> list[str]:
        """List the traces as 32 hex digits, in order of arrival."""
        return [value.hex() for value in cast("list[bytes]", self.snapshot["trace_id"].unique().to_pylist())]

    def to_pandas(self, *, full: bool = False) -> pd.DataFrame:
        """Convert to pandas, for reading.

        Args:
            full: Keep the columns that are empty in this table, and those that only exporters need.
        """
        import pandas as pd

        nested = ["attributes", "events", "links", *LISTS]
        frame: pd.DataFrame = self.table.drop_columns(nested).to_pandas(
            types_mapper=lambda kind: pd.Int64Dtype() if str(kind) in ("int64", "uint32") else None
        )
        for name in IDS:
            frame[name] = [None if value is None else value.hex() for value in self.table[name].to_pylist()]
        for name in ("resource", "scope"):
            frame[name] = frame[name].astype(frame["name"].dtype)
        frame["duration_ms"] = frame["duration_ns"].astype("Float64") / 1e6
        for name in LISTS:
            frame[name] = pd.Series(self.table[name].to_pylist(), dtype=object)
        frame["attributes"] = pd.Series([plain(row) for row in self.table["attributes"].to_pylist()], dtype=object)
        for name in ("events", "links"):
            rows = [[_readable(one) for one in row or ()] for row in self.table[name].to_pylist()]
            frame[name] = pd.Series(rows, dtype=object)
        order = [*FIRST, *(name for name in self.table.column_names if name not in FIRST)]
        return frame[order] if full else frame[[name for name in order if self._telling(name)]]

    def to_polars(self) -> Any:
        """Convert to a polars data frame, with every column.

        Raises:
            UsageError: polars is not installed.
        """
        try:
            import polars as pl  # pyright: ignore[reportMissingImports] - the user's own
        except ImportError as error:
            raise UsageError.missing("to_polars()", "polars") from error
        return cast("Any", pl).from_arrow(self.table)

    def _telling(self, name: str) -> bool:
        """Say whether a column tells a reader anything about these spans."""
        if name == "duration_ms" or name in FIRST[:2]:
            return True
        column = self.table[name]
        if name in PLUMBING or column.null_count == len(column):
            return False
        return name not in ("attributes", "events", "links") or any(
            len(cast("Any", chunk).flatten()) for chunk in column.chunks
        )

    def __repr__(self) -> str:
        summary = summarize(self.snapshot)
        words = [f"{summary.spans} spans", f"{summary.calls} LLM calls"]
        if summary.calls:
            words += [
                f"{text.tokens(summary.input_tokens)} tokens in",
                f"{text.tokens(summary.output_tokens)} out",
                text.cost(summary.cost_usd, "estimated" if summary.estimated else "priced"),
            ]
        words += [f"{summary.errors} errors"] if summary.errors else []
        words += [f"{summary.running} running"] if summary.running else []
        words += [f"{summary.unfinished} unfinished"] if summary.unfinished else []
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
                 "cost_state", "output_messages", "input_messages")  # fmt: skip
        last = self.snapshot.slice(max(0, len(self) - SHOWN_ROWS)).select(names)
        return [
            (
                row["name"] or "",
                row["response_model"] or row["request_model"] or "",
                text.duration(row["duration_ns"]),
                "" if row["input_tokens"] is None else text.tokens(row["input_tokens"]),
                "" if row["output_tokens"] is None else text.tokens(row["output_tokens"]),
                "" if row["cost_state"] is None else text.cost(row["cost_usd"], row["cost_state"]),
                preview(row["output_messages"], row["input_messages"]) or "",
            )
            for row in last.to_pylist()
        ]


def _readable(one: dict[str, Any]) -> dict[str, Any]:
    """Make an event or link readable: its attributes as a mapping, ids as hex."""
    return {
        name: plain(value) if name == "attributes" else value.hex() if isinstance(value, bytes) else value
        for name, value in one.items()
    }
