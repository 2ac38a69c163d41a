"""Everything that Anthropic's messages hold: what was asked, answered and shown, by whichever tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from inline_snapshot import snapshot

from nbtrace import semconv
from tests.capture.claude import ANSWER, ASK, FETCHED, PDF, both, client, message, server, sse, told
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import only

if TYPE_CHECKING:
    from nbtrace import Session

__all__ = ["client", "server"]

EVERYTHING: Any = {
    **ASK,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "Report"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {"type": "document", "source": {"type": "content", "content": "more"}},
                {"type": "text", "text": "And the weather?"},
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": "tool_0", "name": "clock", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "tool_0", "content": "noon"},
                {
                    "type": "tool_result", "tool_use_id": "tool_9", "is_error": True,
                    "content": [{"type": "text", "text": "no such tool"}],
                },
            ],
        },
    ],
    "stop_sequences": ["END"],
    "service_tier": "auto",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    "tools": [
        {"name": "weather", "description": "Tell it.", "input_schema": {"type": "object", "properties": {}}},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "extra_body": {"temperature": 1, "top_k": 5, "top_p": 0.5},
}  # fmt: skip


def test_everything_a_message_can_hold(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(ANSWER, headers={"request-id": "req_1", "anthropic-ratelimit-requests-remaining": "9"})
    client.messages.create(**EVERYTHING)
    whole = only(session)
    assert whole == snapshot(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude",
            "gen_ai.response.model": "claude-sonnet-4-5-20250929",
            "gen_ai.response.id": "msg_1",
            "gen_ai.response.finish_reasons": ["tool_call"],
            "gen_ai.usage.input_tokens": 510,
            "gen_ai.usage.output_tokens": 40,
            "gen_ai.usage.cache_read.input_tokens": 300,
            "gen_ai.usage.cache_write.input_tokens": 200,
            "gen_ai.usage.reasoning.output_tokens": 12,
            "nbtrace.usage.state": "reported",
            "nbtrace.cost.state": "unpriced",
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
            "gen_ai.input.messages": [
                {
                    "role": "user",
                    "parts": [
                        {
                            "type": "blob",
                            "modality": "image",
                            "mime_type": "image/png",
                            "size": 3,
                            "sha256": "b29814cf5792e684cd75d6a7fce7a67a11887e312f87ca2ac2496d81f365ff72",
                            "content": "aW1n",
                        },
                        {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
                        {"type": "file", "modality": "document", "file_id": "file_1", "title": "Report"},
                        {"type": "text", "content": "words"},
                        {"type": "document", "source": {"type": "content", "content": "more"}},
                        {"type": "text", "content": "And the weather?"},
                    ],
                },
                {
                    "role": "assistant",
                    "parts": [{"type": "tool_call", "id": "tool_0", "name": "clock", "arguments": {}}],
                },
                {
                    "role": "user",
                    "parts": [
                        {"type": "tool_call_response", "id": "tool_0", "response": "noon"},
                        {
                            "type": "tool_call_response",
                            "id": "tool_9",
                            "response": [{"type": "text", "content": "no such tool"}],
                            "is_error": True,
                        },
                    ],
                },
            ],
            "gen_ai.output.messages": [
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "reasoning", "content": "Let me look.", "signature": "c2ln"},
                        {"type": "redacted_thinking", "data": "b3BhcXVl"},
                        {
                            "type": "text",
                            "content": "It is warm.",
                            "citations": [
                                {
                                    "type": "char_location",
                                    "cited_text": "warm",
                                    "document_index": 0,
                                    "document_title": None,
                                    "file_id": None,
                                    "start_char_index": 0,
                                    "end_char_index": 4,
                                }
                            ],
                        },
                        {
                            "type": "server_tool_call",
                            "id": "srv_1",
                            "name": "web_search",
                            "server_tool_call": {"type": "web_search", "input": {"query": "weather"}},
                        },
                        {
                            "type": "server_tool_call_response",
                            "id": "srv_1",
                            "server_tool_call_response": {
                                "type": "web_search_tool_result",
                                "content": [
                                    {
                                        "type": "web_search_result",
                                        "url": "u",
                                        "title": "t",
                                        "encrypted_content": "e",
                                        "page_age": None,
                                    }
                                ],
                            },
                        },
                        {"type": "tool_call", "id": "tool_1", "name": "weather", "arguments": {"city": "Zürich"}},
                        {"type": "tool_call", "id": "tool_2", "name": "clock", "arguments": {}},
                    ],
                    "finish_reason": "tool_call",
                }
            ],
            "gen_ai.tool.definitions": [
                {
                    "type": "function",
                    "name": "weather",
                    "description": "Tell it.",
                    "parameters": {"type": "object", "properties": {}},
                },
                {"type": "web_search_20250305", "name": "web_search"},
            ],
            "server.address": "127.0.0.1",
            "gen_ai.request.temperature": 1.0,
            "gen_ai.request.top_p": 0.5,
            "gen_ai.request.top_k": 5,
            "gen_ai.request.max_tokens": 16,
            "anthropic.request.service_tier": "auto",
            "gen_ai.request.stop_sequences": ["END"],
            "gen_ai.request.reasoning.level": "low",
            "gen_ai.output.type": "json",
            "anthropic.response.service_tier": "standard",
            "http.response.header.request-id": "req_1",
            "http.response.header.anthropic-ratelimit-requests-remaining": "9",
            "nbtrace.cost.reason": "no price for claude-sonnet-4-5-20250929 at 127.0.0.1",
        }
    )
    session.store.clear()
    server.reply = Reply(chunks=sse(*told(ANSWER)))
    with client.messages.stream(**EVERYTHING) as stream:
        list(stream)
    assert only(session)[semconv.OUTPUT_MESSAGES] == whole[semconv.OUTPUT_MESSAGES]


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("tool_use", "tool_call"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("pause_turn", "pause_turn"), ("compaction", "compaction"),
    ],
)  # fmt: skip
def test_why_the_model_stopped(reason: str, kept: str, server: Loopback, client: Any, session: Session) -> None:
    recorded = both(message(stop_reason=reason), server, client, session)
    assert recorded[semconv.RESPONSE_FINISH_REASONS] == [kept]
    assert semconv.REFUSAL not in recorded


def test_documents_of_every_kind(client: Any, session: Session) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"}}
    content: Any = [
        FETCHED,
        {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}, "context": "old"},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}, image]}},
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
        {"type": "tool_result", "tool_use_id": "tool_1", "content": [image, {"type": "document", "source": PDF}]},
    ]
    client.messages.create(**{**ASK, "messages": [{"role": "user", "content": content}]})
    assert only(session)[semconv.INPUT_MESSAGES][0]["parts"] == snapshot(
        [
            {
                "type": "blob",
                "modality": "document",
                "mime_type": "application/pdf",
                "size": 4,
                "sha256": "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027",
                "content": "JVBERg==",
                "title": "A",
                "citations": {"enabled": True},
            },
            {"type": "uri", "modality": "document", "uri": "https://example.org/a.pdf", "context": "old"},
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [
                        {"type": "text", "text": "a"},
                        {
                            "type": "blob",
                            "modality": "image",
                            "mime_type": "image/png",
                            "size": 3,
                            "sha256": "b29814cf5792e684cd75d6a7fce7a67a11887e312f87ca2ac2496d81f365ff72",
                            "content": "aW1n",
                        },
                    ],
                },
            },
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
            {
                "type": "tool_call_response",
                "id": "tool_1",
                "response": [
                    {
                        "type": "blob",
                        "modality": "image",
                        "mime_type": "image/png",
                        "size": 3,
                        "sha256": "b29814cf5792e684cd75d6a7fce7a67a11887e312f87ca2ac2496d81f365ff72",
                        "content": "aW1n",
                    },
                    {
                        "type": "blob",
                        "modality": "document",
                        "mime_type": "application/pdf",
                        "size": 4,
                        "sha256": "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027",
                        "content": "JVBERg==",
                    },
                ],
            },
        ]
    )
