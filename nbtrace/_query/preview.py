"""The first words of a span's answer, or of its last input: one plain line for lists and trees.

Messages are JSON as the GenAI conventions define it, but a policy may have replaced them and other programs write
other things there: whatever is not such JSON is shown as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace._query import arrays
from nbtrace._store.values import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbtrace._store.snapshot import Snapshot

    Ints = NDArray[np.int64]

WIDTH: Final = 120
"""Characters of a preview: more than a line of a tree shows."""


def preview(output_messages: str | None, input_messages: str | None) -> str | None:
    """Preview the answer, or else the last input; none if there is neither."""
    return _line(output_messages) or _line(input_messages)


def said(output_messages: str | None) -> str:
    """Give all of an answer as text, a choice after the other, without its reasoning; empty if there is none."""
    if not output_messages:
        return ""
    try:
        parsed = orjson.loads(output_messages)
    except orjson.JSONDecodeError:
        return output_messages
    messages = cast("list[Any]", parsed) if isinstance(parsed, list) else []
    return "\n\n".join(text for message in messages if (text := "\n".join(_words(message))))


def spoken(messages: str | None) -> list[str]:
    """Give messages as texts, each with its role; instructions, which have none, as they are."""
    try:
        parsed = orjson.loads(messages or "[]")
    except orjson.JSONDecodeError:
        return [messages or ""]
    if not isinstance(parsed, list):
        return [messages or ""]
    found: list[str] = []
    for one in cast("list[Any]", parsed):
        message = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        text = "\n".join(_words(message if "parts" in message else {"parts": [one]}))
        if not text and "parts" not in message:
            text = written(one)
        found.append(f"{message['role']}: {text}" if isinstance(message.get("role"), str) else text)
    return found


def previews(table: Snapshot) -> list[str | None]:
    """Preview every span, from the last message of each where that says anything."""
    output, given = (table.last_messages(name).to_pylist() for name in ("output_messages", "input_messages"))
    found = list(map(preview, output, given))
    for row, line in enumerate(found):
        if line is None and (output[row] or given[row]):
            span = table.slice(row, 1)
            found[row] = preview(*(span[name][0].as_py() for name in ("output_messages", "input_messages")))
    return found


def latest(table: Snapshot, order: Ints, most: int) -> range:
    """Find the last rows of a tree that are whole traces, so many at most."""
    import numpy as np

    if len(order) <= most:
        return range(len(order))
    before = len(order) - most - 1
    traces = arrays.fixed(table["trace_id"], 16)[order[before:]]
    begins = np.flatnonzero((traces[1:] != traces[:-1]).any(axis=1)) + before + 1
    return range(int(min(begins, default=len(order))), len(order))


def summaries(table: Snapshot, order: Ints, rows: range) -> pa.Array:
    """Preview some rows of a tree; the others have none."""
    import numpy as np
    import pyarrow as pa

    from nbtrace._store.columns import strings

    wanted = order[rows.start : rows.stop]
    lines = previews(table.take(arrays.column(pa.int64(), wanted))) if len(wanted) else []
    places = np.full(len(order), -1)
    places[rows.start : rows.start + len(lines)] = [-1 if line is None else at for at, line in enumerate(lines)]
    return arrays.words(places, strings(pa.string(), [line or "" for line in lines]))


def first_line(text: str) -> str | None:
    """Give the first line of a text that is not blank, shortened; none if there is none."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return _shorten(line) or None


def _line(messages: str | None) -> str | None:
    if not messages:
        return None
    try:
        parsed = orjson.loads(messages)
    except orjson.JSONDecodeError:
        return _shorten(messages)
    if not isinstance(parsed, list):
        return _shorten(messages)
    for message in reversed(cast("list[Any]", parsed)):
        line = _shorten(" ".join(_words(message)))
        if line:
            return line
    return None


def _words(message: object) -> Iterator[str]:
    """Read the parts of a message as text: what was said, or which tool is called."""
    parts = cast("dict[str, Any]", message).get("parts") if isinstance(message, dict) else None
    for part in cast("list[Any]", parts) if isinstance(parts, list) else ():
        match part:
            case {"type": "text", "content": str(content)}:
                yield content
            case {"type": "tool_call", "name": str(name)}:
                yield f"{name}({_arguments(part.get('arguments'))})"
            case {"type": "tool_call_response", "response": response}:
                yield response if isinstance(response, str) else written(response)
            case {"type": "reasoning"}:
                continue
            case {"modality": str(modality)}:
                yield f"[{modality}]"
            case _:
                continue


def _arguments(arguments: object) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else written(arguments)


def _shorten(text: str) -> str:
    """Put text on one line of limited width."""
    line = " ".join(text[: 2 * WIDTH].split())
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
