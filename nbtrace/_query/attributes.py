"""Stored attributes as the plain Python values that a span carried: the store's encoding, undone for reading."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KINDS: Final = ("string", "int", "double", "bool", "bytes")
"""Children of the attribute struct that hold a value as it is; `json` is the other one."""


def plain(stored: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Read the `attributes` of a row, an event or a link."""
    return {attribute["key"]: _value(attribute) for attribute in stored or ()}


def _value(attribute: Mapping[str, Any]) -> Any:
    if attribute["json"] is not None:
        return plain_value(orjson.loads(attribute["json"]))
    return next((value for kind in KINDS if (value := attribute[kind]) is not None), None)


def plain_value(any_value: Mapping[str, Any]) -> Any:
    """Read an OTLP JSON `AnyValue`."""
    return next((_READERS[kind](content) for kind, content in any_value.items()), None)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": float,
    "bytesValue": base64.b64decode,
    "arrayValue": lambda content: [plain_value(one) for one in content["values"]],
    "kvlistValue": lambda content: {pair["key"]: plain_value(pair["value"]) for pair in content["values"]},
}
