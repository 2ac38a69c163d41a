"""How a span stands that has no end: it goes on, its kernel's end interrupted it, or it was exported before it ended.

That it failed says nothing of this: some say so before they end. Recovery and exports say it, in the status's message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbtrace import semconv

Column = Any
"""Which the stubs of pyarrow do not know the half of."""

Columns = Callable[[str], Column]
"""Gives a column by its name, as `Table.column` of kept rows does."""


def is_interrupted(message: str | None) -> bool:
    """Say of a span without an end, by its status's message, whether it has none because its kernel ended first."""
    return message == semconv.INTERRUPTED


def is_exported(message: str | None) -> bool:
    """Say of a span without an end, by its status's message, whether it had none when it was exported."""
    return message is not None and message.startswith(semconv.NOT_ENDED)


def going(columns: Columns) -> Column:
    """Say which spans have not ended, as far as is known, and may yet; also those that had not when exported."""
    return _endless(columns, lambda message: not is_interrupted(message))


def interrupted(columns: Columns) -> Column:
    """Say which spans had not ended when their kernel did."""
    return _endless(columns, is_interrupted)


def exported(columns: Columns) -> Column:
    """Say which spans had not ended when they were exported."""
    return _endless(columns, is_exported)


def _endless(columns: Columns, is_wanted: Callable[[str | None], bool]) -> Column:
    """Say which spans have no end and a message, or none, that is wanted; of no row this is null."""
    import numpy as np
    import pyarrow as pa

    from nbtrace._query import arrays

    places, words = arrays.codes(columns("status_message"))
    fits = np.array([*map(is_wanted, words.to_pylist()), is_wanted(None)])
    return pa.chunked_array([arrays.column(pa.bool_(), fits[places] & ~arrays.known(columns("duration_ns")))])
