"""Totals say what is known, and how much is not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from nbtrace import metrics
from nbtrace._query.branch import branch
from nbtrace._query.frame import Spans
from nbtrace._query.totals import Summary, summarize
from nbtrace._query.tree import tree
from tests.query.tables import chat, row, table


def test_nothing_costs_nothing_known() -> None:
    assert summarize(table()) == Summary()


def test_a_session() -> None:
    summary = summarize(
        table(
            row(1, ms=500, span_type="cell", status_code=2),
            chat(2, 1, start=10, ms=30),
            chat(3, 1, start=20, ms=100, response_model=None, request_model="n", cost_state="estimated"),
            chat(4, 1, start=30, cost_usd=None, cost_state="unpriced", input_tokens=None, output_tokens=None),
            chat(5, 1, start=40, ms=None, cost_usd=None, input_tokens=None, output_tokens=None),
            row(6, 1, operation="execute_tool", input_tokens=7, cost_usd=1.0),
            chat(7, 1, operation="embeddings", start=50, output_tokens=None, refusal="prompt"),
        )
    )
    assert summary == Summary(
        spans=7,
        calls=5,
        models=("m-1", "n"),
        input_tokens=30,
        output_tokens=10,
        cost_usd=1.5,
        priced=2,
        estimated=1,
        unpriced=1,
        errors=1,
        refused=1,
        running=1,
        duration_ns=110_000_000,
        unknown_usage=1,
    )


@pytest.mark.parametrize(
    ("columns", "unpriced"),
    [
        ({"status_code": 2}, 0),
        ({"status_code": 2, "response_id": "r"}, 1),
        ({"status_code": 2, "time_to_first_chunk_s": 0.1}, 1),
        ({"ms": None}, 0),
        ({}, 1),
    ],
    ids=["refused", "failed after an answer", "died in the stream", "running", "answered"],
)
def test_only_what_was_answered_can_be_unpriced(columns: dict[str, Any], unpriced: int) -> None:
    summary = summarize(table(row(1, operation="chat", cost_state="unpriced", **columns)))
    assert (summary.unpriced, summary.unknown_usage, summary.cost_usd) == (unpriced, unpriced, None)


def test_a_cost_that_is_no_number_is_none() -> None:
    summary = summarize(table(*(chat(own, cost_usd=cost) for own, cost in enumerate((math.nan, math.inf, 0.25), 1))))
    assert (summary.cost_usd, summary.priced, summary.unpriced) == (0.25, 1, 2)


def test_a_call_without_start_has_no_duration() -> None:
    assert summarize(table(chat(1, start=None))).duration_ns is None


def failed(span_id: int, parent: int | None, error: str | None, message: str | None, **columns: Any) -> dict[str, Any]:
    return row(span_id, parent, status_code=2, error_type=error, status_message=message, **columns)


RATE = ("openai.RateLimitError", "slow down")
CALL, OTHER = (failed(span_id, 2, *RATE, operation="chat") for span_id in (3, 4))


@pytest.mark.parametrize(
    ("spans", "failures"),
    [
        ([failed(1, None, *RATE), failed(2, 1, *RATE), CALL], 1),
        ([failed(1, None, *RATE), row(2, 1), CALL], 2),
        ([failed(2, None, None, "RateLimitError: slow down"), CALL], 1),
        ([failed(2, None, "RateLimitError", None), CALL], 1),
        ([failed(2, None, "builtins.ValueError", "no answer"), CALL], 2),
        ([failed(2, None, "openai.RateLimitError", "slow down, again"), CALL], 2),
        ([failed(2, None, *RATE), CALL, OTHER], 2),
        ([row(2), CALL], 1),
        ([row(2), CALL, failed(5, 3, *RATE, span_type="attempt")], 1),
        ([failed(1, 2, *RATE, start=5), failed(2, 1, *RATE)], 1),
        ([failed(1, 1, *RATE)], 1),
        ([failed(2, None, *RATE), CALL | {"trace_id": bytes(16)}], 2),
    ],
    ids=[
        "passed on twice", "a step between did not fail", "a tracer that says the class before", "a class alone",
        "another class", "another message", "two calls", "caught", "an attempt is none", "a circle", "its own parent",
        "another trace",
    ],
)  # fmt: skip
def test_a_failure_counts_once_where_it_began(spans: list[dict[str, Any]], failures: int) -> None:
    """As spans, each of them failed: that is what metrics count."""
    made = table(*spans)
    drawn = tree(made)
    assert (summarize(made).errors, branch(drawn, 0, len(drawn)).errors) == (failures, failures)
    counted = sum(one["status_code"] == 2 and one.get("span_type") != "attempt" for one in spans)
    assert metrics(Spans(made), calls_only=False)["errors"] == [counted]
