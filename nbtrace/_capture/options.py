"""The parameters of a request that shape the answer and have no name in the conventions, kept as they were sent.

Two requests that differ in one of them are not the same request, and who makes a call again needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from nbtrace import semconv
from nbtrace._capture.messages import dumps
from nbtrace._capture.wire import ASKED_ID, Attributes, Body

_SAID: Final = frozenset(
    {"model", "messages", "tools", "system", "instructions", "input", "prompt", "$files", ASKED_ID}
)
"""What has a place of its own on the span."""
_NO_MATTER: Final = frozenset(
    {
        "stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "service_tier", "timeout", "include", "mcp_servers", "anthropic_version",
        "anthropic_beta",
    }
)  # fmt: skip
"""What does not shape the answer, and servers of tools, which come with their keys."""


def options(body: Body, kept: Collection[str]) -> Attributes:
    """Give the rest of a request.

    Args:
        body: the request.
        kept: the parameters that have attributes of their own.

    Examples:
        >>> options({"model": "m", "temperature": 1, "tool_choice": "none", "user": "ada"}, ["temperature"])
        {'nbtrace.request.options': '{"tool_choice":"none"}'}
        >>> options({"model": "m"}, [])
        {}
    """
    apart = {*kept, *_SAID, *_NO_MATTER}
    stored = {"prompt"} if isinstance(body.get("prompt"), Mapping) else set[str]()  # at the provider's
    rest = {name: value for name, value in body.items() if name not in apart - stored and value is not None}
    return {semconv.REQUEST_OPTIONS: dumps(rest)} if rest else {}
