"""A search finds text in any case, wherever in a span it is, and however JSON wrote it."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import pytest

from nbtrace._query.search import ATTRIBUTES, EVENTS, MESSAGES, search
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UsageError
from tests.query.tables import chat, row, table

NOTHING = {"string": None, "int": None, "double": None, "bool": None, "bytes": None, "json": None}
EVENT = {"time_unix_nano": 0, "dropped_attributes_count": 0}


def messages(text: str) -> str:
    return orjson.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}]).decode()


def found(rows: Snapshot, text: str) -> dict[int, int]:
    return {int.from_bytes(one["span_id"]): one["places"] for one in search(rows, text).to_pylist()}


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, **NOTHING, **value}


SPANS = table(
    chat(1, input_messages=messages('Say "hi"\nto Zoë'), output_messages=messages("HELLO")),
    chat(2, system_instructions='[{"type":"text","content":"Zo\\u00eb (hello)"}]', tool_definitions="[]"),
    row(3, attributes=[attribute("tool", string="look"), attribute("Hello.key", int=1)]),
    row(4, attributes=[attribute("args", json='{"stringValue":"hello \\\\ there"}')], status_message="hello?"),
    row(5, events=[EVENT | {"name": "hello", "attributes": []}]),
    row(6, events=[EVENT | {"name": "e", "attributes": [attribute("x", string="oh, hello")]}], prompt_name="hello"),
    row(7),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", {1: MESSAGES, 2: MESSAGES, 3: ATTRIBUTES, 4: ATTRIBUTES, 5: EVENTS, 6: ATTRIBUTES | EVENTS}),
        ('"HI"\nto', {1: MESSAGES}),
        ("zoë", {1: MESSAGES, 2: MESSAGES}),
        ("ZOË", {1: MESSAGES, 2: MESSAGES}),
        ("(hello)", {2: MESSAGES}),
        ("hello \\ there", {4: ATTRIBUTES}),
        ("h.llo", {}),
        ("nowhere", {}),
        ("", {}),
    ],
)
def test_where_a_text_is_found(text: str, expected: dict[int, int]) -> None:
    assert found(SPANS, text) == expected
    assert (
        found(Snapshot(pa.concat_tables([SPANS.kept.slice(0, 3), SPANS.kept.slice(3)]), SPANS.texts), text) == expected
    )


def test_nothing_is_found_in_nothing() -> None:
    empty = search(table(), "hello")
    assert (empty.num_rows, empty.column_names) == (0, ["trace_id", "span_id", "places"])


def test_a_search_that_is_over_stops_before_the_next_batch() -> None:
    assert search(SPANS, "hello", is_over=lambda: True).num_rows == 0


def test_more_than_anybody_types_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match=r"^cannot look for 1,001 characters; give 1,000 of them at most$"):
        search(SPANS, "x" * 1001)
