"""The facts of a span of a batch, which note what is read of it, so that what is made of them holds for all alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from nbtrace._export.attributes import ABSENT
from nbtrace._export.columns import AROUND, ATTRIBUTE, BELOW, BY_NAME, MESSAGES, ROOT, SCORES, Columns
from nbtrace._export.facts import Facts, Message

NAMES: Final = frozenset(name for name, column in BY_NAME.items() if column.type != "time")
_MESSAGES: Final = {name: MESSAGES + name for name, column in BY_NAME.items() if column.type == "text"}
OTHERS: Final = (ATTRIBUTE, BELOW, AROUND, MESSAGES, ROOT, SCORES)


class Read(Facts):
    """Spans to be said in other words, one after another.

    Args:
        columns: the facts of the batch.
    """

    def __init__(self, columns: Columns) -> None:
        self.noted = _Row(columns, vars(self))
        self.row = self.noted

    def at(self, row: int, known: Iterable[tuple[str, Any]]) -> None:
        """Stand for another span, of which some facts are known."""
        own, noted = vars(self), self.noted
        own.clear()
        own.update(known)  # so that most facts are found without a call
        own["noted"] = own["row"] = noted
        noted.number = row
        if noted.more:
            noted.clear()
            noted.more = []

    @property
    def attributes(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride] - nothing is kept of one span
        """The attributes that have no column."""
        return _Attributes(self.noted)

    @property
    def around(self) -> Any:
        """What its trace says of it, but for the names of roots."""
        return _Around(self.noted)

    @property
    def scores(self) -> Sequence[Any]:
        """Its judgements."""
        return self.noted[SCORES]

    @property
    def is_root(self) -> bool:
        """Whether its parent is not sent along, or it has none."""
        return self.noted[ROOT]

    @property
    def messages(self) -> list[Message]:  # pyright: ignore[reportIncompatibleVariableOverride] - nothing is kept of one span
        """What was sent, the instructions first."""
        return self._sent()

    @property
    def answers(self) -> list[Message]:  # pyright: ignore[reportIncompatibleVariableOverride] - nothing is kept of one span
        """What came back."""
        return self.listed("output_messages")

    def listed(self, name: str) -> list[Message]:
        """Read a column of messages."""
        key = _MESSAGES[name]
        own = vars(self)
        return own[key] if key in own else self.noted[key]

    def under(self, prefix: str) -> dict[str, Any]:
        """Give the attributes below a prefix, without it."""
        return dict(self.noted[BELOW + prefix]) if self.noted.columns.has_below(prefix) else {}


class _Row(dict[str, Any]):
    """Facts that were read besides those that are known.

    Args:
        columns: all facts.
        known: those that are known.
    """

    __slots__ = ("_known", "columns", "more", "number")

    def __init__(self, columns: Columns, known: dict[str, Any]) -> None:
        super().__init__()
        self._known = known
        self.columns = columns
        self.number = 0
        self.more: list[str] = []
        """What else was read."""

    def __missing__(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        if name not in NAMES and not name.startswith(OTHERS):
            raise KeyError(name)
        self.more.append(name)
        (self[name],) = self.columns.values(name, np.array([self.number]))
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in NAMES


class _Attributes:
    """Attributes as overlays ask for them."""

    __slots__ = ("_row",)

    def __init__(self, row: _Row) -> None:
        self._row = row

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self._row.columns.keys:
            return default
        found = self._row[ATTRIBUTE + key]
        return default if found is ABSENT else found

    def __contains__(self, key: str) -> bool:
        return self.get(key, ABSENT) is not ABSENT

    def __getitem__(self, key: str) -> Any:
        if (found := self.get(key, ABSENT)) is ABSENT:
            raise KeyError(key)
        return found


class _Around:
    """What a trace says, as overlays ask for it."""

    __slots__ = ("_row",)

    def __init__(self, row: _Row) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row[AROUND + name]
