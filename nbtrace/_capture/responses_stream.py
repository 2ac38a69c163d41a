"""The events of a streamed response, folded into the body that the whole response would have had.

The last event carries the response as a whole, and then it is the answer. A stream that ended early is put together
from the items and pieces that had arrived; whatever comes whole (`...done`) takes the place of its pieces.
"""

from __future__ import annotations

from typing import Any, Final

from nbtrace._capture.messages import listed, mapping

_WHOLE: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_CONTENT: Final = {
    "response.output_text": ("message", "content", "output_text", "text"),
    "response.refusal": ("message", "content", "refusal", "refusal"),
    "response.reasoning_text": ("reasoning", "content", "reasoning_text", "text"),
    "response.reasoning_summary_text": ("reasoning", "summary", "summary_text", "text"),
}
"""Events of text to the item it belongs to, the list and the kind of part that it stands in, and its field."""
_FIELDS: Final = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "code",
}
"""Events of what a call is made with to its item's field."""

JSON = dict[str, Any]


def fold(events: list[JSON]) -> JSON:
    """Fold the events of a stream into one body."""
    body: JSON = {}
    items: dict[Any, JSON] = {}
    for event in events:
        kind = str(event.get("type"))
        response = event.get("response")
        if isinstance(response, dict):
            body |= mapping(response)
            if kind in _WHOLE:
                return body
        elif kind == "error":
            body |= {"status": "failed", "error": {key: event.get(key) for key in ("code", "message", "param")}}
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = dict(mapping(event.get("item")))
            items[event.get("output_index", item.get("id"))] = item
        else:
            _add(items, kind, event)
    # Items come side by side; what has no place of its own comes last.
    body["output"] = [items[key] for key in sorted(items, key=lambda key: key if isinstance(key, int) else len(items))]
    return body


def _add(items: dict[Any, JSON], kind: str, event: JSON) -> None:
    stem, _, step = kind.rpartition(".")
    if stem not in _FIELDS and stem not in _CONTENT:
        return
    item = items.setdefault(event.get("output_index", event.get("item_id")), {})
    if stem in _FIELDS:
        _extend(item, _FIELDS[stem], event, step)
        return
    item_type, place, part_type, field = _CONTENT[stem]
    item.setdefault("type", item_type)
    parts: list[Any] = list(item.get(place) or ())
    item[place] = parts
    index = event.get(f"{place}_index") or 0
    while len(parts) <= index:
        parts.append({"type": part_type})
    parts[index] = {**mapping(parts[index])}
    _extend(parts[index], field, event, step)


def _extend(part: JSON, field: str, event: JSON, step: str) -> None:
    probable = listed(event.get("logprobs"))
    if step == "delta":
        part[field] = str(part.get(field) or "") + str(event.get("delta") or "")
        if probable:
            part["logprobs"] = [*listed(part.get("logprobs")), *probable]
    elif step == "done" and event.get(field) is not None:
        part[field] = event[field]
        if probable:
            part["logprobs"] = probable
