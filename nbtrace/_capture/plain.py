"""Any Python value as JSON text of bounded size: for what goes into and comes out of a user's step.

Only plain values are written out. Of anything else its `repr` is kept, cut short: arguments in a notebook hold sockets,
clients and data frames, and walking into them costs seconds and has crashed kernels. Every cut says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from nbtrace._capture.messages import dumps

DEPTH: Final = 8
ITEMS: Final = 200
REPR: Final = 500
TEXT: Final = 100_000
"""Characters of one text."""
WORD: Final = 4096
"""Characters of the longest secret without a space; private keys have lines."""
_SPACE: Final = re.compile(r"\s")
_QUOTE: Final = re.compile(r"[\"'`]")


def text(value: object) -> str:
    """Give a text as it is, anything else as JSON.

    Examples:
        >>> text("as it is")
        'as it is'
        >>> text({"a": [1, print], "b": None})
        '{"a":[1,"<built-in function print>"],"b":null}'
    """
    return cut(value, TEXT) if isinstance(value, str) else dumps(_plain(value, DEPTH))


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return cut(value, TEXT)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if depth > 0:
        if isinstance(value, Mapping):
            return _mapping(cast("Mapping[object, object]", value), depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return _items(list(cast("list[object]", value)), depth)
        if hasattr(type(value), "model_dump"):
            return _plain(cast("Any", value).model_dump(), depth)
        if is_dataclass(value) and not isinstance(value, type):
            return _mapping({field.name: getattr(value, field.name) for field in fields(value)}, depth)
    return cut(repr(value), REPR)


def _mapping(value: Mapping[object, object], depth: int) -> dict[str, Any]:
    made = {str(key): _plain(value[key], depth - 1) for key in list(value)[:ITEMS]}
    if len(value) > ITEMS:
        made["…"] = f"{len(value) - ITEMS} more"
    return made


def _items(values: list[object], depth: int) -> list[Any]:
    made = [_plain(one, depth - 1) for one in values[:ITEMS]]
    return [*made, f"… {len(values) - ITEMS} more"] if len(values) > ITEMS else made


def cut(value: str, size: int) -> str:
    """Give a text of this many characters at most, and say how many more there were.

    Secrets are masked later, by their form, so none may be left in part: the word at the cut is left out, if it is not
    longer than any secret. Where there are no spaces, a word ends at a quote; where neither is, all of it is one.

    Examples:
        >>> cut("the key is sk-proj-0123456789", 20)
        'the key is … [18 more characters]'
    """
    if len(value) <= size:
        return value
    kept = value[:size]
    last = kept[-WORD:]
    found = max((match.end() for match in _SPACE.finditer(last)), default=0)
    found = found or max((match.end() for match in _QUOTE.finditer(last)), default=0)
    if found or size < WORD:
        kept = kept[: len(kept) - len(last) + found]
    return f"{kept}… [{len(value) - len(kept)} more characters]"
