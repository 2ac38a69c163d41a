"""A span as a conversation: what was said, by whom, in which attribute; of other spans what went in and came out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from nbtrace import semconv
from nbtrace._store.values import written

if TYPE_CHECKING:
    from nbtrace._export.facts import Facts

COLUMNS: Final = {
    "system_instructions": (semconv.SYSTEM_INSTRUCTIONS, "system"),
    "input_messages": (semconv.INPUT_MESSAGES, "asked"),
    "output_messages": (semconv.OUTPUT_MESSAGES, "answered"),
}
"""Columns of messages: their attribute, and who speaks where a message does not say."""
GIVEN: Final = (semconv.INPUT_VALUE, semconv.TOOL_CALL_ARGUMENTS, semconv.RETRIEVAL_QUERY, semconv.CELL_SOURCE)
GAVE: Final = (semconv.OUTPUT_VALUE, semconv.TOOL_CALL_RESULT, semconv.RETRIEVAL_DOCUMENTS)


class Said(NamedTuple):
    """One message."""

    role: str
    text: str
    key: str
    """The attribute that it is in."""


def conversation(span: Facts) -> list[Said]:
    """Give what was said, in order."""
    found = [said for name, (key, role) in COLUMNS.items() for said in _messages(span.row[name], key, role)]
    given = [("given", key) for key in GIVEN if key in span.attributes]
    gave = [("gave", key) for key in GAVE if key in span.attributes]
    return [*found, *(Said(role, _text(span.attributes[key]), key) for role, key in (*given, *gave))]


def _messages(stored: str | None, key: str, role: str) -> Iterator[Said]:
    """Read messages; what is no such JSON is one message as it stands."""
    if not stored:
        return
    try:
        parsed = orjson.loads(stored)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, list):
        yield Said(role, stored, key)
        return
    for one in cast("list[Any]", parsed):
        message = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        parts = cast("list[Any]", message["parts"]) if isinstance(message.get("parts"), list) else [one]
        who = message["role"] if isinstance(message.get("role"), str) else role
        yield Said(who, "\n".join(map(_part, parts)), key)


def _part(part: Any) -> str:
    """Write one part of a message as text."""
    match part:
        case {"type": "text", "content": str(content)}:
            return content
        case {"type": "reasoning", "content": str(content)}:
            return f"[reasoning] {content}"
        case {"type": "tool_call", "name": str(name)}:
            arguments = part.get("arguments")
            return f"→ {name}({'' if arguments is None else _text(arguments)})"
        case {"type": "tool_call_response", "response": response}:
            return f"← {_text(response)}"
        case {"type": "blob", "modality": str(modality), "content": str(content)}:
            return f"[{modality}, {len(content):,} characters of base64]"
        case {"modality": str(modality)}:
            return f"[{modality}] {_text(part.get('uri') or part.get('file_id') or '')}"
        case _:
            return _text(part)


def _text(value: object) -> str:
    return value if isinstance(value, str) else written(value)
