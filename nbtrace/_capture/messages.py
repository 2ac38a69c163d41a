"""Chat-completions bodies to GenAI span attributes: pure functions from JSON to JSON.

Message shapes are those of the GenAI semantic conventions' schemas (`gen-ai-input-messages.json`,
`gen-ai-output-messages.json`). A part that the conventions have no shape for is kept as it came, under its own type:
nothing is dropped. A malformed request, which the server will refuse, is kept too, since that is when one looks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

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
            found[key] = converted(kind, value)
    if body.get("stream"):
        found[semconv.REQUEST_STREAM] = True
    if (count := body.get("n")) not in (None, 1):
        found[semconv.REQUEST_CHOICE_COUNT] = converted(int, count)
    if stop := listed(body.get("stop")):
        found[semconv.REQUEST_STOP_SEQUENCES] = [str(one) for one in stop]
    if output := _OUTPUT_TYPES.get(str(mapping(body.get("response_format")).get("type"))):
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
    reasons = [mapping(choice).get("finish_reason") for choice in listed(body.get("choices"))]
    if reasons and all(reasons):  # a stream that was left early has none, and none is made up
        found[semconv.RESPONSE_FINISH_REASONS] = [str(reason) for reason in reasons]
    usage = body.get("usage") or mapping(body.get("x_groq")).get("usage")  # Groq's streams have it there
    return found | _usage(mapping(usage))


def content_attributes(request: Body, response: Body | None) -> dict[str, AttributeValue]:
    """Give the messages sent and received, and the tools offered, as JSON strings."""
    found: dict[str, AttributeValue] = {}
    if messages := listed(request.get("messages")):
        found[semconv.INPUT_MESSAGES] = dumps([_message(message, "user") for message in messages])
    if tools := listed(request.get("tools")):
        found[semconv.TOOL_DEFINITIONS] = dumps([tool_definition(tool) for tool in tools])
    if choices := [mapping(choice) for choice in listed((response or {}).get("choices"))]:
        found[semconv.OUTPUT_MESSAGES] = dumps(
            [
                {**_message(choice.get("message") or {}, "assistant"), "finish_reason": choice.get("finish_reason")}
                for choice in choices
            ]
        )
    return found


def estimated_usage(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Estimate the tokens of a call that reported none, at four characters a token, and say so.

    Four characters a token is OpenAI's rule of thumb for English; the state `estimated` goes wherever the numbers go.
    Nobody can tell the tokens of an image, a recording or a file from its size, so a call with one has no estimate,
    nor has one that goes on with a conversation which the provider keeps.
    """
    unanswered = semconv.RESPONSE_STATUS in attributes and semconv.OUTPUT_MESSAGES not in attributes
    if unanswered or any(known in attributes for known in _ELSEWHERE):
        return {}
    sent = _characters(attributes.get(semconv.INPUT_MESSAGES))
    received = _characters(attributes.get(semconv.OUTPUT_MESSAGES))
    known = attributes.get(semconv.USAGE_INPUT_TOKENS)  # a stream that was left may have told what it was sent
    if (sent is None and known is None) or received is None:
        return {}
    return {
        semconv.USAGE_INPUT_TOKENS: known if known is not None else -(-(sent or 0) // 4),
        semconv.USAGE_OUTPUT_TOKENS: -(-received // 4),
        semconv.USAGE_STATE: "estimated",
    }


def _usage(usage: Body) -> dict[str, AttributeValue]:
    sent, received = mapping(usage.get("prompt_tokens_details")), mapping(usage.get("completion_tokens_details"))
    counts = {
        semconv.USAGE_INPUT_TOKENS: usage.get("prompt_tokens"),
        semconv.USAGE_OUTPUT_TOKENS: usage.get("completion_tokens"),
        semconv.USAGE_CACHE_READ: sent.get("cached_tokens"),
        semconv.USAGE_CACHE_WRITE: sent.get("cache_write_tokens"),
        semconv.USAGE_REASONING: received.get("reasoning_tokens"),
    }
    found = {key: converted(int, count) for key, count in counts.items() if count is not None}
    return {**found, semconv.USAGE_STATE: "reported"} if found else {}


def _message(given: object, default_role: str) -> dict[str, Any]:
    message = given if isinstance(given, dict) else {"content": given}
    role = str(message.get("role") or default_role)
    parts: list[dict[str, Any]] = [
        {"type": "reasoning", "content": text} for name in _REASONING if (text := message.get(name))
    ]
    content = message.get("content")
    if role == "tool":
        parts.append({"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content})
    elif content != "":
        parts += [_part(part) for part in listed(content)]
    if refusal := message.get("refusal"):
        parts.append({"type": "refusal", "content": refusal})
    parts += [_tool_call(call) for call in listed(message.get("tool_calls"))]
    if function := message.get("function_call"):
        parts.append(_tool_call({"function": function}))
    if audio := message.get("audio"):
        parts.append({"type": "audio", **mapping(audio)})
    made: dict[str, Any] = {"role": role, "parts": parts}
    if name := message.get("name"):
        made["name"] = name
    return made


def _part(part: object) -> dict[str, Any]:
    if not isinstance(part, dict):
        return {"type": "text", "content": part}
    match part.get("type"):
        case "text":
            return {"type": "text", "content": part.get("text")}
        case "refusal":
            return {"type": "refusal", "content": part.get("refusal")}
        case "image_url":
            image = part.get("image_url")
            return uri(image if isinstance(image, str) else mapping(image).get("url"), "image")
        case "input_audio":
            audio = mapping(part.get("input_audio"))
            mime_type = f"audio/{audio.get('format') or 'wav'}"
            return {"type": "blob", "modality": "audio", "mime_type": mime_type, "content": audio.get("data")}
        case "file":
            file = mapping(part.get("file"))
            if file_id := file.get("file_id"):
                return {"type": "file", "modality": "document", "file_id": file_id}
            return {**uri(file.get("file_data"), "document"), "filename": file.get("filename")}
        case _:
            return dict(part)


def uri(given: object, modality: str) -> dict[str, Any]:
    """Give the part that a URL becomes; one that holds its content becomes a blob."""
    url = str(given or "")
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, content = url.partition(",")
    mime_type = head.removeprefix("data:").split(";")[0]
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": content}


def _tool_call(given: object) -> dict[str, Any]:
    call = mapping(given) or {"arguments": given}
    function = call.get("function") or call.get("custom")
    if not isinstance(function, dict):
        return {"type": "tool_call", **call}
    arguments = function.get("arguments", function.get("input"))
    if isinstance(arguments, str):
        with suppress(ValueError):  # otherwise they are kept as the model wrote them
            arguments = loads(arguments)
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments}


def tool_definition(given: object) -> dict[str, Any]:
    """Give the definition of a tool that is offered to the model."""
    tool = mapping(given) or {"type": given}
    function = tool.get("function") or tool.get("custom")
    return {"type": tool.get("type"), **function} if isinstance(function, dict) else dict(tool)


def _characters(messages: AttributeValue | None) -> int | None:
    """Count the characters of all parts; None if one of them is no text."""
    if not isinstance(messages, str):
        return 0
    parts = [part for message in loads(messages) for part in message["parts"]]
    if any(part.get("type") in _NO_TEXT for part in parts):
        return None
    texts = [part.get("content") or part.get("arguments") or part.get("response") or "" for part in parts]
    return sum(len(text) if isinstance(text, str) else len(dumps(text)) for text in texts)


_ELSEWHERE: Final = (semconv.REQUEST_PREVIOUS_RESPONSE_ID, semconv.CONVERSATION_ID)
_NO_TEXT: Final = ("blob", "uri", "file", "audio")


def converted(kind: Callable[[Any], AttributeValue], value: Any) -> AttributeValue:
    """Give a value as an attribute of this kind, or as text if it is none."""
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)  # what the request really said


def mapping(value: object) -> Body:
    """Give a JSON object, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """Give a list as it is, one value as a list of itself, and nothing as an empty one."""
    return value if isinstance(value, list) else [] if value is None else [value]


_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19
"""The shortest integer, its digits made zeros, that may not fit 64 bits: orjson rounds such a one."""


def loads(text: str | bytes) -> Any:
    """Read JSON as the client does: with integers of any size, and characters that came in two pieces."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if _LONG_NUMBER not in raw.translate(_DIGITS):  # a tenth of what a regular expression takes
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(raw)
    return json.loads(text)


def dumps(value: object) -> str:
    """Write JSON, with integers of any size and the two halves of a character that came in two pieces put together."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
