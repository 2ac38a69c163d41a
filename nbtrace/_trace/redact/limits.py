"""How large a value may be, and what is left of one that is larger: marked where it was cut, and JSON if it was.

The longest texts in it are cut, each to its beginning and its end, and all to the same length, a power of two: so a
long message is cut alike in each call that repeats it. Where that is not enough, because there are many, those in the
middle are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from nbtrace._trace.redact import blobs

MAX_CONTENT_BYTES: Final = 4 * 2**20
"""Of one attribute. Longer prompts are rare, and what is looked for in one is not found by reading it."""
MAX_BLOB_BYTES: Final = 2**20
"""Of one image, recording or file."""
_SHORTEST: Final = 256
"""Characters to which texts are cut at most, before some are left out."""
_MARK: Final = 64
"""Bytes that a mark takes, at most."""


def size_of(text: str) -> int:
    """Count the bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def fitted(text: str, limit: int) -> str:
    """Give a text of at most `limit` bytes, with marks where it was cut; JSON stays JSON.

    Examples:
        >>> fitted("short", 100)
        'short'
        >>> fitted("0123456789" * 100, 100)
        '012345678901234567890123456… [cut: 964 characters] …123456789'
    """
    if len(text) * 4 <= limit or size_of(text) <= limit:
        return text
    if text[:1] in ("{", "["):
        try:
            return _fitted_json(json.loads(text), limit)
        except (ValueError, RecursionError):  # no JSON after all, or nested too deep
            pass
    longest = limit - _MARK
    while size_of(cut := _cut(text, longest)) > limit and longest > 1:
        longest = longest * 3 // 4
    return cut


def _fitted_json(value: Any, limit: int) -> str:
    lengths = list(_lengths(value))
    longest = 2 ** max(limit, _SHORTEST).bit_length()
    while longest > _SHORTEST and sum(min(length, longest) for length in lengths) > limit:
        longest //= 2
    while longest > _SHORTEST:
        written = _dumps(_shortened(value, longest))
        if size_of(written) <= limit:
            return written
        longest //= 2
    return _dumps(_thinned(_shortened(value, _SHORTEST), limit))


def _lengths(value: Any) -> Iterator[int]:
    if isinstance(value, str):
        yield len(value)
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            yield from _lengths(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _lengths(inner)


def _shortened(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return _cut(value, longest)
    if isinstance(value, dict):
        part = cast("dict[str, Any]", value)
        if blobs.is_blob(part) and len(part["content"]) > longest:
            part = blobs.without_content(part)  # bytes that are cut in the middle are of no use
        return {key: _shortened(inner, longest) for key, inner in part.items()}
    if isinstance(value, list):
        return [_shortened(inner, longest) for inner in cast("list[Any]", value)]
    return value


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: longest - end]}… [cut: {len(text) - longest:,} characters] …{text[len(text) - end :]}"


def _thinned(value: Any, limit: int) -> Any:
    """Leave out what is in the middle of lists and at the end of objects."""
    if size_of(_dumps(value)) <= limit:
        return value
    if isinstance(value, list) and limit > 2 * _MARK:
        return _ends(cast("list[Any]", value), limit - _MARK)
    made: dict[str, Any] = {}
    if isinstance(value, dict):
        left = limit - _MARK
        for key, inner in cast("dict[str, Any]", value).items():
            room = left - size_of(_dumps(key)) - len(":,")
            if room <= _MARK:
                break
            made[key] = _thinned(inner, room)
            left = room - size_of(_dumps(made[key]))
        left_out = len(cast("dict[str, Any]", value)) - len(made)
        return made | ({"…": f"[cut: {left_out:,} more]"} if left_out else {})
    return "… [cut] …"


def _ends(values: list[Any], limit: int) -> list[Any]:
    first: list[Any] = []
    last: list[Any] = []
    left = limit
    for place in range(len(values)):
        at = place // 2 if place % 2 == 0 else len(values) - 1 - place // 2
        one = values[at]
        size = size_of(_dumps(one)) + len(",")
        if size > left and place == 0:
            one = _thinned(one, left // 2)
            size = size_of(_dumps(one)) + len(",")
        if size > left:
            break
        left -= size
        (first if place % 2 == 0 else last).append(one)
    number = len(values) - len(first) - len(last)
    return [*first, *([_left_out(values[0], number)] if number else []), *reversed(last)]


def _left_out(like: Any, number: int) -> Any:
    """Give what stands for values that are left out of a list: a message among messages, a part among parts."""
    text = f"… [cut: {number:,} more] …"
    if not isinstance(like, dict):
        return text
    part = {"type": "text", "content": text}
    return {"role": "nbtrace", "parts": [part]} if "role" in like else part


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
