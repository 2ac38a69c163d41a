"""One session that has everything a backend may show, with fixed ids and times."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from nbtrace import semconv
from nbtrace._store.scores import Score
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store

START = 1_764_115_200_123_456_789
"""2025-11-26, a little after midnight in UTC: not a whole number of any larger unit."""
TRACE = 0x7A11
SECOND = 10**9


def message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def said(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def value(number: int) -> str | float | bool | int:
    """Give an attribute's value, of each of four types in turn."""
    return (f"value {number}", number / 8, number % 8 == 2, number)[number % 4]


SYSTEM = [said("You are a librarian.")]
ASKED = [message("user", said("Wer schrieb über Spans? ö🦉"))]
CALLED = [
    message("assistant", {"type": "tool_call", "id": "call_1", "name": "look_up", "arguments": {"title": "Spans"}})
]
ANSWERED = [{**CALLED[0], "finish_reason": "tool_call"}]
FOUND = [message("tool", {"type": "tool_call_response", "id": "call_1", "response": {"author": "Ada"}})]
TOOLS = [{"type": "function", "name": "look_up", "description": "Looks up a book.", "parameters": {"type": "object"}}]
DOCUMENTS = [{"id": "7", "score": 0.9, "content": "Spans, by Ada", "shelf": "B"}, {"id": "8", "score": 0.5}]

CALL = {
    semconv.OPERATION_NAME: "chat",
    semconv.PROVIDER_NAME: "openai",
    semconv.REQUEST_MODEL: "gpt-5",
    semconv.RESPONSE_MODEL: "gpt-5-2025",
    semconv.RESPONSE_ID: "chatcmpl-1",
    semconv.RESPONSE_FINISH_REASONS: ["tool_call"],
    semconv.REQUEST_TEMPERATURE: 0.5,
    semconv.REQUEST_MAX_TOKENS: 300,
    semconv.REQUEST_STREAM: True,
    semconv.RESPONSE_TIME_TO_FIRST_CHUNK: 0.25,
    semconv.STREAM_OUTCOME: "exhausted",
    semconv.USAGE_INPUT_TOKENS: 120,
    semconv.USAGE_OUTPUT_TOKENS: 80,
    semconv.USAGE_CACHE_READ: 40,
    semconv.USAGE_CACHE_WRITE: 10,
    semconv.USAGE_REASONING: 30,
    semconv.USAGE_TEXT_INPUT: 120,
    semconv.USAGE_STATE: "reported",
    semconv.USAGE_COST: 0.00125,
    semconv.COST_STATE: "priced",
    semconv.ATTEMPTS: 2,
    semconv.ATTEMPTS_RATE_LIMITED: 0.5,
    semconv.PROMPT_NAME: "ask",
    semconv.PROMPT_VERSION: "3",
    semconv.PROMPT_TEMPLATE: "Wer schrieb über {topic}? ö🦉",
    semconv.PROMPT_VARIABLE + "topic": "Spans",
    semconv.SYSTEM_INSTRUCTIONS: json.dumps(SYSTEM),
    semconv.INPUT_MESSAGES: json.dumps(ASKED, ensure_ascii=False),
    semconv.OUTPUT_MESSAGES: json.dumps(ANSWERED),
    semconv.TOOL_DEFINITIONS: json.dumps(TOOLS),
}
WHO = {
    semconv.USER_ID: "ada",
    semconv.SESSION_ID: "visit-1",
    semconv.CONVERSATION_ID: "talk-9",
    semconv.TAGS: ["draft", "library"],
    semconv.METADATA + "team": "research",
}
SPANS: tuple[tuple[int, int | None, str, SpanKind, dict[str, Any]], ...] = (
    (1, None, "cell [3]", SpanKind.INTERNAL, {
        semconv.SPAN_TYPE: "cell", semconv.CELL_ID: "c-1", semconv.CELL_EXECUTION_COUNT: 3, semconv.CELL_RUN: 1,
        semconv.CELL_SOURCE: "research('Spans')",
    }),
    (2, 1, "invoke_agent researcher", SpanKind.INTERNAL, {
        semconv.OPERATION_NAME: "invoke_agent", semconv.AGENT_NAME: "researcher", semconv.INPUT_VALUE: "Spans",
        semconv.OUTPUT_VALUE: "Ada wrote it.", **WHO,
    }),
    (3, 2, "chat gpt-5", SpanKind.CLIENT, CALL | WHO),
    (4, 2, "execute_tool look_up", SpanKind.INTERNAL, {
        semconv.OPERATION_NAME: "execute_tool", semconv.TOOL_NAME: "look_up", semconv.TOOL_CALL_ID: "call_1",
        semconv.TOOL_CALL_ARGUMENTS: '{"title":"Spans"}', semconv.TOOL_CALL_RESULT: '{"author":"Ada"}', **WHO,
    }),
    (5, 2, "retrieval library", SpanKind.CLIENT, {
        semconv.OPERATION_NAME: "retrieval", semconv.DATA_SOURCE_ID: "library", semconv.RETRIEVAL_QUERY: "spans",
        semconv.RETRIEVAL_DOCUMENTS: json.dumps(DOCUMENTS), **WHO,
    }),
    (6, 2, "chat gpt-6", SpanKind.CLIENT, {
        semconv.OPERATION_NAME: "chat", semconv.PROVIDER_NAME: "openai", semconv.REQUEST_MODEL: "gpt-6",
        semconv.INPUT_MESSAGES: json.dumps([*ASKED, *CALLED, *FOUND], ensure_ascii=False), semconv.PROMPT_NAME: "ask",
        semconv.PROMPT_VERSION: "4", semconv.PROMPT_TEMPLATE: "Bitte: wer schrieb über {topic}? ö🦉",
        semconv.ATTEMPTS: 3, semconv.ERROR_TYPE: "RateLimitError", **WHO,
    }),
    (7, 1, "no names", SpanKind.INTERNAL, {
        semconv.SPAN_TYPE: "guardrail", semconv.INPUT_VALUE: "Ada wrote it.", semconv.OUTPUT_VALUE: "passed",
    }),
    (8, 1, "embeddings small", SpanKind.CLIENT, {
        semconv.OPERATION_NAME: "embeddings", semconv.PROVIDER_NAME: "openai", semconv.REQUEST_MODEL: "small",
        semconv.USAGE_INPUT_TOKENS: 7, semconv.USAGE_COST: 0.00001, semconv.COST_STATE: "priced",
    }),
    (9, 1, "many", SpanKind.INTERNAL, {
        semconv.SPAN_TYPE: "chain", **{f"attribute.{number:03}": value(number) for number in range(200)},
    }),
)  # fmt: skip

SCORES = (
    Score(
        TRACE.to_bytes(16, "big"), (3).to_bytes(8, "big"), "helpful", 1.0, "yes", "It asks the right tool.",
        evaluator="grace", source="human", time_unix_nano=START + 20 * SECOND,
    ),
    Score(
        TRACE.to_bytes(16, "big"), (3).to_bytes(8, "big"), "relevance", 0.75, evaluator="gpt-5", source="llm",
        time_unix_nano=START + 21 * SECOND,
    ),
)  # fmt: skip


def spans(start: int = START, trace: int = TRACE) -> list[ReadableSpan]:
    """Make the spans as the SDK would have."""
    resource = Resource({"service.name": "notebook"})
    made: list[ReadableSpan] = []
    for number, parent, name, kind, attributes in SPANS:
        failed = semconv.ERROR_TYPE in attributes
        made.append(
            ReadableSpan(
                name,
                _context(number, trace),
                parent=None if parent is None else _context(parent, trace),
                resource=resource,
                attributes=attributes,
                events=[Event("exception", {"exception.type": "RateLimitError"}, start + 9 * SECOND)] if failed else [],
                kind=kind,
                status=Status(StatusCode.ERROR, "slow down") if failed else Status(StatusCode.UNSET),
                instrumentation_scope=InstrumentationScope("nbtrace", "1"),
                start_time=start + (number - 1) * SECOND,
                end_time=start + (12 if number == 1 else number) * SECOND + 1,
            )
        )
    return made


def session(start: int = START) -> Snapshot:
    """Give the session as a store has it, judged."""
    store = Store()
    for span in spans(start):
        store.ended(span, None)
    for score in SCORES:
        store.score(score)
    return store.snapshot()


def _context(number: int, trace: int) -> SpanContext:
    return SpanContext(trace, number, is_remote=False, trace_flags=TraceFlags(1))
