"""The usage of a chat stream, asked for in the user's place.

Chat streams tell their usage only if asked, in one more chunk, which has no choices; code that takes `choices[0]` of
every chunk fails on it. So it is asked for only where the user has opted in and his request says nothing about it, and
the chunk is kept from him. A response whose raw bytes the user gets is not asked for it: nothing can be hidden there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from typing import Any, Final, cast

from nbtrace._capture.messages import loads, mapping
from nbtrace._guard import guard

RAW_RESPONSE: Final = "x-stainless-raw-response"
"""The header by which the clients' raw responses are asked for; it never leaves the client."""
_NO_CHOICES: Final = re.compile(r'"choices"\s*:\s*\[\s*\]')


def asking(options: Any, body: Mapping[str, Any]) -> Any:
    """Give the options of a request with the wish for usage added; none if it is no such stream or says what it wants.

    Args:
        options: the client's request options, which are not changed.
        body: the request's JSON, as the client will send it.
    """
    given = body.get("stream_options")
    if body.get("stream") is not True or not (given is None or isinstance(given, Mapping)):
        return None
    wishes = cast("Mapping[str, Any]", given or {})
    headers = options.headers if isinstance(options.headers, Mapping) else {}
    if "include_usage" in wishes or any(str(name).lower() == RAW_RESPONSE for name in headers):
        return None
    changed = copy(options)
    # The client lets this go over the body, which stays as it is.
    changed.extra_json = {**(options.extra_json or {}), "stream_options": {**wishes, "include_usage": True}}
    return changed


def is_extra(chunk: Mapping[str, Any]) -> bool:
    """Tell the chunk that has nothing but the usage."""
    return chunk.get("choices") == [] and bool(chunk.get("usage"))


def tells(event: Any) -> bool:
    """Tell the event that has nothing but the usage.

    Args:
        event: as the client's decoder gives it; the text in `data` is looked at.

    Examples:
        >>> from types import SimpleNamespace
        >>> tells(SimpleNamespace(data='{"choices": [], "usage": {"prompt_tokens": 9}}'))
        True
        >>> tells(SimpleNamespace(data='{"choices": [], "prompt_filter_results": [], "usage": null}'))
        False
    """
    with guard("capture"), suppress(ValueError):
        return _NO_CHOICES.search(event.data) is not None and is_extra(mapping(loads(event.data)))
    return False
