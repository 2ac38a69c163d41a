"""Encodes the spans that a receiver gets otherwise than they are kept, at little more than what they cost as they are.

Most of what is changed is only added: a backend's words, scores as events, attributes of the resource. So the columns
are encoded as they are, by whole arrays, and what is added is written behind each span: in protobuf's wire format the
fields of a message have no order. A row in which something is replaced, taken away or cut is made anew, on its own.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from nbtrace._export import otlp, wire
from nbtrace._export.backends.backend import Attributes, Value
from nbtrace._export.batch import Encoded
from nbtrace._export.protobuf import attribute, bool_value, double_value, framed, int_value, string_value, strings_value
from nbtrace._export.values import listed
from nbtrace._store.attributes import plain_column
from nbtrace._store.schema import COLUMNS, PROMOTED

if TYPE_CHECKING:
    from nbtrace._export.prepare import Prepared
    from nbtrace._store.snapshot import Snapshot

ROWS: Final = 2048
"""Rows whose columns are turned into Python values together, those that are asked for."""

EVENTS_FIELD: Final = 11
"""Number of `Span.events`."""

LONG: Final = 128
"""Characters of a text that is not expected to come again."""


LIGHT: Final = tuple(
    column.name
    for column in COLUMNS
    if column.type not in {"text", "strings", "time", "attributes", "events", "links"}
    and column.name not in {"trace_state", "resource", "scope"}
)
"""Columns that are made Python values for all rows; the others only where they are asked for."""

NAMES: Final = frozenset(column.name for column in COLUMNS if column.type != "time")


def encoded(prepared: Prepared) -> Iterator[Encoded]:
    """Encode ended spans with all that is to be changed of them."""
    gone = {PROMOTED[key].name for key in prepared.without if key in PROMOTED}
    for start in range(0, len(prepared.table), ROWS):
        piece = prepared.table.slice(start, ROWS)
        for one, row in zip(wire.encoded(_emptied(piece, gone)), _rows(piece), strict=True):
            said = prepared.said(row, row.plain)
            added = _added(prepared, row, said, gone, len(one.span))
            if added is None:
                whole = {name: row[name] for name in NAMES}
                prepared.change(whole, said)
                yield one._replace(resource=whole["resource"] or "{}", span=otlp.encode(whole))
            else:
                yield Encoded(one.key, prepared.resource(one.resource), one.scope, b"%b%b" % (one.span, added))


class _Columns(dict[str, list[Any]]):
    """The columns of some spans as Python values, each once it is asked for."""

    def __init__(self, spans: Snapshot) -> None:
        self._spans = spans

    def __missing__(self, name: str) -> list[Any]:
        self[name] = listed(self._spans.column(name))
        return self[name]


class _Row(dict[str, Any]):
    """One span, which has its light columns, and the others once they are asked for."""

    __slots__ = ("_columns", "_index", "plain")

    def __init__(self, light: Iterable[tuple[str, Any]], plain: dict[str, Any], columns: _Columns, index: int) -> None:
        super().__init__(light)
        self.plain = plain
        """What `plain` makes of its attributes."""
        self._columns = columns
        self._index = index

    def __missing__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        return self._columns[name][self._index]

    def __contains__(self, name: object) -> bool:
        return name in NAMES


def _emptied(spans: Snapshot, names: Iterable[str]) -> Snapshot:
    """Give spans without what is in some of their columns."""
    import pyarrow as pa

    kept = spans.kept
    for name in names:
        field = kept.schema.field(name)
        kept = kept.set_column(kept.schema.get_field_index(name), field, pa.nulls(len(kept), field.type))
    return type(spans)(kept, spans.texts)


def _rows(spans: Snapshot) -> Iterator[_Row]:
    columns = _Columns(spans)
    light = zip(*(columns[name] for name in LIGHT), strict=True)
    for index, (row, plain) in enumerate(zip(light, plain_column(spans.column("attributes")), strict=True)):
        yield _Row(zip(LIGHT, row, strict=True), plain, columns, index)


def _added(prepared: Prepared, row: _Row, said: Attributes, gone: Container[str], size: int) -> bytes | None:
    """Encode what is added to a span, said by its backend and as scores; none if it has to be made anew."""
    made: list[bytes] = []
    plain = row.plain
    for key, value in said.items():
        if value is None:
            continue
        column = PROMOTED.get(key)
        if key in plain:  # also a promoted one, whose value did not fit its column
            there = plain[key] if column is None else ...
        else:
            there = None if column is None or column.name in gone else row[column.name]
        if there is None and key not in plain:
            made.append(_attribute(key, value))
        elif there != value or type(there) is not type(value):
            return None
    if prepared.scores:
        made += [framed(EVENTS_FIELD, otlp.event(one)) for one in prepared.judgements(row)]
    added = b"".join(made)
    is_short = prepared.limit is None or size + len(added) <= prepared.limit  # then each of its texts is
    return added if is_short else None


def _attribute(key: str, value: Value) -> bytes:
    is_long = isinstance(value, str) and len(value) > LONG
    return _written(key, value) if is_long or isinstance(value, list) else _known(key, value)


@lru_cache(maxsize=4096, typed=True)
def _known(key: str, value: Value) -> bytes:
    return _written(key, value)


def _written(key: str, value: Value) -> bytes:
    match value:
        case bool():
            return attribute(key, bool_value(value))
        case str():
            return attribute(key, string_value(value.encode()))
        case int():
            return attribute(key, int_value(value))
        case float():
            return attribute(key, double_value(value))
        case list():
            return attribute(key, strings_value(value))
        case _:
            return b""
