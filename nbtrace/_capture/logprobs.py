"""How probable the tokens of an answer were, in one form for all wire formats: chat completions' own.

There is one entry an answer, with its tokens in order under `content` and those of a refusal under `refusal`. The bytes
of a token are its text once more and are left out, but where it is a part of a character and has no text.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture.messages import dumps, listed, mapping
from nbtrace._capture.wire import Attributes, Body

JSON = dict[str, Any]

_TEXTS: Final = ("content", "refusal")


def of_chat(body: Body) -> Attributes:
    """Find them in a chat completion."""
    return _found(mapping(mapping(choice).get("logprobs")) for choice in listed(body.get("choices")))


def of_completion(body: Body) -> Attributes:
    """Find them in a legacy completion, which has a list of each kind of value."""
    return _found(_paired(mapping(mapping(choice).get("logprobs"))) for choice in listed(body.get("choices")))


def of_response(body: Body) -> Attributes:
    """Find them in a response, where each text has its own."""
    parts = [mapping(part) for item in listed(body.get("output")) for part in listed(mapping(item).get("content"))]
    return _found([{"content": [token for part in parts for token in listed(part.get("logprobs"))]}])


def _found(answers: Iterable[Body]) -> Attributes:
    told = [
        {name: [_token(one) for one in some] for name in _TEXTS if (some := listed(answer.get(name)))}
        for answer in answers
    ]
    return {semconv.LOGPROBS: dumps(told)} if any(told) else {}


def _token(given: object) -> JSON:
    token = dict(mapping(given)) or {"token": given}
    if alternatives := token.get("top_logprobs"):
        token["top_logprobs"] = [_token(one) for one in listed(alternatives)]
    else:
        token.pop("top_logprobs", None)
    if "bytes" in token and not _is_broken(token["bytes"]):
        del token["bytes"]
    return token


def _is_broken(given: object) -> bool:
    """Say whether bytes are no text: a part of a character."""
    with suppress(TypeError, ValueError):
        raw = bytes(listed(given))
        try:
            raw.decode()
        except UnicodeDecodeError:
            return True
    return False


def _paired(told: Body) -> Body:
    if "tokens" not in told:  # some servers answer in the form of chat completions
        return told
    probable, others = listed(told.get("token_logprobs")), listed(told.get("top_logprobs"))
    made: list[JSON] = []
    for place, token in enumerate(listed(told.get("tokens"))):
        one: JSON = {"token": token, "logprob": probable[place] if place < len(probable) else None}
        beside = mapping(others[place]) if place < len(others) else {}
        one["top_logprobs"] = [{"token": other, "logprob": value} for other, value in beside.items()]
        made.append(one)
    return {"content": made}
