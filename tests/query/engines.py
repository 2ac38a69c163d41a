"""What the metrics must be, worked out row by row in plain Python, and spans to work them out for."""

from __future__ import annotations

import math
from collections import defaultdict
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import strategies as st

from tests.query.tables import START

COLUMNS = {
    "operation": pa.string(), "span_type": pa.string(), "status_code": pa.int64(), "duration_ns": pa.int64(),
    "start_time_unix_nano": pa.int64(), "time_to_first_chunk_s": pa.float64(), "response_id": pa.string(),
    "request_model": pa.string(), "response_model": pa.string(), "input_tokens": pa.int64(),
    "output_tokens": pa.int64(), "cache_read_tokens": pa.int64(), "cache_write_tokens": pa.int64(),
    "reasoning_tokens": pa.int64(), "usage_state": pa.string(), "cost_usd": pa.float64(), "cost_state": pa.string(),
    "attempts": pa.int64(), "rate_limited_s": pa.float64(), "user_id": pa.string(), "trace_id": pa.binary(16),
}  # fmt: skip

PARTS = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")

HOUR = 3600 * 10**9
NUMBERS = (0.0, 0.25, 1.5, 2.0, 1e-6, math.nan, math.inf, None)

VALUES: dict[str, tuple[Any, ...]] = {
    "operation": ("chat", "chat", "embeddings", "execute_tool", None),
    "span_type": (None, None, "attempt", "cell", "chain"),
    "status_code": (0, 1, 2, None),
    "duration_ns": (0, 1, 10**6, 3 * 10**9, 7 * 10**9, 2**62 + 1, None),
    "start_time_unix_nano": tuple(START + hours * HOUR // 4 for hours in range(12)),
    "time_to_first_chunk_s": NUMBERS,
    "response_id": ("r", None),
    "request_model": ("m", "n", None),
    "response_model": ("m-1", None, None),
    "input_tokens": (0, 7, 2**40, None),
    "output_tokens": (0, 5, None),
    "cache_read_tokens": (0, 3, None),
    "cache_write_tokens": (1, None),
    "reasoning_tokens": (0, 2, None),
    "usage_state": ("reported", "estimated", None),
    "cost_usd": NUMBERS,
    "cost_state": ("priced", "estimated", "unpriced", None),
    "attempts": (1, 2, 3, None),
    "rate_limited_s": NUMBERS,
    "user_id": ("ada", "", None),
    "trace_id": (bytes(16), bytes(range(16)), None),
}

ROWS = st.lists(st.fixed_dictionaries({name: st.sampled_from(some) for name, some in VALUES.items()}), max_size=12)

_random = Random(7)
MANY = [{name: _random.choice(some) for name, some in VALUES.items()} for _ in range(300)]
"""Every value with every other one."""


def arrow(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(list(COLUMNS.items())))


def expected(rows: list[dict[str, Any]], by: tuple[str, ...], *, hourly: bool, calls_only: bool) -> dict[Any, Any]:
    """Give the figures of each group by its keys."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if not calls_only or is_call(row):
            keys = [key(row, name) for name in by]
            groups[(*keys, *([row["start_time_unix_nano"] // HOUR * HOUR] if hourly else []))].append(row)
    if not by and not hourly:
        groups.setdefault((), [])
    return {keys: figures(some, calls_only=calls_only) for keys, some in groups.items()}


def key(row: dict[str, Any], name: str) -> Any:
    match name:
        case "model":
            return row["request_model"] if row["response_model"] is None else row["response_model"]
        case "kind":
            words = {"chat": "llm", "embeddings": "embedding", "execute_tool": "tool", None: "span"}
            return row["span_type"] or words[row["operation"]]
        case "status":
            return "error" if row["status_code"] == 2 else "running" if row["duration_ns"] is None else "ok"
        case "trace":
            return row["trace_id"] and row["trace_id"].hex()
        case _:
            return row[name]


def is_call(row: dict[str, Any]) -> bool:
    return row["operation"] in ("chat", "embeddings")


def number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def figures(rows: list[dict[str, Any]], *, calls_only: bool) -> dict[str, Any]:
    calls = [row for row in rows if is_call(row)]
    errors = [row for row in rows if row["status_code"] == 2 and row["span_type"] != "attempt"]
    retried = [row for row in calls if (row["attempts"] or 1) > 1]
    answered = [
        row
        for row in calls
        if row["duration_ns"] is not None
        and (row["status_code"] != 2 or any(row[name] for name in ("response_id", "response_model")) or first(row))
    ]
    costs = [row for row in calls if number(row["cost_usd"]) is not None]
    usage = ("input_tokens", "output_tokens")
    latencies = [row["duration_ns"] / 1e9 for row in rows if row["duration_ns"] is not None]
    took = (total(calls, "duration_ns") or 0) / 1e9
    chunks = [value for row in calls if (value := number(row["time_to_first_chunk_s"])) is not None]
    return {
        "spans": len(rows),
        "calls": len(calls),
        "errors": len(errors),
        "error_rate": len(errors) / len(rows) if rows else None,
        "retried": len(retried),
        "retry_rate": len(retried) / len(calls) if calls else None,
        **{name: total(calls, name) for name in ("rate_limited_s", *usage, *PARTS, "cost_usd")},
        "rate_limited_share": None if (waited := total(calls, "rate_limited_s")) is None or not took else waited / took,
        "priced": sum(row["cost_state"] != "estimated" for row in costs),
        "estimated": sum(row["cost_state"] == "estimated" for row in costs),
        "unpriced": sum(number(row["cost_usd"]) is None for row in answered),
        "estimated_usage": sum(row["usage_state"] == "estimated" for row in calls),
        "unknown_usage": sum(all(row[name] is None for name in usage) for row in answered),
        **{f"latency_p{share}_s": quantile(latencies, share) for share in (50, 95, 99)},
        **{f"first_chunk_p{share}_s": quantile(chunks, share) for share in (50, 95, 99)},
    }


def first(row: dict[str, Any]) -> bool:
    return number(row["time_to_first_chunk_s"]) is not None


def total(rows: list[dict[str, Any]], name: str) -> float | None:
    known = [value for row in rows if (value := number(row[name])) is not None]
    return sum(known) if known else None


def quantile(values: list[float], percent: int) -> float | None:
    """Interpolate between the two values around a rank."""
    if not values:
        return None
    ordered = sorted(values)
    at = (len(ordered) - 1) * percent / 100
    low = math.floor(at)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (at - low)


def different(measured: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give the figures that are not as wanted; engines may add in any order."""
    pairs = {name: (measured.get(name), wanted.get(name)) for name in {**measured, **wanted}}
    return {
        name: (one, other)
        for name, (one, other) in pairs.items()
        if one != other and (None in (one, other) or one != pytest.approx(other, rel=1e-12, abs=1e-15))
    }
