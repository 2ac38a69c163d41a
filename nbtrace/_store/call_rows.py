"""Reads the rows of calls as plain values, but their messages only where somebody asks for the text of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrace._store.attributes import plain_column
from nbtrace._store.expand import bits, expand, list_offsets
from nbtrace._store.schema import PROMOTED, Column
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.texts import Texts, view

CORE: Final = (
    "trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano", "duration_ns", "status_code",
    "status_message", "dropped_attributes_count", "dropped_events_count", "dropped_links_count", "resource", "scope",
)  # fmt: skip
"""What is read of a row beside its attributes, events and links."""

Row = dict[str, Any]


class Messages:
    """Messages of a row: numbers of texts, which are only read where they differ.

    Args:
        column: theirs.
        kept: they, as a list of one row.
        texts: what the numbers mean.
    """

    def __init__(self, column: Column, kept: Any, texts: Texts) -> None:
        self._column, self._kept, self._texts = column, kept, texts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Messages) and (self._kept.equals(other._kept) or self.text == other.text)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    @cached_property
    def text(self) -> str:
        """The JSON that they are."""
        text: str = expand(self._column, self._kept, self._texts)[0].as_py()
        return text


def content_sizes(rows: pa.RecordBatch, texts: Texts) -> Any:
    """Give the bytes of the messages and attributes of each row, as a numpy array."""
    sizes = np.zeros(len(rows), np.int64)
    names = [column.name for column in PROMOTED.values() if column.type == "text"]
    for name in (*names, "attributes"):
        lists: Any = rows.column(name)
        flat = lists.flatten()
        if pa.types.is_struct(flat.type):
            flat = flat.field("content" if name == "attributes" else "message")
        is_text = bits(pc.is_valid(flat)) if len(flat) else np.zeros(0, bool)
        lengths = np.zeros(len(flat) + 1, np.int64)
        lengths[1:][is_text] = texts.lengths(view(flat.drop_null()))
        sizes += np.diff(np.cumsum(lengths)[list_offsets(lists)])
    return sizes


def text_of(value: Any) -> Any:
    """Give the text of messages, and anything else as it is."""
    return value.text if isinstance(value, Messages) else value


def read_rows(rows: pa.RecordBatch, texts: Texts) -> list[Row]:
    """Read rows as plain values, all attributes together, promoted or not."""
    snapshot = Snapshot(pa.Table.from_batches([rows]), texts)
    read: list[Row] = snapshot.select(CORE).to_pylist()
    nested: list[Row] = snapshot.select(["events", "links"]).to_pylist()
    names = {column.name: key for key, column in PROMOTED.items() if column.type != "text"}
    columns = snapshot.select([*names]).to_pylist()
    plainly = plain_column(snapshot["attributes"])
    for row, others, promoted, attributes in zip(read, nested, columns, plainly, strict=True):
        known = {names[name]: value for name, value in promoted.items() if value is not None}
        row.update(others, columns=known, attributes=attributes | known)
    for key, column in PROMOTED.items():
        if column.type == "text":
            kept: Any = rows.column(column.name)
            for number in np.flatnonzero(bits(pc.is_valid(kept))).tolist():
                messages = Messages(column, kept.slice(number, 1), texts)
                read[number]["columns"][key] = read[number]["attributes"][key] = messages
    return read
