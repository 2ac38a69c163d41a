"""A recorded request of the Responses API as what `responses.create` takes, to be made again.

What the model had thought is left out: of that a span keeps no more than a summary, which the API does not take back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from nbtrace import semconv
from nbtrace._replay.answer import NotKeptError
from nbtrace._replay.chat import written
from nbtrace._replay.pieces import JSON

Attributes = Mapping[str, Any]

_PARAMETERS: Final = {
    semconv.REQUEST_TEMPERATURE: "temperature",
    semconv.REQUEST_TOP_P: "top_p",
    semconv.REQUEST_MAX_TOKENS: "max_output_tokens",
    semconv.OPENAI_REQUEST_SERVICE_TIER: "service_tier",
    semconv.REQUEST_PREVIOUS_RESPONSE_ID: "previous_response_id",
}


def response_request(attributes: Attributes) -> JSON:
    """Give the arguments of `responses.create`.

    Raises:
        NotKeptError: the span does not keep all of the request.
    """
    tools = json.loads(attributes.get(semconv.TOOL_DEFINITIONS) or "[]")
    custom = {tool.get("name") for tool in tools if tool.get("type") == "custom"}
    made: JSON = {"model": attributes.get(semconv.REQUEST_MODEL), "input": []}
    called: set[str | None] = set()
    for message in json.loads(attributes.get(semconv.INPUT_MESSAGES) or "[]"):
        made["input"] += _items(message, custom, called)
    for name, parameter in _PARAMETERS.items():
        if (value := attributes.get(name)) is not None:
            made[parameter] = value
    if (system := json.loads(attributes.get(semconv.SYSTEM_INSTRUCTIONS) or "[]")) != []:
        if len(system) > 1 or system[0].get("type") != "text":
            message = "its instructions are more than one text"
            raise NotKeptError(message)
        made["instructions"] = system[0]["content"]
    if tools:
        made["tools"] = tools
    return made


def _items(message: JSON, custom: set[str | None], called: set[str | None]) -> list[JSON]:
    """Make the items that a message was: its texts and files are one, each call and each answer is another."""
    items: list[JSON] = []
    said: list[JSON] = []
    role = message["role"]
    for part in message["parts"]:
        match part.get("type"):
            case "reasoning":
                pass
            case "tool_call" if part.get("name") in custom:
                called.add(part.get("id"))
                items.append({**_call("custom_tool_call", part), "input": written(part.get("arguments"))})
            case "tool_call":
                items.append({**_call("function_call", part), "arguments": written(part.get("arguments"))})
            case "tool_call_response":
                kind = "custom_tool_call_output" if part.get("id") in called else "function_call_output"
                given = part.get("response")
                output = [_content(one, "user") for one in given] if isinstance(given, list) else given
                items.append({"type": kind, "call_id": part.get("id"), "output": output})
            case "compaction":
                items.append({"type": "compaction", "id": part.get("id"), "encrypted_content": part.get("content")})
            case "server_tool_call":
                rest = {key: value for key, value in part["server_tool_call"].items() if key != "type"}
                items.append({"type": f"{part.get('name')}_call", "id": part.get("id"), **rest, "status": "completed"})
            case "text" | "refusal" | "uri" | "file" | "blob":
                said.append(_content(part, role))
            case _:
                items.append(dict(part))
    if said:
        only = said[0].get("text") if len(said) == 1 else None
        items.insert(0, {"role": role, "content": said if only is None else only})
    return items


def _call(kind: str, part: JSON) -> JSON:
    return {"type": kind, "call_id": part.get("id"), "name": part.get("name")}


def _content(part: JSON, role: str) -> JSON:
    match part.get("type"):
        case "text":
            return {"type": "output_text" if role == "assistant" else "input_text", "text": part.get("content")}
        case "refusal":
            return {"type": "refusal", "refusal": part.get("content")}
        case "file":
            kind = "input_image" if part.get("modality") == "image" else "input_file"
            return {"type": kind, "file_id": part.get("file_id")}
        case "uri" if part.get("modality") == "image":
            return {"type": "input_image", "image_url": part.get("uri")}
        case "uri":
            return {"type": "input_file", "file_url": part.get("uri")} | _named(part)
        case "blob":
            return _inline(part, role)
        case _:
            return dict(part)


def _inline(part: JSON, role: str) -> JSON:
    if part.get("content") is None or role == "assistant":
        reason = "was made by the model" if part.get("content") else "is not kept (max_blob_bytes)"
        message = f"the {part.get('modality')} in its input {reason}"
        raise NotKeptError(message)
    mime_type = str(part.get("mime_type"))
    url = f"data:{mime_type};base64,{part['content']}"
    match part.get("modality"):
        case "image":
            return {"type": "input_image", "image_url": url}
        case "audio":
            form = mime_type.removeprefix("audio/")
            return {"type": "input_audio", "input_audio": {"data": part["content"], "format": form}}
        case _:
            return {"type": "input_file", "file_data": url} | _named(part)


def _named(part: JSON) -> JSON:
    return {"filename": part["filename"]} if part.get("filename") else {}
