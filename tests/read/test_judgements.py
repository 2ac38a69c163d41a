"""Scores in files and frames of others and ours: they come back as scores, once, however often they are handed on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import nbtrace
from nbtrace import Session
from nbtrace._opened import Opened, read_back
from nbtrace._store.scores import Score
from tests.read.making import recorded

RESULT = "gen_ai.evaluation.result"


def judged() -> Session:
    session = recorded()
    span = session.spans(operation="chat")[0]
    ids = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
    session.rate(Score(*ids, "correct", 1.0, "yes", "It is Paris.", "ada", "2", "human", 1_700_000_000_000_000_000))
    session.rate(Score(*ids, "polite", evaluator="rude", source="code", time_unix_nano=2, error_type="ValueError"))
    return session


def scores(opened: Opened) -> list[dict[str, Any]]:
    return [{**row, "key": None} for row in opened.snapshot().scores.to_pylist()]


@pytest.mark.parametrize("name", ["session.otlp.jsonl", "session.parquet"])
def test_scores_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    session = judged()
    session.export(tmp_path / name)
    opened = nbtrace.open(tmp_path / name)
    assert scores(opened) == session.snapshot().scores.to_pylist()
    assert [span.events for span in opened.spans()] == [span.events for span in session.spans()]
    opened.export(tmp_path / "again.otlp.jsonl")
    assert scores(nbtrace.open(tmp_path / "again.otlp.jsonl")) == scores(opened)


@pytest.mark.parametrize("shape", [pq.read_table, pl.read_parquet, lambda path: pq.read_table(path).to_pandas()])
def test_scores_are_a_column_of_frames(shape: Any, tmp_path: Path) -> None:
    session = judged()
    session.export(tmp_path / "session.parquet")
    opened = nbtrace.open(shape(tmp_path / "session.parquet"))
    assert (scores(opened), opened.left_out) == (session.snapshot().scores.to_pylist(), {})


def test_a_frame_for_people_is_opened_too() -> None:
    session = judged()
    opened = nbtrace.open(session.spans().to_pandas(full=True))
    assert (opened.spans().table.equals(session.spans().table), opened.left_out, opened.repaired) == (True, {}, {})


def test_a_judgement_that_says_more_stays_an_event_too_and_is_handed_on_once(tmp_path: Path) -> None:
    said = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 3, "gen_ai.response.id": "r-1",
            "gen_ai.evaluation.explanation": "key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"}  # fmt: skip
    nameless = {"gen_ai.evaluation.score.value": 1}
    path = tmp_path / "theirs.jsonl"
    path.write_text(document(event(5, **said), event(6, **nameless)))
    opened = nbtrace.open(path)
    (score,) = scores(opened)
    assert (score["name"], score["value"], score["source"], score["time_unix_nano"]) == ("relevance", 3.0, "code", 5)
    assert "sk-proj" not in score["explanation"]
    assert [one["time_unix_nano"] for one in opened.spans()[0].events] == [5, 6]
    opened.export(tmp_path / "again.otlp.jsonl")
    assert (tmp_path / "again.otlp.jsonl").read_text().count(RESULT) == 2
    assert scores(nbtrace.open(tmp_path / "again.otlp.jsonl")) == [score]
    strict = Session()
    strict.redact(r"relev\w+", name="word")
    assert len(scores(read_back(opened.spans(), strict))) == 1


def test_of_several_who_judge_at_once_each_is_handed_on(tmp_path: Path) -> None:
    said = {"gen_ai.evaluation.name": "clear", "gen_ai.evaluation.score.value": 1, "nbtrace.evaluator": "ada"}
    path = tmp_path / "theirs.jsonl"
    path.write_text(document(event(5, **said, more="kept"), event(5, **said | {"nbtrace.evaluator": "grace"})))
    opened = nbtrace.open(path)
    opened.export(tmp_path / "again.otlp.jsonl")
    again = nbtrace.open(tmp_path / "again.otlp.jsonl")
    assert sorted(one["evaluator"] for one in scores(again)) == ["ada", "grace"]
    assert len(again.spans()[0].events) == 1


@pytest.mark.parametrize("name", ["session.otlp.jsonl", "session.parquet"])
def test_a_value_that_is_no_number_is_left_out_and_the_rest_stays(name: str, tmp_path: Path) -> None:
    session = judged()
    span = session.spans(operation="chat")[0]
    session.rate(
        Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "odd", math.nan, "pass", time_unix_nano=3)
    )
    session.export(tmp_path / name)
    opened = nbtrace.open(tmp_path / name)
    assert {one["name"]: (one["value"], one["label"]) for one in scores(opened)} == {
        "correct": (1.0, "yes"), "polite": (None, None), "odd": (None, "pass"),
    }  # fmt: skip
    assert opened.repaired == {"score that is no number": 1}


def event(at: int, **attributes: Any) -> dict[str, Any]:
    pairs = [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
    ]
    return {"name": RESULT, "timeUnixNano": str(at), "attributes": pairs}


def document(*events: dict[str, Any]) -> str:
    span = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "name": "chat", "events": events,
            "startTimeUnixNano": "1", "endTimeUnixNano": "2"}  # fmt: skip
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}) + "\n"
