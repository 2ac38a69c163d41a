"""The facts of the spans of a batch as codes: rows with one code of a fact have one value of it.

So what is made of some facts is made once for all rows that have the same ones. A fact is a column, or by a name with a
colon an attribute (`attribute:` and its key), all of a prefix of keys (`below:`), the messages that a column is read as
(`messages:`), or what a trace says (`around:`); `root` says whether a span is one, and `scores` are its judgements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from nbtrace._export.attributes import Attributes, Below
from nbtrace._export.codes import Codes, coded, dense
from nbtrace._export.messages import Messages
from nbtrace._export.sizes import Sizes
from nbtrace._export.values import numbers, or_minus_one, values
from nbtrace._store.expand import expand
from nbtrace._store.schema import COLUMNS
from nbtrace._store.texts import Texts, int32

if TYPE_CHECKING:
    from nbtrace._export.batch import Row
    from nbtrace._export.traces import Shared

ATTRIBUTE: Final = "attribute:"
BELOW: Final = "below:"
AROUND: Final = "around:"
MESSAGES: Final = "messages:"
ROOT: Final = "root"
SCORES: Final = "scores"

BY_NAME: Final = {column.name: column for column in COLUMNS}
LARGEST: Final = 2**62
Array = Any
Rows = Any
"""Numbers of rows, as a numpy array."""


class Columns:
    """The facts of the spans of a batch.

    Args:
        batch: kept rows.
        texts: what their numbers mean.
        around: what the traces say of these rows.
        is_root: whether each is a root.
        scores: the judgements of those that have any, by row.
    """

    def __init__(
        self,
        batch: pa.RecordBatch,
        texts: Texts,
        around: Mapping[str, Shared],
        is_root: Any,
        scores: Mapping[int, Sequence[Row]],
    ) -> None:
        self.rows = batch.num_rows
        self._batch: Any = batch
        self._texts = texts
        self._around = around
        self._is_root = is_root
        self._scores = scores
        self._sizes = Sizes(texts)
        self._codes: dict[str, Codes] = {}
        self._values: dict[str, Callable[[Rows], Iterable[Any]]] = {}
        self._has_below: dict[str, bool] = {}
        self._below: dict[str, Below] = {}

    def codes(self, name: str) -> Codes:
        """Give the codes of a fact."""
        if name not in self._codes:
            self._codes[name] = self._coded(name)
        return self._codes[name]

    def values(self, name: str, rows: Rows) -> Iterable[Any]:
        """Give the values of a fact in some rows."""
        if name not in self._values:
            self._values[name] = self._reader(name)
        return self._values[name](rows)

    def grouped(self, names: Sequence[str], rows: Rows) -> tuple[Rows, Any]:
        """Put rows together that have the same facts.

        Returns:
            One row of each group, and of each row the number of its group.
        """
        code, size = np.zeros(self.rows, np.int64), 1
        for name in names:
            codes, different = self.codes(name)
            if different == 1:
                continue
            if different >= self.rows:  # each has its own
                return rows, np.arange(len(rows))
            if size > LARGEST // different:
                code = np.unique(code, return_inverse=True)[1]
                size = self.rows
            code = code * different + codes
            size *= different
        chosen = code if len(rows) == self.rows else code[rows]
        _, firsts, inverse = np.unique(chosen, return_index=True, return_inverse=True)
        return rows[firsts], inverse

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of the attributes that any of the spans has."""
        return self.attributes.keys

    @cached_property
    def attributes(self) -> Attributes:
        """The attributes that have no column."""
        return Attributes(self._batch.column("attributes"), self._texts)

    def has_below(self, prefix: str) -> bool:
        """Say whether any of the spans has attributes whose keys begin with a prefix."""
        if prefix not in self._has_below:
            self._has_below[prefix] = any(key.startswith(prefix) for key in self.keys)
        return self._has_below[prefix]

    def sizes(self, name: str) -> Any:
        """Give the bytes of a column's texts, or a few more, without reading them."""
        return self._sizes.of(self._batch.column(name))

    def taken(self, name: str, rows: Rows) -> Array:
        """Give a column of texts as readers see it, in some rows."""
        return expand(BY_NAME[name], self._batch.column(name).take(int32(rows)), self._texts)

    def texts(self, chosen: Any) -> Array:
        """Give texts by number."""
        return self._texts.take(int32(chosen))

    def _those_below(self, prefix: str) -> Below:
        if prefix not in self._below:
            self._below[prefix] = self.attributes.below(prefix)
        return self._below[prefix]

    def _coded(self, name: str) -> Codes:
        if name.startswith(ATTRIBUTE):
            return self.attributes.codes(name.removeprefix(ATTRIBUTE))
        if name.startswith(BELOW):
            return self._those_below(name.removeprefix(BELOW)).codes
        if name.startswith(MESSAGES):
            return self.codes(name.removeprefix(MESSAGES))
        if name.startswith(AROUND):
            shared = self._around[name.removeprefix(AROUND)]
            return dense(np.where(shared.codes < 0, len(shared.values), shared.codes), len(shared.values) + 1)
        if name == ROOT:
            return Codes(self._is_root.astype(np.int64), 2)
        if name == SCORES:
            codes = np.zeros(self.rows, np.int64)
            codes[[*self._scores]] = np.arange(len(self._scores)) + 1
            return Codes(codes, len(self._scores) + 1)
        return coded(self._batch.column(name))

    def _reader(self, name: str) -> Callable[[Rows], Iterable[Any]]:
        if name.startswith(ATTRIBUTE):
            return self.attributes.reader(name.removeprefix(ATTRIBUTE))
        if name.startswith(BELOW):
            return self._those_below(name.removeprefix(BELOW)).values
        if name.startswith(MESSAGES):
            kept = self._batch.column(name.removeprefix(MESSAGES))
            if kept.null_count == len(kept):
                return lambda rows: repeat([], len(rows))
            messages = Messages(kept, self._texts)
            return lambda rows: map(messages.listed, rows.tolist())
        if name.startswith(AROUND):
            shared = self._around[name.removeprefix(AROUND)]
            return lambda rows: [shared.values[code] for code in shared.codes[rows].tolist()]
        if name == ROOT:
            return lambda rows: self._is_root[rows].tolist()
        if name == SCORES:
            return lambda rows: [self._scores.get(row, ()) for row in rows.tolist()]
        return reader(name, self._batch.column(name), self._texts)


def reader(name: str, array: Array, texts: Texts) -> Callable[[Rows], list[Any]]:
    """Make what gives the values of a column in some rows."""
    if array.null_count == len(array):
        return lambda rows: [None] * len(rows)
    if pa.types.is_dictionary(array.type):
        words, codes = [*array.dictionary.to_pylist(), None], or_minus_one(array.indices)
        return lambda rows: [words[code] for code in codes[rows].tolist()]
    if pa.types.is_integer(array.type) and not array.null_count:
        found = numbers(array)
        return lambda rows: found[rows].tolist()
    return lambda rows: values(expand(BY_NAME[name], array.take(int32(rows)), texts))
