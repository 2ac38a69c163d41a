"""What happened in a span is said in sentences that a reader need not look up."""

from __future__ import annotations

import math
from typing import Any

import pytest

from nbtrace import semconv
from nbtrace._explain.explained import explained
from tests.query.tables import chat, row, table

ATTEMPT: dict[str, Any] = {"span_type": "attempt", "status_code": 2}
FAILED: dict[str, Any] = {"status_code": 2, "error_type": "openai.RateLimitError", "status_message": "slow\ndown"}


@pytest.mark.parametrize(
    ("columns", "extra", "below", "expected"),
    [
        ({"finish_reasons": ["length"], "time_to_first_chunk_s": 0.25, "stream_outcome": "exhausted"}, {}, (), [
            "m-1 answered in 1.00 s, of which 250 ms until the first words.",
            "The answer breaks off: it has as many tokens as it may (length).",
        ]),
        ({"attempts": 3, "rate_limited_s": 0.5}, {"nbtrace.attempts.wait": 0.75, "nbtrace.cost.reason": "a guess"}, (
            row(3, 1, error_type="429", name="attempt 1", **ATTEMPT),
            row(4, 1, start=2, name="attempt 2", span_type="attempt"),
            row(5, 1, start=3, name="attempt 3", **ATTEMPT),
        ), [
            "m-1 answered in 1.00 s.",
            ("3 requests went out for it, 750 ms were waited between them, 500 ms of that for a rate limit "
             "(attempt 1: 429; attempt 2: answered; attempt 3: failed)."),
        ]),
        ({"cost_state": "estimated", "refusal": "model", "finish_reasons": ["stop", "odd\x1b"]},
            {"nbtrace.cost.reason": "a guess"}, (), [
            "m-1 answered in 1.00 s.",
            "It was refused by the model.",
            "It came to its end (stop).",
            "It ended otherwise (odd\N{REPLACEMENT CHARACTER}).",
            "Its cost is an estimate: a guess.",
        ]),
        (FAILED | {"response_model": None, "cost_state": "unpriced"}, {
            "nbtrace.error.cause": "ConnectError: no", "http.response.status_code": 429, "nbtrace.cost.reason": "none",
        }, (), [
            "It failed after 1.00 s: openai.RateLimitError · HTTP 429: slow down",
            "Behind that was ConnectError: no",
        ]),
        ({"time_to_first_chunk_s": 1e300, "attempts": 1, "rate_limited_s": math.nan},
            {"nbtrace.attempts.wait": "long"}, (), ["m-1 answered in 1.00 s.", "1 request went out for it."]),
        ({"ms": None}, {}, (), ["It still runs."]),
        ({"ms": None, "status_message": "had not ended when it was exported"}, {}, (), [
            "It had not ended when it was exported.",
        ]),
        ({"ms": None, "stream_outcome": "unfinished"}, {}, (), [
            "It is a stream that has not been read to its end.",
        ]),
        ({"ms": None, "status_code": 2, "status_message": semconv.INTERRUPTED}, {}, (), [
            "It had not ended when its kernel did.",
        ]),
        ({"ms": None, "status_code": 2, "status_message": "a"}, {}, (), ["It still runs.", "It has failed: a"]),
        ({"ms": None, "status_code": 2, "status_message": f"{semconv.NOT_ENDED}: a", "error_type": "E"}, {}, (), [
            "It had not ended when it was exported.", "It has failed: E",
        ]),
        ({"stream_outcome": "abandoned"}, {}, (), [
            "m-1 answered in 1.00 s.", "Its stream was dropped before its end.",
        ]),
        ({"cost_state": "replayed", "cost_usd": None}, {}, (), [
            "A recording answered in 1.00 s, and no request went out.",
        ]),
        ({"operation": None, "span_type": "chain"}, {}, (
            row(3, 1, name="inner", **FAILED), chat(4, 3, name="chat m", **FAILED),
            row(5, 4, name="attempt 1", **ATTEMPT),
        ), [
            "It took 1.00 s.",
            "Below it: 3 spans, 1 LLM call, 1 error.",
            "There chat m failed first: openai.RateLimitError",
        ]),
        ({"operation": None, "span_type": "chain"}, {}, (
            row(3, 1, ms=None, **FAILED), row(4, 1, start=1, ms=9, **FAILED), row(5, 1, start=2, name="", **FAILED),
        ), [
            "It took 1.00 s.",
            "Below it: 3 spans, 3 errors.",
            "There a span without a name failed first: openai.RateLimitError",
        ]),
    ],
    ids=[
        "cut off", "retried", "refused", "failed", "odd times", "running", "exported", "unread", "interrupted",
        "failing", "failing when exported", "left", "replayed", "a step", "side by side",
    ],
)  # fmt: skip
def test_what_happened_is_said_in_sentences(
    columns: dict[str, Any], extra: dict[str, Any], below: tuple[dict[str, Any], ...], expected: list[str]
) -> None:
    kinds = {str: "string", int: "int", float: "double"}
    attributes = [{"key": key, kinds[type(value)]: value} for key, value in extra.items()]
    around = [row(number, number - 1, name=f"step {number}") for number in range(12, 18)]
    one = chat(1, 17, attributes=attributes, **({"ms": 1000} | columns))
    found = explained(table(row(11, name=""), *around, one, *below), f"{1:032x}", f"{1:016x}")
    assert found is not None
    place = "It was in step 17, in step 16, in step 15, in step 14, in step 13, …."
    assert found.happened == [*expected, place]
