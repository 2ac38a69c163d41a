"""HTTP headers: none is kept but those of a short list, whoever recorded them.

Our own spans take only listed ones from a response and none from a request. Other instrumentations record more, by the
names of the HTTP conventions or in a lump.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

RECORDED: Final = frozenset({"x-request-id", "request-id", "retry-after", "retry-after-ms", "openai-processing-ms"})
"""Headers of a response that our own spans record."""
PREFIXES: Final = ("x-ratelimit-", "anthropic-ratelimit-")
"""Beginnings of more such headers."""
_KEPT: Final = RECORDED | {"content-type", "content-length", "user-agent"}
"""Headers that may be kept where somebody else recorded them."""
RULE: Final = "header"
"""The rule that the mask of any other header names."""

LUMPS: Final = frozenset({"extra_headers", "default_headers"})
"""Parameters of a call that are headers."""
LUMP_SIGN: Final = '_headers"'
"""What a JSON text with one of them holds."""
_ONE: Final = re.compile(r"(?:http|rpc|grpc)\.(?:\w+\.)*(?:header|metadata)\.(.+)")
_LUMP: Final = re.compile(r"(?:.+[._])?(?:headers|http_headers)")


def is_kept(name: str) -> bool:
    """Say whether a header may be kept."""
    lower = name.lower().replace("_", "-")
    return lower in _KEPT or lower.startswith(PREFIXES)


@lru_cache(maxsize=4096)
def is_hidden(attribute: str) -> bool:
    """Say whether an attribute holds headers that may not be kept.

    Examples:
        >>> is_hidden("http.request.header.authorization"), is_hidden("llm.headers")
        (True, True)
        >>> is_hidden("http.response.header.x-request-id"), is_hidden("http.request.method")
        (False, False)
    """
    one = _ONE.fullmatch(attribute.lower())
    return not is_kept(one[1]) if one is not None else _LUMP.fullmatch(attribute.lower()) is not None
