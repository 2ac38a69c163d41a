"""One span in the hands of a user: a row, read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from nbtrace._query import text
from nbtrace._query.attributes import plain
from nbtrace._query.kinds import kind
from nbtrace._query.totals import ERROR
from nbtrace._store.schema import COLUMNS, PROMOTED

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot

CONTENT: Final = ("system_instructions", "input_messages", "output_messages", "tool_definitions")
"""Columns of JSON, read here."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

IDS: Final = ("trace_id", "span_id", "parent_span_id")


class Span(Mapping[str, Any]):
    """A span as a mapping of the table's columns, each also an attribute: `span.request_model`.

    Ids are hex digits, times are datetimes in UTC, messages are lists and not JSON. `attributes` has every attribute of
    the span under its own name, those with a column of their own too.
    """

    __slots__ = ("_columns", "_spans")

    def __init__(self, row: Snapshot, spans: Spans) -> None:
        self._columns = _read(row)
        self._spans = spans

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            message = f"a span has no {name!r}; it has: {', '.join(self._columns)}"
            raise AttributeError(message) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self._columns == other._columns

    def __hash__(self) -> int:
        return hash((self["trace_id"], self["span_id"]))

    def trace(self) -> Any:
        """Draw the span's trace, with the span selected."""
        return self._spans.draw(self["trace_id"], self["span_id"])

    def __repr__(self) -> str:
        words = [self["name"] or "a span without a name"]
        if (model := self["response_model"] or self["request_model"]) and model not in words[0]:
            words.append(model)
        if self["input_tokens"] is not None or self["output_tokens"] is not None:
            words.append(f"{text.tokens(self['input_tokens'])} → {text.tokens(self['output_tokens'])} tokens")
        if self["cost_state"] is not None:
            words.append(text.cost(self["cost_usd"], self["cost_state"]))
        words.append(text.duration(self["duration_ns"]))
        words += [self["error_type"] or "error"] if self["status_code"] == ERROR else []
        return f"<{self['type']} span: {' · '.join(words)}>"


def _read(row: Snapshot) -> dict[str, Any]:
    names = [column.name for column in COLUMNS if column.name != "start_time"]  # datetimes by Arrow import pandas
    stored = {name: row[name][0].as_py() for name in names}
    promoted = {key: stored[column.name] for key, column in PROMOTED.items() if stored[column.name] is not None}
    start = stored["start_time_unix_nano"]
    return {
        **stored,
        **{name: stored[name] and stored[name].hex() for name in IDS},
        **{name: _json(stored[name]) for name in CONTENT},
        "type": kind(stored["span_type"], stored["operation"]),
        "start_time": None if start is None else EPOCH + timedelta(microseconds=start // 1000),
        "attributes": promoted | plain(stored["attributes"]),
        "events": [{**event, "attributes": plain(event["attributes"])} for event in stored["events"] or ()],
        "links": [_link(link) for link in stored["links"] or ()],
    }


def _json(stored: str | None) -> Any:
    """Read JSON; what is none stays as it is."""
    try:
        return stored and orjson.loads(stored)
    except orjson.JSONDecodeError:
        return stored


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    ids = {name: link[name].hex() for name in ("trace_id", "span_id")}
    return {**link, **ids, "attributes": plain(link["attributes"])}
