"""Anthropic's client: its own wire format over the mechanism that all generated clients share."""

from __future__ import annotations

import gc
import io
import json
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from nbtrace import semconv
from nbtrace._capture.anthropic import MESSAGES, fold
from nbtrace._capture.providers import of_server
from nbtrace._trace.pricing import cost
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import only, spans

anthropic = pytest.importorskip("anthropic")
from anthropic.types import Message  # noqa: E402 - where it is installed

if TYPE_CHECKING:
    from nbtrace import Session

JSON = dict[str, Any]

OPTIONS: Any = {"api_key": "local", "max_retries": 0, "timeout": 20}
USER: Any = {"role": "user", "content": "Say hello."}
ASK: Any = {"model": "claude", "max_tokens": 16, "messages": [USER]}


def message(*content: JSON, **more: Any) -> JSON:
    """Make the body of a whole response."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": list(content or ({"type": "text", "text": "Hello!"},)),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3},
        **more,
    }


def sse(*events: JSON) -> list[bytes]:
    """Write events as Anthropic's servers do."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def told(whole: JSON, cuts: list[int] | None = None) -> list[JSON]:
    """Make the events in which a response comes, its texts cut into pieces of these lengths in turn."""
    sizes = [*(cuts or [2])]
    end = {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details", "container") if key in whole}
    empty = {**whole, "content": [], **dict.fromkeys(end), "usage": {**whole["usage"], "output_tokens": 1}}
    events: list[JSON] = [{"type": "message_start", "message": empty}]
    for index, block in enumerate(whole["content"]):
        start, deltas = _deltas(block, sizes)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    usage = {"output_tokens": whole["usage"]["output_tokens"]}
    return [
        *events,
        {"type": "ping"},
        {"type": "message_delta", "delta": end, "usage": usage},
        {"type": "message_stop"},
    ]


def _deltas(block: JSON, sizes: list[int]) -> tuple[JSON, list[JSON]]:
    def cut(text: str) -> list[str]:
        pieces: list[str] = []
        while text:
            sizes.append(size := sizes.pop(0))
            pieces, text = [*pieces, text[:size]], text[size:]
        return pieces

    match block["type"]:
        case "text":
            cited = [{"type": "citations_delta", "citation": one} for one in block.get("citations") or ()]
            spoken = [{"type": "text_delta", "text": piece} for piece in cut(block["text"])]
            return {**block, "text": "", **({"citations": []} if "citations" in block else {})}, cited + spoken
        case "thinking":
            thought = [{"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])]
            signed = [{"type": "signature_delta", "signature": block["signature"]}]
            return {**block, "thinking": "", "signature": ""}, thought + signed
        case "tool_use" | "server_tool_use":
            written = cut(json.dumps(block["input"]) if block["input"] else "")
            pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *written]]
            return {**block, "input": {}}, pieces
        case _:
            return block, []


@pytest.fixture
def client(server: Loopback) -> Iterator[Any]:
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), **OPTIONS) as made:
        yield made


@pytest.fixture
async def async_client(server: Loopback) -> AsyncIterator[Any]:
    async with anthropic.AsyncAnthropic(base_url=server.url.removesuffix("/v1"), **OPTIONS) as made:
        yield made


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(Reply(message())) as running:
        yield running


def test_a_real_call_and_a_real_stream(session: Session, local_model: dict[str, str]) -> None:
    model = local_model["NBTRACE_DEMO_MODEL"]
    ask: Any = {"model": model, "max_tokens": 8, "system": "Be short.", "messages": [USER]}
    with anthropic.Anthropic(base_url=local_model["OPENAI_BASE_URL"].removesuffix("/v1"), **OPTIONS) as client:
        answer = client.messages.create(**ask, extra_body={"temperature": 0})
        whole = only(session)
        session.store.clear()
        with client.messages.stream(**ask, extra_body={"temperature": 0}) as stream:
            final = stream.get_final_message()
    streamed = only(session)
    assert (type(answer), final.content[0].text) == (Message, answer.content[0].text)
    used = answer.usage
    assert whole == {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "llama_cpp",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.REQUEST_MODEL: model,
        semconv.REQUEST_MAX_TOKENS: 8,
        semconv.REQUEST_TEMPERATURE: 0.0,
        semconv.RESPONSE_ID: answer.id,
        semconv.RESPONSE_MODEL: answer.model,
        semconv.RESPONSE_FINISH_REASONS: ["length"],
        semconv.USAGE_INPUT_TOKENS: used.input_tokens + used.cache_read_input_tokens,
        semconv.USAGE_OUTPUT_TOKENS: 8,
        semconv.USAGE_CACHE_READ: used.cache_read_input_tokens,
        semconv.USAGE_STATE: "reported",
        semconv.COST_STATE: "unpriced",
        semconv.COST_REASON: f"no price for {model} at 127.0.0.1",
        semconv.SYSTEM_INSTRUCTIONS: [{"type": "text", "content": "Be short."}],
        semconv.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}],
        semconv.OUTPUT_MESSAGES: [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": answer.content[0].text}],
                "finish_reason": "length",
            }
        ],
    }
    assert (streamed.pop(semconv.REQUEST_STREAM), streamed.pop(semconv.STREAM_OUTCOME)) == (True, "exhausted")
    assert streamed.pop(semconv.STREAM_CHUNKS) > 8
    for key in (semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ):
        del streamed[key], whole[key]
    assert streamed == whole


async def test_a_real_async_stream(session: Session, local_model: dict[str, str]) -> None:
    base_url = local_model["OPENAI_BASE_URL"].removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, **OPTIONS) as client:
        stream = await client.messages.create(**{**ASK, "model": "smollm2-135m", "max_tokens": 4}, stream=True)
        said = "".join([event.delta.text async for event in stream if event.type == "content_block_delta"])
    recorded = only(session)
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": said}]
    assert (recorded[semconv.USAGE_OUTPUT_TOKENS], recorded[semconv.STREAM_OUTCOME]) == (4, "exhausted")


CITED = {
    "type": "char_location", "cited_text": "warm", "document_index": 0, "document_title": None, "file_id": None,
    "start_char_index": 0, "end_char_index": 4,
}  # fmt: skip
ANSWER = message(
    {"type": "thinking", "thinking": "Let me look.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "b3BhcXVl"},
    {"type": "text", "text": "It is warm.", "citations": [CITED]},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "weather"}},
    {
        "type": "web_search_tool_result", "tool_use_id": "srv_1",
        "content": [
            {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e", "page_age": None},
        ],
    },
    {"type": "tool_use", "id": "tool_1", "name": "weather", "input": {"city": "Zürich"}},
    {"type": "tool_use", "id": "tool_2", "name": "clock", "input": {}},
    stop_reason="tool_use",
    usage={
        "input_tokens": 10, "cache_creation_input_tokens": 200, "cache_read_input_tokens": 300, "output_tokens": 40,
        "service_tier": "standard", "output_tokens_details": {"thinking_tokens": 12},
    },
)  # fmt: skip
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


PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
RUN = {"type": "code_execution_result", "stdout": "4", "stderr": "", "return_code": 0, "content": []}
FETCHED = {"type": "document", "source": PDF, "title": "A", "citations": {"enabled": True}}
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


def both(whole: JSON, server: Loopback, client: Any, session: Session) -> JSON:
    """Give the attributes of a call, which are those of its stream too."""
    server.reply = Reply(whole)
    client.beta.messages.create(**ASK)
    recorded = only(session)
    session.store.clear()
    server.reply = Reply(chunks=sse(*told(whole)))
    list(client.beta.messages.create(**ASK, stream=True))
    streamed = only(session)
    session.store.clear()
    assert streamed.pop(semconv.STREAM_CHUNKS) > 5
    assert (streamed.pop(semconv.REQUEST_STREAM), streamed.pop(semconv.STREAM_OUTCOME)) == (True, "exhausted")
    assert streamed == recorded
    return recorded


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


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
blocks = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(
        lambda text, cited: {"type": "text", "text": text, "citations": [{"cited_text": one} for one in cited]},
        texts,
        st.lists(texts, max_size=3),
    ),
    st.builds(lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, texts, texts),
    st.builds(
        lambda kind, given: {"type": kind, "id": "i", "name": "n", "input": given},
        st.sampled_from(["tool_use", "server_tool_use"]),
        st.dictionaries(texts, st.one_of(st.integers(), texts, st.lists(texts))),
    ),
    st.just({"type": "redacted_thinking", "data": "x"}),
)


@given(st.lists(blocks, min_size=1), st.lists(st.integers(1, 5), min_size=1))
def test_any_chunking_folds_to_the_whole_response(content: list[JSON], cuts: list[int]) -> None:
    whole = message(*content, usage={"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 5})
    assert fold(told(whole, cuts)) == whole


@given(st.integers(0, 60))
def test_a_stream_cut_anywhere_keeps_what_had_arrived(cut: int) -> None:
    events = told(ANSWER)
    found = MESSAGES.content({}, fold(events[:cut]))
    found |= MESSAGES.response(fold(events[:cut]))
    is_over = any(event["type"] == "message_delta" for event in events[:cut])
    assert (semconv.OUTPUT_MESSAGES in found, semconv.USAGE_STATE in found) == (cut > 0, is_over)


class Reading:
    """The ways in which a stream is read to its end."""

    def iterate(self, client: Any) -> list[Any]:
        stream = client.messages.create(**ASK, stream=True)
        assert type(stream) is anthropic.Stream
        return list(stream)

    def in_a_with_block(self, client: Any) -> list[Any]:
        with client.messages.create(**ASK, stream=True) as stream:
            return list(stream)

    def by_the_helper(self, client: Any) -> list[Any]:
        with client.messages.stream(**ASK) as stream:
            assert "".join(stream.text_stream) == "Hello!"
            return [stream.get_final_message()]

    def of_the_beta(self, client: Any) -> list[Any]:
        return list(client.beta.messages.create(**ASK, stream=True))


@pytest.mark.parametrize("way", ["iterate", "in_a_with_block", "by_the_helper", "of_the_beta"])
def test_an_exhausted_stream(way: str, server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(chunks=sse(*told(message())))
    assert getattr(Reading(), way)(client)
    recorded = only(session)
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
    ]
    outcome = recorded[semconv.STREAM_OUTCOME], recorded[semconv.STREAM_CHUNKS], recorded[semconv.USAGE_OUTPUT_TOKENS]
    assert outcome == ("exhausted", 8, 3)


async def test_an_async_stream(server: Loopback, async_client: Any, session: Session) -> None:
    server.reply = Reply(chunks=sse(*told(message())))
    async with async_client.messages.stream(**ASK) as stream:
        assert await stream.get_final_text() == "Hello!"
    stream = await async_client.messages.create(**ASK, stream=True)
    assert type(stream) is anthropic.AsyncStream
    await anext(stream)
    await stream.close()
    assert [span["attributes"][semconv.STREAM_OUTCOME] for span in spans(session)] == ["exhausted", "closed"]


def test_a_stream_that_was_left_has_its_output_estimated(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(chunks=sse(*told(message())))
    with client.messages.stream(**ASK) as stream:
        for text in stream.text_stream:
            assert text == "He"
            break
    recorded = only(session)
    assert recorded[semconv.STREAM_OUTCOME] == "closed"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "He"}]
    assert (
        recorded[semconv.USAGE_STATE], recorded[semconv.USAGE_INPUT_TOKENS], recorded[semconv.USAGE_OUTPUT_TOKENS],
    ) == ("estimated", 9, 1)  # fmt: skip


@pytest.mark.parametrize("begun", [True, False])
def test_a_dropped_stream_is_closed_at_once(server: Loopback, client: Any, session: Session, *, begun: bool) -> None:
    server.reply = Reply(chunks=sse(*told(message())), then="hold")
    gc.disable()
    try:
        stream = client.messages.create(**ASK, stream=True)
        if begun:
            next(stream)
        gone, response = weakref.ref(stream), stream.response
        del stream
        assert (gone(), response.is_closed) == (None, begun)
    finally:
        gc.enable()
    response.close()
    assert only(session)[semconv.STREAM_OUTCOME] == "abandoned"


def test_an_error_in_the_middle_of_a_stream(server: Loopback, client: Any, session: Session) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    server.reply = Reply(chunks=sse(*told(message())[:3], error))
    with pytest.raises(anthropic.APIStatusError):
        list(client.messages.create(**ASK, stream=True))
    (span,) = spans(session)
    assert (span["status"], span["attributes"][semconv.STREAM_OUTCOME]) == ("error", "error")
    assert "Overloaded" in span["message"]
    assert span["attributes"][semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "He"}]


def test_each_attempt_is_seen(server: Loopback, client: Any, session: Session) -> None:
    limited = Reply({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, status=429)
    limited.headers = {"retry-after-ms": "1", "request-id": "req_1"}
    answers = iter([limited, Reply(message(), headers={"request-id": "req_2"})])
    server.reply = lambda _: next(answers)
    client.with_options(max_retries=2).messages.create(**ASK)
    found = [
        (
            span["name"],
            span["attributes"].get(semconv.HTTP_STATUS_CODE),
            span["attributes"][semconv.HTTP_RESPONSE_HEADER + "request-id"],
        )
        for span in spans(session)
    ]
    assert found == [
        ("attempt 1", 429, "req_1"), ("attempt 2", 200, "req_2"), ("chat claude", None, "req_2"),
    ]  # fmt: skip


async def test_a_refused_call(server: Loopback, async_client: Any, session: Session) -> None:
    server.reply = Reply({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, status=400)
    with pytest.raises(anthropic.BadRequestError):
        await async_client.messages.create(**ASK)
    (span,) = spans(session)
    recorded = span["attributes"]
    assert (span["status"], recorded[semconv.ERROR_TYPE], recorded[semconv.HTTP_STATUS_CODE]) == (
        "error", "anthropic.BadRequestError", 400,
    )  # fmt: skip
    assert recorded[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}]


@pytest.mark.parametrize("status", [200, 400])
def test_what_only_the_client_can_write_is_taken_from_the_wire(
    status: int, server: Loopback, client: Any, session: Session
) -> None:
    """Iterators are read once, and files are read by the client."""
    server.reply = Reply(message(), status=status)
    source = {"type": "base64", "media_type": "image/png", "data": io.BytesIO(b"img")}
    content: Any = [{"type": "image", "source": source}]
    try:
        client.messages.create(**{**ASK, "messages": (one for one in [{"role": "user", "content": content}])})
    except anthropic.BadRequestError:
        assert status == 400
    part = {
        "type": "blob",
        "modality": "image",
        "mime_type": "image/png",
        "size": 3,
        "sha256": "b29814cf5792e684cd75d6a7fce7a67a11887e312f87ca2ac2496d81f365ff72",
        "content": "aW1n",
    }
    assert only(session)[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [part]}]


def test_a_raw_response_is_recorded_and_parses(client: Any, session: Session) -> None:
    raw = client.messages.with_raw_response.create(**ASK)
    assert raw.parse().content[0].text == "Hello!"
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


def test_other_endpoints_are_plain_spans(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply({"input_tokens": 5})
    assert client.messages.count_tokens(model="m", messages=[USER]).input_tokens == 5
    assert client.beta.messages.count_tokens(model="m", messages=[USER]).input_tokens == 5
    server.reply = Reply({"data": [], "has_more": False, "first_id": None, "last_id": None})
    assert client.messages.batches.list().data == []
    batch = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": "/v1/r"}
    server.reply = Reply(batch, headers={"request-id": "req_1"})
    client.messages.batches.create(requests=[{"custom_id": "a", "params": ASK}])
    client.messages.batches.retrieve("msgbatch_1")
    found = spans(session)
    assert [span["name"] for span in found] == [
        "POST /v1/messages/count_tokens", "POST /v1/messages/count_tokens", "GET /v1/messages/batches",
        "POST /v1/messages/batches", "GET /v1/messages/batches/{id}",
    ]  # fmt: skip
    attributes = {key: value for key, value in found[-1]["attributes"].items() if not key.startswith("nbtrace.client")}
    assert attributes == {
        "http.request.method": "GET",
        "url.path": "/v1/messages/batches/msgbatch_1",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 200,
        "http.response.header.request-id": "req_1",
    }


@pytest.mark.parametrize("place", ["system", "system blocks", "message", "message parts"])
def test_a_rendered_prompt_is_found(place: str, client: Any, session: Session) -> None:
    text = session.prompt("greet", "Greet {who}.").format(who="Ada")
    block = [{"type": "text", "text": text}]
    ask: Any = {
        "system": {"system": text},
        "system blocks": {"system": block},
        "message": {"messages": [{"role": "user", "content": text}]},
        "message parts": {"messages": [{"role": "user", "content": block}]},
    }[place]
    client.messages.create(**{**ASK, **ask})
    recorded = only(session)
    assert (recorded[semconv.PROMPT_NAME], recorded[semconv.PROMPT_VARIABLE + "who"]) == ("greet", "Ada")


def test_secrets_are_masked_everywhere(server: Loopback, client: Any, session: Session) -> None:
    secret = "sk-ant-" + "api03-" + "a1B2" * 20
    server.reply = Reply(message({"type": "tool_use", "id": "t", "name": "n", "input": {"key": secret}}))
    client.messages.create(**{**ASK, "system": secret, "messages": [{"role": "user", "content": secret}]})
    assert secret not in str(only(session))
    assert secret not in str(session.spans().table.to_pylist())


def test_the_price_counts_each_kind_of_token_once(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(ANSWER)
    client.messages.create(**ASK)
    priced = cost({**only(session), semconv.SERVER_ADDRESS: "api.anthropic.com"} | {semconv.COST_STATE: ""})
    expected = (10 * 3 + 200 * 3.75 + 300 * 0.30 + 40 * 15) / 1e6
    assert priced[semconv.USAGE_COST] == pytest.approx(expected)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.anthropic.com", "anthropic"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("us-east5-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("localhost", None),
    ],
)
def test_the_provider_is_told_by_the_host(host: str, provider: str | None) -> None:
    assert of_server(host) == provider


@pytest.mark.parametrize(
    "refused",
    [
        {"messages": "hello", "system": 3, "tools": "x", "stop_sequences": 1},
        {"messages": ["hello", None, 3, {"role": 1, "content": {"a": 1}}], "max_tokens": [1], "output_config": 1},
        {"messages": [{"role": "user", "content": [1, {"type": "image"}, {"type": "tool_result", "content": 2}]}]},
    ],
)
def test_a_malformed_request_is_recorded_as_it_was(
    refused: JSON, server: Loopback, client: Any, session: Session
) -> None:
    server.reply = Reply({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, status=400)
    with pytest.raises(anthropic.BadRequestError):
        client.post("/v1/messages", cast_to=object, body={"model": "m", **refused})
    recorded = only(session)
    assert semconv.INPUT_MESSAGES in recorded
    assert semconv.INCOMPLETE not in recorded
