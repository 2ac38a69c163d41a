"""A table for the eye: the first rows, as text and as HTML, saying what they leave out."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from nbtrace._store.values import written

if TYPE_CHECKING:
    import pyarrow as pa

ROWS: Final = 20
"""What is read at a glance."""

COLUMNS: Final = 30

WIDTH: Final = 60
"""Characters of a cell."""

WHOLE: Final = 1000
"""From which on nobody reads what is after the point; below, four digits are."""


def as_text(table: pa.Table) -> str:
    """Draw the first rows in columns of text."""
    names, rows = _cells(table)
    lines = [names, *rows] if names else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*drawn, f"[{_size(table)}]"])


def as_html(table: pa.Table) -> str:
    """Draw the first rows as an HTML table."""
    names, rows = _cells(table)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div><table><tr>{head}</tr>{body}</table><p>{escape(_size(table))}</p></div>"


def _size(table: pa.Table) -> str:
    rows, columns = table.num_rows, table.num_columns
    hidden = [f"{ROWS} of {rows:,} rows"] if rows > ROWS else []
    hidden += [f"{COLUMNS} of {columns} columns"] if columns > COLUMNS else []
    said = f"{rows:,} row{'' if rows == 1 else 's'}, {columns} column{'' if columns == 1 else 's'}"
    return f"{said}; shown: {', '.join(hidden)}" if hidden else said


def _cells(table: pa.Table) -> tuple[list[str], list[list[str]]]:
    part = table.select(table.column_names[:COLUMNS]).slice(0, ROWS)
    columns = [[_cell(value) for value in column.to_pylist()] for column in part.columns]
    return list(map(str, part.column_names)), [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case float():
            text = f"{value:.4g}" if abs(value) < WHOLE else f"{value:,.0f}"
        case bytes():
            text = value.hex()
        case datetime():
            text = value.isoformat(sep=" ")
        case str():
            text = value
        case list() | dict():
            text = written(value)
        case _:
            text = str(value)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 2 * WIDTH]).split())
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
