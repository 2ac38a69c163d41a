"""What the codecs share: JSON read as the client does, read leniently, and written; and the estimate of tokens.

Bodies come from anywhere: a malformed request, which the server will refuse, is recorded too, since that is when one
looks. So nothing here, and nothing in a codec, fails for what a body holds or lacks.
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


def uri(given: object, modality: str) -> dict[str, Any]:
    """Give the part that a URL becomes; one that holds its content becomes a blob."""
    url = str(given or "")
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, content = url.partition(",")
    mime_type = head.removeprefix("data:").split(";")[0]
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": content}


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
