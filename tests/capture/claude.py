"""What Anthropic's servers send, whole and in events, and clients of a scripted one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import semconv
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import only

anthropic = pytest.importorskip("anthropic")

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

PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}

FETCHED = {"type": "document", "source": PDF, "title": "A", "citations": {"enabled": True}}


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
