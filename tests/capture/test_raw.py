"""Raw responses: whatever way a body is read, the span carries what passed, and the object stays the client's."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import openai._legacy_response
import openai._response
import pytest
from openai.types.chat import ChatCompletion

from nbtrace import semconv
from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import HELLO, Loopback, Reply, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM: Any = {**ASK, "stream": True}

READ: dict[str, Callable[[Any], object]] = {
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "iter_bytes": lambda response: list(response.iter_bytes()),
    "iter_bytes by size": lambda response: list(response.iter_bytes(7)),
    "iter_text": lambda response: list(response.iter_text()),
    "iter_lines": lambda response: list(response.iter_lines()),
    "iter_raw of HTTP": lambda response: list(response.http_response.iter_raw()),
    "read of HTTP": lambda response: response.http_response.read(),
}
"""The ways in which a body is read, whatever is in it."""
WHOLE = READ | {"json": lambda response: response.json(), "parse": lambda response: response.parse()}
EVENTS = READ | {"parse": lambda response: list(response.parse())}


def same_as_plain(session: Session, ask: Callable[[], object]) -> None:
    """Hold the one span there is against that of a call without ado."""
    (recorded,) = spans(session)
    seen = only(session)
    session.store.clear()
    ask()
    (plain,) = spans(session)
    assert (recorded["status"], recorded["running"], recorded["name"]) == (plain["status"], False, plain["name"])
    assert seen == only(session)


@pytest.mark.parametrize("way", WHOLE)
def test_a_body_read_whole(way: str, client: openai.OpenAI, session: Session) -> None:
    with client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert type(response) is openai._response.APIResponse
        assert WHOLE[way](response)
        if way == "parse":
            assert response.parse().choices[0].message.content == "Hello!"
    assert (response.status_code, response.is_closed, response.http_response.is_closed) == (200, True, True)
    same_as_plain(session, lambda: client.chat.completions.create(**ASK))


@pytest.mark.parametrize("way", EVENTS)
def test_a_stream_read_whole(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        assert EVENTS[way](response)
    same_as_plain(session, lambda: list(client.chat.completions.create(**STREAM)))


def test_what_is_read_is_what_was_sent(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    sent = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in HELLO) + b"data: [DONE]\n\n"
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        assert response.read() == sent
        assert response.http_response.content == sent
    assert only(session)[semconv.STREAM_OUTCOME] == "exhausted"


AREAD: dict[str, Callable[[Any], Any]] = {
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "iter_bytes": lambda response: gathered(response.iter_bytes()),
    "iter_text": lambda response: gathered(response.iter_text()),
    "iter_lines": lambda response: gathered(response.iter_lines()),
    "aiter_raw of HTTP": lambda response: gathered(response.http_response.aiter_raw()),
}
AWHOLE = AREAD | {"json": lambda response: response.json(), "parse": lambda response: response.parse()}


async def gathered(some: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in some]


async def parsed(response: Any) -> list[Any]:
    return await gathered(await response.parse())


AEVENTS = AREAD | {"parse": parsed}


@pytest.mark.parametrize("way", AWHOLE)
async def test_an_async_body_read_whole(way: str, async_client: openai.AsyncOpenAI, session: Session) -> None:
    async with async_client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert type(response) is openai._response.AsyncAPIResponse
        assert await AWHOLE[way](response)
    (recorded,), seen = spans(session), only(session)
    session.store.clear()
    await async_client.chat.completions.create(**ASK)
    assert (recorded["running"], seen) == (False, only(session))


@pytest.mark.parametrize("way", AEVENTS)
async def test_an_async_stream_read_whole(
    way: str, server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO)
    async with async_client.chat.completions.with_streaming_response.create(**STREAM) as response:
        assert await AEVENTS[way](response)
    (recorded,), seen = spans(session), only(session)
    session.store.clear()
    await gathered(await async_client.chat.completions.create(**STREAM))
    assert (recorded["running"], seen) == (False, only(session))


def test_a_raw_stream_is_parsed_and_followed(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    assert type(raw) is openai._legacy_response.LegacyAPIResponse
    stream: Any = raw.parse()
    assert (type(stream), raw.parse() is stream, "_parse" in vars(raw)) == (openai.Stream, True, False)
    next(stream)
    next(stream)
    stream.close()
    recorded = only(session)
    assert (recorded[semconv.STREAM_OUTCOME], recorded[semconv.STREAM_CHUNKS]) == ("closed", 2)
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hel"}]
    session.store.clear()
    assert len(list(client.chat.completions.with_raw_response.create(**STREAM).parse())) == 5
    same_as_plain(session, lambda: list(client.chat.completions.create(**STREAM)))


async def test_an_async_raw_stream_too(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    raw = await async_client.chat.completions.with_raw_response.create(**STREAM)
    assert len(await gathered(raw.parse())) == 5
    recorded = only(session)
    assert (recorded[semconv.STREAM_OUTCOME], recorded[semconv.STREAM_CHUNKS]) == ("exhausted", 5)


def test_a_raw_stream_that_is_not_parsed(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    assert "Hel" in "".join(raw.http_response.iter_text())
    same_as_plain(session, lambda: list(client.chat.completions.create(**STREAM)))


def test_an_http_response_asked_for_itself(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    response: Any = client.post(
        "/chat/completions", cast_to=HTTP.Response, body=STREAM, stream=True, stream_cls=openai.Stream[Any]
    )
    assert type(response) is HTTP.Response
    response.read()
    same_as_plain(session, lambda: list(client.chat.completions.create(**STREAM)))


PACKED = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", PACKED)
def test_a_compressed_body(encoding: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    pack = PACKED[encoding]
    server.reply = Reply(pack(json.dumps(completion()).encode()), headers={"content-encoding": encoding})
    with client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert json.loads(response.read()) == completion()
    same_as_plain(session, lambda: client.chat.completions.create(**ASK))


def test_a_response_object_is_left_as_it_was(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO, headers={"x-request-id": "req_1"})
    create = client.chat.completions.with_streaming_response.create
    with create(**STREAM) as seen:
        seen.read()
    session.stop()
    with create(**STREAM) as plain:
        plain.read()
    assert vars(seen.http_response).keys() == vars(plain.http_response).keys()
    assert isinstance(seen.http_response.stream, type(plain.http_response.stream))
    assert (seen.request_id, seen.headers.keys()) == ("req_1", plain.headers.keys())
    assert seen.elapsed.total_seconds() > 0


def test_a_mock_with_its_body_in_hand(session: Session) -> None:
    whole = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in HELLO) + b"data: [DONE]\n\n"
    headers = {"content-type": "text/event-stream"}
    transport = HTTP.MockTransport(lambda _: HTTP.Response(200, headers=headers, content=whole))
    with openai.OpenAI(api_key="x", http_client=HTTP.Client(transport=transport)) as client:
        client.chat.completions.with_raw_response.create(**STREAM)
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


@pytest.mark.parametrize("way", ["raw", "streaming"])
def test_of_anthropic(way: str, server: Loopback, session: Session) -> None:
    from tests.capture.claude import message, sse, told

    ask: Any = {"model": "claude-test", "max_tokens": 9, "messages": ASK["messages"], "stream": True}
    server.reply = Reply(chunks=sse(*told(message())))
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), **OPTIONS) as client:
        if way == "raw":
            assert list(client.messages.with_raw_response.create(**ask).parse())
        else:
            with client.messages.with_streaming_response.create(**ask) as response:
                assert list(response.iter_lines())
        same_as_plain(session, lambda: list(client.messages.create(**ask)))


def test_speech_is_told_by_its_hash(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(b"\xff\xf3sound", headers={"content-type": "audio/mpeg"})
    ask: Any = {"model": "tts-1", "voice": "alloy", "input": "Hi"}
    with client.audio.speech.with_streaming_response.create(**ask) as response:
        assert b"".join(response.iter_bytes()) == b"\xff\xf3sound"
    same_as_plain(session, lambda: client.audio.speech.create(**ask))


def test_a_real_stream_read_by_lines(session: Session, model: str) -> None:
    options: Any = {"model": model, "messages": ASK["messages"], "max_tokens": 8, "temperature": 0, "seed": 1}
    usage: Any = {"stream_options": {"include_usage": True}}
    with openai.OpenAI() as client:
        with client.chat.completions.with_streaming_response.create(**options, **usage, stream=True) as response:
            lines = [line for line in response.iter_lines() if line.startswith("data: {")]
    recorded = only(session)
    session.store.clear()
    with openai.OpenAI() as client:  # the server closes the connection of a stream, which may be told too late
        whole = client.chat.completions.create(**options)
    assert type(whole) is ChatCompletion
    own = (semconv.STREAM_CHUNKS, semconv.STREAM_OUTCOME, semconv.REQUEST_STREAM)
    assert [recorded.pop(key) for key in own] == [len(lines), "exhausted", True]
    varying = dict.fromkeys((semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ))
    assert {**recorded, **varying} == {**only(session), **varying}
