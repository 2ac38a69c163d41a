"""Makes of a table's rows what a receiver is to get: scores as events, its backend's overlay, no content, texts cut.

Each step changes the row at hand, whose values are nobody else's. What a step leaves out or cuts it counts, and marks
on the span in `nbtrace.cut`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace import semconv
from nbtrace._export.backends.backend import Absent, Attributes, Backend, Group, Part, Value, Variables
from nbtrace._export.batch import Row, rows
from nbtrace._export.facts import Facts
from nbtrace._export.portable import loads
from nbtrace._export.selection import together
from nbtrace._guard import guard
from nbtrace._store.attributes import plain
from nbtrace._store.schema import PROMOTED
from nbtrace._store.scores import ATTRIBUTES, EVENT
from nbtrace._store.values import stored, written

if TYPE_CHECKING:
    from nbtrace._export.traces import Around
    from nbtrace._store.snapshot import Snapshot

SAME: Final = ("name", "evaluator", "value", "label")
"""What, besides the time, is the same of a score and of the event that tells it already."""


class Unsaid(dict[str, Any]):
    """What is said of a span of which a part could say nothing, as it failed."""


class Prepared:
    """Rows as one receiver gets them.

    Args:
        table: the spans that are sent.
        backend: whose overlay and limits hold; none for a plain receiver.
        resource: attributes that are added to every resource.
        beside: what else there is of their traces, and is not sent now.
        traces: what `around` says of their traces, where not all spans of these are there.
    """

    def __init__(
        self,
        table: Snapshot,
        backend: Backend | None = None,
        resource: Mapping[str, str] | None = None,
        *,
        beside: Snapshot | None = None,
        traces: Mapping[bytes, Around] | None = None,
    ) -> None:
        self.table = table
        self.cut = 0
        """Attributes that were cut so far."""
        self.unsaid = 0
        """Spans so far of which a part of the overlay could say nothing, as it failed."""
        self.scores = _by_span(table.scores)
        self.limit = backend.limits.attribute_bytes if backend is not None else None
        self._added = tuple((resource or {}).items())
        self.without = backend.without if backend is not None else frozenset[str]()
        self.parts = _parts(backend) if backend is not None else ()
        self._beside = beside
        self._given = traces

    @property
    def is_changed(self) -> bool:
        """Whether anything is done to the rows."""
        return bool(self.parts or self.scores or self._added or self.limit)

    @property
    def is_by_columns(self) -> bool:
        """Whether they can be encoded by whole columns: where a text is to be cut that a backend says, they cannot."""
        return self._given is None and not (self.parts and self.limit)

    @cached_property
    def _traces(self) -> Mapping[bytes, Around]:
        return around(self.whole) if self._given is None else self._given

    @cached_property
    def whole(self) -> Snapshot:
        """The spans that are sent, and behind them what else there is of their traces."""
        return self.table if self._beside is None else together(self.table, self._beside)

    def __iter__(self) -> Iterator[Row]:
        for row in rows(self.table):
            self.change(row)
            yield row

    def change(self, row: Row) -> None:
        """Make of a row what the receiver is to get."""
        put(row, {key: value for key, value in self._said(row).items() if value is not None})
        if self.scores:
            row["events"] = [*(row["events"] or ()), *self.judgements(row)]
        row["resource"] = self.resource(row["resource"] or "{}")
        if self.limit is not None:
            self._cut(row, self.limit)

    def _said(self, row: Row) -> Attributes:
        """Say a span in the backend's words too."""
        if not self.parts:
            return {}
        scores = self.scores.get((row["trace_id"], row["span_id"]), ()) if self.scores else ()
        span = Facts(row, self._traces[row["trace_id"]], scores)
        found = [part(span) for part in self.parts]
        self.unsaid += any(isinstance(one, Unsaid) for one in found)
        return _last(found)

    def judgements(self, row: Mapping[str, Any]) -> list[Row]:
        """Make events of the scores of a span, but for those that it has as events already."""
        found = self.scores.get((row["trace_id"], row["span_id"]))
        if not found:
            return []
        told = {_told(event) for event in row["events"] or () if event["name"] == EVENT}
        return [_event(one) for one in found if (one["time_unix_nano"], *(one[name] for name in SAME)) not in told]

    def resource(self, stored: str) -> str:
        """Add what routes the spans to the OTLP JSON of a resource."""
        return _with_attributes(stored, self._added) if self._added else stored

    def _cut(self, row: Row, limit: int) -> None:
        """Cut the texts of a span that are longer than the receiver keeps, and say on the span what they were."""
        told: list[str] = []
        for key, column in PROMOTED.items():
            if column.type in {"string", "text"}:
                row[column.name] = _shortened(key, row[column.name], limit, told)
        for attribute in row["attributes"] or ():
            attribute["string"] = _shortened(attribute["key"], attribute["string"], limit, told)
        if told:
            self.cut += len(told)
            before = plain([one for one in row["attributes"] or () if one["key"] == semconv.CUT]).get(semconv.CUT)
            put(row, {semconv.CUT: [*cuts_told(before), *told]})


def _parts(backend: Backend) -> tuple[Part, ...]:
    """Give the parts of what a backend says of each span, first what it says of all."""
    gone: Attributes = dict.fromkeys(backend.without, Absent.ABSENT)
    common: Attributes = backend.common(Variables(backend.name)) if backend.common is not None else {}
    return (*((lambda span, said=said: said) for said in (gone, common) if said), *map(_guarded, backend.overlay))


def _guarded(part: Part) -> Part:
    """Make a part that says nothing of a span where it fails."""

    def say(span: Facts) -> Attributes:
        with guard("export"):
            return part(span)
        return Unsaid()

    return say


def joined(parts: Sequence[Part]) -> Part:
    """Make one part of several; of what more than one of them says, the last one's counts."""

    def say(span: Facts) -> Attributes:
        found = [part(span) for part in parts]
        said = _last(found)
        return Unsaid(said) if any(isinstance(one, Unsaid) for one in found) else said

    return say


def _last(found: Iterable[Attributes]) -> Attributes:
    """Join what parts say, the last one's first."""
    said: dict[str, Value] = {}
    for one in found:
        for key, value in one.items():
            if isinstance(value, Group):
                said |= {name: each for name, each in value.items() if each is not None}
            elif value is not None:
                said[key] = value
    return said


def put(row: Row, said: Mapping[str, object]) -> None:
    """Set attributes of a row, wherever the table has them."""
    attributes: list[Row] = [one for one in row["attributes"] or () if one["key"] not in said]
    for key, value in said.items():
        column = PROMOTED.get(key)
        if column is not None:
            row[column.name] = None if value is Absent.ABSENT else value
        elif value is not Absent.ABSENT:
            attributes.append(stored(key, value))
    row["attributes"] = attributes


def around(table: Snapshot) -> dict[bytes, Around]:
    """Say of each trace what its first span and all of its spans tell."""
    from nbtrace._export.traces import Traces

    return Traces(table).around()


def _by_span(scores: Any) -> dict[tuple[bytes, bytes], list[Row]]:
    found: dict[tuple[bytes, bytes], list[Row]] = {}
    for score in scores.to_pylist():
        found.setdefault((score["trace_id"], score["span_id"]), []).append(score)
    return found


def _told(event: Row) -> tuple[Any, ...]:
    """Give what tells a judgement that is an event already from others, as its score has it."""
    said = {one["key"]: one for one in event["attributes"] or ()}
    return event["time_unix_nano"], *(_value(said.get(ATTRIBUTES[name]), name) for name in SAME)


def _value(stored: Row | None, name: str) -> Any:
    if stored is None:
        return None
    if name != "value":
        return stored["string"]
    return stored["int"] if stored["double"] is None else stored["double"]


def _event(score: Row) -> Row:
    return {
        "time_unix_nano": score["time_unix_nano"],
        "name": EVENT,
        "attributes": [stored(key, score[name]) for name, key in ATTRIBUTES.items() if score[name] is not None],
        "dropped_attributes_count": 0,
    }


def _shortened(key: str, text: str | None, limit: int, told: list[str]) -> str | None:
    if text is None or len(whole := text.encode()) <= limit:
        return text
    kept, said = shortened(key, whole, limit)
    told.append(said)
    return kept


def shortened(key: str, whole: bytes, limit: int) -> tuple[str, str]:
    """Give what is kept of a text that is too long, and what is said of it."""
    told = f"{key}: {len(whole):,} bytes, of which the receiver keeps {limit:,} (SHA-256 {_hash(whole)})"
    return whole[: limit - 3].decode(errors="ignore") + "…", told


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def cuts_told(value: object) -> list[str]:
    """Give what an attribute of a span tells of its cuts, whatever wrote it."""
    if value is None:
        return []
    each = cast("list[object]", value) if isinstance(value, list) else [value]
    return [one if isinstance(one, str) else written(one) for one in each]


@lru_cache(maxsize=256)
def _with_attributes(stored: str, added: tuple[tuple[str, str], ...]) -> str:
    """Add attributes to the OTLP JSON of a resource."""
    resource = loads(stored)
    names = {key for key, _ in added}
    kept = [pair for pair in resource.get("attributes", []) if pair["key"] not in names]
    resource["attributes"] = [*kept, *({"key": key, "value": {"stringValue": value}} for key, value in added)]
    return orjson.dumps(resource).decode()
