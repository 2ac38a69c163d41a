"""What spans are told apart by although no column holds it: what they are, and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import endings
from nbtrace._query.kinds import OPERATION_TYPES, TYPES
from nbtrace._query.matching import matches
from nbtrace._query.totals import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORKED_OUT: Final = {"kind": ("span_type", "operation"), "status": ("duration_ns", "status_code")}
"""The columns that each comes from."""

WORDS: Final = {"kind": TYPES, "status": ("ok", "error", "running")}
"""What each can be."""


def rows_with(columns: Callable[[str], Any], name: str, words: Sequence[str]) -> Any:
    """Say of each row whether it is one of these.

    Args:
        columns: gives a column by its name.
        name: `kind` or `status`.
        words: some of its `WORDS`.

    Returns:
        A chunked array of booleans, none of them null.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if name == "kind":
        said, known = (matches(columns("span_type"), each, name=name) for each in (words, TYPES))
        operations = [operation for operation, kind in OPERATION_TYPES.items() if kind in words]
        meant = matches(columns("operation"), operations, name=name)
        if "span" in words:
            meant = pc.or_(meant, pc.invert(matches(columns("operation"), OPERATION_TYPES, name=name)))
        return pc.or_(said, pc.and_not(meant, known))
    ended = pc.is_valid(columns("duration_ns"))
    is_error: Any = pc.equal(columns("status_code"), pa.scalar(ERROR))
    failed: Any = pc.fill_null(is_error, pa.scalar(False))
    rows = {
        "running": endings.going(columns),
        "error": failed,
        "ok": pc.and_not(ended, failed),
    }
    first, *others = (rows[word] for word in words)
    for other in others:
        first = pc.or_(first, other)
    return first
