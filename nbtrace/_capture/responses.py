"""The wire format of OpenAI's Responses API.

A response is a list of *items*: messages, reasoning, calls of functions and of the server's own tools. All of a
response's items are one answer and become one output message; those of a request become the messages they stand for.
A stream says at its end what the whole response is; one that ends early is put together from what had arrived.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import blobs, logprobs, refusal, usage
from nbtrace._capture.messages import dumps, listed, loads, mapping, parameters, tool_definition
from nbtrace._capture.options import options
from nbtrace._capture.responses_stream import fold
from nbtrace._capture.wire import ASKED_ID, Attributes, Body, Wire
from nbtrace._trace.blobs import inline, uri

_PARAMETERS: Final = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "service_tier": (semconv.OPENAI_REQUEST_SERVICE_TIER, str),
    "previous_response_id": (semconv.REQUEST_PREVIOUS_RESPONSE_ID, str),
    "background": (semconv.OPENAI_REQUEST_BACKGROUND, bool),
    "stream": (semconv.REQUEST_STREAM, bool),
}
_OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
_REASONS: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response is incomplete to the convention's finish reason."""
_FAILURES: Final = ("failed", "cancelled")
_SIGNS: Final = re.compile(rb'"(?:failed|cancelled|error)"\s*[,}]')
"""Only a body with one of these words for a value can be a failure."""
_NO_PARTS: Final = ("id", "status", "type")


def request_attributes(body: Body) -> Attributes:
    """Give the attributes that a request's parameters become."""
    wished = {name: value for name, value in body.items() if value is not False}
    found: Attributes = {semconv.OPENAI_API_TYPE: "responses"} | parameters(wished, _PARAMETERS)
    if effort := mapping(body.get("reasoning")).get("effort"):
        found[semconv.REQUEST_REASONING_LEVEL] = str(effort)
    if output := _OUTPUT_TYPES.get(str(mapping(mapping(body.get("text")).get("format")).get("type"))):
        found[semconv.OUTPUT_TYPE] = output
    found |= options(body, _PARAMETERS)
    return found | _conversation(body.get("conversation")) | _prompt(mapping(body.get("prompt")))


def response_attributes(body: Body) -> Attributes:
    """Give the attributes that identify and measure a response."""
    found: Attributes = {semconv.OPENAI_API_TYPE: "responses"}
    for name, key in (
        ("id", semconv.RESPONSE_ID),
        ("model", semconv.RESPONSE_MODEL),
        ("status", semconv.RESPONSE_STATUS),
        ("service_tier", semconv.OPENAI_RESPONSE_SERVICE_TIER),
    ):
        if value := body.get(name):
            found[key] = str(value)
    if reason := _finish_reason(body):
        found[semconv.RESPONSE_FINISH_REASONS] = [reason]
    return found | _conversation(body.get("conversation")) | usage.of_response(body) | refusal.of_response(body)


def fetching_attributes(body: Body) -> Attributes:
    """Give the attributes that the parameters of a request for an earlier response become."""
    found: Attributes = {semconv.RESPONSE_ID: str(body.get(ASKED_ID))}
    if body.get("stream") is True:
        found[semconv.REQUEST_STREAM] = True
    if isinstance(cursor := body.get("starting_after"), int):
        found[semconv.REQUEST_STREAM_CURSOR] = str(cursor)
    return found


def fetched_attributes(body: Body) -> Attributes:
    """Give the same of a response that was made by an earlier call: its tokens are that call's, and told apart."""
    found = response_attributes(body)
    theirs = ("gen_ai.usage.", "nbtrace.usage.", semconv.COST_REPORTED, semconv.CONVERSATION_ID)
    made = {key: value for key, value in found.items() if not key.startswith(theirs)}
    if used := body.get("usage"):
        made[semconv.FETCHED_USAGE] = dumps(used)
    return made


def content_attributes(request: Body, response: Body | None) -> Attributes:
    """Give what was sent and received, and the tools offered, as JSON strings."""
    found: Attributes = {}
    if instructions := listed(request.get("instructions")):
        found[semconv.SYSTEM_INSTRUCTIONS] = dumps([part for one in instructions for part in _instruction(one)])
    if (said := request.get("input")) not in (None, "", []):
        found[semconv.INPUT_MESSAGES] = dumps([_input(one) for one in listed(said)])
    if tools := listed(request.get("tools")):
        found[semconv.TOOL_DEFINITIONS] = dumps([tool_definition(tool) for tool in tools])
    if items := listed((response or {}).get("output")):
        parts = [part for item in items for part in _parts(item)]
        reason = _finish_reason(response or {})
        found[semconv.OUTPUT_MESSAGES] = dumps([{"role": "assistant", "parts": parts, "finish_reason": reason}])
    return found | logprobs.of_response(response or {}) | refusal.details(response or {})


def failure(said: str | bytes) -> Body | None:
    """Give the error object if a response or the last event of a stream says that there is no answer."""
    if not _SIGNS.search(said if isinstance(said, bytes) else said.encode()):
        return None
    body: Body = {}
    with suppress(ValueError):
        body = mapping(loads(said))
    body = mapping(body.get("response")) or body
    if body.get("status") not in _FAILURES and body.get("type") != "error":
        return None
    named = mapping(body.get("error")) or {name: body.get(name) for name in ("code", "message", "param")}
    return {**named, "code": named.get("code") or body.get("status") or "error"}


def _conversation(given: object) -> Attributes:
    known = mapping(given).get("id") if isinstance(given, dict) else given
    return {semconv.CONVERSATION_ID: str(known)} if known else {}


def _prompt(prompt: Body) -> Attributes:
    """Give the attributes of a prompt that is kept at the provider."""
    found: Attributes = {}
    if name := prompt.get("id"):
        found[semconv.PROMPT_NAME] = str(name)
    if version := prompt.get("version"):
        found[semconv.PROMPT_VERSION] = str(version)
    for key, value in mapping(prompt.get("variables")).items():
        found[semconv.PROMPT_VARIABLE + str(key)] = value if isinstance(value, str) else dumps(_part(value))
    return found


def _finish_reason(body: Body) -> str | None:
    """Say why the model stopped. A response that is still made, or whose stream was left, has no reason yet."""
    status = body.get("status")
    if status == "incomplete":
        reason = str(mapping(body.get("incomplete_details")).get("reason") or status)
        return _REASONS.get(reason, reason)
    if status == "completed":
        calls = ("function_call", "custom_tool_call")
        return "tool_call" if any(mapping(item).get("type") in calls for item in listed(body.get("output"))) else "stop"
    return "error" if status in _FAILURES else None


def _instruction(given: object) -> list[dict[str, Any]]:
    return [{"type": "text", "content": given}] if isinstance(given, str) else _parts(given)


def _input(given: object) -> dict[str, Any]:
    item = mapping(given)
    kind = str(item.get("type") or "message")
    if kind == "message" or "role" in item:
        role = str(item.get("role") or "user")
    elif kind.endswith(("_output", "_response")):
        role = "tool"
    else:
        role = "assistant"  # its own earlier items, handed back
    return {"role": role, "parts": _parts(given)}


def _parts(given: object) -> list[dict[str, Any]]:
    """Give the parts that an item becomes."""
    if not isinstance(given, dict):
        return [{"type": "text", "content": given}]
    item = mapping(given)
    kind = str(item.get("type") or "message")
    match kind:
        case "message":
            return [_part(part) for part in listed(item.get("content"))]
        case "reasoning":
            return _reasoning(item)
        case "function_call" | "custom_tool_call":
            arguments = item.get("arguments", item.get("input"))
            if isinstance(arguments, str):
                with suppress(ValueError):  # otherwise they are kept as the model wrote them
                    arguments = loads(arguments)
            return [{"type": "tool_call", "id": item.get("call_id"), "name": item.get("name"), "arguments": arguments}]
        case "function_call_output" | "custom_tool_call_output":
            output = item.get("output")
            response = [_part(part) for part in output] if isinstance(output, list) else output
            return [{"type": "tool_call_response", "id": item.get("call_id"), "response": response}]
        case "image_generation_call":
            return [blobs.image(item.get("result"), item.get("output_format"))]
        case "compaction":
            return [{"type": "compaction", "id": item.get("id"), "content": item.get("encrypted_content")}]
        case _ if kind.endswith("_call"):
            # One step of a tool that runs at the provider: its question and, often, its answer in one item.
            name = kind.removesuffix("_call")
            step = {"type": name, **{key: value for key, value in item.items() if key not in _NO_PARTS}}
            return [{"type": "server_tool_call", "id": item.get("id"), "name": name, "server_tool_call": step}]
        case _:
            return [dict(item)]


def _reasoning(item: Body) -> list[dict[str, Any]]:
    texts = [mapping(one).get("text") for name in ("summary", "content") for one in listed(item.get(name))]
    parts: list[dict[str, Any]] = [{"type": "reasoning", "content": text} for text in texts if text]
    # The model thought and does not show what: that it did is part of the answer.
    return parts or [{"type": "reasoning", "content": "", "encrypted": bool(item.get("encrypted_content"))}]


def _part(part: object) -> dict[str, Any]:
    if not isinstance(part, dict):
        return {"type": "text", "content": part}
    content = mapping(part)
    match content.get("type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "content": content.get("text")}
        case "refusal":
            return {"type": "refusal", "content": content.get("refusal")}
        case "input_image":
            if file_id := content.get("file_id"):
                return {"type": "file", "modality": "image", "file_id": file_id}
            return uri(content.get("image_url"), "image")
        case "input_audio":
            audio = mapping(content.get("input_audio"))
            mime_type = f"audio/{audio.get('format') or 'wav'}"
            return inline(audio.get("data"), modality="audio", mime_type=mime_type)
        case "input_file":
            if file_id := content.get("file_id"):
                return {"type": "file", "modality": "document", "file_id": file_id}
            file = uri(content.get("file_data") or content.get("file_url"), "document")
            return {**file, "filename": name} if (name := content.get("filename")) else file
        case _:
            return dict(content)


RESPONSES: Final = Wire(
    operation="chat",
    request=request_attributes,
    response=response_attributes,
    content=content_attributes,
    fold=fold,
    spoken=("instructions", "input"),
    failure=failure,
)
FETCHED: Final = Wire(
    operation="fetch_response",
    request=fetching_attributes,
    response=fetched_attributes,
    content=content_attributes,
    fold=fold,
    is_estimable=False,
)
"""A response that was made before, asked for by its id. That it failed is no failure of the asking."""
