"""The wire format of Anthropic's Messages API, spoken also by servers that imitate it.

Blocks that the conventions have no shape for are kept as they came. The tokens of a stream are final in its last events
only: until those came the output has no count, so that none too small is reported.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import refusal, usage
from nbtrace._capture.failure import in_answer
from nbtrace._capture.messages import dumps, listed, loads, mapping, parameters
from nbtrace._capture.options import options
from nbtrace._capture.wire import Attributes, Body, Wire
from nbtrace._trace.blobs import inline, uri

JSON = dict[str, Any]

_PARAMETERS: Final = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "top_k": (semconv.REQUEST_TOP_K, int),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "service_tier": (semconv.ANTHROPIC_REQUEST_SERVICE_TIER, str),
}
_FINISH_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}
"""Anthropic's words to those of the conventions; others stay."""


def request_attributes(body: Body) -> Attributes:
    """Give the attributes that a request's parameters become."""
    found = parameters(body, _PARAMETERS)
    if body.get("stream"):
        found[semconv.REQUEST_STREAM] = True
    if stop := listed(body.get("stop_sequences")):
        found[semconv.REQUEST_STOP_SEQUENCES] = [str(one) for one in stop]
    config = mapping(body.get("output_config"))
    if effort := config.get("effort"):
        found[semconv.REQUEST_REASONING_LEVEL] = str(effort)
    form = mapping(config.get("format") or body.get("output_format"))
    if form.get("type") == "json_schema":
        found[semconv.OUTPUT_TYPE] = "json"
    return found | options(body, (*_PARAMETERS, "stop_sequences"))


def response_attributes(body: Body) -> Attributes:
    """Give the attributes that identify and measure a response."""
    found: Attributes = {}
    for key, value in (
        (semconv.RESPONSE_ID, body.get("id")),
        (semconv.RESPONSE_MODEL, body.get("model")),
    ):
        if value:
            found[key] = str(value)
    if reason := _finish_reason(body):
        found[semconv.RESPONSE_FINISH_REASONS] = [reason]
    return found | usage.of_message(body) | refusal.of_message(body)


def content_attributes(request: Body, response: Body | None) -> Attributes:
    """Give the messages sent and received, the system's text and the tools offered, as JSON strings."""
    found: Attributes = {}
    if system := request.get("system"):
        found[semconv.SYSTEM_INSTRUCTIONS] = dumps([_part(part) for part in listed(system)])
    if messages := listed(request.get("messages")):
        found[semconv.INPUT_MESSAGES] = dumps([_message(message) for message in messages])
    if tools := listed(request.get("tools")):
        found[semconv.TOOL_DEFINITIONS] = dumps([_tool(tool) for tool in tools])
    if response is not None and "content" in response:
        said = _message({"role": "assistant", **response})
        found[semconv.OUTPUT_MESSAGES] = dumps([{**said, "finish_reason": _finish_reason(response)}])
    return found | refusal.details(response or {})


def _finish_reason(body: Body) -> str | None:
    reason = body.get("stop_reason")
    return _FINISH_REASONS.get(str(reason), str(reason)) if reason else None


def _message(given: object) -> JSON:
    message = given if isinstance(given, dict) else {"content": given}
    content = message.get("content")
    parts = [] if content == "" else [_part(part) for part in listed(content)]
    return {"role": str(message.get("role") or "user"), "parts": parts}


def _part(given: object) -> JSON:
    if not isinstance(given, dict):
        return {"type": "text", "content": given}
    match str(given.get("type")):
        case "text":
            return {"type": "text", "content": given.get("text"), **_given(given, "citations")}
        case "thinking":
            return {"type": "reasoning", "content": given.get("thinking"), **_given(given, "signature")}
        case "image" | "document" as modality:
            return _media(given, modality)
        case "tool_use":
            made = {**_of_call(given), "type": "tool_call", "arguments": given.get("input")}
            is_direct = mapping(given.get("caller")).get("type") in (None, "direct")
            return {**made, **_given(given, "toolset_name", *(() if is_direct else ("caller",)))}
        case "tool_result":
            content = given.get("content")
            response = [_part(part) for part in content] if isinstance(content, list) else content
            made = {"type": "tool_call_response", "id": given.get("tool_use_id"), "response": response}
            return {**made, **_given(given, "is_error")}
        case kind if kind.endswith("_tool_use"):
            rest = {key: value for key, value in given.items() if key not in ("id", "name", "type")}
            made = {**_of_call(given), "type": "server_tool_call"}
            return {**made, "server_tool_call": {"type": given.get("name"), **rest}}
        case kind if kind.endswith("_tool_result"):
            rest = {key: _plain(value) for key, value in given.items() if key != "tool_use_id"}
            return {
                "type": "server_tool_call_response",
                "id": given.get("tool_use_id"),
                "server_tool_call_response": rest,
            }
        case _:
            return {key: _plain(value) for key, value in given.items()}


def _of_call(given: Body) -> JSON:
    return {"type": None, "id": given.get("id"), "name": given.get("name")}


def _given(block: Body, *keys: str) -> JSON:
    return {key: block[key] for key in keys if block.get(key)}


def _media(given: Body, modality: str) -> JSON:
    source = mapping(given.get("source"))
    match source.get("type"):
        case "base64":
            made = inline(source.get("data"), modality=modality, mime_type=source.get("media_type"))
        case "url":
            made = uri(source.get("url"), modality)
        case "file":
            made = {"type": "file", "modality": modality, "file_id": source.get("file_id")}
        case "text":
            made = {"type": "text", "content": source.get("data")}
        case _:
            made = {key: _plain(value) for key, value in given.items()}
    return {**made, **_given(given, "title", "context", "citations")}


_DEPTH: Final = 8
"""Levels that are looked through for files; the API's own blocks have half of them."""


def _plain(value: Any, depth: int = _DEPTH) -> Any:
    """Give what stands in a block as it came, but for the files in it, which are known by their hash."""
    if isinstance(value, dict) and mapping(value.get("source")).get("type") == "base64":
        return _media(value, str(value.get("type")))
    if isinstance(value, dict) and depth:
        return {key: _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list) and depth:
        return [_plain(inner, depth - 1) for inner in value]
    return value


def _tool(given: object) -> JSON:
    tool = mapping(given) or {"type": given}
    if "input_schema" not in tool:
        return dict(tool)  # one that the server runs, or knows by its type
    rest = {key: value for key, value in tool.items() if key not in ("type", "input_schema")}
    return {"type": "function", **rest, "parameters": tool["input_schema"]}


def fold(events: list[JSON]) -> JSON:
    """Fold the events of a stream into the message that the whole response would have been."""
    body: JSON = {}
    blocks: dict[int, JSON] = {}
    inputs: dict[int, str] = {}
    for event in events:
        index = event.get("index") or 0
        match event.get("type"):
            case "message_start":
                body |= mapping(event.get("message"))
                body["usage"] = {**mapping(body.get("usage")), "output_tokens": None}
            case "content_block_start":
                blocks[index] = dict(mapping(event.get("content_block")))
            case "content_block_delta":
                delta = mapping(event.get("delta"))
                inputs[index] = inputs.get(index, "") + str(delta.get("partial_json") or "")
                _grow(blocks.setdefault(index, {}), delta)
            case "message_delta":
                body |= {key: value for key, value in mapping(event.get("delta")).items() if value is not None}
                used = {key: value for key, value in mapping(event.get("usage")).items() if value is not None}
                body["usage"] = {**mapping(body.get("usage")), **used}
            case _:
                pass
    for index, written in inputs.items():
        if written:
            blocks[index]["input"] = _read(written)
    return {**body, "content": [blocks[index] for index in sorted(blocks)]} if body or blocks else {}


def _grow(block: JSON, delta: Body) -> None:
    """Add what a delta brings: texts grow, citations gather, the rest comes whole."""
    for key, value in delta.items():
        known = block.get(key)
        if key == "citation":
            block["citations"] = [*listed(block.get("citations")), value]
        elif key in _GROWS and isinstance(known, str):
            block[key] = known + str(value)
        elif key not in ("type", "partial_json"):
            block[key] = value


_GROWS: Final = ("text", "thinking")


def _read(written: str) -> Any:
    with suppress(ValueError):  # cut off, or no JSON: kept as the model wrote it
        return loads(written)
    return written


MESSAGES: Final = Wire(
    operation="chat",
    request=request_attributes,
    response=response_attributes,
    content=content_attributes,
    fold=fold,
    spoken=("system", "messages"),
    failure=in_answer,
)
