"""Responses of the Responses API as their server sent them, made again from what a span keeps.

The inverse of `_capture.responses`. What a span does not keep is left out: what the response repeats of its request,
annotations, and encrypted reasoning. The items' own ids are not kept either; the events need some, so they are counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from nbtrace import semconv
from nbtrace._replay.answer import NotKeptError
from nbtrace._replay.chat import answered, logprobs, written
from nbtrace._replay.pieces import COMPACT, JSON, Separators, Step, in_events, spaced

Attributes = Mapping[str, Any]

_REASONS: Final = {"length": "max_output_tokens"}
"""Finish reasons to why a response is incomplete; the others have the same word."""
_OPTIONAL: Final = (
    "response.content_part.done", "response.in_progress", "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
)  # fmt: skip
"""Events that not every server sends."""
_TOTALS: Final = {
    "input_tokens_details": {
        "cached_tokens": semconv.USAGE_CACHE_READ,
        "audio_tokens": semconv.USAGE_AUDIO_INPUT,
        "image_tokens": semconv.USAGE_IMAGE_INPUT,
        "text_tokens": semconv.USAGE_TEXT_INPUT,
    },
    "output_tokens_details": {
        "reasoning_tokens": semconv.USAGE_REASONING,
        "audio_tokens": semconv.USAGE_AUDIO_OUTPUT,
        "image_tokens": semconv.USAGE_IMAGE_OUTPUT,
        "text_tokens": semconv.USAGE_TEXT_OUTPUT,
    },
}


def whole(recorded: Attributes, created: int) -> JSON:
    """Make the body of a response.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    return _body(recorded, created, _items(recorded, COMPACT))


def events(recorded: Attributes, created: int) -> list[JSON]:
    """Make the events of a streamed response.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    steps = spaced(recorded, lambda separators: _steps(recorded, created, separators))
    return [{**event, "sequence_number": place} for place, event in enumerate(in_events(steps, recorded, _OPTIONAL))]


def _body(recorded: Attributes, created: int, items: list[JSON]) -> JSON:
    status = recorded.get(semconv.RESPONSE_STATUS)
    known: JSON = {
        "id": recorded.get(semconv.RESPONSE_ID),
        "object": "response",
        "created_at": created,
        "model": recorded.get(semconv.RESPONSE_MODEL),
        "status": status,
        "service_tier": recorded.get(semconv.OPENAI_RESPONSE_SERVICE_TIER),
        "conversation": (given := recorded.get(semconv.CONVERSATION_ID)) and {"id": given},
        "usage": usage(recorded),
    }
    reason = next(iter(recorded.get(semconv.RESPONSE_FINISH_REASONS) or ()), None)
    if status == "incomplete" and reason is not None:
        known["incomplete_details"] = {"reason": _REASONS.get(reason, reason)}
    told = recorded.get(semconv.ERROR_BODY)
    error = json.loads(told) if told is not None and status in ("failed", "cancelled") else None
    filters = json.loads(recorded.get(semconv.CONTENT_FILTER) or "{}")
    return {
        **{key: value for key, value in known.items() if value is not None},
        **filters,
        "error": error if error and set(error) != {"code"} else None,
        "output": items,
    }


def usage(recorded: Attributes) -> JSON | None:
    """Make the usage that the provider reported."""
    if recorded.get(semconv.USAGE_STATE) != "reported":
        return None
    sent, received = recorded.get(semconv.USAGE_INPUT_TOKENS), recorded.get(semconv.USAGE_OUTPUT_TOKENS)
    made: JSON = {"input_tokens": sent, "output_tokens": received, "total_tokens": (sent or 0) + (received or 0)}
    for name, parts in _TOTALS.items():
        details = {part: recorded[key] for part, key in parts.items() if recorded.get(key) is not None}
        made |= {name: details} if details else {}
    return made


def _items(recorded: Attributes, separators: Separators) -> list[JSON]:
    """Make the items of the answer; texts that follow one another are one message."""
    if recorded.get(semconv.OUTPUT_MESSAGES) is None and recorded.get(semconv.RESPONSE_STATUS) is not None:
        return []  # it is still being made, or failed before it said anything
    custom = {
        tool.get("name")
        for tool in json.loads(recorded.get(semconv.TOOL_DEFINITIONS) or "[]")
        if tool.get("type") == "custom"
    }
    items: list[JSON] = []
    for message in answered(recorded):
        for part in message.get("parts") or ():
            made = _item(part, separators, custom, len(items))
            if made["type"] == "message" and items and items[-1]["type"] == "message":
                items[-1]["content"] += made["content"]
            else:
                items.append(made)
    texts = [part for item in items if item["type"] == "message" for part in item["content"] if "text" in part]
    if len(texts) == 1 and (tokens := next(iter(logprobs(recorded)), None)):
        texts[0]["logprobs"] = tokens["content"]
    return items


def _item(part: JSON, separators: Separators, custom: set[str | None], place: int) -> JSON:
    ended = {"status": "completed"}
    match part.get("type"):
        case "text":
            said = {"type": "output_text", "text": part.get("content"), "annotations": []}
            return {"type": "message", "id": f"msg_{place}", "role": "assistant", "content": [said], **ended}
        case "refusal":
            said = {"type": "refusal", "refusal": part.get("content")}
            return {"type": "message", "id": f"msg_{place}", "role": "assistant", "content": [said], **ended}
        case "reasoning":
            text = part.get("content")
            return {
                "type": "reasoning",
                "id": f"rs_{place}",
                "summary": [{"type": "summary_text", "text": text}] if text else [],
            }
        case "tool_call" if part.get("name") in custom:
            made = {"type": "custom_tool_call", "id": f"ctc_{place}", "input": written(part.get("arguments"))}
            return {**made, "call_id": part.get("id"), "name": part.get("name"), **ended}
        case "tool_call":
            made = {
                "type": "function_call",
                "id": f"fc_{place}",
                "arguments": written(part.get("arguments"), separators),
            }
            return {**made, "call_id": part.get("id"), "name": part.get("name"), **ended}
        case "server_tool_call":
            rest = {key: value for key, value in part["server_tool_call"].items() if key != "type"}
            return {"type": f"{part.get('name')}_call", "id": part.get("id"), **ended, **rest}
        case "blob" if part.get("content") is None:
            message = "an image of its answer is not kept (max_blob_bytes)"
            raise NotKeptError(message)
        case "blob":
            return {"type": "image_generation_call", "id": f"ig_{place}", "result": part["content"], **ended}
        case "compaction":
            return {"type": "compaction", "id": part.get("id"), "encrypted_content": part.get("content")}
        case _:
            return dict(part)


def _steps(recorded: Attributes, created: int, separators: Separators) -> list[Step]:
    items = _items(recorded, separators)
    body = _body(recorded, created, items)
    begun = {key: value for key, value in body.items() if key != "usage"} | {"status": "in_progress", "output": []}
    begun |= {"error": None}
    steps = [_whole("response.created", response=begun), _whole("response.in_progress", response=begun)]
    for index, item in enumerate(items):
        at = {"output_index": index, "item_id": item.get("id")}
        steps.append(_whole("response.output_item.added", output_index=index, item=_emptied(item)))
        match item["type"]:
            case "message":
                for number, part in enumerate(item["content"]):
                    steps += _part(part, {**at, "content_index": number})
            case "reasoning":
                for number, part in enumerate(item["summary"]):
                    steps += _summary(part, {**at, "summary_index": number})
            case "function_call":
                steps += _called("response.function_call_arguments", "arguments", item, at)
            case "custom_tool_call":
                steps += _called("response.custom_tool_call_input", "input", item, at)
            case _:
                pass
        steps.append(_whole("response.output_item.done", output_index=index, item=item))
    return [*steps, _whole(f"response.{body.get('status')}", response=body)]


def _part(part: JSON, at: JSON) -> list[Step]:
    field = "refusal" if part["type"] == "refusal" else "text"
    stem = "response.refusal" if field == "refusal" else "response.output_text"
    tokens = {"logprobs": part["logprobs"]} if part.get("logprobs") else {}
    return [
        _whole("response.content_part.added", **at, part={**part, field: ""}),
        _text(stem, part[field], at),
        _whole(f"{stem}.done", **at, **{field: part[field]}, **tokens),
        _whole("response.content_part.done", **at, part=part),
    ]


def _summary(part: JSON, at: JSON) -> list[Step]:
    stem = "response.reasoning_summary_text"
    return [
        _whole("response.reasoning_summary_part.added", **at, part={**part, "text": ""}),
        _text(stem, part["text"], at),
        _whole(f"{stem}.done", **at, text=part["text"]),
        _whole("response.reasoning_summary_part.done", **at, part=part),
    ]


def _called(stem: str, field: str, item: JSON, at: JSON) -> list[Step]:
    return [_text(stem, item[field], at), _whole(f"{stem}.done", **at, **{field: item[field]})]


def _emptied(item: JSON) -> JSON:
    lists: JSON = {key: [] for key in ("content", "summary") if key in item}
    texts: JSON = {key: "" for key in ("arguments", "input") if key in item}
    return {**item, "status": "in_progress", **lists, **texts}


def _whole(kind: str, **said: Any) -> Step:
    return Step(lambda _: {"type": kind, **said}, kind=kind)


def _text(stem: str, text: str, at: JSON) -> Step:
    return Step(lambda piece: {"type": f"{stem}.delta", **at, "delta": piece}, text)
