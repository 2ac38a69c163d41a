"""Draws OTLP JSON for the eye: an attribute a line, what holds little on one line, and each line with what it is of.

Characters that cannot be seen stand as JSON's escapes of them, so that the lines are still the same JSON; only a line
that is longer than the eye wants is cut, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

from nbtrace._explain.parts import PARTS
from nbtrace._widgets.markup import CONTROLS

WIDTH: Final = 240
"""Characters of a line that is cut."""
LONG: Final = 300
"""Characters of a line that is too long; what is little longer than `WIDTH` is not worth a cut."""


GROUPS: Final = ("resource", "scope", "events", "links")
"""Parts whose fields are their own, whatever their names."""


class Line(NamedTuple):
    """One line."""

    depth: int
    text: str
    key: str
    """The part of the span, or the `mark` of the attribute, that it is of; empty for what only holds."""
    cut: int = 0
    """Characters that are left out at its end."""


def mark(attribute: str) -> str:
    """Give what an attribute is known by among the parts of a span, whose names it may have."""
    return f".{attribute}"


def lines(document: Any) -> Iterator[Line]:
    """Draw a document."""
    for line in _lines(document, 0, "", "", ""):
        text = line.text
        yield line if len(text) <= LONG else line._replace(text=text[:WIDTH], cut=len(text) - WIDTH)


def dumped(value: Any) -> str:
    """Write JSON on one line, every character of it visible."""
    return CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(value, ensure_ascii=False, default=str))


def _lines(value: Any, depth: int, before: str, after: str, key: str) -> Iterator[Line]:
    match value:
        case {"key": str(name)}:
            yield Line(depth, f"{before}{dumped(value)}{after}", mark(name))
        case dict() if any(map(_holds, cast("dict[str, Any]", value).values())):
            yield Line(depth, before + "{", key)
            yield from _fields(cast("dict[str, Any]", value), depth + 1, key)
            yield Line(depth, "}" + after, key)
        case [dict() as only] if _is_large(only):
            yield Line(depth, before + "[{", key)
            yield from _fields(cast("dict[str, Any]", only), depth + 1, key)
            yield Line(depth, "}]" + after, key)
        case [dict(), *_]:
            yield Line(depth, before + "[", key)
            rest = len(cast("list[Any]", value)) - 1
            for at, one in enumerate(cast("list[Any]", value)):
                yield from _lines(one, depth + 1, "", "," if at < rest else "", key)
            yield Line(depth, "]" + after, key)
        case _:
            yield Line(depth, f"{before}{dumped(value)}{after}", key)


def _fields(value: dict[str, Any], depth: int, key: str) -> Iterator[Line]:
    last = len(value) - 1
    for at, (name, one) in enumerate(value.items()):
        of = name if name in PARTS and key not in GROUPS else key
        yield from _lines(one, depth, f"{dumped(name)}: ", "," if at < last else "", of)


def _holds(value: Any) -> bool:
    """Say whether a value has objects in it, so that it takes more than a line."""
    return isinstance(value, list) and any(isinstance(one, dict) for one in cast("list[Any]", value))


def _is_large(value: dict[str, Any]) -> bool:
    return "key" not in value and any(map(_holds, value.values()))
