"""Brings tables that an earlier nbtrace wrote to the schema of today, one numbered step after another.

A step knows the schema that it was written for and the one after it, and nothing of today's: steps are added at the
end and never changed. Attributes that have got a column of their own move into it where their type fits, and nothing
else is lost or made up. Other columns are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace._store.columns import lists, strings
from nbtrace._store.expand import bits
from nbtrace._store.schema import VERSION
from nbtrace._store.texts import int32, view
from nbtrace.errors import UnsupportedVersionError

KEY: Final = b"nbtrace.schema_version"
"""Where a table's metadata says its version."""

Array = Any
"""Nested arrays have more than the stubs of pyarrow know."""


def upgraded(table: pa.Table) -> pa.Table:
    """Bring a table to the schema of today; one that does not say its version is taken to be of today.

    Raises:
        UnsupportedVersionError: a newer nbtrace wrote it.
    """
    metadata: dict[bytes, bytes] = dict(table.schema.metadata or {})
    said = metadata.get(KEY)
    if said is None:
        return table
    version = int(said) if said.isdigit() else 0
    if not 0 < version <= VERSION:
        raise UnsupportedVersionError.schema(said.decode(errors="replace"), VERSION)
    for upgrade in UPGRADES[version - 1 :]:
        table = upgrade(table)
    return table.replace_schema_metadata({**metadata, KEY: str(VERSION).encode()})


def _to_2(table: pa.Table) -> pa.Table:
    """Give refusals, outcomes, attempts and tags columns of their own."""
    if "attributes" not in table.column_names:
        return table
    words: Any = pa.list_(pa.field("element", pa.string()))
    table = _promoted(table, "refusal", "nbtrace.refusal", "string", _words)
    table = _promoted(table, "stream_outcome", "nbtrace.stream.outcome", "string", _words)
    table = _promoted(table, "attempts", "nbtrace.attempts", "int", _same)
    table = _promoted(table, "rate_limited_s", "nbtrace.attempts.rate_limited", "double", _same)
    return _promoted(table, "tags", "nbtrace.tags", "json", lambda found: _texts_of(words, found))


UPGRADES: Final[tuple[Callable[[pa.Table], pa.Table], ...]] = (_to_2,)
"""The step at index n brings a table from version n + 1 to n + 2."""


def _promoted(table: pa.Table, name: str, key: str, child: str, convert: Callable[[Array], Array]) -> pa.Table:
    """Move an attribute into a new column.

    Args:
        table: where `attributes` are lists of structs.
        name: of the column.
        key: of the attribute.
        child: where in the struct the value is; others do not fit.
        convert: makes values of the column; null where one does not fit.
    """
    attributes: Array = table.column("attributes").cast(_attributes()).combine_chunks()
    flat, rows = attributes.flatten(), view(pc.list_parent_indices(attributes).cast(pa.int64()))
    named: Array = pc.and_(pc.equal(flat.field("key"), strings(pa.string(), [key])[0]), pc.is_valid(flat.field(child)))
    at = np.flatnonzero(bits(pc.fill_null(named, pa.scalar(False))))
    at = at[np.unique(rows[at], return_index=True)[1]]
    values = convert(flat.field(child).take(int32(at)))
    at, values = at[bits(pc.is_valid(values))], values.drop_null()
    places = np.full(len(table), -1, np.int64)
    places[rows[at]] = np.arange(len(at))
    column = values.take(pa.array(places, mask=places < 0))
    left = np.delete(np.arange(len(flat)), at)
    lengths = np.bincount(rows[left], minlength=len(table))
    offsets = int32(np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))
    rest: Any = pa.ListArray.from_arrays(offsets, flat.take(int32(left)), type=attributes.type)
    table = table.set_column(table.schema.get_field_index("attributes"), "attributes", rest)
    return table.append_column(name, column)


def _texts_of(kind: pa.DataType, found: Array) -> Array:
    """Read arrays of texts from OTLP JSON; null for what is none."""
    return lists(kind, [_texts(one) for one in found.to_pylist()], lambda flat: strings(pa.string(), flat))


def _texts(value: str) -> list[str] | None:
    try:
        return [one["stringValue"] for one in orjson.loads(value)["arrayValue"]["values"]]
    except (ValueError, KeyError, TypeError):
        return None


def _attributes() -> Any:
    """Give the type of attributes in version 2; version 1 had smaller texts."""
    values = ("string", pa.large_string()), ("int", pa.int64()), ("double", pa.float64()), ("bool", pa.bool_())
    rest = ("bytes", pa.binary()), ("json", pa.large_string())
    fields = [pa.field("key", pa.string(), nullable=False), *(pa.field(name, kind) for name, kind in (*values, *rest))]
    return pa.list_(pa.field("element", pa.struct(fields)))


def _same(found: Array) -> Array:
    return found


def _words(found: Array) -> Array:
    return found.cast(pa.string())
