"""Chat-completions bodies to GenAI span attributes: pure functions from JSON to JSON.

Message shapes are those of the GenAI semantic conventions' schemas (`gen-ai-input-messages.json`,
`gen-ai-output-messages.json`). A part that the conventions have no shape for is kept as it came, under its own type:
nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import orjson
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

Body = Mapping[str, Any]

_PARAMETERS: Final = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "frequency_penalty": (semconv.REQUEST_FREQUENCY_PENALTY, float),
    "presence_penalty": (semconv.REQUEST_PRESENCE_PENALTY, float),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "max_completion_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "seed": (semconv.REQUEST_SEED, int),
    "reasoning_effort": (semconv.REQUEST_REASONING_LEVEL, str),
    "service_tier": (semconv.OPENAI_REQUEST_SERVICE_TIER, str),
}
_OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
_REASONING: Final = ("reasoning_content", "reasoning")
"""Where OpenAI-compatible servers put the model's reasoning in a message."""


def request_attributes(body: Body) -> dict[str, AttributeValue]:
    """Give the attributes that a request's parameters become."""
    found: dict[str, AttributeValue] = {}
    for name, (key, kind) in _PARAMETERS.items():
        value = body.get(name)
        if value is not None:
            found[key] = kind(value)
    if body.get("stream"):
        found[semconv.REQUEST_STREAM] = True
    if (count := body.get("n")) not in (None, 1):
        found[semconv.REQUEST_CHOICE_COUNT] = int(cast("int", count))
    if stop := body.get("stop"):
        found[semconv.REQUEST_STOP_SEQUENCES] = [stop] if isinstance(stop, str) else list(stop)
    if output := _OUTPUT_TYPES.get((body.get("response_format") or {}).get("type", "")):
        found[semconv.OUTPUT_TYPE] = output
    return found


def response_attributes(body: Body) -> dict[str, AttributeValue]:
    """Give the attributes that identify and measure a response."""
    found: dict[str, AttributeValue] = {}
    for name, key in (
        ("id", semconv.RESPONSE_ID),
        ("model", semconv.RESPONSE_MODEL),
        ("service_tier", semconv.OPENAI_RESPONSE_SERVICE_TIER),
        ("system_fingerprint", semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT),
    ):
        if value := body.get(name):
            found[key] = str(value)
    choices = body.get("choices") or ()
    reasons = [choice.get("finish_reason") for choice in choices]
    if reasons and all(reasons):  # a stream that was left early has none, and none is made up
        found[semconv.RESPONSE_FINISH_REASONS] = reasons
    if usage := body.get("usage"):
        found |= _usage(usage)
    return found


def content_attributes(request: Body, response: Body | None) -> dict[str, AttributeValue]:
    """Give the messages sent and received, and the tools offered, as JSON strings."""
    found: dict[str, AttributeValue] = {}
    if messages := request.get("messages"):
        found[semconv.INPUT_MESSAGES] = _json([_message(message) for message in messages])
    if tools := request.get("tools"):
        found[semconv.TOOL_DEFINITIONS] = _json([_tool(tool) for tool in tools])
    if choices := (response or {}).get("choices"):
        found[semconv.OUTPUT_MESSAGES] = _json(
            [
                {**_message(choice.get("message") or {}), "finish_reason": choice.get("finish_reason")}
                for choice in choices
            ]
        )
    return found


def estimated_usage(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Estimate the tokens of a call that reported none, at four characters a token, and say so.

    Four characters a token is OpenAI's rule of thumb for English; the state `estimated` goes wherever the numbers go.
    """
    sent = _characters(attributes.get(semconv.INPUT_MESSAGES))
    received = _characters(attributes.get(semconv.OUTPUT_MESSAGES))
    return {
        semconv.USAGE_INPUT_TOKENS: -(-sent // 4),
        semconv.USAGE_OUTPUT_TOKENS: -(-received // 4),
        semconv.USAGE_STATE: "estimated",
    }


def _usage(usage: Body) -> dict[str, AttributeValue]:
    sent, received = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    counts = {
        semconv.USAGE_INPUT_TOKENS: usage.get("prompt_tokens"),
        semconv.USAGE_OUTPUT_TOKENS: usage.get("completion_tokens"),
        semconv.USAGE_CACHE_READ: sent.get("cached_tokens"),
        semconv.USAGE_CACHE_WRITE: sent.get("cache_write_tokens"),
        semconv.USAGE_REASONING: received.get("reasoning_tokens"),
    }
    found: dict[str, AttributeValue] = {key: int(count) for key, count in counts.items() if count is not None}
    return {**found, semconv.USAGE_STATE: "reported"} if found else {}


def _message(message: Body) -> dict[str, Any]:
    role = message.get("role") or "assistant"
    parts: list[dict[str, Any]] = [
        {"type": "reasoning", "content": text} for name in _REASONING if (text := message.get(name))
    ]
    content = message.get("content")
    if role == "tool":
        parts.append({"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content})
    elif isinstance(content, str):
        parts += [{"type": "text", "content": content}] if content else []
    else:
        parts += [_part(part) for part in content or ()]
    if refusal := message.get("refusal"):
        parts.append({"type": "refusal", "content": refusal})
    parts += [_tool_call(call) for call in message.get("tool_calls") or ()]
    if audio := message.get("audio"):
        parts.append({"type": "audio", **audio})
    made: dict[str, Any] = {"role": role, "parts": parts}
    if name := message.get("name"):
        made["name"] = name
    return made


def _part(part: Body) -> dict[str, Any]:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "content": part.get("text")}
    if kind == "refusal":
        return {"type": "refusal", "content": part.get("refusal")}
    if kind == "image_url":
        return _uri((part.get("image_url") or {}).get("url") or "", "image")
    if kind == "input_audio":
        audio = part.get("input_audio") or {}
        mime_type = f"audio/{audio.get('format') or 'wav'}"
        return {"type": "blob", "modality": "audio", "mime_type": mime_type, "content": audio.get("data")}
    if kind == "file":
        file = part.get("file") or {}
        if file_id := file.get("file_id"):
            return {"type": "file", "modality": "document", "file_id": file_id}
        return {**_uri(file.get("file_data") or "", "document"), "filename": file.get("filename")}
    return dict(part)


def _uri(url: str, modality: str) -> dict[str, Any]:
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, data = url.partition(",")
    mime_type = head.removeprefix("data:").split(";")[0]
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": data}


def _tool_call(call: Body) -> dict[str, Any]:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments", function.get("input"))
    if isinstance(arguments, str):
        try:
            arguments = orjson.loads(arguments)
        except orjson.JSONDecodeError:
            pass  # kept as the model wrote it
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments}


def _tool(tool: Body) -> dict[str, Any]:
    return {"type": tool.get("type"), **(tool.get("function") or tool.get("custom") or {})}


def _characters(messages: AttributeValue | None) -> int:
    if not isinstance(messages, str):
        return 0
    parts = [part for message in orjson.loads(messages) for part in message["parts"]]
    texts = [part.get("content") or part.get("arguments") or part.get("response") or "" for part in parts]
    return sum(len(text) if isinstance(text, str) else len(_json(text)) for text in texts)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
