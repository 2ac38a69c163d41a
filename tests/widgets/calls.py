"""A day of LLM calls for the charts: three models, with caches, reasoning, estimates, unpriced calls and errors."""

from __future__ import annotations

from random import Random
from typing import Any

from nbtrace._query.frame import Spans
from tests.query.tables import chat, table

MINUTE_MS = 60_000
MODELS: dict[str, dict[str, Any]] = {
    "gpt-5-mini": {"seconds": 1.4, "price": 2e-6, "cached": 0.6, "reasoning": 0.5},
    "claude-sonnet-4-5": {"seconds": 3.2, "price": 9e-6, "cached": 0.8, "reasoning": 0.0},
    "smollm2-135m": {"seconds": 0.6, "price": None, "cached": 0.0, "reasoning": 0.0},
}


def day(calls: int = 90) -> Spans:
    """Give the calls, the same ones each time."""
    random = Random(5)
    rows: list[dict[str, Any]] = []
    for number in range(1, calls + 1):
        model = random.choices(list(MODELS), [5, 3, 1])[0]
        about = MODELS[model]
        tokens_in, tokens_out = random.randrange(200, 4000), random.randrange(20, 800)
        ms = 1000 * about["seconds"] * random.lognormvariate(0, 0.4)
        is_failed, is_estimated = random.random() < 0.06, random.random() < 0.05
        usage = {
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "cache_read_tokens": int(tokens_in * about["cached"] * random.random()),
            "reasoning_tokens": int(tokens_out * about["reasoning"] * random.random()),
            "usage_state": "estimated" if is_estimated else "reported",
            "cost_usd": about["price"] and about["price"] * (tokens_in + 4 * tokens_out),
            "cost_state": "unpriced" if about["price"] is None else "estimated" if is_estimated else "priced",
            "time_to_first_chunk_s": ms / 1000 * random.uniform(0.2, 0.4),
        }
        failed = {**dict.fromkeys(usage), "response_model": None, "status_code": 2, "error_type": "RateLimitError"}
        outcome: dict[str, Any] = failed if is_failed else usage | {"response_model": model}
        rows.append(
            chat(
                number, None, start=random.uniform(0, 8) * 60 * MINUTE_MS, ms=ms, request_model=model,
                provider="openai", cell_id=f"cell-{number % 3}", execution_count=number % 3 + 4, cell_run=1, **outcome,
            )
        )  # fmt: skip
    return Spans(table(*rows))
