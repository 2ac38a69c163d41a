"""A snapshot is the table that readers see, whole or in part, and takes the room of what it says once."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace import semconv
from nbtrace._export.parquet import write
from nbtrace._store.schema import COLUMNS, schema
from nbtrace._store.sessions import earlier
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from tests.store.journals import journaled
from tests.store.recording import tracer_into

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.trace import Tracer

TYPED: dict[str, Any] = {
    "string": st.text() | st.just("long " * 40),
    "int": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "bytes": st.binary(),
    "json": st.just('{"arrayValue":{"values":[]}}'),
}
KEY = {"key": st.text()}
ATTRIBUTE: Any = st.one_of(
    st.fixed_dictionaries(KEY), *(st.fixed_dictionaries(KEY | {kind: value}) for kind, value in TYPED.items())
)
ATTRIBUTES: Any = st.lists(ATTRIBUTE, max_size=3)
COUNT = st.integers(0, 2**32 - 1)
TIME = st.integers(0, 2**62)
MESSAGES = (
    st.none()
    | st.text()
    | st.sampled_from(
        [
            "[]",
            '[{"role":"user"},{"role":"assistant"}]',
            '[{"role":"assistant","finish_reason":"stop"}]',
            '[{"a": 1}, {}]',
        ]
    )
)
VALUES: dict[str, Any] = {
    "id16": st.binary(min_size=16, max_size=16),
    "id8": st.binary(min_size=8, max_size=8),
    "string": st.text(),
    "text": MESSAGES,
    "int": st.integers(-(2**63), 2**63 - 1),
    "uint": COUNT,
    "double": st.floats(allow_nan=False),
    "strings": st.lists(st.text(), max_size=2),
    "dictionary": st.text(),
    "attributes": ATTRIBUTES,
    "events": st.lists(
        st.fixed_dictionaries(
            {"time_unix_nano": TIME, "name": st.text(), "attributes": ATTRIBUTES, "dropped_attributes_count": COUNT}
        ),
        max_size=2,
    ),
    "links": st.lists(st.fixed_dictionaries({"trace_id": st.just(b"t" * 16), "attributes": ATTRIBUTES}), max_size=2),
}
OWN: dict[str, Any] = {"kind": st.integers(1, 5), "status_code": st.integers(0, 2), "start_time_unix_nano": TIME}
NEVER_NULL = ("attributes", "events", "links")
COLUMN: dict[str, Any] = {
    column.name: OWN.get(column.name, VALUES.get(column.type)) for column in COLUMNS if column.type != "time"
}
ROWS: Any = st.lists(st.fixed_dictionaries({}, optional=COLUMN), max_size=6)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    filled = [
        {name: [] for name in NEVER_NULL}
        | {f"dropped_{name}_count": 0 for name in NEVER_NULL}
        | {"start_time": row.get("start_time_unix_nano", 0) // 1000 if "start_time_unix_nano" in row else None}
        | row
        for row in rows
    ]
    return pa.Table.from_pylist(filled, schema=schema())


@settings(max_examples=50)
@given(ROWS, st.data())
def test_kept_and_read_again_is_the_table(rows: list[dict[str, Any]], choice: st.DataObject) -> None:
    table = table_of(rows)
    snapshot = Snapshot.of(table)
    snapshot.kept.validate(full=True)
    read = snapshot.table()
    read.validate(full=True)
    assert read.equals(table)
    assert read.schema.equals(schema(), check_metadata=True)
    flags = choice.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    mask: Any = pa.array(flags, pa.bool_())
    assert snapshot.filter(mask).table().equals(table.filter(mask))
    start = choice.draw(st.integers(0, len(rows)))
    assert snapshot.slice(start).table().equals(table.slice(start))
    assert snapshot.slice(start).filter(mask.slice(start)).table().equals(table.slice(start).filter(mask.slice(start)))
    assert pa.concat_tables([schema().empty_table(), *snapshot.pieces(schema().names, 2)]).equals(table)


def test_the_last_messages_are_those_of_whole_columns() -> None:
    texts = [
        None, "[]", "masked", '[{"a":1}]', '[{"a":1},{"b":2}]', '[{"a":1},{"b":2,"finish_reason":"stop"}]', "",
        '[{"a": 1}, {"b": 2}]',
    ]  # fmt: skip
    lasts = [
        None, "[]", "masked", '[{"a":1}]', '[{"b":2}]', '[{"b":2,"finish_reason":"stop"}]', "", '[ {"b": 2}]',
    ]  # fmt: skip
    for name in ("input_messages", "output_messages"):
        snapshot = Snapshot.of(table_of([{} if text is None else {name: text} for text in texts]))
        assert snapshot[name].to_pylist() == texts
        assert snapshot.last_messages(name).to_pylist() == lasts
        assert snapshot.slice(3, 3).last_messages(name).to_pylist() == lasts[3:6]


def test_columns_that_a_table_lacks_are_null_and_odd_ones_are_left_out() -> None:
    snapshot = Snapshot.of(pa.table({"name": ["a"], "odd": [1]}))
    assert snapshot.select(["name", "cost_usd", "attributes"]).to_pylist() == [
        {"name": "a", "cost_usd": None, "attributes": []}
    ]


def said(role: str, text: str, **more: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}], **more}


def talk(tracer: Tracer, turns: int) -> int:
    """Have a conversation whose every call repeats what was said; gives the bytes of what was said.

    What is said does not repeat in itself, so that only what is kept once makes it small.
    """
    noise = random.Random(1)
    history: list[dict[str, Any]] = []
    size = 0
    for _ in range(turns):
        question = said("user", base64.b64encode(noise.randbytes(1100)).decode())
        answer = said("assistant", base64.b64encode(noise.randbytes(450)).decode())
        history.append(question)
        attributes = {
            semconv.OPERATION_NAME: "chat",
            semconv.INPUT_MESSAGES: orjson.dumps(history).decode(),
            semconv.OUTPUT_MESSAGES: orjson.dumps([answer | {"finish_reason": "stop"}]).decode(),
        }
        tracer.start_span("chat", attributes=attributes).end()
        history.append(answer)
        size += len(orjson.dumps(question)) + len(orjson.dumps(answer))
    return size


def test_a_long_conversation_takes_what_was_said_in_it() -> None:
    store = Store()
    size = talk(tracer_into(store), 50)
    snapshot = store.snapshot()
    assert len(snapshot) == 50
    assert snapshot["input_messages"].nbytes > 20 * size
    assert snapshot.nbytes <= 1.3 * size


@pytest.mark.parametrize("turns", [50, 400])
def test_it_takes_no_more_in_a_file(turns: int, tmp_path: Path) -> None:
    with journaled(tmp_path) as (store, _, both):
        size = talk(tracer_into(both), turns)
        exported, *_ = write(store.snapshot(), tmp_path / "spans.parquet")
    (session,) = earlier(tmp_path)
    assert exported <= 1.3 * size
    assert session.size <= 1.3 * size


def test_what_running_spans_say_is_not_kept(store: Store, tracer: Tracer) -> None:
    tracer.start_span("ended", attributes={semconv.INPUT_MESSAGES: '[{"a":1}]'}).end()
    span = tracer.start_span("running", attributes={semconv.INPUT_MESSAGES: '[{"a":1},{"b":2}]'})
    assert store.snapshot()["input_messages"].to_pylist() == ['[{"a":1}]', '[{"a":1},{"b":2}]']
    span.set_attribute(semconv.INPUT_MESSAGES, '[{"c":3}]')
    assert store.snapshot()["input_messages"].to_pylist() == ['[{"a":1}]', '[{"c":3}]']
    span.set_attribute(semconv.INPUT_MESSAGES, '[{"d":4}]')
    span.end()
    assert store.snapshot()["input_messages"].to_pylist() == ['[{"a":1}]', '[{"d":4}]']
    assert store.snapshot().texts.take(pa.array([0, 1], pa.int32())).to_pylist() == ['{"a":1}', '{"d":4}']
    assert len(store.snapshot().texts) == 2
