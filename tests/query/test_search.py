"""A search finds text in any case, wherever in a span it is, and however JSON wrote it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest

from nbtrace._query import named
from nbtrace._query.groups import groups
from nbtrace._query.search import ATTRIBUTES, EVENTS, MESSAGES, search
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UsageError
from tests.hostile import PAYLOADS
from tests.query.tables import chat, row, table
from tests.widgets.calls import day

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


CALLED = table(
    chat(1, request_model="gpt-4o", response_model="gpt-4o-2024-08-06", prompt_name="say hello", prompt_version="1"),
    chat(2, request_model="gpt-4o", response_model=None, prompt_name='say "hi"', cell_run=2),
    chat(3, request_model="gpt-4o-2024-08-06", response_model=None, input_messages=messages("model:gpt-4o")),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model:gpt-4o", [2]),
        ("model:gpt-4o-2024-08-06", [1, 3]),
        ('model:gpt-4o-2024-08-06 prompt:"say hello"', [1]),
        ('prompt:"say \\"hi\\""', [2]),
        ("prompt_version:1", [1]),
        ('prompt:""', [3]),
        ("run:2", [2]),
        ("see model:gpt-4o", []),
        ("model:gpt-4o ", [2]),
        (":gpt-4o", [3]),
    ],
)
def test_a_text_that_names_columns_finds_what_they_hold(text: str, expected: list[int]) -> None:
    assert sorted(found(CALLED, text)) == expected


def test_a_text_that_names_moments_finds_what_began_between_them() -> None:
    calls = table(*(chat(number, start=number * 60_000) for number in range(1, 6)))
    begins: list[Any] = calls["start_time_unix_nano"].to_pylist()
    local = [datetime.fromtimestamp(ns / 1e9, UTC).astimezone().replace(tzinfo=None).isoformat() for ns in begins]
    first, third = local[0], local[2]
    assert sorted(found(calls, f"since:{first} until:{third}")) == [1, 2]
    assert sorted(found(calls, f"since:{third}")) == [3, 4, 5]
    assert sorted(found(calls, f'until:"{third.replace("T", " ")}" model:gpt-4o')) == []
    assert found(calls, "since:never") == found(calls, "until:2026-99-99") == {}


def test_what_finds_a_group_of_a_chart_is_as_many_calls_as_the_group_has() -> None:
    spans = day()
    for by in ("model", "cell", ("cell", "model"), "prompt_version", "error_type", "status"):
        grouped = groups(spans, by=by)
        counted = {row["label"]: row["calls"] for row in grouped.rows}
        assert {label: len(found(spans.snapshot, text)) for label, text in grouped.find.items()} == counted
    assert groups(spans, by=()).find == {}
    names = [payload[:100].encode(errors="replace").decode() for payload in PAYLOADS]
    hostile = table(*(chat(number, response_model=name) for number, name in enumerate(names, 1)))
    for number, name in enumerate(names, 1):
        if name:
            assert number in found(hostile, named.written([("model", name)]))
