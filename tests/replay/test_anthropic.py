"""Messages of Anthropic's client come again as they were: whole, streamed, by the helper, refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import ReplayMiss, semconv
from nbtrace._replays import Replay
from tests.capture.claude import ASK, OPTIONS, message, sse, told
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import VARYING, spans

anthropic = pytest.importorskip("anthropic")

if TYPE_CHECKING:
    from nbtrace import Session
    from tests.capture.loopback import JSON

SEARCH: JSON = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "spans"}}
FOUND: JSON = {
    "type": "web_search_tool_result", "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://a.test", "title": "A", "encrypted_content": "x"}],
}  # fmt: skip
CITED: JSON = {
    "type": "web_search_result_location", "url": "https://a.test", "title": "A", "encrypted_index": "1",
    "cited_text": "B",
}  # fmt: skip
ANSWERS: dict[str, JSON] = {
    "text": message(),
    "thoughts": message(
        {"type": "thinking", "thinking": "They greet me.", "signature": "EqQB"}, {"type": "text", "text": "Hello!"}
    ),
    "tools": message(
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Ulm", "days": [1, 2]}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
        stop_reason="tool_use",
    ),
    "searches": message(
        SEARCH,
        FOUND,
        {"type": "text", "text": "So it is.", "citations": [CITED]},
        usage={"input_tokens": 9, "output_tokens": 3, "server_tool_use": {"web_search_requests": 1}},
    ),
    "caches": message(
        usage={
            "input_tokens": 9, "output_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 50,
            "cache_creation": {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 30},
            "service_tier": "standard",
        },
    ),
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Iterator[Any]:
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), **OPTIONS) as made:
        yield made


@pytest.fixture
async def async_client(server: Loopback) -> AsyncIterator[Any]:
    async with anthropic.AsyncAnthropic(base_url=server.url.removesuffix("/v1"), **OPTIONS) as made:
        yield made


def said(session: Session) -> list[JSON]:
    drop = {*VARYING, semconv.REPLAYED_FROM, semconv.USAGE_COST} - {semconv.STREAM_CUTS}
    return [
        {key: value for key, value in one["attributes"].items() if key not in drop and ".cost." not in key}
        for one in spans(session)
    ]


def read(client: Any) -> list[Any]:
    return [one.model_dump() for one in client.messages.create(**ASK, stream=True)]


def helped(client: Any) -> list[Any]:
    with client.messages.stream(**ASK) as stream:
        return [*(one.model_dump() for one in stream), stream.get_final_message().model_dump()]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_whole_message(name: str, server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(ANSWERS[name])
    recorded = client.messages.create(**ASK)
    with Replay(session, session, "replay", "none"):
        found = client.messages.create(**ASK)
    assert type(found) is type(recorded)
    assert found.model_dump() == recorded.model_dump()
    one, other = said(session)
    assert other == one


@pytest.mark.parametrize("way", [read, helped])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream(name: str, way: Any, server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(chunks=[part for part in sse(*told(ANSWERS[name])) if b"ping" not in part])
    recorded = way(client)
    with Replay(session, session, "replay", "none"):
        assert way(client) == recorded
    one, other = said(session)
    assert other == one


async def test_coroutines(server: Loopback, async_client: Any, session: Session) -> None:
    async def ask() -> list[Any]:
        server.reply = Reply(message())
        whole = (await async_client.messages.create(**ASK)).model_dump()
        server.reply = Reply(chunks=sse(*told(message())))
        return [whole, *[one.model_dump() async for one in await async_client.messages.create(**ASK, stream=True)]]

    recorded = await ask()
    with Replay(session, session, "replay", "none"):
        assert await ask() == recorded
    assert len(server.received) == 2


def test_an_error_in_the_middle(server: Loopback, client: Any, session: Session) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    server.reply = Reply(chunks=sse(*told(message())[:3], error))

    def fail() -> tuple[Any, ...]:
        with pytest.raises(anthropic.APIStatusError) as raised:
            read(client)
        return type(raised.value), raised.value.message, raised.value.body

    recorded = fail()
    with Replay(session, session, "replay", "none"):
        assert fail() == recorded


def test_a_miss_shows_what_changed(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(message())
    client.messages.create(**ASK)
    with Replay(session, session, "replay", "none"), pytest.raises(ReplayMiss, match=r"messages: user: \[-Say"):
        client.messages.create(**{**ASK, "messages": [{"role": "user", "content": "Shout."}]})
