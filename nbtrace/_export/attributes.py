"""The attributes without a column of the spans of a batch, each different one once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from nbtrace._export.codes import Codes
from nbtrace._export.values import or_minus_one, starts
from nbtrace._store.attributes import plain_column
from nbtrace._store.expand import expand
from nbtrace._store.kept import VALUE_KINDS
from nbtrace._store.schema import COLUMNS
from nbtrace._store.texts import Texts, int32, view

ABSENT: Final = object()
"""Stands for an attribute that a span does not have."""
COLUMN: Final = next(column for column in COLUMNS if column.name == "attributes")
Array = Any


class Attributes:
    """The attributes, each with a number among all of the batch.

    Args:
        kept: their column.
        texts: what its numbers mean.
    """

    def __init__(self, kept: Array, texts: Texts) -> None:
        self._texts = texts
        self._flat = kept.flatten()
        names, kinds, words, content = (self._flat.field(index) for index in range(4))
        self.bounds = starts(kept)
        """Where those of each row begin, and where the last ones end."""
        self.kinds = view(kinds)
        self._names = names.dictionary.to_pylist()
        self._key_codes = view(names.indices)
        self.words, self.own = words.dictionary.to_pylist(), or_minus_one(words.indices)
        """Short texts, and of each attribute the number of its, or -1."""
        self.contents = or_minus_one(content)
        """Of each attribute the number of its long text, or -1."""
        value = np.where(self.contents >= 0, len(self.words) + 1 + self.contents, self.own + 1).astype(np.int64)
        most = int(value.max()) + 1 if len(value) else 1
        code = (self._key_codes.astype(np.int64) * len(VALUE_KINDS) + self.kinds) * most + value
        _, self.firsts, self.each = np.unique(code, return_index=True, return_inverse=True)
        """Of each different attribute the first one, and of each attribute which of these it is."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names of all of them."""
        return frozenset(self._names[code] for code in np.unique(self._key_codes).tolist())

    @cached_property
    def rows(self) -> Any:
        """Of each attribute the row that has it."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def key(self, at: int) -> str:
        """Give the name of an attribute."""
        return self._names[int(self._key_codes[at])]

    def at(self, key: str) -> Any:
        """Give the numbers of the attributes of a name."""
        order, ends = self._places
        some = [order[ends[code] : ends[code + 1]] for code in self._codes_of.get(key, ())]
        return some[0] if len(some) == 1 else np.sort(np.concatenate(some)) if some else np.zeros(0, np.int64)

    @cached_property
    def _codes_of(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for code, name in enumerate(self._names):
            found.setdefault(name, []).append(code)
        return found

    @cached_property
    def _places(self) -> tuple[Any, Any]:
        """The attributes in the order of their names, and where those of each name begin."""
        order = np.argsort(self._key_codes, kind="stable")
        return order, np.searchsorted(self._key_codes[order], np.arange(len(self._names) + 1))

    def codes(self, key: str) -> Codes:
        """Give the codes of the attribute of a name."""
        at = self.at(key)
        different, each = np.unique(self.each[at], return_inverse=True)
        found = np.zeros(len(self.bounds) - 1, np.int64)
        found[self.rows[at]] = each + 1  # of several of one name the last one counts
        return Codes(found, len(different) + 1)

    def reader(self, key: str) -> Callable[[Any], list[Any]]:
        """Make what gives the values of the attribute of a name in some rows."""
        at = self.at(key)
        different = np.unique(self.each[at])
        known = [*self.plain(self.firsts[different]), ABSENT]
        codes = self.codes(key).codes - 1
        return lambda rows: [known[code] for code in codes[rows].tolist()]

    def below(self, prefix: str) -> Below:
        """Give the attributes whose names begin with a prefix."""
        codes = [code for code, name in enumerate(self._names) if name.startswith(prefix)]
        at = np.flatnonzero(np.isin(self._key_codes, codes))
        return Below(self, at, len(prefix))

    def plain(self, chosen: Any) -> list[Any]:
        """Read attributes, each for itself."""
        some = self._flat.take(int32(chosen))
        lists = pa.ListArray.from_arrays(int32(np.arange(len(some) + 1)), some)
        read = plain_column(pa.chunked_array([expand(COLUMN, lists, self._texts)]))
        return [value for one in read for value in one.values()]


class Below:
    """The attributes of each row whose names begin with a prefix, in their order and without it.

    Args:
        attributes: all of the batch.
        at: the numbers of those with the prefix.
        width: its length.
    """

    def __init__(self, attributes: Attributes, at: Any, width: int) -> None:
        self._ends = np.searchsorted(at, attributes.bounds)
        self._different, self._each = np.unique(attributes.each[at], return_inverse=True)
        self._attributes = attributes
        self._width = width

    @cached_property
    def codes(self) -> Codes:
        """The codes of what each row has of them."""
        known: dict[bytes, int] = {}
        each = self._each.astype(np.int64).tobytes()
        found = [known.setdefault(each[start:end], len(known)) for start, end in pairwise((8 * self._ends).tolist())]
        return Codes(np.array(found, np.int64), len(known))

    def values(self, rows: Any) -> list[dict[str, Any]]:
        """Give what some rows have of them."""
        return [dict(map(self._pairs.__getitem__, self._of(row))) for row in rows.tolist()]

    def _of(self, row: int) -> list[int]:
        return self._each[self._ends[row] : self._ends[row + 1]].tolist()

    @cached_property
    def _pairs(self) -> list[tuple[str, Any]]:
        firsts = self._attributes.firsts[self._different]
        names = [self._attributes.key(at)[self._width :] for at in firsts.tolist()]
        return list(zip(names, self._attributes.plain(firsts), strict=True))
