"""Tools that run at Anthropic, and refusals: whole and streamed they are recorded alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from inline_snapshot import snapshot

from nbtrace import semconv
from nbtrace._trace.pricing import cost
from tests.capture.claude import FETCHED, both, client, message, server
from tests.capture.loopback import Loopback

if TYPE_CHECKING:
    from nbtrace import Session

__all__ = ["client", "server"]

RUN = {"type": "code_execution_result", "stdout": "4", "stderr": "", "return_code": 0, "content": []}

RESEARCH = message(
    {"type": "server_tool_use", "id": "srv_1", "name": "web_fetch", "input": {"url": "https://example.org/a.pdf"}},
    {
        "type": "web_fetch_tool_result", "tool_use_id": "srv_1",
        "content": {"type": "web_fetch_result", "url": "https://example.org/a.pdf", "content": FETCHED},
    },
    {"type": "server_tool_use", "id": "srv_2", "name": "code_execution", "input": {"code": "print(2+2)"}},
    {"type": "code_execution_tool_result", "tool_use_id": "srv_2", "content": RUN},
    {
        "type": "tool_use", "id": "tool_1", "name": "weather", "input": {"city": "Bern"},
        "caller": {"type": "code_execution_20250825", "tool_id": "srv_2"},
    },
    {"type": "mcp_tool_use", "id": "mcp_1", "name": "find", "server_name": "shop", "input": {"query": "hats"}},
    {
        "type": "mcp_tool_result", "tool_use_id": "mcp_1", "is_error": False,
        "content": [{"type": "text", "text": "none"}],
    },
    {"type": "container_upload", "file_id": "file_9"},
    stop_reason="pause_turn",
    container={"id": "container_1", "expires_at": "2030-01-01T00:00:00Z"},
    usage={
        "input_tokens": 10, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 0, "output_tokens": 40,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    },
)  # fmt: skip
REFUSED = message(
    {"type": "thinking", "thinking": "", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "b3BhcXVl"},
    {"type": "text", "text": "I would"},
    stop_reason="refusal",
    stop_details={"type": "refusal", "category": "bio", "explanation": "no"},
)


def test_tools_that_run_at_the_provider(server: Loopback, client: Any, session: Session) -> None:
    recorded = both(RESEARCH, server, client, session)
    assert recorded[semconv.OUTPUT_MESSAGES] == snapshot(
        [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "server_tool_call",
                        "id": "srv_1",
                        "name": "web_fetch",
                        "server_tool_call": {"type": "web_fetch", "input": {"url": "https://example.org/a.pdf"}},
                    },
                    {
                        "type": "server_tool_call_response",
                        "id": "srv_1",
                        "server_tool_call_response": {
                            "type": "web_fetch_tool_result",
                            "content": {
                                "type": "web_fetch_result",
                                "url": "https://example.org/a.pdf",
                                "content": {
                                    "type": "blob",
                                    "modality": "document",
                                    "mime_type": "application/pdf",
                                    "size": 4,
                                    "sha256": "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027",
                                    "content": "JVBERg==",
                                    "title": "A",
                                    "citations": {"enabled": True},
                                },
                            },
                        },
                    },
                    {
                        "type": "server_tool_call",
                        "id": "srv_2",
                        "name": "code_execution",
                        "server_tool_call": {"type": "code_execution", "input": {"code": "print(2+2)"}},
                    },
                    {
                        "type": "server_tool_call_response",
                        "id": "srv_2",
                        "server_tool_call_response": {
                            "type": "code_execution_tool_result",
                            "content": {
                                "type": "code_execution_result",
                                "stdout": "4",
                                "stderr": "",
                                "return_code": 0,
                                "content": [],
                            },
                        },
                    },
                    {
                        "type": "tool_call",
                        "id": "tool_1",
                        "name": "weather",
                        "arguments": {"city": "Bern"},
                        "caller": {"type": "code_execution_20250825", "tool_id": "srv_2"},
                    },
                    {
                        "type": "server_tool_call",
                        "id": "mcp_1",
                        "name": "find",
                        "server_tool_call": {"type": "find", "server_name": "shop", "input": {"query": "hats"}},
                    },
                    {
                        "type": "server_tool_call_response",
                        "id": "mcp_1",
                        "server_tool_call_response": {
                            "type": "mcp_tool_result",
                            "is_error": False,
                            "content": [{"type": "text", "text": "none"}],
                        },
                    },
                    {"type": "container_upload", "file_id": "file_9"},
                ],
                "finish_reason": "pause_turn",
            }
        ]
    )
    assert {key: value for key, value in recorded.items() if "usage" in key or "cost" in key} == snapshot(
        {
            "gen_ai.usage.input_tokens": 310,
            "gen_ai.usage.output_tokens": 40,
            "gen_ai.usage.cache_read.input_tokens": 0,
            "gen_ai.usage.cache_write.input_tokens": 300,
            "nbtrace.usage.state": "reported",
            "nbtrace.cost.state": "unpriced",
            "nbtrace.usage.cache_write_1h.input_tokens": 200,
            "nbtrace.usage.web_searches": 2,
            "nbtrace.usage.tools": ["code_execution"],
            "nbtrace.cost.reason": "no price for claude-sonnet-4-5-20250929 at 127.0.0.1",
        }
    )
    priced = cost({**recorded, semconv.SERVER_ADDRESS: "api.anthropic.com", semconv.COST_STATE: ""})
    tokens = (10 * 3 + 100 * 3.75 + 200 * 6 + 40 * 15) / 1e6
    assert priced[semconv.USAGE_COST] == pytest.approx(tokens + 2 * 10 / 1000)  # pyright: ignore[reportUnknownMemberType]
    assert (priced[semconv.COST_STATE], priced[semconv.COST_REASON]) == (
        "estimated", "charged apart, and not told: code_execution",
    )  # fmt: skip


def test_a_refusal_after_thoughts_that_are_not_shown(server: Loopback, client: Any, session: Session) -> None:
    recorded = both(REFUSED, server, client, session)
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "b3BhcXVl"},
                {"type": "text", "content": "I would"},
            ],
            "finish_reason": "content_filter",
        }
    ]
    assert recorded[semconv.RESPONSE_FINISH_REASONS] == ["content_filter"]
    assert (recorded[semconv.REFUSAL], json.loads(recorded[semconv.CONTENT_FILTER])) == (
        "model", {"stop_details": REFUSED["stop_details"]},
    )  # fmt: skip
