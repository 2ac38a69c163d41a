"""A row is the span: nothing that OTLP can carry is lost or changes its type."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from nbtrace import _guard, semconv
from nbtrace._store.attributes import plain
from nbtrace._store.contents import Contents
from nbtrace._store.encode import Finished, encode
from nbtrace._store.schema import PROMOTED, schema
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace._store.values import UNSTORABLE, to_json
from tests.store.recording import START, tracer_into

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

REMOTE = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("v", "1")]))


def attribute(key: str, **value: object) -> dict[str, object]:
    return {"key": key, "string": None, "int": None, "double": None, "bool": None, "bytes": None, "json": None} | value


def row_of(attributes: dict[str, Any], **parts: Any) -> dict[str, Any]:
    span = ReadableSpan("span", SpanContext(1, 2, is_remote=False), resource=Resource({}), start_time=START, **parts)
    return rows_of(Finished(span, attributes))[0]


def rows_of(*finished: Finished) -> list[dict[str, Any]]:
    contents = Contents()
    batch = encode(finished, contents)
    batch.validate(full=True)
    contents.commit()
    table = Snapshot(pa.Table.from_batches([batch]), contents.texts).table()
    table.validate(full=True)
    return table.to_pylist()


def test_a_span_with_everything(store: Store, tracer: Tracer) -> None:
    parent = set_span_in_context(NonRecordingSpan(REMOTE))
    span = tracer.start_span(
        "chat m",
        parent,
        SpanKind.CLIENT,
        {semconv.OPERATION_NAME: "chat", semconv.RESPONSE_FINISH_REASONS: ["stop", "length"], "custom": 1.5},
        [Link(REMOTE, {"why": "retry"})],
        START,
    )
    span.add_event("chunk", {"index": 3}, START + 5)
    span.set_status(Status(StatusCode.ERROR, "boom"))
    span.end(START + 1_000)
    table = store.snapshot().table()
    assert table.schema.equals(schema(), check_metadata=True)
    row = table.to_pylist()[0]
    resource, scope = json.loads(row.pop("resource")), json.loads(row.pop("scope"))
    assert row.pop("start_time").isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert {name: value for name, value in row.items() if value is not None} == {
        "trace_id": (0xABC).to_bytes(16, "big"),
        "span_id": (1).to_bytes(8, "big"),
        "parent_span_id": (0xDEF).to_bytes(8, "big"),
        "trace_state": "v=1",
        "flags": 0x301,
        "name": "chat m",
        "kind": 3,
        "start_time_unix_nano": START,
        "duration_ns": 1_000,
        "status_code": 2,
        "status_message": "boom",
        "operation": "chat",
        "finish_reasons": ["stop", "length"],
        "attributes": [attribute("custom", double=1.5)],
        "dropped_attributes_count": 0,
        "events": [
            {
                "time_unix_nano": START + 5,
                "name": "chunk",
                "attributes": [attribute("index", int=3)],
                "dropped_attributes_count": 0,
            }
        ],
        "dropped_events_count": 0,
        "links": [
            {
                "trace_id": (0xABC).to_bytes(16, "big"),
                "span_id": (0xDEF).to_bytes(8, "big"),
                "trace_state": "v=1",
                "flags": 0x301,
                "attributes": [attribute("why", string="retry")],
                "dropped_attributes_count": 0,
            }
        ],
        "dropped_links_count": 0,
    }
    assert resource == {
        "attributes": [{"key": "service.name", "value": {"stringValue": "notebook"}}],
        "schemaUrl": "https://example.org/resource",
    }
    assert scope == {
        "name": "scope",
        "version": "1.2",
        "attributes": [{"key": "part", "value": {"stringValue": "a"}}],
        "schemaUrl": "https://example.org/scope",
    }


def test_what_the_sdk_dropped_is_counted(store: Store) -> None:
    limits = SpanLimits(max_span_attributes=1, max_events=1, max_links=1, max_event_attributes=1, max_link_attributes=1)
    two = {"a": 1, "b": 2}
    span = tracer_into(store, limits).start_span("s", attributes=two, links=[Link(REMOTE, two), Link(REMOTE, two)])
    span.add_event("one", two)
    span.add_event("two", two)
    span.end()
    row = store.snapshot().table().to_pylist()[0]
    dropped = [row[f"dropped_{what}_count"] for what in ("attributes", "events", "links")]
    nested = [row[what][0]["dropped_attributes_count"] for what in ("events", "links")]
    assert (dropped, nested) == ([1, 1, 1], [1, 1])


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Nameless:
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, {}),
        ("", {"string": ""}),
        ("\ud800", {"string": "\\ud800"}),
        (0, {"int": 0}),
        (2**63 - 1, {"int": 2**63 - 1}),
        (2**63, {"json": '{"intValue":"9223372036854775808"}'}),
        (False, {"bool": False}),
        (-0.0, {"double": -0.0}),
        (b"\xff", {"bytes": b"\xff"}),
        ((), {"json": '{"arrayValue":{"values":[]}}'}),
        ({}, {"json": '{"kvlistValue":{"values":[]}}'}),
        (
            [None, True, float("-inf"), b"\xff", "\ud800", {"k": 2**64}],
            {
                "json": '{"arrayValue":{"values":[{},{"boolValue":true},{"doubleValue":"-Infinity"},'
                '{"bytesValue":"/w=="},{"stringValue":"\\\\ud800"},'
                '{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"18446744073709551616"}}]}}]}}'
            },
        ),
        (Colour.RED, {"string": "red"}),
        (Level.HIGH, {"int": 3}),
        (1 + 2j, {"json": '{"stringValue":"(1+2j)"}'}),
    ],
)
def test_an_attribute_keeps_its_type(value: object, stored: dict[str, object]) -> None:
    assert row_of({"key": value})["attributes"] == [attribute("key", **stored)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (semconv.USAGE_INPUT_TOKENS, True),
        (semconv.USAGE_INPUT_TOKENS, 3.0),
        (semconv.USAGE_INPUT_TOKENS, 2**63),
        (semconv.USAGE_COST, 0),
        (semconv.REQUEST_MODEL, None),
        (semconv.REQUEST_MODEL, ["a"]),
        (semconv.RESPONSE_FINISH_REASONS, "stop"),
        (semconv.RESPONSE_FINISH_REASONS, ["stop", None]),
    ],
)
def test_what_does_not_fit_its_column_stays_an_attribute(key: str, value: object) -> None:
    row = row_of({key: value})
    assert (row[PROMOTED[key].name], plain(row["attributes"])) == (None, {key: value})


any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=12,
)
attribute_key = st.text(min_size=1) | st.sampled_from(sorted(PROMOTED))


def exact(value: object) -> object:
    """Make equality see types, NaN and the sign of zero, and no difference between list and tuple."""
    if isinstance(value, list | tuple):
        return [exact(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: exact(one) for key, one in cast("dict[str, object]", value).items()}
    return type(value).__name__, repr(value)


def attributes_of(row: dict[str, Any]) -> dict[str, Any]:
    promoted = {key: row[column.name] for key, column in PROMOTED.items() if row[column.name] is not None}
    return promoted | plain(row["attributes"])


@given(st.lists(st.dictionaries(attribute_key, any_value, max_size=6), max_size=4))
def test_attributes_survive_as_the_sdk_took_them(rows: list[dict[str, Any]]) -> None:
    store = Store()
    tracer = tracer_into(store)
    taken: list[Any] = []
    for attributes in rows:
        span = tracer.start_span("s", attributes=attributes)
        span.add_event("e", attributes)
        span.end()
        taken.append(dict(cast("ReadableSpan", span).attributes or {}))
    table = store.snapshot().table()
    table.validate(full=True)
    stored = table.drop_columns(["start_time"]).to_pylist()
    assert [exact(attributes_of(row)) for row in stored] == [exact(some) for some in taken]
    assert [exact(plain(row["events"][0]["attributes"])) for row in stored] == [exact(some) for some in taken]


def test_names_and_times_that_the_sdk_lets_pass_do_not_fail() -> None:
    late = Event(cast("str", 7), None, timestamp=cast("int", float(START)))
    row = row_of({}, events=[late], end_time=2**70)
    assert (row["events"][0]["name"], row["events"][0]["time_unix_nano"]) == ("7", int(float(START)))
    assert row["duration_ns"] is None


def test_a_span_without_times_or_scope_is_a_row() -> None:
    span = ReadableSpan("bare", SpanContext(1, 2, is_remote=False), resource=Resource({}))
    row = rows_of(Finished(span, {}))[0]
    assert [row[name] for name in ("start_time", "start_time_unix_nano", "duration_ns", "scope", "resource")] == [
        None, None, None, None, "{}",
    ]  # fmt: skip


def test_a_value_that_cannot_be_written_leaves_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "reraise", False)
    assert to_json([Nameless()]) == UNSTORABLE
    assert row_of({"a": Nameless(), "b": 1})["attributes"] == [attribute("a", json=UNSTORABLE), attribute("b", int=1)]
