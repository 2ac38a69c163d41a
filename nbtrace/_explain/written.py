"""An explanation in writing: as text for a terminal, and as Markdown for an issue or a document."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from nbtrace._explain.parts import PARTS
from nbtrace._explain.shown import (
    CHANGES,
    FACTS,
    GROUPS,
    MESSAGES,
    clipped,
    contents,
    counts,
    fitting,
    json_lines,
    levels,
    of_fact,
    said_lines,
    shown,
    title,
    value_of,
)
from nbtrace._widgets.markup import markdown

if TYPE_CHECKING:
    from nbtrace._explain.chat import Said
    from nbtrace._explain.explained import Explained, Fact, Group
    from nbtrace._explain.received import Change, Received

MARKDOWN_SIZE: Final = 60_000
"""A comment on GitHub holds 65,536 characters."""
BRIEF: Final = ("What happened", "Conversation")
"""Sections for whoever does not ask for all."""


class _Hand(NamedTuple):
    """How each thing is written."""

    line: Callable[[str], str]
    said: Callable[[Said], str]
    fact: Callable[[Fact], str]
    group: Callable[[Group], str]
    json: Callable[[list[str]], list[str]]
    received: Callable[[Received], str]
    level: Callable[[str, str], str]


def as_text(one: Explained) -> str:
    """Write for a terminal."""
    return "\n".join(_lines(one, _sections(one, _TEXT)))


def in_brief(one: Explained) -> str:
    """Write for a terminal what happened and what was said, and how to see the rest."""
    lines = _lines(one, {name: parts for name, parts in _sections(one, _TEXT).items() if name in BRIEF})
    return "\n".join([*lines, "", f"print() it for the rest: {contents(one)}"])


def _lines(one: Explained, sections: dict[str, list[str]]) -> list[str]:
    lines = [title(one)]
    for name, parts in sections.items():
        lines += ["", name, *(f"  {line}".rstrip() for part in parts for line in part.split("\n"))]
    return lines


def as_markdown(one: Explained) -> str:
    """Write Markdown; sections for which there is no room are counted."""
    sections = (f"### {name}\n\n" + "\n".join(parts) for name, parts in _sections(one, _MARKDOWN).items())
    kept, left = fitting([f"**{markdown(title(one))}**", *sections], MARKDOWN_SIZE, "section")
    return "\n\n".join([*kept, *left])


def _sections(one: Explained, hand: _Hand) -> dict[str, list[str]]:
    """Write the parts of each section; one without any is left out."""
    attributes = shown(one.attributes, FACTS, "more attribute", hand.fact)
    found = {
        "What happened": [hand.line(line) for line in one.happened],
        "Conversation": shown(one.said, MESSAGES, "earlier message", hand.said, last=True),
        "Parts of the span": [hand.fact(fact) for fact in one.parts],
        f"Attributes ({len(one.attributes)})": [PARTS["attributes"].why, "", *attributes],
        "Resource, scope, events, links": shown(one.groups, GROUPS, "other", hand.group),
        "OTLP JSON": hand.json(json_lines(one)),
        "What each backend makes of it": [hand.received(backend) for backend in one.backends],
        "Levels": [hand.level(level, meaning) for level, meaning in levels(one).items()],
    }
    return {name: parts for name, parts in found.items() if parts}


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for part in lines for line in part.split("\n")]


def _said(one: Said) -> str:
    return f"{clipped(one.role, 40)}: " + "\n  ".join(said_lines(one.text))


def _fact(fact: Fact) -> str:
    told = [f"{clipped(fact.title)} = {clipped(fact.value)}", *filter(None, (fact.why, of_fact(fact)))]
    return "\n    ".join(told)


def _group(group: Group) -> str:
    facts = shown(group.facts, FACTS, "more attribute", _fact)
    return "\n".join([f"{clipped(group.title)}\n    {group.why}", *_indented(facts)])


def _received(found: Received) -> str:
    changes = shown(found.changes, CHANGES, "more attribute", _change)
    told = [found.seen, *changes, *found.limits]
    return "\n    ".join([f"{found.backend}: {counts(found)}", *told])


def _change(change: Change) -> str:
    value = f" = {clipped(value_of(change))}" if change.sign != "-" else ""
    return f"{change.sign} {clipped(change.key)}{value}" + (f" ({change.meaning})" if change.meaning else "")


_TEXT: Final = _Hand(str, _said, _fact, _group, list, _received, lambda level, meaning: f"{level}: {meaning}")


def _said_markdown(one: Said) -> str:
    lines = "<br>".join(markdown(line) for line in said_lines(one.text))
    return f"- **{markdown(clipped(one.role, 40))}** {lines}"


def _fact_markdown(fact: Fact) -> str:
    told = f"- **{markdown(clipped(fact.title))}** = {markdown(clipped(fact.value))}  \n  {fact.why}"
    return f"{told}  \n  *{markdown(of)}*" if (of := of_fact(fact)) else told


def _group_markdown(group: Group) -> str:
    facts = shown(group.facts, FACTS, "more attribute", _fact_markdown)
    return "\n".join([f"- **{markdown(clipped(group.title))}**  \n  {group.why}", *_indented(facts)])


def _json_markdown(lines: list[str]) -> list[str]:
    """Fence the JSON by more backticks than it has in a row."""
    longest = max(map(len, re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}json", *lines, fence]


def _received_markdown(found: Received) -> str:
    changes = shown(found.changes, CHANGES, "more attribute", _change)
    told = [f"  - {markdown(line)}" for line in (*changes, *found.limits)]
    return "\n".join([f"- **{found.backend}**: {counts(found)}  \n  {found.seen}", *told])


_MARKDOWN: Final = _Hand(
    lambda line: f"- {markdown(line)}",
    _said_markdown,
    _fact_markdown,
    _group_markdown,
    _json_markdown,
    _received_markdown,
    lambda level, meaning: f"- **{level}**: {meaning}",
)
