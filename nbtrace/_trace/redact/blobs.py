"""Images, recordings and files inside messages: kept up to a size, and beyond it known by type, size and hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from nbtrace._trace.blobs import decoded

_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_\s-]*")
_DATA_URL: Final = re.compile(r"data:[\w.+-]{0,80}/?[\w.+-]{0,80}(?:;[\w=.+-]{0,80}){0,4};base64,")
_SMALL: Final = 1024
"""Characters of what may as well be a text."""


def signs_of(text: str) -> bool:
    """Say whether a JSON text may hold a blob."""
    return len(text) > _SMALL and ('"blob"' in text or ";base64," in text)


def is_blob(part: Mapping[Any, Any]) -> bool:
    """Say whether a message's part is the content of a file."""
    return part.get("type") == "blob" and isinstance(part.get("content"), str) and is_base64(part["content"])


def is_base64(text: str) -> bool:
    """Say whether a text is nothing but bytes."""
    return len(text) > _SMALL and _BASE64.fullmatch(text) is not None


def data_url(text: str) -> int | None:
    """Give where the bytes begin of a URL that holds them."""
    found = _DATA_URL.match(text) if text.startswith("data:") else None
    return found.end() if found is not None and is_base64(text[found.end() :]) else None


def size_of(encoded: str) -> int:
    """Count the bytes of what is in base64."""
    return len("".join(encoded.split()).rstrip("=")) * 3 // 4


def without_content(part: Mapping[Any, Any]) -> dict[Any, Any]:
    """Give what is kept of a blob that is too large."""
    content = part["content"]
    rest = {name: value for name, value in part.items() if name != "content"}
    return {**rest, "size": size_of(content), "sha256": digest(content), "cut": left_out(content)}


def left_out(encoded: str) -> str:
    """Say that a content is not there."""
    return f"content of {size_of(encoded):,} bytes is left out"


def digest(encoded: str) -> str:
    """Give the SHA-256 of the bytes, or of their base64 if that is not valid."""
    content = decoded(encoded)
    return sha256(encoded.encode() if content is None else content).hexdigest()
