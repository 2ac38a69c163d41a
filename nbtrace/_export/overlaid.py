"""Encodes the spans that a receiver gets otherwise than they are kept, at little more than what they cost as they are.

What a backend says of a span comes in parts, each of which is of a few facts. A part is asked once for all spans that
have the same ones, and which ones it is of is seen when it is asked: what it read. Its attributes are written once too,
behind each span that gets them: in protobuf's wire format the fields of a message have no order. What they replace, or
what is taken away or cut, is left out of the span where the columns are encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nbtrace._export import otlp, wire
from nbtrace._export.attributes import ABSENT
from nbtrace._export.backends.backend import Absent, Attributes, Group
from nbtrace._export.batch import Encoded
from nbtrace._export.batch import encoded as encoded_rows
from nbtrace._export.columns import Columns
from nbtrace._export.cut import Cut
from nbtrace._export.portable import INT64
from nbtrace._export.prepare import Unsaid, joined
from nbtrace._export.protobuf import attribute, bool_value, double_value, framed, int_field, strings_value, text_field
from nbtrace._export.read import Read
from nbtrace._export.sizes import batches
from nbtrace._export.traces import Traces
from nbtrace._export.values import values
from nbtrace._store.schema import PROMOTED
from nbtrace._store.values import to_json

if TYPE_CHECKING:
    from nbtrace._export.prepare import Part, Prepared

EVENTS_FIELD: Final = 11
"""Number of `Span.events`."""
ALIKE: Final = (str, int, bool)
"""Types whose equal values are the same: a double or a list may be equal to another one."""
KIND: Final = ("span_type", "operation")
"""What a span is, on which it depends what else is read of it."""


def encoded(prepared: Prepared) -> Iterator[Encoded]:
    """Encode ended spans with all that is to be changed of them."""
    if not prepared.is_by_columns:
        yield from encoded_rows(prepared, otlp.encode)
        return
    traces = Traces(prepared.whole) if prepared.parts else None
    around = traces.facts() if traces is not None else {}
    asked = _Asked(prepared)
    start = 0
    for batch in batches(prepared.table):
        here = slice(start, start + batch.num_rows)
        start += batch.num_rows
        shared = {name: one._replace(codes=one.codes[here]) for name, one in around.items()}
        roots = np.ones(batch.num_rows, bool) if traces is None else traces.is_root[here]
        scored = _scores(prepared, batch)
        columns = Columns(batch, prepared.table.texts, shared, roots, scored)
        said = asked.ask(columns)
        prepared.unsaid += int(said.failed.sum())
        if prepared.scores:
            said.added.append(_judgements(prepared, columns, scored))
        if prepared.limit is not None:
            cut = Cut(columns, prepared.limit)
            prepared.cut += cut.count
            said.added.append(cut.written)
            said.leave_out(cut.left_out)
        for one in wire.Batch(batch, prepared.table.texts, said.left_out, columns.attributes).encoded(said.added):
            yield one._replace(resource=prepared.resource(one.resource))


@dataclass(eq=False)
class _Asking:
    """Parts that are asked as one, by their places, and what is known of them so far."""

    parts: dict[int, Part]
    read: dict[tuple[Any, ...], list[str]] = field(default_factory=dict[tuple[Any, ...], list[str]])
    """By the kind of span the facts that it reads."""
    keys: set[str] = field(default_factory=set[str])
    """What it has set."""

    @cached_property
    def part(self) -> Part:
        """They as one part."""
        parts = [self.parts[place] for place in sorted(self.parts)]
        return parts[0] if len(parts) == 1 else joined(parts)


class _Asked:
    """The parts of an overlay, joined where more than one of them says the same of some spans."""

    def __init__(self, prepared: Prepared) -> None:
        self._gone = prepared.without
        self._parts = [_Asking({place: part}) for place, part in enumerate(prepared.parts)]

    def ask(self, columns: Columns) -> _Said:
        """Ask all parts what they say of the spans of a batch."""
        while True:
            said = _Said(columns, self._gone)
            for one in self._parts:
                said.ask(one)
            together = self._together()
            if not together:
                return said
            rest = [one for one in self._parts if one not in together]
            self._parts = [*rest, _Asking({place: part for one in together for place, part in one.parts.items()})]

    def _together(self) -> list[_Asking]:
        """Give the parts that have said what another one has."""
        first: dict[str, _Asking] = {}
        found: list[_Asking] = []
        for one in self._parts:
            for key in one.keys:
                before = first.setdefault(key, one)
                if before is not one:
                    found += (before, one)
        return [one for one in self._parts if one in found]


class _Said:
    """What is said of the spans of a batch.

    Args:
        columns: their facts.
        gone: keys that are left out of all of them.
    """

    def __init__(self, columns: Columns, gone: frozenset[str]) -> None:
        self.added: list[list[bytes]] = []
        """Lists of what is written behind each span."""
        self.left_out: dict[str, Any] = {}
        """Keys of attributes that are not written where they stand, and in which rows."""
        self.failed = np.zeros(columns.rows, bool)
        """Of which spans a part could say nothing."""
        self._columns = columns
        self._gone = gone
        self._taken: dict[str, bool] = {}
        """Whether any span has an attribute of a name."""

    def leave_out(self, rows: Mapping[str, Any]) -> None:
        """Leave attributes out, by their keys, in the rows where a mask is true."""
        for key, mask in rows.items():
            self.left_out[key] = self.left_out[key] | mask if key in self.left_out else mask

    def ask(self, one: _Asking) -> None:
        """Ask a part what it says."""
        columns = self._columns
        said = np.empty(columns.rows, object)
        firsts, kinds = columns.grouped(KIND, np.arange(columns.rows))
        for index, kind in enumerate(zip(*(columns.values(name, firsts) for name in KIND), strict=True)):
            rows = np.flatnonzero(kinds == index)
            read = one.read.setdefault(kind, [*KIND])
            while len(rows):
                rows = self._ask(one, read, rows, said)
        self.added.append(said.tolist())

    def _ask(self, one: _Asking, read: list[str], rows: Any, said: Any) -> Any:
        """Ask a part once for all rows with the same facts; gives the rows of which it read others too."""
        columns = self._columns
        firsts, groups = columns.grouped(read, rows)
        sizes = np.bincount(groups).tolist()
        made = np.empty(len(firsts), object)
        more: dict[str, None] = {}
        left: list[int] = []
        unsaid: list[int] = []
        dropped: dict[str, list[int]] = {}
        span = Read(columns)
        facts = zip(*(columns.values(name, firsts) for name in read), strict=True)
        for group, (row, found) in enumerate(zip(firsts.tolist(), facts, strict=True)):
            span.at(row, zip(read, found, strict=True))
            told = one.part(span)
            made[group], gone = self._written(told, span, one.keys)
            if span.noted.more and sizes[group] > 1:
                more.update(dict.fromkeys(span.noted.more))
                left.append(group)
                continue
            if isinstance(told, Unsaid):
                unsaid.append(group)
            for key in gone:
                dropped.setdefault(key, []).append(group)
        said[rows] = made[groups]
        self.failed[rows[np.isin(groups, unsaid)]] = True
        for key, which in dropped.items():
            mask = np.zeros(columns.rows, bool)
            mask[rows[np.isin(groups, which)]] = True
            self.leave_out({key: mask})
        read += more
        return rows[np.isin(groups, left)] if left else rows[:0]

    def _written(self, said: Attributes, span: Read, keys: set[str]) -> tuple[bytes, list[str]]:
        """Write what is added to a span, and name what is not written where it stands."""
        made: list[bytes] = []
        gone: list[str] = []
        for key, value in said.items():
            if value is None:
                continue
            if isinstance(value, Group):
                made.append(self._grouped(value, span, gone, keys))
                continue
            if value is _GONE:
                gone.append(key)
                continue
            keys.add(key)
            there = self._there(key, span)
            if there is ABSENT:
                made.append(_attribute(key, value))
            elif there != value or type(there) is not type(value) or type(value) not in ALIKE:
                gone.append(key)
                made.append(_attribute(key, value))
        return b"".join(made), gone

    def _grouped(self, group: Group, span: Read, gone: list[str], keys: set[str]) -> bytes:
        """Write what is said together, once if no span has any of it already."""
        if group.written is not None:
            return group.written
        written, replaced = self._written(group, span, keys)
        gone += replaced
        if self._columns.keys.isdisjoint(group):
            group.written = written
        return written

    def _there(self, key: str, span: Read) -> Any:
        """Give what a span has by a name already."""
        if key not in self._taken:
            is_anywhere = key in PROMOTED or key in self._columns.keys
            self._taken[key] = is_anywhere and key not in self._gone
        if not self._taken[key]:
            return ABSENT
        found = span.attributes.get(key, ABSENT)  # also of a promoted one, if its value did not fit the column
        if found is ABSENT and key in PROMOTED:
            found = span.noted[PROMOTED[key].name]
            return ABSENT if found is None else found
        return found


_GONE: Final = Absent.ABSENT


def _scores(prepared: Prepared, batch: Any) -> dict[int, Sequence[Any]]:
    """Give the judgements of the spans of a batch that have any, by row."""
    if not prepared.scores:
        return {}
    ids = zip(values(batch.column("trace_id")), values(batch.column("span_id")), strict=True)
    return {row: found for row, pair in enumerate(ids) if (found := prepared.scores.get(pair))}


def _judgements(prepared: Prepared, columns: Columns, scored: Mapping[int, Any]) -> list[bytes]:
    """Write the judgements of spans as events."""
    made = [b""] * columns.rows
    names = ("trace_id", "span_id", "events")
    for row in scored:
        found = {name: next(iter(columns.values(name, np.array([row])))) for name in names}
        made[row] = b"".join(framed(EVENTS_FIELD, otlp.event(one)) for one in prepared.judgements(found))
    return made


def _attribute(key: str, value: Any) -> bytes:
    kind: type = type(value)
    if kind is str:
        return text_field(key, value.encode())
    if kind is int and value in INT64:
        return int_field(key, value)
    if kind in _VALUES and (kind is not list or all(type(one) is str for one in value)):
        return attribute(key, _VALUES[kind](value))
    return attribute(key, otlp.json_value(to_json(value).encode()))


_VALUES: Final[dict[type, Callable[[Any], bytes]]] = {
    bool: bool_value, float: double_value, list: strings_value,
}  # fmt: skip
