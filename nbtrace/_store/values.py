"""Attribute values as OTLP JSON: the form in which the store keeps arrays, maps, resources and scopes.

OTLP's `AnyValue` tells an int from a double from a string and bytes from text, which plain JSON does not. Integers of
any size are decimal strings there, so that none is rounded. A value of no OTLP type becomes its `str`, as in the SDK.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import orjson

from nbtrace._guard import guard

UNSTORABLE: Final = '{"stringValue":"<value that nbtrace could not store>"}'
"""Stands for a value that contains itself or whose `str` fails."""

TOO_DEEP: Final = "<value that is nested too deep to be written>"


def to_json(value: object) -> str:
    """Write any attribute value as the JSON of an OTLP `AnyValue`; never fails."""
    with guard("store"):
        return _dumps(any_value(value))
    return UNSTORABLE


def written(value: object, default: Callable[[Any], Any] = str) -> str:
    """Write a value as plain JSON, however deep it is nested; what is too deep for that says so.

    Args:
        value: what is to be written.
        default: gives what is written instead of a value that JSON has no form for.
    """
    try:
        return orjson.dumps(value, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # it writes 254 levels, and reads 1,024
        try:
            return text(json.dumps(value, default=default, ensure_ascii=False, separators=(",", ":")))
        except (RecursionError, ValueError):  # or it contains itself
            return TOO_DEEP


def stored(key: str, value: object) -> dict[str, Any]:
    """Give an attribute as the table has it: its key, and the value under its kind.

    Examples:
        >>> {name: one for name, one in stored("answer", [42]).items() if one is not None}
        {'key': 'answer', 'json': '{"arrayValue":{"values":[{"intValue":"42"}]}}'}
    """
    made: dict[str, Any] = {"key": key, **dict.fromkeys(("string", "int", "double", "bool", "bytes", "json"))}
    match value:
        case None:
            pass
        case str():
            made["string"] = value
        case bool():
            made["bool"] = value
        case int() if -(2**63) <= value < 2**63:
            made["int"] = value
        case float():
            made["double"] = value
        case bytes():
            made["bytes"] = value
        case _:
            made["json"] = to_json(value)
    return made


def describe(*, schema_url: str, attributes: Mapping[str, object], **parts: object) -> str:
    """Write a resource or scope as OTLP JSON, with the schema URL that OTLP keeps one level higher."""
    pairs = key_values(attributes)
    full = {**parts, "attributes": pairs, "schemaUrl": schema_url}
    return _dumps({key: text(part) if isinstance(part, str) else part for key, part in full.items() if part})


def any_value(value: object) -> dict[str, Any]:
    """Give a value its OTLP type."""
    match value:
        case None:
            return {}
        case str():
            return {"stringValue": text(value)}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": float(value) if math.isfinite(value) else _NOT_FINITE[str(float(value))]}
        case bytes() | bytearray() | memoryview():
            return {"bytesValue": base64.b64encode(value).decode()}
        case Mapping():
            return {"kvlistValue": {"values": key_values(cast("Mapping[str, object]", value))}}
        case Sequence():
            return {"arrayValue": {"values": [any_value(one) for one in cast("Sequence[object]", value)]}}
        case _:
            return {"stringValue": text(str(value))}


_NOT_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def key_values(attributes: Mapping[str, object]) -> list[dict[str, Any]]:
    """Write attributes as a list of OTLP `KeyValue`."""
    return [{"key": text(str(key)), "value": any_value(value)} for key, value in attributes.items()]


def text(value: str) -> str:
    """Make a string fit for UTF-8: a lone surrogate, which has no encoding, is spelled out as its escape."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
