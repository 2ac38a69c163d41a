"""What a server said of an error, as attributes; it may quote the prompt, so they are part of a span's detail."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from nbtrace import semconv
from nbtrace._capture import plain
from nbtrace._capture.messages import loads, mapping
from nbtrace._capture.wire import Attributes, Body

REFUSED: Final = 400
"""HTTP statuses from here on are refusals."""

BODY: Final = 10_000
"""Characters kept of what a server said: an error page can be a book."""


def attributes(said: bytes) -> Attributes:
    """Give the body of a refusal, or an event of a stream, and what it says by name."""
    found: Attributes = {semconv.ERROR_BODY: plain.cut(said.decode(errors="replace"), BODY)} if said else {}
    error = error_in(said)
    for name, key in (("code", semconv.ERROR_CODE), ("type", semconv.ERROR_KIND), ("param", semconv.ERROR_PARAM)):
        if (value := error.get(name)) is not None:
            found[key] = str(value)
    return found


def error_in(said: bytes) -> Body:
    """Find the error object, which OpenAI and Anthropic put under `error`, and others at the top."""
    with suppress(ValueError):
        body = mapping(loads(said))
        return mapping(body.get("error")) or body
    return {}
