"""SQL over spans and messages, and what it cannot reach."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from nbtrace import Session, sql
from nbtrace._query.frame import Spans
from nbtrace._store.scores import Score, encode_scores, scores_schema
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UsageError
from tests.query.tables import chat, row, table

ASKED = [
    {"role": "user", "parts": [{"type": "text", "content": "Hä"}, {"type": "text", "content": "llo"}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "x"}]},
]
ANSWERED = [
    {"role": "assistant", "finish_reason": "stop", "parts": [{"type": "tool_call", "name": "look", "arguments": {}}]}
]
SPANS = Spans(
    table(
        row(1, span_type="cell", attributes=[{"key": "n", "int": 7}, {"key": "s", "string": "x"}]),
        chat(2, 1, input_messages=json.dumps(ASKED), output_messages=json.dumps(ANSWERED),
             system_instructions='[{"type":"text","content":"Be brief"}]'),
        chat(3, 1, request_model="n", input_messages="[cut", output_messages=None),
    )
)  # fmt: skip


def rows(query: str, **given: Any) -> list[dict[str, Any]]:
    return sql(query, spans=SPANS, **given).table.to_pylist()


def test_spans_are_a_table_with_readable_ids() -> None:
    assert rows("SELECT span_id, parent_span_id, cost_usd FROM spans WHERE operation = 'chat' ORDER BY 1") == [
        {"span_id": "0" * 15 + digit, "parent_span_id": "0" * 15 + "1", "cost_usd": 0.5} for digit in "23"
    ]
    assert set(sql("SELECT * FROM spans", spans=SPANS).columns) == set(SPANS.snapshot.column_names)
    assert rows("SELECT COLUMNS('request_m.del') FROM spans WHERE span_id LIKE '%3'") == [{"request_model": "n"}]
    assert rows("SELECT attribute(attributes, 'n') AS n FROM spans ORDER BY span_id LIMIT 1") == [{"n": "7"}]


def test_messages_are_a_table_and_what_is_no_json_is_left_out() -> None:
    assert rows("SELECT direction, position, role, text, tool_calls, finish_reason FROM messages ORDER BY 1, 2") == [
        {"direction": "input", "position": 0, "role": "user", "text": "Hällo", "tool_calls": [], "finish_reason": None},
        {"direction": "input", "position": 1, "role": "tool", "text": "", "tool_calls": [], "finish_reason": None},
        {"direction": "output", "position": 0, "role": "assistant", "text": "", "tool_calls": ["look"],
         "finish_reason": "stop"},
        {"direction": "system", "position": 0, "role": "system", "text": "Be brief", "tool_calls": [],
         "finish_reason": None},
    ]  # fmt: skip
    assert rows("SELECT DISTINCT request_model FROM messages JOIN spans USING (span_id)") == [{"request_model": "m"}]


def test_scores_are_a_table_of_the_spans_that_are_asked() -> None:
    judged = [
        Score(bytes(15) + b"\x01", bytes(7) + bytes([span]), "relevance", value, label="good", source="human")
        for span, value in ((2, 0.5), (3, 1.0), (9, 0.0))
    ]
    kept = SPANS.snapshot
    scored = Spans(Snapshot(kept.kept, kept.texts, pa.Table.from_batches([encode_scores(judged)])))
    query = "SELECT span_id, scores.name, value, label, source, request_model FROM scores JOIN spans USING (span_id)"
    answer = {"name": "relevance", "label": "good", "source": "human"}
    two, three = ({"span_id": f"{span:016x}", **answer} for span in (2, 3))
    assert sql(f"{query} ORDER BY 1", spans=scored).table.to_pylist() == [
        {**two, "value": 0.5, "request_model": "m"}, {**three, "value": 1.0, "request_model": "n"},
    ]  # fmt: skip
    assert sql("SELECT count(*) AS n FROM scores", spans=scored.filter(model="n"))["n"] == [1]
    assert set(sql("SELECT * FROM scores", spans=SPANS).columns) == set(scores_schema().names)


def test_what_is_given_can_be_used() -> None:
    prices = pd.DataFrame({"model": ["m"], "price": [3]})
    query = "SELECT price FROM spans JOIN prices ON model = request_model WHERE cost_usd > $least"
    assert rows(query, prices=prices, least=0.1) == [{"price": 3}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'x.db'", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true",
        "SELECT * FROM read_text('https://127.0.0.1/')", "SELECT * FROM prices", "SELECT nonsense FROM spans", "SELEC",
    ],
)  # fmt: skip
def test_files_network_settings_and_variables_are_out_of_reach(query: str) -> None:
    prices = pd.DataFrame({"model": ["m"]})
    with pytest.raises(UsageError, match=r"^DuckDB cannot run this query: "):
        rows(query)
    assert len(prices) == 1


def test_a_statement_without_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a query that gives rows"):
        rows("-- nothing")


@pytest.mark.parametrize("name", ["messages", "scores", "Scores", "nbtrace_spans", "nbtrace_scores"])
def test_a_frame_cannot_take_the_place_of_a_table(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        rows("SELECT 1 AS n", **{name: pa.table({"x": [1]})})
    assert str(refused.value) == (
        f"a data frame cannot be named {name}, which is a table of nbtrace's own: give it another name"
    )
    assert rows("SELECT $scores AS n", scores=2) == [{"n": 2}]


def test_a_session_answers_for_its_own_spans(session: Session) -> None:
    assert session.sql("SELECT count(*) AS n FROM spans")["n"] == [0]
