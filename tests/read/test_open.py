"""Spans that come back from files, as they went out and as others wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import nbtrace
from nbtrace import Session
from nbtrace._opened import Opened, read_back
from nbtrace._query.tree import tree
from nbtrace._store.scores import Score
from nbtrace._widgets.static import tree_text
from tests.read.making import recorded

FORMATS = ("session.parquet", "session.otlp.jsonl", "session.pb", "varints.pb", "four.pb")


def written(session: Session, path: Path) -> Path:
    """Export a session to a file in a format that its name says."""
    if path.suffix != ".pb":
        session.export(path)
        return path
    from nbtrace._export.otlp import requests
    from nbtrace._export.prepare import Prepared

    made = [body for body, _ in requests(Prepared(session.snapshot()), 2000)]
    assert len(made) > 1
    if path.stem == "session":
        path.write_bytes(b"".join(made))  # messages one after another are one
    elif path.stem == "varints":
        path.write_bytes(b"".join(varint(len(body)) + body for body in made))
    else:
        path.write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in made))
    return path


def varint(value: int) -> bytes:
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])


def rows(session: Session | Opened) -> list[dict[str, Any]]:
    """Give the rows of ended spans, whose attributes have no order."""
    found = [row for row in session.spans().table.to_pylist() if row["duration_ns"] is not None]
    for row in found:
        row["attributes"] = sorted(row["attributes"], key=lambda one: one["key"])
    return sorted(found, key=lambda row: row["span_id"])


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_opened_is_what_was_recorded(name: str, tmp_path: Path) -> None:
    session = recorded()
    opened = nbtrace.open(written(session, tmp_path / name))
    assert rows(opened) == rows(session)
    assert (opened.repaired, opened.left_out) == ({}, {})


def test_a_directory_of_files_is_read_as_one(tmp_path: Path) -> None:
    session = recorded()
    (tmp_path / "a" / "deep").mkdir(parents=True)
    written(session, tmp_path / "a" / "deep" / "session.parquet")
    written(session, tmp_path / "a" / "session.jsonl")
    (tmp_path / "a" / "README.md").write_text("# spans")
    (tmp_path / "a" / "_SUCCESS").touch()
    opened = nbtrace.open(str(tmp_path / "a"))
    assert rows(opened) == rows(session)
    assert opened.left_out.pop("span that is there twice") == len(rows(session))
    assert [word.partition("README.md")[2] for word in opened.left_out] == [
        "': it begins with b'# spans'; expected Parquet, OTLP JSON lines or OTLP protobuf"
    ]


def test_a_span_that_ran_at_one_export_has_its_end_from_another(tmp_path: Path) -> None:
    with Session() as session:
        with session.span("cell"):
            session.export(tmp_path / "a.parquet")
        session.export(tmp_path / "b.parquet")
    opened = nbtrace.open(tmp_path)
    assert rows(opened) == rows(session)
    assert opened.left_out == {"span that is there twice": 1}


def test_an_earlier_session_is_opened_by_its_directory_and_its_id(tmp_path: Path) -> None:
    with Session() as session:
        session.open_journal(tmp_path, notebook="a.ipynb")
        with session.span("outer"), session.span("inner", kind="tool"):
            pass
        begun = session.span("begun").__enter__()
        session.close_journal()
        directory = next(tmp_path.iterdir())
        opened = nbtrace.open(directory)
        assert [span.name for span in opened.spans()] == ["execute_tool inner", "outer", "begun"]
        assert opened.spans()[-1].status_message == "interrupted by the kernel's end"
        session.open_journal(tmp_path, notebook="b.ipynb")
        assert rows(read_back(directory.name[-4:], session)) == rows(opened)
        begun.__exit__(None, None, None)


def test_what_is_opened_answers_like_a_session(tmp_path: Path) -> None:
    session = recorded()
    opened = nbtrace.open(written(session, tmp_path / "session.parquet"))
    assert len(opened) == len(session.spans())
    assert nbtrace.metrics(opened).table == nbtrace.metrics(session.spans()).table == opened.metrics().table
    query = "SELECT name, input_tokens FROM spans ORDER BY span_id"
    assert nbtrace.sql(query, spans=opened).table == session.sql(query).table == opened.sql(query).table
    call = opened.spans(operation="chat")[0]
    assert opened.of("Paris") == call
    assert nbtrace.trace(opened).selected_span == opened.trace().selected_span is None
    assert opened.trace(call).selected_span == call.span_id
    assert nbtrace.traces(opened).selected_trace is None
    assert opened.export(tmp_path / "again.parquet").spans == len(session.spans())
    assert pa.table(opened) == opened.spans().table
    assert repr(opened) == f"<nbtrace opened Parquet: {len(opened)} spans>"
    assert tree_text(tree(opened.snapshot())) == tree_text(tree(session.snapshot()))


@pytest.mark.parametrize("convert", [lambda spans: spans, lambda spans: spans.table, lambda spans: spans.to_polars()])
def test_spans_and_frames_of_them_are_opened(convert: Callable[[Any], Any]) -> None:
    session = recorded()
    assert rows(nbtrace.open(convert(session.spans()))) == rows(session)


def test_spans_of_others_are_brought_to_the_conventions_masked_and_priced(tmp_path: Path) -> None:
    attributes = {
        "openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini", "llm.system": "openai",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "My key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD",
        "llm.token_count.prompt": 1000, "llm.token_count.completion": 10,
    }  # fmt: skip
    pairs = [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
    ]
    span = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "name": "ChatCompletion", "attributes": pairs,
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000"}  # fmt: skip
    path = tmp_path / "production.jsonl"
    path.write_text(document(span, scope={"name": "openinference.instrumentation.openai"}))
    found = nbtrace.open(path).spans()[0]
    assert (found.operation, found.provider, found.request_model) == ("chat", "openai", "gpt-4o-mini")
    assert (found.input_tokens, found.output_tokens, found.cost_state) == (1000, 10, "estimated")
    assert found.cost_usd == pytest.approx(1000 * 0.15e-6 + 10 * 0.6e-6)
    assert "sk-proj" not in json.dumps(found.input_messages) + json.dumps(found.attributes, default=str)


def seen_call(span_id: int, parent: int | None, start: int, end: int, asked: str | None = None) -> dict[str, Any]:
    """Give a call as an instrumentation writes it, in a trace of spans that begin and end in milliseconds."""
    given = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    if asked is not None:
        given["gen_ai.input.messages"] = json.dumps([{"role": "user", "parts": [{"type": "text", "content": asked}]}])
    return {
        "traceId": f"{1:032x}", "spanId": f"{span_id:016x}", "name": f"chat {span_id}", "kind": 3,
        "startTimeUnixNano": str(1_700_000_000_000_000_000 + start * 1_000_000),
        "endTimeUnixNano": str(1_700_000_000_000_000_000 + end * 1_000_000),
        "attributes": [
            *({"key": key, "value": {"stringValue": text}} for key, text in given.items()),
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "10"}},
        ],
        **({} if parent is None else {"parentSpanId": f"{parent:016x}"}),
    }  # fmt: skip


SEEN_TWICE = {
    "around it": [(seen_call(1, None, 0, 10), "outer"), (seen_call(2, 1, 1, 9), "inner")],
    "at the same times": [(seen_call(1, None, 0, 10), "outer"), (seen_call(2, 1, 0, 10), "inner")],
    "beside it": [
        (seen_call(1, 9, 0, 10, "Hi"), "outer"),
        (seen_call(2, 9, 1, 9, "Hi"), "inner"),
        (seen_call(3, 9, 2, 8, "Hi"), "outer"),
        (seen_call(4, 9, 3, 7, "Hi"), "inner"),
    ],
    "around several": [(seen_call(1, None, 0, 10), "outer"), *((seen_call(n, 1, n, n + 1), "inner") for n in (2, 4))],
}


@pytest.mark.parametrize("place", SEEN_TWICE)
def test_a_call_that_two_instrumentations_saw_is_one_in_whatever_order_and_file_they_are(
    place: str, tmp_path: Path
) -> None:
    documents = [document(span, scope={"name": scope}) for span, scope in SEEN_TWICE[place]]
    found: list[list[dict[str, Any]]] = []
    for number, order in enumerate([documents, documents[::-1]]):
        file, directory = tmp_path / f"{number}.jsonl", tmp_path / str(number)
        file.write_text("\n".join(order))
        directory.mkdir()
        for name, text in enumerate(order):
            (directory / f"{name}.jsonl").write_text(text)
        found += [rows(nbtrace.open(file)), rows(nbtrace.open(directory))]
    assert found == found[:1] * 4
    calls = {"beside it": 2, "around several": 2}.get(place, 1)
    operations = [row["operation"] for row in found[0]]
    assert (operations.count("chat"), operations.count(None)) == (calls, place == "around several")


def test_a_policy_that_asks_for_more_is_applied_to_what_nbtrace_wrote(tmp_path: Path) -> None:
    session = recorded()
    span = session.spans(operation="chat")[0]
    said = Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "correct", 1.0, explanation="It is Paris.")
    session.rate(said)
    path = written(session, tmp_path / "session.parquet")
    strict = Session()
    strict.redact(r"Par\w+", name="city")
    strict.policy.content = "full"
    opened = read_back(path, strict)
    assert "Paris" not in json.dumps(opened.spans().table.to_pylist(), default=str)
    kept = [{**row, "output_messages": None} for row in rows(session)]
    assert [{**row, "output_messages": None} for row in rows(opened)] == kept
    assert "[redacted: city]" in opened.spans(operation="chat")[0].output_messages[0]["parts"][0]["content"]
    (score,) = opened.snapshot().scores.to_pylist()
    assert (score["name"], score["value"], score["explanation"]) == ("correct", 1.0, "It is [redacted: city].")


def document(*spans: Any, scope: Any = None, resource: Any = None) -> str:
    group = {"resource": resource or {}, "scopeSpans": [{"scope": scope or {}, "spans": list(spans)}]}
    return json.dumps({"resourceSpans": [group]}) + "\n"
