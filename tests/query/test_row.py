"""One span in the hands of a user."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbtrace._query.frame import Spans
from nbtrace.errors import NotFoundError, UsageError
from tests.query.tables import START, chat, row, table

MESSAGES = '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]'


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, **value}


SPANS = Spans(
    table(
        row(1, name="cell [1]", span_type="cell"),
        chat(
            2, 1, name="chat m", ms=1500, input_messages=MESSAGES, output_messages="[cut", tags=["a"],
            attributes=[attribute("n", int=7), attribute("list", json='{"arrayValue":{"values":[{"intValue":"1"}]}}'),
                        attribute("odd", json="{"), attribute("none")],
            events=[{"time_unix_nano": 5, "name": "e", "attributes": [attribute("why", string="x")],
                     "dropped_attributes_count": 0}],
            links=[{"trace_id": bytes(16), "span_id": bytes(8), "trace_state": None, "flags": 0, "attributes": [],
                    "dropped_attributes_count": 0}],
        ),
        chat(3, 1, name=None, request_model=None, response_model="m-2", status_code=2, error_type="Boom",
             cost_usd=None, cost_state="unpriced", output_tokens=None, start=None, ms=None),
        row(4, name="step", status_code=2),
    )
)  # fmt: skip


def test_a_span_reads_as_attributes_and_as_a_mapping() -> None:
    span = SPANS[1]
    assert (span.request_model, span["request_model"], span.type) == ("m", "m", "llm")
    assert (span.trace_id, span.span_id, span.parent_span_id) == ("0" * 31 + "1", "0" * 15 + "2", "0" * 15 + "1")
    assert SPANS[0].parent_span_id is None
    assert span.start_time == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=START // 1000)
    assert span.input_messages == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    assert span.output_messages == "[cut"
    assert span.events == [
        {"time_unix_nano": 5, "name": "e", "attributes": {"why": "x"}, "dropped_attributes_count": 0}
    ]
    assert span.links[0]["span_id"] == "0" * 16
    assert dict(span)["input_tokens"] == 10
    assert len(span) == len(list(span)) == len(SPANS.table.column_names) + 1
    assert {"request_model", "keys"} <= set(dir(span))


def test_its_attributes_are_all_of_them_under_their_own_names() -> None:
    assert SPANS[1].attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m-1",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cost": 0.5,
        "nbtrace.cost.state": "priced",
        "nbtrace.tags": ["a"],
        "gen_ai.input.messages": MESSAGES,
        "gen_ai.output.messages": "[cut",
        "n": 7,
        "list": [1],
        "odd": "{",
        "none": None,
    }


def test_a_column_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"^a span has no 'model'; it has: trace_id, span_id, .*, type"):
        _ = SPANS[1].model


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0, "<cell span: cell [1] · 1.00 ms>"),
        (1, "<llm span: chat m · m-1 · 10 → 5 tokens · $0.50 · 1.50 s>"),
        (2, "<llm span: a span without a name · m-2 · 10 → unknown tokens · unpriced · running · Boom>"),
        (3, "<span span: step · 1.00 ms · error>"),
    ],
)
def test_its_repr_is_one_line(at: int, shown: str) -> None:
    assert repr(SPANS[at]) == shown


def test_a_call_that_failed_before_any_answer_is_not_called_unpriced() -> None:
    failed: Any = {"status_code": 2, "error_type": "Boom", "cost_usd": None, "cost_state": "unpriced",
                   "input_tokens": None, "output_tokens": None, "response_model": None}  # fmt: skip
    unanswered, begun = Spans(table(chat(1, name="chat m", **failed), chat(2, name="c", **failed, response_id="1")))
    assert (repr(unanswered), repr(begun)) == (
        "<llm span: chat m · 1.00 ms · Boom>",
        "<llm span: c · m · unpriced · 1.00 ms · Boom>",
    )


def test_rows_are_counted_from_both_ends_and_slices_are_tables() -> None:
    assert [one.span_id[-1] for one in SPANS] == ["1", "2", "3", "4"]
    assert SPANS[-1] == SPANS[3] != SPANS[2]
    assert len({SPANS[-1], SPANS[3], SPANS[2]}) == 2
    assert [[one.span_id[-1] for one in some] for some in (SPANS[1:3], SPANS[-1:], SPANS[3:1], SPANS[:])] == [
        ["2", "3"], ["4"], [], ["1", "2", "3", "4"],
    ]  # fmt: skip
    for at in (4, -5):
        with pytest.raises(IndexError, match=f"^there is no span {at} among these 4$"):
            _ = SPANS[at]
    with pytest.raises(UsageError, match="a slice without a step"):
        _ = SPANS[::2]


def test_a_span_draws_its_trace_with_itself_selected() -> None:
    drawn: list[tuple[str, str | None]] = []
    spans = Spans(SPANS.snapshot, lambda trace_id, span_id: drawn.append((trace_id, span_id)))
    spans[1].trace()
    spans.filter(kind="llm").trace()
    spans.filter(kind="llm").trace("0" * 30)
    assert drawn == [("0" * 31 + "1", "0" * 15 + "2"), ("0" * 31 + "1", None), ("0" * 31 + "1", None)]
    with pytest.raises(NotFoundError, match=r"^these spans are of no session; draw them by nbtrace.open\(spans\)"):
        SPANS[1].trace()
