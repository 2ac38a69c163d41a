"""Messages as most clients and instrumentations write them, to the parts of the GenAI conventions.

A part that the conventions have no shape for is kept as it came.
"""

from __future__ import annotations

from typing import Any

from nbtrace._trace.blobs import uri
from nbtrace._trace.dialects.flat import listed, mapping, parsed


def message(given: dict[str, Any], default_role: str) -> dict[str, Any]:
    """Give a message with its parts, from one with `content`, `tool_calls` and `tool_call_id`."""
    role = str(given.get("role") or default_role)
    role = "assistant" if role == "model" else role  # Google's
    content = given.get("content")
    if role in {"tool", "function"}:
        answer_to = given.get("tool_call_id", given.get("id"))
        return {"role": role, "parts": [{"type": "tool_call_response", "id": answer_to, "response": content}]}
    parts = [part(one) for one in (contents(content) if content not in (None, "") else [])]
    parts += [tool_call(mapping(call)) for call in listed(given.get("tool_calls"))]
    if function := mapping(given.get("function_call")):
        parts.append(tool_call(function))
    made: dict[str, Any] = {"role": role, "parts": parts}
    if reason := given.get("finish_reason"):
        made["finish_reason"] = reason
    return made


def contents(content: Any) -> list[Any]:
    """Give the parts of a content: those of a list, also of one written as text, or the content itself."""
    read = parsed(content)
    if isinstance(read, list) and all(isinstance(one, dict) and "type" in one for one in listed(read)):
        return listed(read)
    return [content]


def part(given: Any) -> dict[str, Any]:
    """Give one part of a message."""
    if not isinstance(given, dict):
        return {"type": "text", "content": given}
    known = mapping(given)
    match known.get("type", known.get("kind")):
        case "text" | "input_text" | "output_text":
            return {"type": "text", "content": known.get("text", known.get("content"))}
        case "image_url":
            image = known.get("image_url")
            return uri(image if isinstance(image, str) else mapping(image).get("url"), "image")
        case _:
            return known


def tool_call(call: dict[str, Any]) -> dict[str, Any]:
    """Give the part of a tool call, whose function may stand in an object of its own."""
    function = mapping(call.get("function")) or call
    arguments = parsed(function.get("arguments"))
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments}


def tool_definition(given: Any) -> dict[str, Any]:
    """Give the definition of a tool, whose function may stand in an object of its own."""
    tool = mapping(given)
    function = mapping(tool.get("function")) or {key: value for key, value in tool.items() if key != "type"}
    made = {"type": tool.get("type") or "function", **function}
    if "parameters" in made:
        made["parameters"] = parsed(made["parameters"])
    return made
