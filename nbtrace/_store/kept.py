"""How the store keeps the columns: the same facts as `schema`, in a fifth of the bytes.

Texts that repeat are kept once. Messages, and every attribute longer than a line, are numbers of texts in the session's
`contents`; names, models and other words are dictionaries; the values of attributes are texts of a dictionary with
their kind beside them, because most spans of a session have the same ones. What is derived is not kept, and what is
empty or zero is null: a column of nulls alone costs the store nothing.

`expand` turns kept columns into those of `schema`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from nbtrace._store.schema import COLUMNS, VERSION, Column, ColumnType, events_of, links_of, list_of, schema

if TYPE_CHECKING:
    import pyarrow as pa

Kept = Literal[
    "same", "derived", "int8", "nonzero", "word", "words", "messages", "answers", "attributes", "events",
    "links",
]  # fmt: skip

INT8: Final = frozenset(("kind", "status_code"))
UNIQUE: Final = frozenset(("trace_state", "response_id"))
"""Texts of which each span has its own, so that a dictionary would only add to them."""

_BY_TYPE: Final[dict[ColumnType, Kept]] = {
    "time": "derived", "string": "word", "strings": "words", "text": "messages", "attributes": "attributes",
    "events": "events", "links": "links",
}  # fmt: skip

VALUE_KINDS: Final = ("string", "int", "double", "bool", "bytes", "json", "empty")
"""Kinds of attribute values, by number; all but the last name a child of the readers' struct."""


@cache
def how(column: Column) -> Kept:
    """Say how a column is kept."""
    if column.name in INT8:
        return "int8"
    if column.name in UNIQUE:
        return "same"
    if column.name == "output_messages":
        return "answers"
    if column.name.startswith("dropped_"):
        return "nonzero"
    return _BY_TYPE.get(column.type, "same")


@cache
def kept_schema() -> pa.Schema:
    """Build the Arrow schema of the tables in the store and its journal."""
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    attributes = list_of(
        pa.struct(
            [
                pa.field("key", word),
                pa.field("kind", pa.int8()),
                pa.field("value", word),
                pa.field("content", pa.int32()),
            ]
        )
    )
    """The value is the text `content` if that is set, and else `value`; bytes are base64."""
    types: dict[Kept, pa.DataType] = {
        "int8": pa.int8(),
        "nonzero": pa.uint32(),
        "word": word,
        "words": list_of(word),
        "messages": list_of(pa.int32()),
        "answers": list_of(pa.struct([pa.field("message", pa.int32()), pa.field("tail", pa.int32())])),
        "attributes": attributes,
        "events": events_of(attributes),
        "links": links_of(attributes),
    }
    read = schema()
    fields = [
        pa.field(column.name, read.field(column.name).type if how(column) == "same" else types[how(column)])
        for column in COLUMNS
        if how(column) != "derived"
    ]
    return pa.schema(fields, metadata={"nbtrace.kept_version": str(VERSION)})
