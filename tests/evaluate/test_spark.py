"""Checks over a PySpark data frame say what they say in memory; `make test-engines` has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nbtrace
from nbtrace import Session, evaluate
from nbtrace._evaluating import evaluated
from nbtrace._query.frame import Spans
from tests.evaluate.datasets import EVERY, call, gathered, rows
from tests.query.tables import chat, row, table

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]
pytest.importorskip("pyspark", reason="only `make test-engines` has PySpark")


def many() -> Spans:
    found = json.dumps([{"id": "7", "content": "Ada"}])
    rows = [call(n) for n in range(200)]
    rows += [
        chat(301, ms=None),
        chat(302, status_code=2),
        chat(304, attributes=[{"key": "gen_ai.evaluation.name", "string": "judge"}]),
        row(303, operation="retrieval", attributes=[{"key": "gen_ai.retrieval.documents", "string": found}]),
    ]
    return Spans(table(*rows))


def test_the_workers_say_what_is_said_in_memory(spark: Any, tmp_path: Path, session: Session) -> None:
    spans = many()
    path = tmp_path / "spans.parquet"
    session.export(path, spans=spans)
    frame = spark.read.parquet(str(path)).repartition(4)
    scores: Any = evaluate(frame, EVERY, references="want")
    found = scores.collect()
    theirs = sorted(
        (
            one["name"], one["evaluator_version"], one["trace_id"].hex(), one["span_id"].hex(), one["value"],
            one["label"], one["error_type"], one["key"], one["explanation"] if one["error_type"] is None else None,
        )
        for one in found
    )  # fmt: skip
    here = evaluated(session, spans, EVERY, references="want", progress=False).table.to_pylist()
    assert {one[6] for one in theirs} == {None, "ValueError"}
    assert [(*one[:7], one[8]) for one in theirs] == sorted(
        (
            one["check"], one["version"], one["trace_id"], one["span_id"], one["value"], one["label"], one["error"],
            one["explanation"] if one["error"] is None else None,
        )
        for one in here
    )  # fmt: skip
    assert len(theirs) > 1500


def test_the_workers_judge_a_dataset_as_it_is_judged_in_memory(spark: Any, tmp_path: Path, session: Session) -> None:
    gathered(tmp_path)
    opened: Any = nbtrace.open(tmp_path)
    found = evaluated(session, opened, EVERY, references="want", progress=False, engine=spark)
    wanted = evaluated(session, nbtrace.open(tmp_path), EVERY, references="want", progress=False)
    assert rows(found) == rows(wanted)
    assert found["cached"].count(True) == 1
    assert found.summary().table.equals(wanted.summary().table)
    assert found.left_out == wanted.left_out
    assert len(opened.judged) == len(found) - 1
