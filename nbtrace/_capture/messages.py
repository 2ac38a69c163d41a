"""What the codecs share: JSON read as the client does, read leniently, and written.

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

Body = Mapping[str, Any]


def tool_definition(given: object) -> dict[str, Any]:
    """Give the definition of a tool that is offered to the model."""
    tool = mapping(given) or {"type": given}
    function = tool.get("function") or tool.get("custom")
    return {"type": tool.get("type"), **function} if isinstance(function, dict) else dict(tool)


def converted(kind: Callable[[Any], AttributeValue], value: Any) -> AttributeValue:
    """Give a value as an attribute of this kind, or as text if it is none."""
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)  # what the request really said


def parameters(
    body: Body, known: Mapping[str, tuple[str, Callable[[Any], AttributeValue]]]
) -> dict[str, AttributeValue]:
    """Give the parameters of a request that are attributes as they are.

    Args:
        body: the request.
        known: their names, each with that of its attribute and its kind.
    """
    given = ((key, kind, body.get(name)) for name, (key, kind) in known.items())
    return {key: converted(kind, value) for key, kind, value in given if value is not None}


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


def written(body: dict[str, Any]) -> bytes:
    """Write a request as JSON, whatever is in it."""
    try:
        return orjson.dumps(body, default=_dumped, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, integers beyond 64 bits, iterators, files
        return json.dumps(body, default=_plain).encode()


def _dumped(value: Any) -> Any:
    """Give the JSON form of a model, which a client accepts."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_unset=True, warnings=False)
    raise TypeError


def _plain(value: Any) -> Any:
    """Give the JSON form of a value that a client accepts and JSON does not know."""
    return _dumped(value) if hasattr(value, "model_dump") else str(value)
