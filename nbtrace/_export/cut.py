"""Cuts the texts that a receiver does not keep whole, and says on their spans, in `nbtrace.cut`, what they were."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from nbtrace import semconv
from nbtrace._export.attributes import ABSENT
from nbtrace._export.columns import ATTRIBUTE, Columns
from nbtrace._export.prepare import cuts_told, shortened
from nbtrace._export.protobuf import attribute, strings_value, text_field
from nbtrace._export.sizes import sizes
from nbtrace._export.values import slices
from nbtrace._store.kept import VALUE_KINDS
from nbtrace._store.schema import PROMOTED
from nbtrace._store.texts import int32

STRING: Final = VALUE_KINDS.index("string")


class Cut:
    """What is cut of the spans of a batch.

    Args:
        columns: their facts.
        limit: bytes of a text that the receiver keeps; more than any text has that is kept with its attribute.
    """

    def __init__(self, columns: Columns, limit: int) -> None:
        self.left_out: dict[str, Any] = {}
        """Attributes that are written anew, and in which rows."""
        self.count = 0
        """How many texts were cut."""
        self._columns = columns
        self._limit = limit
        self._made: list[list[bytes]] = [[] for _ in range(columns.rows)]
        self._told: dict[int, list[str]] = {}
        for key, column in PROMOTED.items():
            if column.type in {"string", "text"}:
                self._cut_column(key, column.name)
        self._cut_attributes()
        self._say()
        self.written = [b"".join(made) for made in self._made]
        """What is written behind each span."""

    def _cut_column(self, key: str, name: str) -> None:
        """Cut the texts of a column, each different one once."""
        rows = np.flatnonzero(self._columns.sizes(name) > self._limit)
        if not len(rows):
            return
        firsts, inverse = self._columns.grouped([name], rows)
        texts = slices(self._columns.taken(name, firsts).cast(pa.large_string()))
        made = [self._cut(key, bytes(text)) if text and len(text) > self._limit else None for text in texts]
        for row, group in zip(rows.tolist(), inverse.tolist(), strict=True):
            if (one := made[group]) is not None:
                self._put(row, key, *one)

    def _cut_attributes(self) -> None:
        """Cut attributes that have no column, each different one once."""
        found = self._columns.attributes
        kinds, contents = found.kinds[found.firsts], found.contents[found.firsts]
        candidates = np.flatnonzero((kinds == STRING) & (contents >= 0))
        texts = self._columns.texts(contents[candidates])
        long = np.flatnonzero(sizes(texts) > self._limit)
        if not len(long):
            return
        made: dict[int, tuple[str, bytes, str]] = {}
        for element, text in zip(candidates[long].tolist(), slices(texts.take(int32(long))), strict=True):
            key = found.key(int(found.firsts[element]))
            made[element] = (key, *self._cut(key, bytes(text or b"")))
        for at in np.flatnonzero(np.isin(found.each, [*made])).tolist():
            self._put(int(found.rows[at]), *made[int(found.each[at])])

    def _cut(self, key: str, text: bytes) -> tuple[bytes, str]:
        """Write what is kept of a text, and say what it was."""
        kept, told = shortened(key, text, self._limit)
        return text_field(key, kept.encode()), told

    def _put(self, row: int, key: str, written: bytes, told: str) -> None:
        self._made[row].append(written)
        self._told.setdefault(row, []).append(told)
        self._leave_out(key, row)

    def _leave_out(self, key: str, row: int) -> None:
        if key not in self.left_out:
            self.left_out[key] = np.zeros(self._columns.rows, bool)
        self.left_out[key][row] = True

    def _say(self) -> None:
        """Say on each span what was cut of it."""
        known: dict[tuple[str, ...], bytes] = {}
        before = semconv.CUT in self._columns.keys
        for row, told in self._told.items():
            self.count += len(told)
            if before:
                (there,) = self._columns.values(ATTRIBUTE + semconv.CUT, np.array([row]))
                told[:0] = [] if there is ABSENT else cuts_told(there)
                self._leave_out(semconv.CUT, row)
            said = tuple(told)
            if said not in known:
                known[said] = attribute(semconv.CUT, strings_value(told))
            self._made[row].append(known[said])
