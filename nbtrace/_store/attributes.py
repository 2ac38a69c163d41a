"""Stored attributes as the plain Python values that a span carried: the store's encoding, undone for reading."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

KINDS: Final = ("string", "int", "double", "bool", "bytes")
"""Children of the attribute struct that hold a value as it is; `json` is the other one."""


def plain(stored: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Read the `attributes` of a row, an event or a link."""
    return {attribute["key"]: _value(attribute) for attribute in stored or ()}


def plain_column(stored: pa.ChunkedArray) -> list[dict[str, Any]]:
    """Read the `attributes` of many rows: what `plain` does, with a loop over rows but none over values."""
    return [row for chunk in stored.chunks for row in _plain_chunk(cast("Any", chunk))]


def _plain_chunk(chunk: Any) -> list[dict[str, Any]]:
    import numpy as np

    from nbtrace._store.expand import bits, list_offsets
    from nbtrace._store.texts import view

    flat = chunk.flatten()
    keys = flat.field("key").dictionary_encode()
    names = np.array([*keys.dictionary.to_pylist(), None], dtype=object)[view(keys.indices)].tolist()
    values = np.full(len(flat), None, dtype=object)
    for kind in (*KINDS, "json"):
        child = flat.field(kind)
        if child.null_count < len(child):
            is_set = bits(child.is_valid())
            found = child.drop_null().to_pylist()
            values[is_set] = _objects(found if kind != "json" else [_json(one) for one in found])
    each = values.tolist()
    places = pairwise(list_offsets(chunk).tolist())
    return [dict(zip(names[start:end], each[start:end], strict=True)) for start, end in places]


def _objects(values: list[Any]) -> Any:
    """Make an array of Python objects, also of lists, which numpy would take for rows."""
    import numpy as np

    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def _json(text: str) -> Any:
    """Read an array or a map; in a file of somebody else's it may be neither, and is then text.

    So is one that is nested deeper than Python follows.
    """
    try:
        return plain_value(orjson.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return text


def _value(attribute: Mapping[str, Any]) -> Any:
    if attribute["json"] is not None:
        return _json(attribute["json"])
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
