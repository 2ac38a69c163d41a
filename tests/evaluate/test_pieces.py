"""Checks over a dataset that DuckDB reads say what they say in memory; PySpark is in `test_spark.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import nbtrace
from nbtrace import Session, check
from nbtrace._evaluating import evaluated
from nbtrace.errors import BudgetError, UsageError
from tests.evaluate.datasets import EVERY, gathered, rows

ASKED: dict[str, Any] = {"references": "want", "progress": False}


@pytest.mark.parametrize("cache", [True, False])
def test_duckdb_reads_pieces_and_the_checks_say_the_same(session: Session, tmp_path: Path, *, cache: bool) -> None:
    gathered(tmp_path)
    wanted = evaluated(session, nbtrace.open(tmp_path), EVERY, cache=cache, **ASKED)
    assert wanted["cached"].count(True) == cache
    assert wanted.left_out == ("1 span not over yet", "1 span made by checks themselves")
    for engine in ("duckdb", duckdb.connect()):
        found = evaluated(session, nbtrace.open(tmp_path), EVERY, cache=cache, engine=engine, **ASKED)
        assert rows(found) == rows(wanted)
        assert found.summary().table.equals(wanted.summary().table)
        assert found.left_out == wanted.left_out


def test_references_are_by_name_by_span_or_a_function(session: Session, tmp_path: Path) -> None:
    gathered(tmp_path)
    opened = nbtrace.open(tmp_path)
    wanted = {one.span_id: one.attributes["want"] for one in opened.spans(kind="llm") if "want" in one.attributes}
    by_name = evaluated(session, opened, EVERY[0], engine="duckdb", **ASKED)
    for references in (wanted, lambda span: span.attributes.get("want")):
        asked: dict[str, Any] = ASKED | {"references": references}
        assert rows(evaluated(session, nbtrace.open(tmp_path), EVERY[0], engine="duckdb", **asked)) == rows(by_name)
    with pytest.raises(UsageError, match="expected the name of a column or attribute, a dict by span id"):
        evaluated(session, opened, EVERY[0], engine="duckdb", references=["Rome"])


def test_what_was_said_is_kept_and_not_asked_again_though_nothing_is_read(session: Session, tmp_path: Path) -> None:
    gathered(tmp_path)
    opened = nbtrace.open(tmp_path)
    asked: list[str] = []

    @check
    def counts(answer: str) -> float:
        if len(asked) == 150:
            raise BudgetError("enough")
        asked.append(answer)
        return len(answer)

    with pytest.raises(
        BudgetError, match="enough; 150 evaluations are there and kept; the same call again judges only"
    ):
        evaluated(session, opened, counts, engine="duckdb", progress=False)
    asked.clear()
    again = evaluated(session, opened, counts, engine="duckdb", progress=False)
    assert (again["cached"].count(True), len(asked)) == (150, 50)
    assert opened.sql("SELECT count(*) AS n FROM scores WHERE name = 'counts'")["n"] == [200]
    assert all(evaluated(session, opened, counts, progress=False)["cached"])


def test_an_engine_judges_datasets_alone(session: Session, tmp_path: Path) -> None:
    gathered(tmp_path)
    with pytest.raises(UsageError, match="cannot use engine='duckdb'; expected none: only a dataset"):
        evaluated(session, nbtrace.open(tmp_path).spans(), EVERY, engine="duckdb")
    with pytest.raises(UsageError, match="cannot use engine=7"):
        evaluated(session, nbtrace.open(tmp_path), EVERY, engine=7)
