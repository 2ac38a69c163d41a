"""A recorded request as what a client's `create` takes, to be made again.

The inverse of what the codecs make of a request. Contents that are not kept (images beyond the limit, texts that were
cut, anything in a mode without content) make it impossible, and say so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from nbtrace import semconv
from nbtrace._replay.answer import NotKeptError
from nbtrace._replay.chat import written
from nbtrace._replay.pieces import JSON
from nbtrace._replay.request_items import response_request

Attributes = Mapping[str, Any]

_PARAMETERS: Final = {
    semconv.REQUEST_TEMPERATURE: "temperature",
    semconv.REQUEST_TOP_P: "top_p",
    semconv.REQUEST_TOP_K: "top_k",
    semconv.REQUEST_FREQUENCY_PENALTY: "frequency_penalty",
    semconv.REQUEST_PRESENCE_PENALTY: "presence_penalty",
    semconv.REQUEST_SEED: "seed",
    semconv.REQUEST_CHOICE_COUNT: "n",
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_STOP_SEQUENCES: "stop",
    semconv.OPENAI_REQUEST_SERVICE_TIER: "service_tier",
    semconv.ANTHROPIC_REQUEST_SERVICE_TIER: "service_tier",
}
_ANTHROPIC: Final = {"stop": "stop_sequences"}
ENDPOINTS: Final = ("chat", "messages", "responses")
"""Those whose requests can be made again."""
_AUDIO: Final = "audio/"


def request_of(attributes: Attributes, endpoint: str) -> JSON:
    """Give the arguments of `chat.completions.create`, `messages.create` or `responses.create`.

    Raises:
        NotKeptError: the span does not keep all of the request, or it is one of another endpoint.
    """
    if endpoint not in ENDPOINTS:
        message = f"calls of {endpoint!r} are not made again; those of chat completions, responses and messages are"
        raise NotKeptError(message)
    said = attributes.get(semconv.INPUT_MESSAGES)
    is_stored = endpoint == "responses" and semconv.PROMPT_NAME in attributes  # a prompt at the provider may be all
    if attributes.get(semconv.CONTENT_MODE) is not None or (said is None and not is_stored):
        message = "its messages are not kept"
        raise NotKeptError(message)
    if any(semconv.INPUT_MESSAGES in cut for cut in attributes.get(semconv.CUT) or ()):
        message = "its messages were longer than max_content_bytes and are not kept whole"
        raise NotKeptError(message)
    if endpoint == "responses":
        return response_request(attributes) | json.loads(attributes.get(semconv.REQUEST_OPTIONS) or "{}")
    is_chat = endpoint == "chat"
    make = _chat if is_chat else _block_message
    made: JSON = {
        "model": attributes.get(semconv.REQUEST_MODEL),
        "messages": [make(message) for message in json.loads(str(said))],
    }
    for name, parameter in _PARAMETERS.items():
        if (value := attributes.get(name)) is not None:
            made[parameter if is_chat else _ANTHROPIC.get(parameter, parameter)] = value
    if is_chat and (effort := attributes.get(semconv.REQUEST_REASONING_LEVEL)) is not None:
        made["reasoning_effort"] = effort
    if not is_chat and (system := attributes.get(semconv.SYSTEM_INSTRUCTIONS)) is not None:
        made["system"] = [_block(part) for part in json.loads(system)]
    if tools := json.loads(attributes.get(semconv.TOOL_DEFINITIONS) or "[]"):
        made["tools"] = [_tool(tool) if is_chat else _own_tool(tool) for tool in tools]
    return made | json.loads(attributes.get(semconv.REQUEST_OPTIONS) or "{}")


def _chat(message: JSON) -> JSON:
    made: JSON = {"role": message["role"]} | ({"name": message["name"]} if "name" in message else {})
    content: list[JSON] = []
    for part in message["parts"]:
        match part.get("type"):
            case "tool_call_response":
                return {**made, "tool_call_id": part.get("id"), "content": part.get("response")}
            case "tool_call":
                function = {"name": part.get("name"), "arguments": written(part.get("arguments"))}
                made.setdefault("tool_calls", []).append(
                    {"id": part.get("id"), "type": "function", "function": function}
                )
            case "refusal":
                made["refusal"] = part.get("content")
            case "reasoning":
                pass  # the API takes none back
            case _:
                content.append(_content(part))
    if content:
        is_text = len(content) == 1 and content[0]["type"] == "text"
        made["content"] = content[0]["text"] if is_text else content
    elif "tool_calls" not in made:
        made["content"] = ""
    return made


def _content(part: JSON) -> JSON:
    match part.get("type"):
        case "text":
            return {"type": "text", "text": part.get("content")}
        case "uri":
            return {"type": "image_url", "image_url": {"url": part.get("uri")}}
        case "file":
            return {"type": "file", "file": {"file_id": part.get("file_id")}}
        case "blob":
            mime_type, data = str(part.get("mime_type")), _data(part)
            if mime_type.startswith(_AUDIO):
                return {"type": "input_audio", "input_audio": {"data": data, "format": mime_type.removeprefix(_AUDIO)}}
            url = f"data:{mime_type};base64,{data}"
            if part.get("modality") == "image":
                return {"type": "image_url", "image_url": {"url": url}}
            return {"type": "file", "file": {"file_data": url, "filename": part.get("filename")}}
        case _:
            return dict(part)


def _data(part: JSON) -> str:
    if part.get("content") is None:
        message = f"the {part.get('modality')} in its messages is not kept (max_blob_bytes)"
        raise NotKeptError(message)
    return str(part["content"])


def _tool(tool: JSON) -> JSON:
    kind = tool.get("type")
    if kind not in ("function", "custom"):
        return tool
    return {"type": kind, kind: {key: value for key, value in tool.items() if key != "type"}}


def _own_tool(tool: JSON) -> JSON:
    if "parameters" not in tool:
        return tool
    rest = {key: value for key, value in tool.items() if key not in ("type", "parameters")}
    return {**rest, "input_schema": tool["parameters"]}


def _block_message(message: JSON) -> JSON:
    return {"role": message["role"], "content": [_block(part) for part in message["parts"]]}


def _block(part: JSON) -> JSON:
    """Make the block of Anthropic's that a part was."""
    match part.get("type"):
        case "text":
            return {"type": "text", "text": part.get("content")}
        case "reasoning":
            return {"type": "thinking", "thinking": part.get("content"), "signature": part.get("signature") or ""}
        case "tool_call":
            named = {"id": part.get("id"), "name": part.get("name")}
            return {"type": "tool_use", **named, "input": part.get("arguments")}
        case "tool_call_response":
            response = part.get("response")
            content = [_block(one) for one in response] if isinstance(response, list) else response
            failed = {"is_error": True} if part.get("is_error") else {}
            return {"type": "tool_result", "tool_use_id": part.get("id"), "content": content, **failed}
        case "uri":
            return {"type": part.get("modality"), "source": {"type": "url", "url": part.get("uri")}}
        case "file":
            return {"type": part.get("modality"), "source": {"type": "file", "file_id": part.get("file_id")}}
        case "blob":
            source = {"type": "base64", "media_type": part.get("mime_type"), "data": _data(part)}
            return {"type": part.get("modality"), "source": source}
        case _:
            return dict(part)
