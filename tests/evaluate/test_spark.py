"""Checks over a PySpark data frame say what they say in memory; `make test-engines` has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbtrace import Session, check, checks, evaluate
from nbtrace._evaluations import evaluated
from nbtrace._query.frame import Spans
from tests.query.tables import chat, row, table

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]
pytest.importorskip("pyspark", reason="only `make test-engines` has PySpark")


def messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def many() -> Spans:
    found = json.dumps([{"id": "7", "content": "Ada"}])
    rows = [
        chat(
            n + 1,
            trace=n + 1,
            ms=n,
            output_messages=messages("assistant", f"answer {n}" if n % 7 else "I'm sorry, no"),
            input_messages=messages("user", f"question {n}"),
            attributes=[{"key": "want", "string": f"answer {n - n % 2}"}],
        )
        for n in range(200)
    ]
    rows += [
        chat(301, ms=None),
        chat(302, status_code=2),
        row(303, operation="retrieval", attributes=[{"key": "gen_ai.retrieval.documents", "string": found}]),
    ]
    return Spans(table(*rows))


@check
def ends(span: Any, reference: str | None, digit: str = "3") -> Any:
    if span.answer is None:
        return None
    return int(span.answer[-1]) == int(digit), f"{span.question}, {reference}"


EVERY = [
    checks.exact(), checks.contains("1"), checks.regex(r"\d\d$"), checks.json_schema(), checks.length(at_most=8),
    checks.latency(0.1), checks.cost(1), checks.refusal(), checks.retrieved("7"), ends, ends.using(digit="4"),
]  # fmt: skip
"""Some of each kind; the last two raise for an answer that ends in no digit."""


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
