"""Streams: seen to their end, whatever it is, without their reader noticing; and folded into the whole response."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from inline_snapshot import snapshot
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from nbtrace import semconv
from tests.capture.loopback import HELLO, Loopback, Reply, chunk
from tests.capture.reading import PACE, PIECES, only, spans
from tests.capture.streaming import ASK, outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from nbtrace import Session


def test_a_real_stream(session: Session, model: str) -> None:
    options: Any = {"model": model, "messages": ASK["messages"], "max_tokens": 8, "temperature": 0, "seed": 1}
    with openai.OpenAI() as client:
        stream = client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True})
        assert type(stream) is openai.Stream
        chunks = list(stream)
        (span,) = spans(session)
        session.store.clear()
        whole = client.chat.completions.create(**options)
    streamed, expected = span["attributes"], spans(session)[0]["attributes"]
    own = (semconv.STREAM_CHUNKS, semconv.STREAM_OUTCOME, semconv.REQUEST_STREAM)
    assert [streamed.pop(key) for key in own] == [len(chunks), "exhausted", True]
    assert all(streamed.pop(key) > 0 for key in PACE)
    assert [len(streamed.pop(key).split(",")) for key in PIECES] == [len(chunks)] * 2
    for key in (semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ):
        del streamed[key], expected[key]
    assert streamed == expected
    assert streamed[semconv.OUTPUT_MESSAGES][0]["parts"][0]["content"] == whole.choices[0].message.content


async def test_a_real_async_stream_without_usage_is_estimated(session: Session, model: str) -> None:
    async with openai.AsyncOpenAI() as client:
        stream = await client.chat.completions.create(**(ASK | {"model": model, "max_tokens": 8}))
        assert type(stream) is openai.AsyncStream
        said = [one.choices[0].delta.content or "" async for one in stream if one.choices]
    recorded = only(session)
    assert recorded[semconv.STREAM_OUTCOME] == "exhausted"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "".join(said)}]
    assert (
        recorded[semconv.USAGE_STATE],
        recorded[semconv.USAGE_INPUT_TOKENS],
        recorded[semconv.USAGE_OUTPUT_TOKENS],
        recorded[semconv.COST_STATE],
    ) == ("estimated", 3, -(-len("".join(said)) // 4), "unpriced")


class Reading:
    """The ways in which a synchronous stream is read."""

    def iterate(self, stream: Any) -> Iterator[Any]:
        yield from stream

    def pull(self, stream: Any) -> Iterator[Any]:
        with contextlib.suppress(StopIteration):
            while True:
                yield next(stream)

    def in_a_with_block(self, stream: Any) -> Iterator[Any]:
        with stream as entered:
            assert entered is stream
            yield from entered


@pytest.mark.parametrize("way", ["iterate", "pull", "in_a_with_block"])
def test_an_exhausted_stream(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    assert [span["running"] for span in spans(session)] == [True]
    chunks = list(getattr(Reading(), way)(stream))
    assert [one.to_dict() for one in chunks] == list(HELLO)
    assert (type(stream), type(chunks[0])) == (openai.Stream, ChatCompletionChunk)
    assert (stream.response.status_code, stream.response.is_closed) == (200, True)
    assert only(session) == snapshot(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 3,
            "nbtrace.usage.state": "reported",
            "nbtrace.cost.state": "unpriced",
            "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
            ],
            "server.address": "127.0.0.1",
            "gen_ai.request.stream": True,
            "nbtrace.stream.chunks": 5,
            "nbtrace.stream.outcome": "exhausted",
            "nbtrace.cost.reason": "no price for gpt-4o-mini-2024-07-18 at 127.0.0.1",
        }
    )


class AsyncReading:
    """The ways in which an asynchronous stream is read."""

    async def iterate(self, stream: Any) -> AsyncIterator[Any]:
        async for one in stream:
            yield one

    async def pull(self, stream: Any) -> AsyncIterator[Any]:
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield await anext(stream)

    async def in_a_with_block(self, stream: Any) -> AsyncIterator[Any]:
        async with stream as entered:
            assert entered is stream
            async for one in entered:
                yield one


@pytest.mark.parametrize("way", ["iterate", "pull", "in_a_with_block"])
async def test_an_exhausted_async_stream(
    way: str, server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = await async_client.chat.completions.create(**ASK)
    chunks = [one async for one in getattr(AsyncReading(), way)(stream)]
    assert [one.to_dict() for one in chunks] == list(HELLO)
    assert (stream.response.status_code, stream.response.is_closed) == (200, True)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


def test_a_stream_is_the_same_in_every_way_but_its_class_is_untouched(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    session.stop()
    plain = client.chat.completions.create(**ASK)
    assert vars(stream).keys() == vars(plain).keys()
    assert (stream.close.__func__, iter(stream).__class__) == (plain.close.__func__, iter(plain).__class__)  # type: ignore[attr-defined]
    assert next(stream) == next(plain)
    stream.close()
    plain.close()
    assert vars(stream.response).keys() == vars(plain.response).keys()


def test_a_stream_that_is_broken_out_of_and_deleted(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="hold")
    stream = client.chat.completions.create(**ASK)
    for _ in stream:
        break
    next(stream)
    del stream
    gc.collect()
    assert outcome(session) == ("abandoned", 2, "unset", "Hel")


def test_what_comes_with_the_end_is_no_part_of_the_answer(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    late = b"data: " + json.dumps(chunk({"content": " Bye!"})).encode() + b"\n\n"
    server.reply = Reply(chunks=[*HELLO, b"data: [DONE]\n\n" + late], then="end")
    assert [one.to_dict() for one in client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


async def test_an_async_stream_that_is_broken_out_of_and_deleted(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="hold")
    stream = await async_client.chat.completions.create(**ASK)
    response = stream.response
    async for _ in stream:
        break
    await anext(stream)
    del stream
    async with asyncio.timeout(60):
        while spans(session)[0]["running"]:
            await asyncio.sleep(0)  # the event loop still closes the iterator that the `for` left behind
            gc.collect()
    assert outcome(session) == ("abandoned", 2, "unset", "Hel")
    await response.aclose()


def test_a_stream_that_nobody_reads_and_everybody_forgets(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO, then="hold")
    response = client.chat.completions.create(**ASK).response
    gc.collect()
    assert outcome(session) == ("abandoned", 0, "unset", None)
    response.close()


def test_a_stream_left_open_runs_and_can_be_read_on(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    next(stream)
    gc.collect()
    (span,) = spans(session)
    assert (span["running"], span["attributes"][semconv.REQUEST_MODEL]) == (True, "gpt-4o-mini")
    assert len(list(stream)) == 4
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


@pytest.mark.parametrize("way", ["close", "with", "response", "kept method", "helper"])
def test_a_closed_stream(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="hold")
    if way == "helper":
        with client.chat.completions.stream(model=ASK["model"], messages=ASK["messages"]) as helper:
            next(helper)
            next(helper)
        assert outcome(session)[0::2] == ("closed", "unset")
        return
    stream = client.chat.completions.create(**ASK)
    response = stream.response
    next(stream)
    next(stream)
    if way == "close":
        stream.close()
        stream.close()
    elif way == "with":
        with stream:
            pass
    elif way == "response":
        stream.response.close()
    else:
        close = stream.close
        del stream
        gc.collect()
        close()
    assert response.is_closed
    assert outcome(session) == ("closed", 2, "unset", "Hel")


@pytest.mark.parametrize("way", ["close", "with", "response", "helper"])
async def test_a_closed_async_stream(
    way: str, server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="hold")
    if way == "helper":
        async with async_client.chat.completions.stream(model=ASK["model"], messages=ASK["messages"]) as helper:
            await anext(helper)
        assert outcome(session)[0::2] == ("closed", "unset")
        return
    stream = await async_client.chat.completions.create(**ASK)
    await anext(stream)
    await anext(stream)
    if way == "close":
        await stream.close()
        await stream.close()
    elif way == "with":
        async with stream:
            pass
    else:
        await stream.response.aclose()
    assert stream.response.is_closed
    assert outcome(session) == ("closed", 2, "unset", "Hel")


def test_a_stream_closed_unread(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    client.chat.completions.create(**ASK).close()
    assert outcome(session) == ("closed", 0, "unset", None)
    recorded = only(session)
    assert (recorded[semconv.USAGE_STATE], recorded[semconv.USAGE_OUTPUT_TOKENS]) == ("estimated", 0)


def test_the_stream_helper_works_and_is_recorded(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    class Answer(BaseModel):
        greeting: str

    server.reply = Reply(chunks=[chunk({"content": '{"greeting":'}), chunk({"content": '"Hi"}'}, finish_reason="stop")])
    create = client.chat.completions.stream
    with create(model="m", messages=ASK["messages"], response_format=Answer) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds == ["chunk", "content.delta", "chunk", "content.delta", "content.done"]
    assert final.choices[0].message.parsed == Answer(greeting="Hi")
    assert outcome(session) == ("exhausted", 2, "unset", '{"greeting":"Hi"}')


async def test_the_async_stream_helper_too(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO)
    async with async_client.chat.completions.stream(model="m", messages=ASK["messages"]) as stream:
        assert (await stream.get_final_completion()).choices[0].message.content == "Hello!"
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


def test_a_stream_without_chunks(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=[])
    assert list(client.chat.completions.create(**ASK)) == []
    assert outcome(session) == ("exhausted", 0, "unset", None)
    assert semconv.RESPONSE_TIME_TO_FIRST_CHUNK not in spans(session)[0]["attributes"]


async def test_an_async_stream_without_chunks(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=[])
    assert [one async for one in await async_client.chat.completions.create(**ASK)] == []
    assert outcome(session) == ("exhausted", 0, "unset", None)


def test_a_character_that_comes_in_two_chunks(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(
        chunks=[chunk({"content": "a\ud83d"}), chunk({"content": "\ude00b"}), chunk({"content": "\ud83d"})]
    )
    chunks = list(client.chat.completions.create(**ASK))
    assert chunks[0].choices[0].delta.content == "a\ud83d"
    assert outcome(session) == ("exhausted", 3, "unset", "a😀b\ufffd")
