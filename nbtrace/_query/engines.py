"""Hands a dataset to an engine that computes where the data is: DuckDB on this machine, PySpark on many."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from nbtrace._query.result import duckdb
from nbtrace.errors import UsageError

EXPECTED = "'duckdb', a connection of DuckDB's, or a session of PySpark's"


@runtime_checkable
class Scannable(Protocol):
    """Files of spans that an engine can read by itself."""

    @property
    def files(self) -> Any:
        """The files as pyarrow's dataset."""
        ...

    def url(self) -> str:
        """Give the address of their directory, for an engine of other processes.

        Raises:
            UsageError: only this process reaches it.
        """
        ...


def scanned(spans: object, engine: Any) -> Any:
    """Give a dataset as a data frame of an engine, which has read nothing yet.

    Args:
        spans: what `nbtrace.open` gave of a dataset.
        engine: as `EXPECTED` says.

    Raises:
        UsageError: it is no dataset, no known engine, or one that does not reach the files.
    """
    if not isinstance(spans, Scannable):
        raise UsageError.argument("engine", "none: only a dataset is computed by another engine", engine)
    if engine == "duckdb":
        return duckdb("engine='duckdb'").connect().from_arrow(spans.files)
    module = type(engine).__module__.partition(".")[0].lstrip("_")
    if module == "pyspark":
        return engine.read.parquet(spans.url())
    if module == "duckdb":
        return engine.from_arrow(spans.files)
    raise UsageError.argument("engine", EXPECTED, engine)
