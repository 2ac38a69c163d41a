"""What each backend shows of the rich session; `python -m tests.export.shown` writes a table of docs/backends.md.

Its other table is of servers that run here: `tests/export/servers/` reads them back and writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.export.servers.rules import rows
from tests.export.servers.vendors import VENDORS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/backends.md"
OVERLAYS = "overlays: written by `python -m tests.export.shown`"
SERVERS = "servers: written by `python -m tests.export.servers.running`"


TITLES = {
    "arize": "Arize", "datadog": "Datadog", "langfuse": "Langfuse", "langsmith": "LangSmith", "logfire": "Logfire",
    "mlflow": "MLflow", "phoenix": "Phoenix", "weave": "Weave",
}  # fmt: skip
"""The backends that have names of their own."""


def overlays() -> str:
    """Draw for each backend which facts it has in attributes of its own, and which documents these are from."""
    return "\n".join(_overlay(name, title) for name, title in TITLES.items())


def _overlay(name: str, title: str) -> str:
    vendor = VENDORS[name]
    found = vendor.shown(rows(name))
    lines = [f"| {noun} | {words} |" for noun, words in found.items() if noun in vendor.rules]
    sources = ", ".join(f"<{source}>" for source in vendor.sources)
    return "\n".join([f"### {title}", "", "| fact | where it is |", "|---|---|", *lines, "", f"From {sources}.", ""])


def with_part(text: str, begin: str, part: str) -> str:
    """Give the document with a part of it anew."""
    before, _, rest = text.partition(f"<!-- {begin} -->\n")
    _, _, after = rest.partition("<!-- / -->")
    return f"{before}<!-- {begin} -->\n{part}<!-- / -->{after}"


def servers(found: Mapping[str, Mapping[str, str]]) -> str:
    """Draw what each server shows."""
    rows = ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    rows += [
        f"| {fact} | {' | '.join(shown[fact] for shown in found.values())} |" for fact in next(iter(found.values()))
    ]
    return "\n".join(rows) + "\n"


def column(name: str) -> dict[str, str]:
    """Read what the document says that a server shows."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(f"<!-- {SERVERS} -->\n")
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rest.split("<!--")[0].splitlines()]
    return {row[0]: row[head.index(name)] for row in rows}


if __name__ == "__main__":
    DOCUMENT.write_text(with_part(DOCUMENT.read_text(encoding="utf-8"), OVERLAYS, overlays()), encoding="utf-8")
