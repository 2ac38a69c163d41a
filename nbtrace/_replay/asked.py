"""What a call asks for, in one form for the recording and for the call that is to be answered from it.

It is what the span says of the request: endpoint, model, messages, tools, and the parameters that shape the answer. Who
asks, of which server and by which client is left out, and so is whatever does not change the answer. Both sides have
been masked; where the recording has a mask, any text will do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from nbtrace import semconv
from nbtrace._store.values import written

ENDPOINT: Final = "endpoint"
FETCH: Final = "fetch_response"
"""The endpoint that is asked for a response by its id."""
_WORDS: Final = {
    ENDPOINT: "endpoint",
    semconv.REQUEST_MODEL: "model",
    semconv.SYSTEM_INSTRUCTIONS: "system",
    semconv.INPUT_MESSAGES: "messages",
    semconv.INPUT_VALUE: "input",
    semconv.TOOL_DEFINITIONS: "tools",
    semconv.OUTPUT_TYPE: "output type",
    semconv.REQUEST_OPTIONS: "options",
    semconv.RESPONSE_ID: "id",
}
"""Attributes of a request, to words."""
_OF_REQUEST: Final = _WORDS.keys() - {semconv.RESPONSE_ID}
_JSON: Final = (
    semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.TOOL_DEFINITIONS, semconv.REQUEST_OPTIONS,
)  # fmt: skip
TEXTS: Final = (semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.INPUT_VALUE)
"""Those that are told apart word by word."""
_PREFIX: Final = "gen_ai.request."
_MASKED: Final = re.compile(r"\[redacted: [\w .-]{1,80}\]")

Asked = dict[str, str]
"""What is asked for: attribute to its value as JSON, in one order."""


def asked(attributes: Mapping[str, Any], endpoint: str) -> Asked:
    """Give what a span's attributes say of its request.

    Examples:
        >>> asked({"gen_ai.request.model": "m", "gen_ai.request.seed": 7, "server.address": "a"}, "chat")
        {'endpoint': '"chat"', 'gen_ai.request.model': '"m"', 'gen_ai.request.seed': '7'}
    """
    found = {
        name: _written(name, value)
        for name, value in sorted(attributes.items())
        if value is not None and (name in _OF_REQUEST or name.startswith(_PREFIX))
    }
    if endpoint == FETCH:
        found[semconv.RESPONSE_ID] = _written(semconv.RESPONSE_ID, attributes.get(semconv.RESPONSE_ID))
    return {ENDPOINT: _written(ENDPOINT, endpoint), **found}


def _written(name: str, value: Any) -> str:
    if name in _JSON and isinstance(value, str):
        with suppress(ValueError):
            value = orjson.loads(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))


def key(request: Asked) -> str:
    """Give what is equal for equal requests."""
    return orjson.dumps(request, option=orjson.OPT_SORT_KEYS).decode()


def masks(request: Asked) -> int:
    """Count the masks in a request."""
    return sum(len(_MASKED.findall(value)) for value in request.values())


def differing(recorded: Asked, now: Asked) -> list[str]:
    """Name the attributes in which two requests differ; a mask stands for any text.

    Examples:
        >>> differing({"input.value": '"key [redacted: token]"'}, {"input.value": '"door 12"', "endpoint": "1"})
        ['endpoint', 'input.value']
        >>> differing({"input.value": '"my [redacted: token] key"'}, {"input.value": '"my secret key"'})
        []
    """
    names = sorted({*recorded, *now})
    return [name for name in names if not _same(recorded.get(name), now.get(name))]


def _same(recorded: str | None, now: str | None) -> bool:
    if recorded == now or recorded is None or now is None:
        return recorded == now
    kept = _MASKED.split(recorded)
    if len(kept) == 1:
        return False
    return re.fullmatch(_WITHIN_A_TEXT.join(map(re.escape, kept)), now) is not None


_WITHIN_A_TEXT: Final = r'(?:[^"\\]|\\.)*?'
"""What a mask stands for: never for what ends the text that it is in, or another message would be taken for it."""


def word(name: str) -> str:
    """Name an attribute of a request in words.

    Examples:
        >>> word("gen_ai.request.top_p"), word("gen_ai.input.messages")
        ('top_p', 'messages')
    """
    return _WORDS.get(name) or name.removeprefix(_PREFIX)


def text(value: str | None) -> str:
    """Give what is said in messages, as a text to compare.

    Examples:
        >>> text('[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]')
        'user: Hi'
    """
    found = orjson.loads(value) if value is not None else []
    return found if isinstance(found, str) else "\n".join(_line(one) for one in found if isinstance(one, dict))


def _line(message: dict[str, Any]) -> str:
    parts = message.get("parts")
    if parts is None:
        return _part(message)
    return f"{message.get('role')}: {' '.join(map(_part, parts))}"


def _part(part: dict[str, Any]) -> str:
    content = part.get("content")
    return content if part.get("type") == "text" and isinstance(content, str) else written(part)
