"""Makes of a table's rows what a receiver is to get: scores as events, its backend's overlay, no content, texts cut.

Each step changes the row at hand, whose values are nobody else's. What a step leaves out or cuts it counts, and marks
on the span in `nbtrace.cut`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace import semconv
from nbtrace._export.backends.backend import Absent, Attributes, Backend
from nbtrace._export.batch import Row, rows
from nbtrace._export.facts import Around, Facts
from nbtrace._store.schema import PROMOTED
from nbtrace._store.scores import ATTRIBUTES, EVENT
from nbtrace._store.values import to_json

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

Step = Callable[[Row], None]


class Prepared:
    """Rows as one receiver gets them.

    Args:
        table: the spans that are sent.
        backend: whose overlay and limits hold; none for a plain receiver.
        resource: attributes that are added to every resource.
        traces: what `around` says of their traces, where not all spans of these are there.
    """

    def __init__(
        self,
        table: Snapshot,
        backend: Backend | None = None,
        resource: Mapping[str, str] | None = None,
        *,
        traces: Mapping[bytes, Around] | None = None,
    ) -> None:
        self.table = table
        self.cut = 0
        """Attributes that were cut so far."""
        self.scores = _by_span(table.scores)
        steps: list[Step] = []
        if backend is not None and backend.overlay is not None:
            known = around(table) if traces is None else traces
            steps.append(_Overlay(backend.overlay, backend.without, known, self.scores))
        if self.scores:
            steps.append(self._add_scores)
        if resource:
            added = tuple(resource.items())
            steps.append(lambda row: row.update(resource=_with_attributes(row["resource"] or "{}", added)))
        if backend is not None and backend.limits.attribute_bytes is not None:
            limit = backend.limits.attribute_bytes
            steps.append(lambda row: self._cut(row, limit))
        self.steps = tuple(steps)

    def __iter__(self) -> Iterator[Row]:
        for row in rows(self.table):
            for step in self.steps:
                step(row)
            yield row

    def _add_scores(self, row: Row) -> None:
        there: list[Row] = row["events"] or []
        told = {(event["time_unix_nano"], _name_of(event)) for event in there if event["name"] == EVENT}
        found = self.scores.get((row["trace_id"], row["span_id"]), ())
        new = [_event(one) for one in found if (one["time_unix_nano"], one["name"]) not in told]
        row["events"] = [*there, *new]

    def _cut(self, row: Row, limit: int) -> None:
        """Cut the texts of a span that are longer than the receiver keeps, and say on the span what they were."""
        told: list[str] = []
        for key, column in PROMOTED.items():
            if column.type in {"string", "text"} and (text := row[column.name]) and len(text) > limit // 4:
                row[column.name] = _shortened(key, text, limit, told)
        for attribute in row["attributes"] or ():
            if (text := attribute["string"]) and len(text) > limit // 4:
                attribute["string"] = _shortened(attribute["key"], text, limit, told)
        if told:
            self.cut += len(told)
            before = next((one for one in row["attributes"] if one["key"] == semconv.CUT), None)
            put(row, semconv.CUT, [*_texts(before), *told])


class _Overlay:
    """Says each span in a backend's words too."""

    def __init__(
        self,
        overlay: Callable[[Facts], Attributes],
        without: frozenset[str],
        around: Mapping[bytes, Around],
        scores: Mapping[Any, list[Row]],
    ) -> None:
        self._overlay = overlay
        self._without = dict.fromkeys(without, Absent.ABSENT)
        self._around = around
        self._scores = scores

    def __call__(self, row: Row) -> None:
        trace = self._around[row["trace_id"]]
        scores = self._scores.get((row["trace_id"], row["span_id"]), ())
        said = self._overlay(Facts(row, trace, scores))
        for key, value in (self._without | dict(said)).items():
            if value is not None:
                put(row, key, value)


def put(row: Row, key: str, value: object) -> None:
    """Set an attribute of a row, wherever the table has it."""
    column = PROMOTED.get(key)
    attributes: list[Row] = [one for one in row["attributes"] or () if one["key"] != key]
    row["attributes"] = attributes
    if column is not None:
        row[column.name] = None if value is Absent.ABSENT else value
    elif value is not Absent.ABSENT:
        attributes.append(attribute(key, value))


def attribute(key: str, value: object) -> Row:
    """Make an attribute as the table has them."""
    made: Row = dict.fromkeys(("key", "string", "int", "double", "bool", "bytes", "json"))
    made["key"] = key
    match value:
        case bool():
            made["bool"] = value
        case str():
            made["string"] = value
        case int():
            made["int"] = value
        case float():
            made["double"] = value
        case _:
            made["json"] = to_json(value)
    return made


def around(table: Snapshot) -> dict[bytes, Around]:
    """Say of each trace what its first span and all of its spans tell."""
    names = ("trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano", "user_id", "session_id",
             "conversation_id", "tags")  # fmt: skip
    by_trace: dict[bytes, list[Row]] = {}
    for row in table.select(names).to_pylist():
        by_trace.setdefault(row["trace_id"], []).append(row)
    return {trace: _around(spans) for trace, spans in by_trace.items()}


def _around(spans: list[Row]) -> Around:
    ids = {span["span_id"] for span in spans}
    spans.sort(key=lambda span: span["start_time_unix_nano"] or 0)
    roots = [span for span in spans if span["parent_span_id"] not in ids]
    first = (roots or spans)[0]
    said = {name: next((span[name] for span in spans if span[name]), None) for name in ("user_id", "session_id",
            "conversation_id")}  # fmt: skip
    tags = dict.fromkeys(tag for span in spans for tag in span["tags"] or ())
    return Around(first["name"], **said, tags=tuple(tags), root_ids=frozenset(span["span_id"] for span in roots))


def _by_span(scores: Any) -> dict[tuple[bytes, bytes], list[Row]]:
    found: dict[tuple[bytes, bytes], list[Row]] = {}
    for score in scores.to_pylist():
        found.setdefault((score["trace_id"], score["span_id"]), []).append(score)
    return found


def _name_of(event: Row) -> str | None:
    """Give what a judgement that is an event already judges."""
    names = (one["string"] for one in event["attributes"] or () if one["key"] == ATTRIBUTES["name"])
    return next(names, None)


def _event(score: Row) -> Row:
    return {
        "time_unix_nano": score["time_unix_nano"],
        "name": EVENT,
        "attributes": [attribute(key, score[name]) for name, key in ATTRIBUTES.items() if score[name] is not None],
        "dropped_attributes_count": 0,
    }


def _shortened(key: str, text: str, limit: int, told: list[str]) -> str:
    whole = text.encode()
    if len(whole) <= limit:
        return text
    told.append(f"{key}: {len(whole):,} bytes, of which the receiver keeps {limit:,} (SHA-256 {_hash(whole)})")
    return whole[: limit - 3].decode(errors="ignore") + "…"


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def _texts(stored: Row | None) -> list[str]:
    """Read the texts of an attribute that is a list of them."""
    if stored is None or stored["json"] is None:
        return []
    return [one["stringValue"] for one in orjson.loads(stored["json"])["arrayValue"]["values"]]


@lru_cache(maxsize=256)
def _with_attributes(stored: str, added: tuple[tuple[str, str], ...]) -> str:
    """Add attributes to the OTLP JSON of a resource."""
    resource = orjson.loads(stored)
    names = {key for key, _ in added}
    kept = [pair for pair in resource.get("attributes", []) if pair["key"] not in names]
    resource["attributes"] = [*kept, *({"key": key, "value": {"stringValue": value}} for key, value in added)]
    return orjson.dumps(resource).decode()
