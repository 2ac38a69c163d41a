"""A table in the hands of a user: Arrow inside, with doors to the data frame libraries.

Anything that reads the Arrow PyCapsule interface (DuckDB, polars, narwhals, pandas) takes it as it is, without a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbtrace._query import shown
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Result:
    """An immutable table.

    Examples:
        >>> import nbtrace
        >>> nbtrace.metrics()["calls"]
        [0]
    """

    __slots__ = ("table",)

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        """The table as Arrow."""

    def __len__(self) -> int:
        return self.table.num_rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.table.column_names

    def __getitem__(self, name: str) -> list[Any]:
        """Give a column as Python values.

        Raises:
            UsageError: There is no such column.
        """
        if name not in self.table.column_names:
            raise UsageError.unknown("column", name, self.table.column_names)
        return self.table[name].to_pylist()

    def to_pandas(self) -> pd.DataFrame:
        """Convert to pandas; integers that may be missing stay integers (`Int64`)."""
        import pandas as pd

        return self.table.to_pandas(types_mapper=lambda kind: pd.Int64Dtype() if str(kind) == "int64" else None)

    def to_polars(self) -> Any:
        """Convert to a polars data frame.

        Raises:
            UsageError: polars is not installed.
        """
        return polars(self.table)

    def to_duckdb(self) -> Any:
        """Make a relation of DuckDB's default connection.

        Raises:
            UsageError: DuckDB is not installed.
        """
        return duckdb("to_duckdb()").from_arrow(self.table)

    def __repr__(self) -> str:
        return shown.as_text(self.table)

    def _repr_html_(self) -> str:
        return shown.as_html(self.table)


def polars(table: pa.Table) -> Any:
    """Give a table as a polars data frame.

    Raises:
        UsageError: polars is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise UsageError.missing("to_polars()", "polars") from error
    return cast("Any", pl).from_arrow(table)


def duckdb(what: str) -> Any:
    """Import DuckDB for what needs it.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import duckdb as module
    except ImportError as error:
        raise UsageError.missing(what, "duckdb", extra="nbtrace[sql]") from error
    return module
