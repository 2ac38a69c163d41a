"""The wire format of chat completions, OpenAI's and of all the servers that speak it.

Pure functions from JSON to JSON. Message shapes are those of the GenAI semantic conventions' schemas
(`gen-ai-input-messages.json`, `gen-ai-output-messages.json`). A part that the conventions have no shape for is kept as
it came, under its own type: nothing is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import chat_stream, logprobs, refusal, usage
from nbtrace._capture.failure import in_answer
from nbtrace._capture.messages import converted, dumps, listed, loads, mapping, parameters, tool_definition
from nbtrace._capture.options import options
from nbtrace._capture.wire import Attributes, Body, Wire
from nbtrace._trace.blobs import inline, uri

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


def request_attributes(body: Body) -> Attributes:
    """Give the attributes that a request's parameters become."""
    found = parameters(body, _PARAMETERS)
    if body.get("stream"):
        found[semconv.REQUEST_STREAM] = True
    if (count := body.get("n")) not in (None, 1):
        found[semconv.REQUEST_CHOICE_COUNT] = converted(int, count)
    if stop := listed(body.get("stop")):
        found[semconv.REQUEST_STOP_SEQUENCES] = [str(one) for one in stop]
    if output := _OUTPUT_TYPES.get(str(mapping(body.get("response_format")).get("type"))):
        found[semconv.OUTPUT_TYPE] = output
    return found | options(body, (*_PARAMETERS, "n", "stop"))


def response_attributes(body: Body) -> Attributes:
    """Give the attributes that identify and measure a response."""
    found: Attributes = {}
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
    used = body.get("usage") or mapping(body.get("x_groq")).get("usage")  # Groq's streams have it there
    return found | usage.of_chat(mapping(used)) | refusal.of_chat(body)


def content_attributes(request: Body, response: Body | None) -> Attributes:
    """Give the messages sent and received, and the tools offered, as JSON strings."""
    found: Attributes = {}
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
    return found | logprobs.of_chat(response or {}) | refusal.details(response or {})


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
    if audio := mapping(message.get("audio")):
        parts.append(_audio(audio))
    made: dict[str, Any] = {"role": role, "parts": parts}
    if name := message.get("name"):
        made["name"] = name
    return made


def _audio(audio: Body) -> dict[str, Any]:
    """Give the part of an answer that was spoken; one that is sent back is told by its id."""
    if "data" not in audio:
        return {"type": "audio", **audio}
    rest = {key: value for key, value in audio.items() if key != "data"}
    return inline(audio["data"], modality="audio", **rest)


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
            return inline(audio.get("data"), modality="audio", mime_type=mime_type)
        case "file":
            file = mapping(part.get("file"))
            if file_id := file.get("file_id"):
                return {"type": "file", "modality": "document", "file_id": file_id}
            return {**uri(file.get("file_data"), "document"), "filename": file.get("filename")}
        case _:
            return dict(part)


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


CHAT: Final = Wire(
    operation="chat",
    request=request_attributes,
    response=response_attributes,
    content=content_attributes,
    fold=chat_stream.fold,
    spoken=("messages",),
    failure=in_answer,
)
