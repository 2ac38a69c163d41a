"""Calls that behave in one way for a while, and then in another: periods, the same ones each time."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbtrace._query.frame import Spans
from tests.query.tables import chat, table


def period(
    seed: int, calls: int, *, length: float = 1.0, refused: float = 0.0, failed: float = 0.05, model: str = "m-1",
    start_s: float = 0, **more: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    """Give the rows of some calls.

    Args:
        seed: of what is random, and of the ids.
        calls: how many.
        length: what the lengths of answers are multiplied by.
        refused: the share of refusals.
        failed: the share of errors.
        model: which one answers.
        start_s: when they begin.
        **more: columns of all of them.
    """
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for number in range(seed * 10_000, seed * 10_000 + calls):
        tokens = int(random.lognormal(4.8, 0.5) * length) + 1
        facts: dict[str, Any] = {
            "input_tokens": int(random.lognormal(6, 0.4)),
            "output_tokens": tokens,
            "cost_usd": tokens * 1e-5,
            "time_to_first_chunk_s": random.lognormal(-1, 0.2),
            "response_model": model,
            "finish_reasons": ["length" if tokens > 300 else "stop"],
            "refusal": "model" if random.random() < refused else None,
        }
        if random.random() < failed:
            facts = dict.fromkeys(facts) | {"status_code": 2, "error_type": "RateLimitError", "cost_state": None}
        rows.append(
            chat(
                number + 1, trace=number + 1, start=start_s * 1000 + len(rows), ms=300 + tokens * 8, **(facts | more),
            )
        )  # fmt: skip
    return rows


def calls(*periods: list[dict[str, Any]]) -> Spans:
    """Join periods."""
    return Spans(table(*(row for rows in periods for row in rows)))
