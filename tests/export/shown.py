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


def overlays() -> str:
    """Draw which attribute carries each fact to each backend that has names of its own."""
    own = {name: vendor for name, vendor in VENDORS.items() if vendor.rules}
    found = {name: vendor.shown(rows(name)) for name, vendor in own.items()}
    told = [noun for noun in next(iter(found.values())) if any(noun in vendor.rules for vendor in own.values())]
    lines = ["| fact | " + " | ".join(own) + " |", "|---" * (len(own) + 1) + "|"]
    lines += [
        f"| {noun} | " + " | ".join(found[name][noun].replace("shown", "sent") for name in own) + " |" for noun in told
    ]
    return "\n".join(lines) + "\n"


def sources() -> str:
    """List which documents the names are from."""
    return "".join(f"- {name}: {', '.join(one.sources)}\n" for name, one in VENDORS.items() if one.sources)


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
    text = with_part(DOCUMENT.read_text(encoding="utf-8"), OVERLAYS, overlays() + "\n" + sources())
    DOCUMENT.write_text(text, encoding="utf-8")
