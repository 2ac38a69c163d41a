"""Write the table of the span schema into ARCHITECTURE.md, from the schema itself.

Run: `python -m tools.schema_table`; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path

from nbtrace._store.schema import COLUMNS, schema

DOCUMENT = Path(__file__).resolve().parents[1] / "ARCHITECTURE.md"
BEGIN = "<!-- schema: written by `python -m tools.schema_table` -->\n"
END = "<!-- /schema -->"
NESTED = {"attributes": "list of attributes", "events": "list of events", "links": "list of links"}


def table() -> str:
    """Draw the columns as a Markdown table."""
    rows = ["| column | type | attribute | meaning |", "|---|---|---|---|"]
    for column in COLUMNS:
        kind = NESTED.get(column.name) or str(schema().field(column.name).type).split(", ordered")[0]
        attribute = f"`{column.attribute}`" if column.attribute else ""
        rows.append(f"| `{column.name}` | {kind} | {attribute} | {column.doc} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """Give the document with the table of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
