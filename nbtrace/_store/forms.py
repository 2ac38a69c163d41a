"""Tells whether messages are there already in another form, as each instrumentation has one of its own for them.

What is compared are the values that are no lists or maps, each with its key. Keys of what was said and names of roles
count as the same in all forms; a key that no form of the other has makes the value another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from nbtrace import semconv
from nbtrace._store.nested import SHARED_LENGTH
from nbtrace._store.schema import PROMOTED

Leaves = set[tuple[str, str]]
"""Keys, each with a value that is no list and no map."""

MESSAGES: Final = frozenset(
    {
        semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.TOOL_DEFINITIONS,
        semconv.INPUT_VALUE, semconv.OUTPUT_VALUE,
    }
)  # fmt: skip
"""What was sent and received, which each instrumentation has in a form of its own."""

LABELS: Final = frozenset({"type", "object"})
"""Keys of words that each form of a message has its own for."""

SPOKEN: Final = frozenset({"content", "text", "value"})
"""Keys of what was said, in one form or another."""

ROLES: Final = {
    "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "model": "assistant",
    "system": "system",
}  # fmt: skip
"""Who said it, by the names that forms have for them."""

MAP: Final = "{"
"""Stands for a map: names such as those of a tool's parameters say something too."""


def may_be_known(key: str, value: object, *, is_lacking: bool) -> bool:
    """Say whether a value may be there in another form: messages where there are some already."""
    if key not in MESSAGES:
        return False
    if key in PROMOTED:
        return not is_lacking
    return isinstance(value, str) and (not is_lacking or len(value) >= SHARED_LENGTH)


def leaves_of(attributes: Mapping[str, Any]) -> Leaves:
    """Give all that the attributes of a call say, part by part."""
    found: Leaves = set()
    for key, value in attributes.items():
        found.update(_leaves("content" if key in MESSAGES else key.rpartition(".")[2], value))
    return found | ({("role", "system")} if semconv.SYSTEM_INSTRUCTIONS in attributes else set())


def is_known(messages: str, known: Leaves) -> bool:
    """Say whether messages say something, and nothing but what is known."""
    parts = {*_leaves("content", messages)}
    return bool(parts) and parts <= known


def _leaves(key: str, value: object) -> Iterator[tuple[str, str]]:
    left: list[tuple[str, Any]] = [(key, value)]
    while left:
        match left.pop():
            case key, str() as text:
                if (inside := parsed(text.strip())) is not None:
                    left.append((key, inside))
                else:
                    yield from _said(key, text.strip())
            case key, dict() as mapping:
                if mapping and key != "content":
                    yield key, MAP
                left += mapping.items()
            case key, list() | tuple() as sequence:
                for one in sequence:
                    left += one.items() if isinstance(one, dict) else [(key, one)]
            case key, other:
                if other is not None:
                    yield key, repr(other)


def _said(key: str, text: str) -> Iterator[tuple[str, str]]:
    if key in {"role", "type"} and text in ROLES:
        yield "role", ROLES[text]
    elif key not in LABELS:
        yield "content" if key in SPOKEN else key, text


def parsed(text: str) -> Any:
    """Read JSON of an array or a map."""
    if text[:1] not in {"[", "{"}:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
