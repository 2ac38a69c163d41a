"""Brings a stored OTLP JSON `AnyValue` into the bounds that every OTLP reader has.

The store keeps integers of any size and nesting of any depth. OTLP has 64-bit integers, and protobuf readers stop at a
hundred nested messages; one value beyond that would cost the whole request. Such a value is sent as text instead.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from nbtrace._store.values import written

INT64: Final = range(-(2**63), 2**63)

DEPTH: Final = 24
"""Arrays and maps inside each other. Each takes up to three messages of the hundred, and a span's event seven."""

Json = dict[str, Any]

_LONG_INTEGER: Final = re.compile(r'"intValue":\s*"?-?\d{19}')


def suspicious(stored: str) -> bool:
    """Say quickly whether a text may be out of bounds; most are not, and can be used as they are."""
    return stored.count('"values"') > DEPTH or _LONG_INTEGER.search(stored) is not None


def loads(stored: str) -> Json:
    """Read OTLP JSON, within bounds: a value, a resource or a scope."""
    found = orjson.loads(stored)
    if suspicious(stored):
        if "attributes" in found:
            found["attributes"] = [_pair(pair, 0) for pair in found["attributes"]]
        else:
            found = _value(found, 0)
    return found


def _value(value: Json, depth: int) -> Json:
    match value:
        case {"intValue": number} if int(number) not in INT64:
            return {"stringValue": str(number)}
        case {"arrayValue": _} | {"kvlistValue": _} if depth == DEPTH:
            return {"stringValue": written(value)}
        case {"arrayValue": {"values": values}}:
            return {"arrayValue": {"values": [_value(one, depth + 1) for one in values]}}
        case {"kvlistValue": {"values": pairs}}:
            return {"kvlistValue": {"values": [_pair(pair, depth + 1) for pair in pairs]}}
        case _:
            return value


def _pair(pair: Json, depth: int) -> Json:
    return {**pair, "value": _value(pair.get("value", {}), depth)}
