"""A span explained, as it is read: in a terminal, as Markdown, in a notebook, as a page.

Each reader gets the same, in the same order: what was said, the parts of the span, its attributes, what is around it,
its OTLP JSON, and what each backend makes of it. What is long is cut, what is much is counted, and both are said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nbtrace._explain import pretty
from nbtrace._explain.entry import CONVENTIONS, LEVELS
from nbtrace._explain.parts import PARTS
from nbtrace._query import text
from nbtrace._query.attributes import plain_value
from nbtrace._widgets.markup import clip, markdown, visible
from nbtrace._widgets.static import flow, more

if TYPE_CHECKING:
    from nbtrace._explain.explained import Explained, Fact, Group
    from nbtrace._explain.received import Change, Received

VALUE: Final = 160
"""Characters of a value, where the whole is in the JSON or in the conversation."""
SAID: Final = 2_000
"""Characters of a message."""
MESSAGES: Final = 20
FACTS: Final = 100
GROUPS: Final = 12
LINES: Final = 300
CHANGES: Final = 24
"""Attributes of one backend; flattened messages are many."""
MARKDOWN_SIZE: Final = 60_000
"""A comment on GitHub holds 65,536 characters."""

T = TypeVar("T")


class Explanation:
    """What a span is as telemetry; `str(explanation)` is for a terminal, and in a notebook it is drawn.

    Example:
        >>> import nbtrace
        >>> with nbtrace.Session() as session, session.span("look up", kind="tool"):
        ...     pass
        >>> explanation = session.explain(session.spans()[-1])
        >>> explanation
        <nbtrace explanation: execute_tool look up>
        >>> list(explanation.otlp)
        ['resourceSpans']
        >>> explanation.backends["mlflow"]["mlflow.spanType"]
        '"TOOL"'
    """

    __slots__ = ("__dict__", "explained")

    def __init__(self, explained: Explained) -> None:
        self.explained = explained
        """The data: `said`, `parts`, `attributes`, `groups`, `otlp`, `backends`."""

    @property
    def otlp(self) -> dict[str, Any]:
        """The span alone as OTLP JSON, as an export writes it."""
        return self.explained.otlp

    @cached_property
    def backends(self) -> dict[str, dict[str, Any]]:
        """By the name of a backend what it gets otherwise than it is; none stands for what it does not get."""
        return {
            one.backend: {change.key: change.value and plain_value(change.value) for change in one.changes}
            for one in self.explained.backends
        }

    @property
    def title(self) -> str:
        """The span in one line."""
        row = self.explained.row
        tokens = flow(row["input_tokens"], row["output_tokens"])
        words = [row["name"] or "a span without a name", self.explained.type, text.duration(row["duration_ns"])]
        words += [f"{tokens} tokens"] if tokens else []
        words += [text.cost(row["cost_usd"], row["cost_state"])] if row["cost_state"] else []
        return " · ".join(clip(visible(one), VALUE) for one in words)

    def __str__(self) -> str:
        one, about = self.explained, PARTS["attributes"].why
        sections = {
            "Conversation": shown(one.said, MESSAGES, "earlier message", _said, last=True),
            "Parts of the span": shown(one.parts, FACTS, "more part", _fact),
            f"Attributes ({len(one.attributes)})": [about, *shown(one.attributes, FACTS, "more attribute", _fact)],
            "Around it": shown(one.groups, GROUPS, "more", _group),
            "OTLP JSON": json_lines(self),
            "What each backend makes of it": [line for found in one.backends for line in _received(found)],
            "Words": [f"{level}: {meaning}" for level, meaning in words(one).items()],
        }
        told = [
            line
            for title, lines in sections.items()
            if lines
            for line in ("", title, *(f"  {row}" for drawn in lines for row in drawn.split("\n")))
        ]
        return "\n".join([self.title, *told])

    def to_markdown(self) -> str:
        """Write it for an issue or a document."""
        one, about = self.explained, PARTS["attributes"].why
        sections = {
            "Conversation": shown(one.said, MESSAGES, "earlier message", _said_markdown, last=True),
            "Parts of the span": shown(one.parts, FACTS, "more part", _fact_markdown),
            f"Attributes ({len(one.attributes)})": [
                about,
                "",
                *shown(one.attributes, FACTS, "more attribute", _fact_markdown),
            ],
            "Around it": shown(one.groups, GROUPS, "more", _group_markdown),
            "What each backend makes of it": [_received_markdown(found) for found in one.backends],
            "Words": [f"- **{level}**: {meaning}" for level, meaning in words(one).items()],
        }
        parts = [f"**{markdown(self.title)}**"]
        parts += [f"### {title}\n\n" + "\n".join(lines) for title, lines in sections.items() if lines]
        written = json_lines(self)
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", "\n".join(written))), default=0))
        parts.insert(-1, "\n".join(["### OTLP JSON\n", f"{fence}json", *written, fence]))
        kept, left = fitting(parts, MARKDOWN_SIZE, "section")
        return "\n\n".join([*kept, *left])

    def to_html(self) -> str:
        """Write it as a page of its own, which has no script and loads nothing."""
        from nbtrace._explain.page import page

        return page(self)

    def __repr__(self) -> str:
        return f"<nbtrace explanation: {clip(visible(self.explained.row['name'] or ''), VALUE)}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from nbtrace._explain.page import drawn

        return {"text/html": drawn(self), "text/plain": str(self)}


def shown(rows: Sequence[T], most: int, noun: str, draw: Callable[[T], str], *, last: bool = False) -> list[str]:
    """Draw the first of some rows, or the last, and count the others."""
    chosen = rows[-most:] if last else rows[:most]
    left = more(len(rows) - len(chosen), noun)
    lines = [draw(row) for row in chosen]
    return [*left, *lines] if last else [*lines, *left]


def fitting(parts: Sequence[str], size: int, noun: str) -> tuple[list[str], list[str]]:
    """Give the parts for which there is room, and say how many others there are."""
    sizes = accumulate(len(part.encode("utf-8", "replace")) for part in parts)
    room = sum(used <= size for used in sizes)
    return list(parts[:room]), more(len(parts) - room, f"more {noun}")


def json_lines(of: Explanation) -> list[str]:
    """Draw the OTLP JSON; what is not JSON of it stands at the end, after an ellipsis."""
    lines = list(pretty.lines(of.otlp))
    return [
        *(f"{'  ' * one.depth}{one.text}{cut_words(one)}" for one in lines[:LINES]),
        *more(len(lines) - LINES, "more line"),
    ]


def cut_words(line: pretty.Line) -> str:
    """Say what of a line is left out."""
    return f"… {line.cut:,} more characters" if line.cut else ""


def of_fact(fact: Fact) -> str:
    """Say of what type an attribute is, how much it is wanted, and whose it is; empty for a part."""
    entry = fact.entry
    if entry is None:
        return ""
    words = [entry.typed + (f" ({fact.note})" if fact.note else ""), entry.asked]
    title = CONVENTIONS[entry.convention].title
    return " · ".join([*words, *([title] if entry.convention not in {"nbtrace", "none"} else [])])


def value_of(change: Change) -> str:
    """Word the value of a change."""
    value = change.value and plain_value(change.value)
    return value if isinstance(value, str) else pretty.dumped(value) if value is not None else ""


def counts(found: Received) -> str:
    """Count what a backend gets."""
    kinds = {"added": "+", "said otherwise": "~", "left out": "-"}
    told = {name: sum(change.sign == sign for change in found.changes) for name, sign in kinds.items()}
    return ", ".join([f"{found.same:,} as they are", *(f"{count:,} {name}" for name, count in told.items() if count)])


def words(one: Explained) -> dict[str, str]:
    """Give the levels that occur, with what they mean."""
    found = {fact.entry.level for facts in (one.attributes, *(group.facts for group in one.groups)) for fact in facts
             if fact.entry is not None}  # fmt: skip
    return {level: meaning for level, meaning in LEVELS.items() if level in found}


def clipped(value: str, most: int = VALUE) -> str:
    """Put a value on one line, and say what of it is left out."""
    line = visible(value)
    return line if len(line) <= most else f"{line[:most]}… {len(line) - most:,} more characters"


def said_lines(value: str) -> Iterator[str]:
    """Give a message line by line, and say what of it is left out."""
    yield from (visible(line) for line in value[:SAID].splitlines() or [""])
    if len(value) > SAID:
        yield f"… {len(value) - SAID:,} more characters"


def _said(one: Any) -> str:
    return f"{clipped(one.role, 40)}: " + "\n  ".join(said_lines(one.text))


def _fact(fact: Fact) -> str:
    told = [f"{clipped(fact.title)} = {clipped(fact.value)}", *filter(None, (fact.why, of_fact(fact)))]
    return "\n    ".join(told)


def _group(group: Group) -> str:
    lines = shown(group.facts, FACTS, "more attribute", _fact)
    inner = [f"  {row}" for one in lines for row in one.split("\n")]
    return "\n".join([clipped(group.title), f"    {group.why}", *inner])


def _received(found: Received) -> Iterator[str]:
    yield f"{found.backend}: {counts(found)}"
    yield f"    {found.seen}"
    yield from shown(found.changes, CHANGES, "more attribute", _change)
    yield from (f"    {limit}" for limit in found.limits)


def _change(change: Change) -> str:
    value = value_of(change)
    told = f" = {clipped(value)}" if change.sign != "-" else ""
    return f"    {change.sign} {clipped(change.key)}{told}" + (f" ({change.meaning})" if change.meaning else "")


def _said_markdown(one: Any) -> str:
    lines = "<br>".join(markdown(line) for line in said_lines(one.text))
    return f"- **{markdown(clipped(one.role, 40))}** {lines}"


def _fact_markdown(fact: Fact) -> str:
    of = of_fact(fact)
    told = f"- **{markdown(clipped(fact.title))}** = {markdown(clipped(fact.value))}  \n  {fact.why}"
    return f"{told}  \n  *{markdown(of)}*" if of else told


def _group_markdown(group: Group) -> str:
    lines = shown(group.facts, FACTS, "more attribute", _fact_markdown)
    inner = "\n".join(f"  {row}" for one in lines for row in one.split("\n"))
    return f"- **{markdown(clipped(group.title))}**  \n  {group.why}" + (f"\n{inner}" if inner else "")


def _received_markdown(found: Received) -> str:
    lines = shown(found.changes, CHANGES, "more attribute", _change_markdown)
    limits = [f"  - {markdown(limit)}" for limit in found.limits]
    return "\n".join([f"- **{found.backend}**: {counts(found)}  \n  {found.seen}", *lines, *limits])


def _change_markdown(change: Change) -> str:
    return f"  - {markdown(_change(change).strip())}"
