"""Spans read a column at a time: what a reader of many spans asks for is built once for all of them, and nothing else.

The spans may be a snapshot, or any Arrow table with columns of the schema: of a file, whose messages are lists of JSON
texts, or a batch of another engine's, whose ids are plain bytes. Columns that it lacks are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace import semconv
from nbtrace._query.kinds import kind
from nbtrace._store.attributes import plain, plain_column
from nbtrace._store.schema import COLUMNS, PROMOTED
from nbtrace._store.values import written

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

CONTENT: Final = ("system_instructions", "input_messages", "output_messages", "tool_definitions")
"""Columns of JSON, read here."""
IDS: Final = ("trace_id", "span_id", "parent_span_id")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STORED: Final = tuple(column.name for column in COLUMNS if column.name != "start_time")
NAMES: Final = (*_STORED, "type", "start_time")
"""What a span is a mapping of."""
_SAID: Final = (semconv.OUTPUT_VALUE, semconv.TOOL_CALL_RESULT)
_ASKED: Final = (semconv.INPUT_VALUE, semconv.TOOL_CALL_ARGUMENTS, semconv.RETRIEVAL_QUERY)


class Rows:
    """Some spans.

    Args:
        spans: a snapshot, or a table or batch with columns of the schema.
    """

    def __init__(self, spans: Snapshot | pa.Table | pa.RecordBatch) -> None:
        self._spans: Any = spans
        self._read: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return self._spans.num_rows

    def values(self, name: str) -> list[Any]:
        """Give a column as a span has it: ids as hex digits, messages as lists, or what `READ` makes of them."""
        if name not in self._read:
            self._read[name] = READ[name](self) if name in READ else self._column(name)
        return self._read[name]

    def stored(self, name: str) -> list[Any]:
        """Give a column as it is stored."""
        if name not in self._spans.column_names:
            return [None] * len(self)
        return self._spans[name].to_pylist()

    def _column(self, name: str) -> list[Any]:
        stored = self.stored(name)
        if name in IDS:
            return [value and value.hex() for value in stored]
        if name in CONTENT:
            return [_json(value) for value in stored]
        if name in ("events", "links"):
            return [[_readable(one) for one in row or ()] for row in stored]
        return stored

    def attributes(self) -> list[dict[str, Any]]:
        """Give all attributes of each span under their own names, those with a column of their own too."""
        found: list[dict[str, Any]] = [{} for _ in range(len(self))]
        for key, column in PROMOTED.items():
            for row, value in enumerate(self.stored(column.name)):
                if value is not None:
                    found[row][key] = value
        return [one | rest for one, rest in zip(found, _unpromoted(self._spans), strict=True)]

    def texts(self, messages: str, role: str | None, attributes: Sequence[str]) -> list[str | None]:
        """Give what was said in messages: all of it, or the last of a role; where there are none, an attribute's."""
        found = [_said(_json(value), role) for value in self.stored(messages)]
        missing = [row for row, text in enumerate(found) if text is None]
        if missing:
            some = self._spans if len(missing) == len(self) else self._spans.take(missing)
            for row, one in zip(missing, _unpromoted(some), strict=True):
                found[row] = next((_text(one[name]) for name in attributes if name in one), None)
        return found


class Row(Mapping[str, Any]):
    """One of them as a mapping of `NAMES`."""

    __slots__ = ("_at", "_rows")

    def __init__(self, rows: Rows, at: int) -> None:
        self._rows = rows
        self._at = at

    def __getitem__(self, name: str) -> Any:
        if name not in _KNOWN:
            raise KeyError(name)
        return self._rows.values(name)[self._at]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    def read(self, name: str) -> Any:
        """Give what `READ` makes of the span."""
        return self._rows.values(name)[self._at]


def _unpromoted(spans: Any) -> list[dict[str, Any]]:
    """Read the attributes without a column of their own."""
    import pyarrow as pa

    if "attributes" not in spans.column_names:
        return [{} for _ in range(spans.num_rows)]
    column = spans["attributes"]
    if spans.num_rows == 1:  # the way for many imports pandas
        return [plain(column[0].as_py())]
    return plain_column(column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column]))


def _json(stored: Any) -> Any:
    """Read JSON; what is none stays as it is. In a file it is a list of texts, after a null one that stands alone."""
    if isinstance(stored, list):
        texts = cast("list[str | None]", stored)
        stored = texts[1] if texts[:1] == [None] else f"[{','.join(map(str, texts))}]"
    try:
        return stored and orjson.loads(stored)
    except orjson.JSONDecodeError:
        return stored


def _readable(one: dict[str, Any]) -> dict[str, Any]:
    """Make an event or a link readable: its attributes as a mapping, ids as hex."""
    return {
        name: plain(value) if name == "attributes" else value.hex() if isinstance(value, bytes) else value
        for name, value in one.items()
    }


def parts(messages: object) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give the parts of messages, each with the message's role; what is no such thing is passed over."""
    for message in cast("list[Any]", messages) if isinstance(messages, list) else ():
        if isinstance(message, dict):
            said = cast("dict[str, Any]", message)
            for part in said.get("parts") or () if isinstance(said.get("parts"), list) else ():
                if isinstance(part, dict):
                    yield said.get("role"), cast("dict[str, Any]", part)


def _said(messages: object, role: str | None) -> str | None:
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list) or not messages:
        return None
    every = cast("list[Any]", messages)
    if role is not None:
        every = [one for one in every if isinstance(one, dict) and cast("Any", one).get("role") == role][-1:]
    return "\n\n".join(text for one in every if (text := _text_of(one)))


def _text_of(message: Any) -> str:
    match message:
        case {"parts": [{"type": "text", "content": str(content)}]}:
            return content
        case _:
            texts = (part.get("content") for _, part in parts([message]) if part.get("type") == "text")
            return "".join(text for text in texts if isinstance(text, str))


def _text(value: object) -> str:
    return value if isinstance(value, str) else written(value)


def _tool_calls(rows: Rows) -> list[list[dict[str, Any]]]:
    return [
        [
            {"name": part.get("name"), "arguments": _loaded(part.get("arguments")), "id": part.get("id")}
            for _, part in parts(messages)
            if part.get("type") == "tool_call"
        ]
        for messages in rows.values("output_messages")
    ]


def _documents(rows: Rows) -> list[list[Any]]:
    found = (_loaded(one.get(semconv.RETRIEVAL_DOCUMENTS)) for one in rows.values("attributes"))
    return [cast("list[Any]", one) if isinstance(one, list) else [] for one in found]


def _loaded(value: object) -> Any:
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return value


def _types(rows: Rows) -> list[str]:
    both = zip(rows.stored("span_type"), rows.stored("operation"), strict=True)
    return [kind(span_type, operation) for span_type, operation in both]


def _starts(rows: Rows) -> list[datetime | None]:
    """Make datetimes here: Arrow's import pandas."""
    return [
        None if start is None else EPOCH + timedelta(microseconds=start // 1000)
        for start in rows.stored("start_time_unix_nano")
    ]


READ: Final[dict[str, Callable[[Rows], list[Any]]]] = {
    "answer": lambda rows: rows.texts("output_messages", None, _SAID),
    "question": lambda rows: rows.texts("input_messages", "user", _ASKED),
    "tool_calls": _tool_calls,
    "documents": _documents,
    "attributes": lambda rows: rows.attributes(),
    "type": _types,
    "start_time": _starts,
}
"""What is not stored as it is read: `answer` and `question` are texts, `tool_calls` what the answer calls."""
_KNOWN: Final = frozenset((*NAMES, *READ))
READABLE: Final = (*NAMES, "answer", "question", "tool_calls", "documents")
"""Every name that can be read."""
