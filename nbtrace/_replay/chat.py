"""Chat completions and legacy completions as their server sent them, made again from what a span keeps.

The inverse of `_capture.chat` and `_capture.completions`. What a span does not keep is left out, never made up: which
is the choices of spaces in a tool's arguments, details of usage that were zero, and the moment of `created`, for which
the call's start stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nbtrace import semconv
from nbtrace._replay.answer import NotKeptError
from nbtrace._replay.pieces import COMPACT, JSON, Separators, Step, dealt, spaced

Attributes = Mapping[str, Any]

_NAMED: Final = ("groq", "openrouter")
"""Providers that call the model's reasoning `reasoning`; the others say `reasoning_content`."""
_SENT: Final = {
    "cached_tokens": semconv.USAGE_CACHE_READ,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE,
    "text_tokens": semconv.USAGE_TEXT_INPUT,
    "audio_tokens": semconv.USAGE_AUDIO_INPUT,
    "image_tokens": semconv.USAGE_IMAGE_INPUT,
}
_RECEIVED: Final = {
    "reasoning_tokens": semconv.USAGE_REASONING,
    "text_tokens": semconv.USAGE_TEXT_OUTPUT,
    "audio_tokens": semconv.USAGE_AUDIO_OUTPUT,
    "image_tokens": semconv.USAGE_IMAGE_OUTPUT,
}


def whole(recorded: Attributes, created: int) -> JSON:
    """Make the body of a chat completion.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    choices = [
        {"index": index, "message": message, "finish_reason": reason, **_at(logprobs(recorded), index, "logprobs")}
        for index, (message, reason) in enumerate(_messages(recorded, COMPACT))
    ]
    return _body(recorded, created, "chat.completion", choices)


def chunks(recorded: Attributes, created: int) -> list[JSON]:
    """Make the chunks of a streamed chat completion.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    steps = [*spaced(recorded, lambda separators: _steps(recorded, separators))]
    head = _body(recorded, created, "chat.completion.chunk", [])
    used = head.pop("usage", None)
    if used and recorded.get(semconv.STREAM_USAGE_REQUESTED):  # a chunk that was not counted, for nbtrace took it out
        return [*(_chunk(head, parts) for parts in dealt(steps, recorded)), {**head, "usage": used, "choices": []}]
    steps += [Step(lambda _: {"usage": used})] if used else []
    return [_chunk(head, parts) for parts in dealt(steps, recorded, closing=1 + bool(used))]


def completion(recorded: Attributes, created: int) -> JSON:
    """Make the body of a legacy completion."""
    choices = [
        {
            "index": index,
            "text": _said(message),
            "finish_reason": message.get("finish_reason"),
            "logprobs": next(iter(_at(logprobs(recorded), index, "logprobs").values()), None),
        }
        for index, message in enumerate(answered(recorded))
    ]
    return _body(recorded, created, "text_completion", choices)


def completion_chunks(recorded: Attributes, created: int) -> list[JSON]:
    """Make the chunks of a streamed legacy completion: the last piece of a text brings its end."""
    steps: list[Step] = []
    for index, message in enumerate(answered(recorded)):
        steps.append(Step(lambda text, at=index: _choice(at, {"text": text}), _said(message)))
        if reason := message.get("finish_reason"):
            steps.append(_finish(index, {"text": ""}, reason))
    head = _body(recorded, created, "text_completion", [])
    used = head.pop("usage", None)
    steps += [Step(lambda _: {"usage": used})] if used else []
    return [_chunk(head, parts) for parts in dealt(steps, recorded, closing=bool(used))]


def not_full(recorded: Attributes) -> None:
    """Refuse a recording without content.

    Raises:
        NotKeptError: it has none.
    """
    mode = recorded.get(semconv.CONTENT_MODE)
    if mode is not None:
        message = f"it was recorded with content={mode!r}, so the answer is not kept"
        raise NotKeptError(message)


def answered(recorded: Attributes) -> list[JSON]:
    """Read the messages that a call was answered with.

    Raises:
        NotKeptError: they are not kept, or not whole.
    """
    not_full(recorded)
    if any(semconv.OUTPUT_MESSAGES in cut for cut in recorded.get(semconv.CUT) or ()):
        message = "the answer was longer than max_content_bytes and is not kept whole"
        raise NotKeptError(message)
    written = recorded.get(semconv.OUTPUT_MESSAGES)
    if written is None:
        if recorded.get(semconv.STREAM_OUTCOME) is not None:
            return []
        raise NotKeptError(recorded.get(semconv.INCOMPLETE) or "it has no answer: it had not ended, or was interrupted")
    return json.loads(written)


def _body(recorded: Attributes, created: int, kind: str, choices: Sequence[JSON]) -> JSON:
    known = {
        "id": recorded.get(semconv.RESPONSE_ID),
        "object": kind,
        "created": created,
        "model": recorded.get(semconv.RESPONSE_MODEL),
        "service_tier": recorded.get(semconv.OPENAI_RESPONSE_SERVICE_TIER),
        "system_fingerprint": recorded.get(semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT),
        "usage": usage(recorded),
    }
    filters = json.loads(recorded.get(semconv.CONTENT_FILTER) or "{}")
    told = filters.pop("choices", None) or ()
    for choice, results in zip(choices, told, strict=False):
        choice["content_filter_results"] = results
    return {**{key: value for key, value in known.items() if value is not None}, **filters, "choices": list(choices)}


def usage(recorded: Attributes) -> JSON | None:
    """Make the usage that the provider reported; what was estimated was not reported."""
    if recorded.get(semconv.USAGE_STATE) != "reported":
        return None
    sent, received = recorded.get(semconv.USAGE_INPUT_TOKENS), recorded.get(semconv.USAGE_OUTPUT_TOKENS)
    made: JSON = {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": (sent or 0) + (received or 0)}
    for name, parts in (("prompt_tokens_details", _SENT), ("completion_tokens_details", _RECEIVED)):
        details = {part: recorded[key] for part, key in parts.items() if recorded.get(key) is not None}
        made |= {name: details} if details else {}
    if (cost := recorded.get(semconv.COST_REPORTED)) is not None:
        made["cost"] = cost
    return {key: value for key, value in made.items() if value is not None}


def _messages(recorded: Attributes, separators: Separators) -> list[tuple[JSON, str | None]]:
    custom = {
        tool.get("name")
        for tool in json.loads(recorded.get(semconv.TOOL_DEFINITIONS) or "[]")
        if tool.get("type") == "custom"
    }
    word = "reasoning" if recorded.get(semconv.PROVIDER_NAME) in _NAMED else "reasoning_content"
    return [
        (_message(message, separators, custom, word), message.get("finish_reason")) for message in answered(recorded)
    ]


def _message(given: JSON, separators: Separators, custom: set[str | None], word: str) -> JSON:
    made: JSON = {"role": given.get("role") or "assistant", "content": None}
    texts: list[Any] = []
    calls: list[JSON] = []
    for part in given.get("parts") or ():
        match part.get("type"):
            case "text":
                texts.append(part.get("content"))
            case "reasoning":
                made[word] = part.get("content")
            case "refusal":
                made["refusal"] = part.get("content")
            case "tool_call" if part.get("id") is None:
                made["function_call"] = _function(part, separators)
            case "tool_call":
                calls.append(_tool_call(part, separators, custom))
            case "blob" if part.get("content") is None:
                message = f"the {part.get('modality')} of its answer is not kept (max_blob_bytes)"
                raise NotKeptError(message)
            case "blob":
                rest = {key: value for key, value in part.items() if key not in ("type", "modality", "content")}
                made["audio"] = {"data": part["content"], **rest}
            case _:
                texts.append(part)
    if all(isinstance(text, str) for text in texts):
        made["content"] = "".join(texts) if texts or not (calls or set(made) - {"role", "content"}) else None
    else:
        made["content"] = [{"type": "text", "text": one} if isinstance(one, str) else one for one in texts]
    return {**made, **({"tool_calls": calls} if calls else {})}


def _tool_call(part: JSON, separators: Separators, custom: set[str | None]) -> JSON:
    if part.get("name") in custom:
        arguments = part.get("arguments")
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return {"id": part["id"], "type": "custom", "custom": {"name": part.get("name"), "input": written}}
    return {"id": part["id"], "type": "function", "function": _function(part, separators)}


def _function(part: JSON, separators: Separators) -> JSON:
    return {"name": part.get("name"), "arguments": written(part.get("arguments"), separators)}


def written(arguments: Any, separators: Separators = COMPACT) -> str:
    """Write a tool's arguments as the model did, but for its choice of spaces."""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False, separators=separators) if arguments is not None else ""


def logprobs(recorded: Attributes) -> list[Any]:
    """Make the log-probabilities of each answer."""
    told: list[JSON] = json.loads(recorded.get(semconv.LOGPROBS) or "[]")
    return [
        {name: [_token(one) for one in answer[name]] if answer.get(name) else None for name in ("content", "refusal")}
        if answer
        else None
        for answer in told
    ]


def _token(told: JSON) -> JSON:
    beside = [_token(one) for one in told.get("top_logprobs") or ()] if "top_logprobs" in told else []
    return {"bytes": None, **told, "top_logprobs": beside}


def _at(values: list[Any], index: int, name: str) -> JSON:
    return {name: values[index]} if index < len(values) else {}


def _steps(recorded: Attributes, separators: Separators) -> list[Step]:
    steps: list[Step] = []
    probable = logprobs(recorded)
    for index, (message, reason) in enumerate(_messages(recorded, separators)):
        steps += _spoken(index, message, (probable[index] if index < len(probable) else None) or {})
        if reason:
            steps.append(_finish(index, {"delta": {}}, reason))
    return steps


def _finish(at: int, nothing: JSON, reason: str) -> Step:
    return Step(lambda _: _choice(at, {**nothing, "finish_reason": reason}), may_join=True)


def _spoken(at: int, message: JSON, probable: JSON) -> list[Step]:
    """Give the steps of one message."""
    begun = {"role": message["role"], "content": "" if message["content"] else message["content"]}
    steps = [Step(lambda _: _delta(at, begun))]
    for key, value in message.items():
        if key in ("role", "tool_calls") or not value:
            continue
        if key == "function_call":
            steps.append(Step(lambda _, name=value["name"]: _delta(at, {"function_call": {"name": name}})))
            steps.append(Step(lambda text: _delta(at, {"function_call": {"arguments": text}}), value["arguments"]))
        elif isinstance(value, str):
            steps.append(Step(_Text(at, key, list(probable.get(key) or ())), value))
        else:
            steps.append(Step(lambda _, key=key, value=value: _delta(at, {key: value})))
    for index, call in enumerate(message.get("tool_calls") or ()):
        steps += _called(at, index, call)
    return steps


def _called(at: int, index: int, call: JSON) -> list[Step]:
    """Give the steps of a call of a tool: its name, then what it is called with."""
    kind = call["type"]
    field = "arguments" if kind == "function" else "input"
    first = {"index": index, **call, kind: {**call[kind], field: ""}}
    return [
        Step(lambda _: _delta(at, {"tool_calls": [first]})),
        Step(lambda text: _delta(at, {"tool_calls": [{"index": index, kind: {field: text}}]}), call[kind][field]),
    ]


class _Text:
    """Makes the pieces of a text, each with the log-probabilities of its tokens."""

    def __init__(self, at: int, key: str, tokens: list[JSON]) -> None:
        self._at, self._key, self._tokens = at, key, tokens
        self._length = 0

    def __call__(self, text: str) -> JSON:
        made = _delta(self._at, {self._key: text})
        if not self._tokens:
            return made
        self._length += len(text)
        told: list[JSON] = []
        while self._tokens and (self._length >= len(str(self._tokens[0].get("token"))) or not told):
            told.append(self._tokens.pop(0))
            self._length -= len(str(told[-1].get("token")))
        return {**made, "logprobs": {"content": None, "refusal": None, self._key: told}}


def _delta(at: int, delta: JSON) -> JSON:
    return _choice(at, {"delta": delta})


def _choice(at: int, said: JSON) -> JSON:
    return {"index": at, "finish_reason": None, **said}


def _chunk(head: JSON, parts: list[JSON]) -> JSON:
    """Put the steps of one chunk together: what is of the same choice becomes one."""
    choices: dict[int, JSON] = {}
    rest: JSON = {}
    for part in parts:
        if "index" not in part:
            rest |= part
            continue
        known = choices.setdefault(part["index"], {"index": part["index"]})
        _merge(known, part)
    return {**head, **rest, "choices": [*choices.values()]}


def _merge(known: JSON, part: JSON) -> None:
    for key, value in part.items():
        there = known.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            _merge(there, value)
        elif isinstance(value, list) and isinstance(there, list):
            for one in value:
                same = next((old for old in there if old["index"] == one["index"]), None)
                _merge(same, one) if same is not None else there.append(one)
        elif isinstance(value, str) and isinstance(there, str) and key in ("content", "arguments", "input", "text"):
            known[key] = there + value
        elif value is not None or key not in known:
            known[key] = dict(value) if isinstance(value, dict) else value


def _said(message: JSON) -> str:
    return "".join(str(part.get("content") or "") for part in message.get("parts") or ())
