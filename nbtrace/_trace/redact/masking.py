"""The rules applied to attributes: texts, JSON texts, lists and maps, each value also under its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._guard import report
from nbtrace._trace.redact import keys
from nbtrace._trace.redact.hits import mask, replaced
from nbtrace._trace.redact.names import kind_of
from nbtrace._trace.redact.rules import Rules
from nbtrace._trace.redact.shape import shape_of
from nbtrace._trace.redact.values import secret_part

_SMALLEST_PASSWORD: Final = 1000
"""A number under a password's name is one from here on; smaller ones are lengths and counts."""


def attributes(values: Mapping[str, AttributeValue], rules: Rules) -> dict[str, AttributeValue]:
    """Mask the secrets in attributes, nested ones included.

    Never fails: of values that cannot even be walked through, nothing is kept.
    """
    try:
        return cast("dict[str, AttributeValue]", _mapping(values, rules))
    except Exception as error:  # noqa: BLE001 - fail closed, whatever the reason
        report("redact", error)
        return {semconv.INCOMPLETE: "the attributes could not be searched for secrets and are not kept"}


def text(value: str, rules: Rules) -> str:
    """Mask the secrets in a text; one that is JSON is JSON afterwards."""
    if value[:1] not in ("{", "["):
        return rules.masked(value)
    masked = rules.masked(value)
    if masked is value and "\\u" not in value and "\\/" not in value:
        return value
    try:
        walked = _value(json.loads(value), rules)
        if _is_written(walked, masked):
            return masked
        return json.dumps(walked, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):  # no JSON after all, or nested too deep
        return masked


def _is_written(value: object, written: str) -> bool:
    """Say whether a text, which keeps the spaces as they were, is this value's JSON already."""
    try:
        return json.loads(written) == value
    except ValueError:
        return False


def _value(value: Any, rules: Rules) -> Any:
    if isinstance(value, str):
        return text(value, rules)
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[Any, Any]", value), rules)
    if isinstance(value, Sequence):
        return [_value(inner, rules) for inner in cast("Sequence[Any]", value)]
    return value


def _mapping(values: Mapping[Any, Any], rules: Rules) -> dict[Any, Any]:
    return {
        _name(name) if isinstance(name, str) else name: _named(name, value, rules) for name, value in values.items()
    }


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    """Mask the keys in a name, which is no text of anybody's: few rules apply, and names stay apart if one fails."""
    return replaced(name, found) if (found := keys.find(name, shape_of(name))) else name


def _named(name: object, value: Any, rules: Rules) -> Any:
    """Mask a value that its name says is a secret, and the secrets in any other."""
    kind = kind_of(name) if isinstance(name, str) else None
    if kind is None or isinstance(value, (Mapping, bytes)):
        return _value(value, rules)
    if isinstance(value, str):
        part = secret_part(kind, value)
        return _value(value, rules) if part is None else value[: part[0]] + mask(kind) + value[part[1] :]
    if isinstance(value, Sequence):
        return [_named(name, inner, rules) for inner in cast("Sequence[Any]", value)]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return mask(kind) if kind == "password" and is_number and value >= _SMALLEST_PASSWORD else _value(value, rules)
