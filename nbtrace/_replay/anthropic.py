"""Messages of Anthropic's API as their server sent them, made again from what a span keeps.

The inverse of `_capture.anthropic`. What a span does not keep is left out: which of the stop sequences it was, and who
called a tool where that was the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from nbtrace import semconv
from nbtrace._replay.answer import NotKeptError
from nbtrace._replay.chat import answered, written
from nbtrace._replay.pieces import JSON, Separators, Step, in_events, spaced

Attributes = Mapping[str, Any]

_STOPPED: Final = {
    "stop": "end_turn", "length": "max_tokens", "tool_call": "tool_use", "content_filter": "refusal",
}  # fmt: skip
_EMPTY: Final = "the first piece of a tool's arguments, which is empty"
_USED: Final = {
    "cache_read_input_tokens": semconv.USAGE_CACHE_READ,
    "cache_creation_input_tokens": semconv.USAGE_CACHE_WRITE,
    "service_tier": semconv.ANTHROPIC_RESPONSE_SERVICE_TIER,
    "speed": semconv.ANTHROPIC_RESPONSE_SPEED,
    "inference_geo": semconv.ANTHROPIC_RESPONSE_GEO,
}


def whole(recorded: Attributes, _: int) -> JSON:
    """Make the body of a message.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    messages = answered(recorded)
    reason = messages[0].get("finish_reason") if messages else None
    details = orjson.loads(recorded.get(semconv.CONTENT_FILTER) or "{}").get("stop_details")
    return {
        "id": recorded.get(semconv.RESPONSE_ID),
        "type": "message",
        "role": "assistant",
        "model": recorded.get(semconv.RESPONSE_MODEL),
        "content": [_block(part) for message in messages for part in message.get("parts") or ()],
        "stop_reason": _STOPPED.get(str(reason), reason),
        "stop_sequence": None,
        **({"stop_details": details} if details else {}),
        "usage": _usage(recorded),
    }


def events(recorded: Attributes, created: int) -> list[JSON]:
    """Make the events of a streamed message.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    body = whole(recorded, created)
    steps = spaced(recorded, lambda separators: _steps(body, separators))
    return in_events(steps, recorded, (_EMPTY,))


def _usage(recorded: Attributes) -> JSON:
    sent, output = recorded.get(semconv.USAGE_INPUT_TOKENS), recorded.get(semconv.USAGE_OUTPUT_TOKENS)
    cached = [recorded.get(key) or 0 for key in (semconv.USAGE_CACHE_READ, semconv.USAGE_CACHE_WRITE)]
    made = {name: recorded[key] for name, key in _USED.items() if recorded.get(key) is not None}
    if isinstance(sent, int):
        made["input_tokens"] = sent - sum(cached)
    if output is not None and recorded.get(semconv.USAGE_STATE) == "reported":
        made["output_tokens"] = output
    if (hour := recorded.get(semconv.USAGE_CACHE_WRITE_1H)) is not None:
        made["cache_creation"] = {
            "ephemeral_1h_input_tokens": hour,
            "ephemeral_5m_input_tokens": cached[1] - hour,
        }
    if (thought := recorded.get(semconv.USAGE_REASONING)) is not None:
        made["output_tokens_details"] = {"thinking_tokens": thought}
    if (searches := recorded.get(semconv.USAGE_WEB_SEARCHES)) is not None:
        made["server_tool_use"] = {"web_search_requests": searches}
    return made


def _block(part: JSON) -> JSON:
    """Make the block that a part was."""
    match part.get("type"):
        case "text":
            return {"type": "text", "text": part.get("content"), **_given(part, "citations")}
        case "reasoning":
            return {"type": "thinking", "thinking": part.get("content"), "signature": part.get("signature") or ""}
        case "tool_call":
            named = {"type": "tool_use", "id": part.get("id"), "name": part.get("name")}
            return {**named, "input": part.get("arguments"), **_given(part, "caller", "toolset_name")}
        case "server_tool_call":
            rest = {key: value for key, value in part["server_tool_call"].items() if key != "type"}
            kind = "mcp_tool_use" if "server_name" in rest else "server_tool_use"
            return {"type": kind, "id": part.get("id"), "name": part.get("name"), **rest}
        case "server_tool_call_response":
            return {**part["server_tool_call_response"], "tool_use_id": part.get("id")}
        case "blob" if part.get("content") is None:
            message = "a file of its answer is not kept (max_blob_bytes)"
            raise NotKeptError(message)
        case _:
            return dict(part)


def _given(part: JSON, *keys: str) -> JSON:
    return {key: part[key] for key in keys if part.get(key)}


def _steps(body: JSON, separators: Separators) -> list[Step]:
    end = {key: body[key] for key in ("stop_reason", "stop_sequence", "stop_details") if key in body}
    begun = {**body, "content": [], **dict.fromkeys(end), "usage": {**body["usage"], "output_tokens": 1}}
    steps = [_whole("message_start", message=begun)]
    for index, block in enumerate(body["content"]):
        start, inner = _inner(index, block, separators)
        steps += [
            _whole("content_block_start", index=index, content_block=start),
            *inner,
            _whole("content_block_stop", index=index),
        ]
    used = {key: value for key, value in body["usage"].items() if key == "output_tokens"}
    return [*steps, _whole("message_delta", delta=end, usage=used), _whole("message_stop")]


def _inner(index: int, block: JSON, separators: Separators) -> tuple[JSON, list[Step]]:
    """Give how a block begins, and the steps of what is in it."""

    def delta(kind: str, field: str, text: str) -> Step:
        return Step(lambda piece: _delta(index, {"type": kind, field: piece}), text)

    match block.get("type"):
        case "text":
            cited = [
                _whole("content_block_delta", index=index, delta={"type": "citations_delta", "citation": one})
                for one in block.get("citations") or ()
            ]
            start = {**block, "text": "", **({"citations": []} if "citations" in block else {})}
            return start, [*cited, delta("text_delta", "text", block["text"])]
        case "thinking":
            signed = {"type": "signature_delta", "signature": block["signature"]}
            signs = [_whole("content_block_delta", index=index, delta=signed)] if block["signature"] else []
            start = {**block, "thinking": "", "signature": ""}
            return start, [delta("thinking_delta", "thinking", block["thinking"]), *signs]
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            said = written(block["input"], separators) if block["input"] else ""
            nothing = Step(lambda _: _delta(index, {"type": "input_json_delta", "partial_json": ""}), kind=_EMPTY)
            return {**block, "input": {}}, [nothing, delta("input_json_delta", "partial_json", said)]
        case _:
            return block, []


def _delta(index: int, delta: JSON) -> JSON:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _whole(kind: str, **said: Any) -> Step:
    return Step(lambda _: {"type": kind, **said})
