"""Write docs/conventions.md from the glossary that `nbtrace.explain` reads.

Run: `python -m tools.glossary_table`; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbtrace._explain.entry import CONVENTIONS, LEVELS, Entry
from nbtrace._explain.glossary import GLOSSARY
from nbtrace._explain.parts import PARTS

DOCUMENT = Path(__file__).resolve().parents[1] / "docs/conventions.md"
HEAD = """\
# What a span says

Written by `python -m tools.glossary_table` from what `nbtrace.explain(span)` tells of a single span: every part that a
span has, and every attribute that nbtrace writes, in words of our own. Names, types and levels are those of the
conventions, at the version that each heading links to.
"""


def document() -> str:
    """Write the document."""
    parts = [f"| `{name}` | {part.title} | {part.why} |" for name, part in PARTS.items()]
    levels = [f"| {level} | {meaning} |" for level, meaning in LEVELS.items()]
    return "\n".join(
        [
            HEAD,
            "## Parts of a span\n\n| in OTLP | part | what it is |\n|---|---|---|",
            *parts,
            "\n## Levels\n\n| level | meaning |\n|---|---|",
            *levels,
            *_conventions(),
            "",
        ]
    )


def _conventions() -> Iterator[str]:
    for name, convention in CONVENTIONS.items():
        entries = [entry for entry in GLOSSARY.values() if entry.convention == name]
        yield f"\n## {_heading(name)}\n"
        if convention.url:
            yield f"By [the text]({convention.url}).\n"
        yield "| attribute | type | level | why it matters |\n|---|---|---|---|"
        yield from map(_row, entries)


def _heading(name: str) -> str:
    titles = {"none": "In no convention", "nbtrace": "nbtrace's own"}
    title = CONVENTIONS[name].title
    return titles.get(name) or title[0].upper() + title[1:]


def _row(entry: Entry) -> str:
    name = f"{entry.name}<name>" if entry.name.endswith(".") else entry.name
    return f"| `{name}` | {entry.typed} | {entry.asked} | {entry.why} |"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
