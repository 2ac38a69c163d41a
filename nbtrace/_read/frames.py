"""Looks into data frames of any library, without importing one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast


def columns(frame: Any) -> list[str] | None:
    """Name the columns of a data frame; none of what is none."""
    names = getattr(frame, "column_names", None)  # pyarrow's
    if names is None:
        names = getattr(frame, "columns", None)  # of pandas, polars and DuckDB
    if names is None and hasattr(frame, "__arrow_c_stream__"):
        import pyarrow as pa

        names = pa.table(frame).column_names
    if names is None or callable(names):
        return None
    return [str(name) for name in cast("Iterable[object]", names)]
