"""Writes what fits into cells: a CSV file for a spreadsheet, with the columns that people read.

Types are gone there, and so is whatever is a list of things; the report says so. A text that a spreadsheet would take
for a formula gets an apostrophe in front, because what a model or a web page says is nobody's formula:
https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from nbtrace._export.atomic import replacing
from nbtrace._query.reading import to_pandas

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot

LOST: Final = (
    "types",
    "attributes without a column of their own",
    "events",
    "links",
    "scores",
    "resource and scope",
    "nanoseconds",
)
"""What a span has and a row of cells does not."""

FORMULA: Final = re.compile(r"[=+\-@\t\r]")


def cells(table: Snapshot) -> tuple[bytes, int]:
    """Give spans as the text of a file.

    Returns:
        The text, and how many texts in it got an apostrophe.
    """
    frame = to_pandas(table, full=False)
    guarded = 0
    for name in frame.columns:
        column: Any = frame[name]
        if name in {"finish_reasons", "tags"}:
            column = column.map(lambda several: None if several is None else ", ".join(several))
        if column.dtype.kind not in "OUT" and str(column.dtype) not in {"str", "string"}:
            continue
        is_formula = column.map(lambda text: isinstance(text, str) and FORMULA.match(text) is not None).astype(bool)
        guarded += int(is_formula.sum())
        frame[name] = column.where(~is_formula, "'" + column.astype(object).where(is_formula, "").astype(str))
    return frame.to_csv(index=False).encode("utf-8", "surrogatepass"), guarded


def write(table: Snapshot, path: Path) -> tuple[int, int]:
    """Write spans to a file, in one step, and give its size and how many texts got an apostrophe."""
    text, guarded = cells(table)
    with replacing(path) as file:
        file.write(text)
    return len(text), guarded
