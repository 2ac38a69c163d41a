"""A session with all that OTLP can carry in it."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState, use_span

from nbtrace import Session, semconv
from nbtrace._trace.processor import SinkProcessor
from tests.store.recording import CountingIds

START = 1_700_000_000_000_000_000


def recorded() -> Session:
    """Give a session that has spans of every kind and does not record."""
    session = Session()
    resource = Resource({"service.name": "notebook", "parts": ("a", "b")}, "https://example.org/resource")
    provider = TracerProvider(resource=resource, id_generator=CountingIds(), shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(session.store))
    tracer = provider.get_tracer("scope", "1", "https://example.org/scope", {"part": 1})
    other = provider.get_tracer("mine")
    there = SpanContext(7, 8, True, TraceFlags(1), TraceState([("a", "b")]))
    odd: dict[str, Any] = {
        "none": None, "flag": True, "count": 2**40, "share": 0.1, "bytes": b"\0\xff", "list": [1, 2], "word": "ä",
        "map": {"a": {"b": [1.5, None]}}, "empty": [], "long": "x" * 500,
    }  # fmt: skip
    root = tracer.start_span("root", attributes=odd, start_time=START, links=[Link(there, {"why": "x"})])
    with use_span(root, end_on_exit=False):
        call = tracer.start_span("chat m", kind=SpanKind.CLIENT, start_time=START + 1, attributes=asked())
        call.add_event("chunk", {"n": 1}, START + 2)
        call.end(START + 1_000_000_000)
        failed = other.start_span("lookup", start_time=START + 5)
        failed.set_status(Status(StatusCode.ERROR, "no such city"))
        failed.end(START + 6)
    root.end(START + 2_000_000_000)
    return session


def asked() -> dict[str, Any]:
    """Give the attributes of a call."""
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Paris"}], "finish_reason": "stop"}]
    return {
        semconv.OPERATION_NAME: "chat",
        semconv.REQUEST_MODEL: "m",
        semconv.USAGE_INPUT_TOKENS: 12,
        semconv.USAGE_OUTPUT_TOKENS: 1,
        semconv.USAGE_COST: 0.5,
        semconv.COST_STATE: "priced",
        semconv.RESPONSE_FINISH_REASONS: ("stop",),
        semconv.INPUT_MESSAGES: json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Capital?"}]}]),
        semconv.OUTPUT_MESSAGES: json.dumps(answer, separators=(",", ":")),
    }
