"""What all readers of an explanation share: how much they are shown, and how it is worded.

What is long is cut, what is much is counted, and both are said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeVar

from nbtrace._explain import pretty
from nbtrace._explain.entry import CONVENTIONS, LEVELS, Entry
from nbtrace._explain.received import plain
from nbtrace._query import text
from nbtrace._query.text import counted
from nbtrace._widgets.markup import clip, visible
from nbtrace._widgets.static import flow, more

if TYPE_CHECKING:
    from nbtrace._explain.explained import Explained, Fact
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

T = TypeVar("T")


def title(one: Explained) -> str:
    """Tell of the span in one line."""
    row = one.row
    tokens = flow(row["input_tokens"], row["output_tokens"])
    took = text.duration(row["duration_ns"], row["status_message"])
    said = [row["name"] or "a span without a name", one.type, took]
    said += [f"{tokens} tokens"] if tokens else []
    said += [text.cost(row["cost_usd"], row["cost_state"])] if row["cost_state"] else []
    return " · ".join(clip(visible(word), VALUE) for word in said)


def contents(one: Explained) -> str:
    """Count what there is of the span besides what happened and what was said."""
    parts, attributes = counted(len(one.parts), "part"), counted(len(one.attributes), "attribute")
    return f"its {parts}, its {attributes}, its OTLP JSON, and what {counted(len(one.backends), 'backend')} make of it"


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


def json_lines(one: Explained) -> list[str]:
    """Draw the OTLP JSON; what is not JSON of it stands at the end, after an ellipsis."""
    lines = list(pretty.lines(one.otlp))
    return [
        *(f"{'  ' * line.depth}{line.text}{cut_words(line)}" for line in lines[:LINES]),
        *more(len(lines) - LINES, "more line"),
    ]


def cut_words(line: pretty.Line) -> str:
    """Say what of a line is left out."""
    return "".join(more(line.cut, "more character"))


def of_fact(fact: Fact) -> str:
    """Say of what type an attribute is, how much it is wanted, and whose it is; empty for a part."""
    entry = fact.entry
    if entry is None:
        return fact.note
    words = [entry.typed + (f" ({fact.note})" if fact.note else ""), entry.asked]
    title = CONVENTIONS[entry.convention].title
    return " · ".join([*words, *([title] if entry.convention not in {"nbtrace", "none"} else [])])


def value_of(change: Change) -> str:
    """Word the value of a change."""
    value = plain(change.value)
    return value if isinstance(value, str) else "" if value is None else pretty.dumped(value)


def counts(found: Received) -> str:
    """Count what a backend gets."""
    kinds = {"added": "+", "said otherwise": "~", "left out": "-"}
    told = {name: sum(change.sign == sign for change in found.changes) for name, sign in kinds.items()}
    same = f"{counted(found.same, 'attribute')} as {'it is' if found.same == 1 else 'they are'}"
    return ", ".join([same, *(f"{count:,} {name}" for name, count in told.items() if count)])


def entries(one: Explained) -> Iterator[Entry]:
    """Give the entries of all attributes, of what is around the span too."""
    for facts in (one.attributes, *(group.facts for group in one.groups)):
        yield from (fact.entry for fact in facts if fact.entry is not None)


def levels(one: Explained) -> dict[str, str]:
    """Give the levels that occur, with what they mean."""
    found = {entry.level for entry in entries(one)}
    return {level: meaning for level, meaning in LEVELS.items() if level in found}


def clipped(value: str, most: int = VALUE) -> str:
    """Put a value on one line, and say what of it is left out."""
    line = visible(value)
    return line[:most] + "".join(more(len(line) - most, "more character"))


def said_lines(value: str) -> Iterator[str]:
    """Give a message line by line, and say what of it is left out."""
    yield from (visible(line) for line in value[:SAID].splitlines() or [""])
    yield from more(len(value) - SAID, "more character")
