"""Reads columns of messages: what comes again is read once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from nbtrace._export.codes import elements
from nbtrace._export.facts import Again
from nbtrace._export.values import sliced, starts
from nbtrace._store.expand import joined_answers
from nbtrace._store.texts import Texts, int32

UNREAD: Final = object()
"""Stands for a text that is no JSON."""
Array = Any


class Messages:
    """A column of messages.

    Args:
        kept: the column.
        texts: what its numbers mean.
    """

    def __init__(self, kept: Array, texts: Texts) -> None:
        flat = kept.flatten()
        different, each, counts = np.unique(elements(flat), return_inverse=True, return_counts=True)
        first = np.zeros(len(different), np.int64)
        first[each] = np.arange(len(flat))
        some = flat.take(int32(first))
        is_answer = pa.types.is_struct(flat.type)
        self._bounds = list(pairwise(starts(kept).tolist()))
        self._each = each.tolist()
        self._comes_again = (counts > 1).tolist()
        pieces = joined_answers(some.field(0), some.field(1), texts) if is_answer else texts.take(some)
        self._text = sliced(pieces)
        self._read: dict[int, Any] = {}

    def listed(self, row: int) -> list[dict[str, Any]]:
        """Give the messages of a row; of a text that is no array of objects there are none."""
        start, end = self._bounds[row]
        if end - start == 1:
            one = self._message(self._each[start])
            return [one] if isinstance(one, dict) else []
        if start == end:
            return []
        found = [self._message(piece) for piece in self._each[start:end]]
        if found[:1] == [None]:
            whole = found[1] if len(found) > 1 else None
            found = whole if isinstance(whole, list) else []
        return [one for one in found if isinstance(one, dict)] if UNREAD not in found else []

    def _message(self, piece: int) -> Any:
        if not self._comes_again[piece]:
            return _loaded(self._text(piece))
        if piece not in self._read:
            read = _loaded(self._text(piece))
            self._read[piece] = Again(read) if isinstance(read, dict) else read
        return self._read[piece]


def _loaded(text: Any) -> Any:
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return UNREAD
