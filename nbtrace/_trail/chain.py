"""The chain of hashes through the spans of an audit: each is bound to what it says, to its number, and to all before.

    content = SHA-256 of the canonical JSON of a span's columns and scores
    chain   = SHA-256 of the chain before it, a line feed, its number, a line feed, its content
    head    = the chain of the last span; before the first one it is the SHA-256 of what the audit says of itself

Canonical JSON has sorted keys, no blanks, bytes as hex digits, times as ISO 8601 and no numbers that JSON lacks. Who
changes a span and all hashes after it is only found by a head that was kept elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, cast

NUMBER: Final = "audit_number"
CONTENT: Final = "audit_content"
CHAIN: Final = "audit_chain"
"""The columns that an audit's file has besides those of the spans."""

KEY: Final = "nbtrace.audit"
"""What the file's metadata has the head and the audit's own words under, as JSON."""


def canonical(value: object) -> bytes:
    """Write a value as canonical JSON."""
    import orjson

    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def first(about: Mapping[str, object]) -> str:
    """Give what the chain begins with."""
    return sha256(canonical(about)).hexdigest()


def content(row: Mapping[str, object]) -> str:
    """Hash what a span says."""
    own = {name: value for name, value in row.items() if name not in (NUMBER, CONTENT, CHAIN)}
    return sha256(canonical(own)).hexdigest()


def link(before: str, number: int, said: str) -> str:
    """Bind a span to its number and to what was before it."""
    return sha256(f"{before}\n{number}\n{said}".encode()).hexdigest()


def _plain(value: object) -> Any:
    match value:
        case bytes():
            return {"hex": value.hex()}
        case datetime():
            return value.isoformat()
        case float():
            return value if math.isfinite(value) else {"float": str(value)}
        case dict():
            return {name: _plain(one) for name, one in cast("dict[str, Any]", value).items()}
        case list():
            return [_plain(one) for one in cast("list[Any]", value)]
        case _:
            return value
