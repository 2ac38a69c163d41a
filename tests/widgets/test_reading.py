"""Every attribute type, event and link as a reader sees it."""

from __future__ import annotations

import json
from typing import Any

from inline_snapshot import snapshot
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext

from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace._trace.processor import SinkProcessor
from nbtrace._widgets.reading import reading


def read(attributes: dict[str, Any]) -> dict[str, Any]:
    store = Store()
    provider = TracerProvider()
    provider.add_span_processor(SinkProcessor(store))
    linked = SpanContext(trace_id=1, span_id=2, is_remote=False)
    span = provider.get_tracer("test").start_span(
        "typed", links=[Link(linked, {"why": "retry"})], start_time=10**18 + 7
    )
    span.set_attributes(attributes)
    span.add_event("thought", {"n": 1}, timestamp=10**18 + 1_500_007)
    span.end(10**18 + 2_000_000)
    return reading(store.snapshot()).to_pylist()[0]


def test_values_become_plain_json_and_lose_nothing() -> None:
    values = {
        "text": "a",
        "int": 3,
        "beyond JavaScript": 2**60,
        "double": 0.5,
        "not a number": float("nan"),
        "bool": True,
        "bytes": b"\x01\xff",
        "list": ["a", "b"],
        "ints": [1, 2],
        "map": {"inner": {"deep": [1.5, None, False, b"\x02"]}},
    }
    assert json.loads(read(values)["attributes"]) == snapshot(
        {
            "beyond JavaScript": "1152921504606846976",
            "bool": True,
            "bytes": "01ff",
            "double": 0.5,
            "int": 3,
            "ints": [1, 2],
            "list": ["a", "b"],
            "map": {"inner": {"deep": [1.5, None, False, "02"]}},
            "not a number": "nan",
            "text": "a",
        }
    )


def test_promoted_attributes_are_among_the_others() -> None:
    attributes = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 2**60, "z": 1, "a": 2}
    assert json.loads(read(attributes)["attributes"]) == snapshot(
        {"a": 2, "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": "1152921504606846976", "z": 1}
    )


def test_a_span_without_a_start_is_read() -> None:
    store = Store()
    provider = TracerProvider()
    provider.add_span_processor(SinkProcessor(store))
    provider.get_tracer("test").start_span("timeless").end()
    row = Snapshot.of(store.snapshot().table().drop_columns(["start_time_unix_nano", "scope"]))
    (span,) = reading(row).to_pylist()
    assert (span["name"], span["start_time"], span["scope"]) == ("timeless", None, None)


def test_times_are_exact_and_events_count_from_the_start() -> None:
    span = read({})
    assert (span["start_time"], json.loads(span["events"]), json.loads(span["links"])) == snapshot(
        (
            "2001-09-09T01:46:40.000000007Z",
            [{"name": "thought", "after_ms": 1.5, "attributes": {"n": 1}}],
            [
                {
                    "trace_id": "00000000000000000000000000000001",
                    "span_id": "0000000000000002",
                    "attributes": {"why": "retry"},
                }
            ],
        )
    )


def test_a_cost_is_worded_as_nbtrace_cost_tells_it() -> None:
    attributes = {
        "gen_ai.request.model": "m",
        "gen_ai.usage.cost": 0.0000315,
        "nbtrace.cost.state": "estimated",
        "nbtrace.cost.reason": "tokens were estimated",
        "nbtrace.cost.source": "custom",
        "nbtrace.cost.buckets": '{"input_tokens": [10, 0.15, 1000000], "output_tokens": [50, 0.6, 1000000]}',
    }
    assert json.loads(read(attributes)["cost"]) == snapshot(
        {
            "total": "~$0.0000315",
            "rows": [["input", "10", "$0.15 / M", "$0.0000015"], ["output", "50", "$0.60 / M", "$0.00003"]],
            "reason": "tokens were estimated",
            "source": "custom",
        }
    )
    assert read({"gen_ai.request.model": "m"})["cost"] is None
