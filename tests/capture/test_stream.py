"""Streams: seen to their end, whatever it is, without their reader noticing; and folded into the whole response."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import json
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from nbtrace import semconv
from nbtrace._capture import chat, completions, media
from nbtrace._capture.chat_stream import fold
from nbtrace._capture.stream import chunks
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Reply, chunk, completion
from tests.capture.reading import PACE, PIECES, only, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}], "stream": True}
SAID: dict[str, Any] = {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}


def outcome(session: Session) -> tuple[str, int, str, str | None]:
    """Give how the only stream ended, with how many chunks, and what text."""
    (span,) = spans(session)
    attributes = span["attributes"]
    said = attributes.get(semconv.OUTPUT_MESSAGES)
    text = said[0]["parts"][0]["content"] if said and said[0]["parts"] else None
    assert not span["running"]
    return attributes[semconv.STREAM_OUTCOME], attributes[semconv.STREAM_CHUNKS], span["status"], text


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
    stream.close()
    plain.close()
    assert vars(stream.response).keys() == vars(plain.response).keys()


def test_the_decoder_of_a_stream_can_still_be_used(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    with client.chat.completions.create(**ASK) as stream:
        assert stream._decoder.decode(": a comment") is None


def test_a_stream_that_is_broken_out_of_and_deleted(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="hold")
    stream = client.chat.completions.create(**ASK)
    for _ in stream:
        break
    next(stream)
    del stream
    gc.collect()
    assert outcome(session) == ("abandoned", 2, "unset", "Hel")


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


def test_an_error_in_the_with_block_passes_through(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    with pytest.raises(ZeroDivisionError), client.chat.completions.create(**ASK) as stream:
        divmod(len(next(stream).choices), 0)
    assert outcome(session) == ("closed", 1, "unset", None)


@pytest.mark.parametrize("then", ["cut", "error event", "bad json"])
def test_an_error_in_the_middle(then: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    bad: Any = {"error": {"message": "out of luck"}} if then == "error event" else b"data: {\n\n"
    server.reply = Reply(chunks=HELLO[:2], then="cut") if then == "cut" else Reply(chunks=[*HELLO[:2], bad])
    got: list[Any] = []
    session.stop()
    with pytest.raises(Exception) as plain:
        list(client.chat.completions.create(**ASK))
    with session, pytest.raises(type(plain.value)) as raised:
        got.extend(client.chat.completions.create(**ASK))
    assert len(got) == 2
    assert (str(raised.value), type(raised.value.__cause__)) == (str(plain.value), type(plain.value.__cause__))
    assert outcome(session) == ("error", 2, "error", "Hel")
    (span,) = spans(session)
    kind = type(plain.value)
    assert span["message"] == str(plain.value)
    assert span["attributes"][semconv.ERROR_TYPE] == f"{kind.__module__}.{kind.__qualname__}"


async def test_an_error_in_the_middle_of_an_async_stream(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO[:2], then="cut")
    stream = await async_client.chat.completions.create(**ASK)
    with pytest.raises(Exception):  # noqa: B017 - httpx's or the client's, by its major
        async for _ in stream:
            pass
    assert outcome(session) == ("error", 2, "error", "Hel")


async def test_a_cancelled_stream(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:2], then="hold")
    stream = await async_client.chat.completions.create(**ASK)
    waiting = asyncio.Event()

    async def read() -> None:
        await anext(stream)
        await anext(stream)
        waiting.set()
        await anext(stream)

    task = asyncio.create_task(read())
    await waiting.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcome(session) == ("cancelled", 2, "error", "Hel")


def test_an_interrupted_stream(session: Session) -> None:
    class Interrupted(HTTP.SyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            for one in HELLO[:2]:
                yield b"data: " + json.dumps(one).encode() + b"\n\n"
            raise KeyboardInterrupt

    transport = HTTP.MockTransport(lambda request: HTTP.Response(200, stream=Interrupted(), request=request))
    got: list[Any] = []
    with openai.OpenAI(api_key="x", http_client=HTTP.Client(transport=transport)) as client:
        stream = client.chat.completions.create(**ASK)
        with pytest.raises(KeyboardInterrupt):
            got.extend(iter(stream.__next__, None))
    assert outcome(session) == ("interrupted", 2, "error", "Hel")


def test_a_stream_closed_by_another_thread_says_what_its_reader_saw(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO[:2], then="hold")
    stream = client.chat.completions.create(**ASK)
    next(stream)
    closer = threading.Thread(target=stream.close)
    closer.start()
    closer.join()
    assert outcome(session) == ("closed", 1, "unset", None)


def test_a_stream_outlives_the_session_that_saw_it(server: Loopback, client: openai.OpenAI) -> None:
    from nbtrace import Session

    server.reply = Reply(chunks=HELLO)
    with Session() as session:
        stream = client.chat.completions.create(**ASK)
        next(stream)
    assert len(list(stream)) == 4
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


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


def test_folding_leaves_the_chunks_alone() -> None:
    chunks = [
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}], "parts": [{"a": 1}]}),
        chunk({"parts": [{"b": 2}], "audio": {"data": "aa"}}),
        chunk({"audio": {"data": "bb"}}),
    ]
    chunks[0]["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
    chunks[1]["choices"][0]["logprobs"] = {"content": [{"token": "b"}]}
    before = copy.deepcopy(chunks)
    first, second = fold(chunks), fold(chunks)
    assert chunks == before
    assert first == second
    (choice,) = first["choices"]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    assert choice["message"] == {
        "role": "assistant",
        "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
        "parts": [{"a": 1}, {"b": 2}],
        "audio": {"data": "aabb"},
    }


def parse(events: list[str]) -> list[dict[str, Any]]:
    """Give the chunks in the events of a stream."""
    return [one.body for one in chunks([(event, 0) for event in events])]


@pytest.mark.parametrize("bad", ["{", '{"a":1', '"b":2}', "", "[1,2", "3"])
def test_an_event_that_is_no_chunk_is_skipped(bad: str) -> None:
    good = ['{"id":"a"}', '{"id":"b"}']
    for events in ([bad, *good], [good[0], bad, good[1]], [*good, bad], [*good, '{"error":{"message":"no"}}', bad]):
        assert parse([*events, "[DONE]"]) == [{"id": "a"}, {"id": "b"}]
    assert parse(['{"a":1', '"b":2}']) == []


def test_servers_that_repeat_names_or_mix_parts_and_text() -> None:
    tool = {"index": 0, "id": "a", "type": "function", "function": {"name": "f"}}
    folded = fold(
        [
            chunk({"role": "assistant", "tool_calls": [{**tool, "function": {"name": "f", "arguments": "{"}}]}),
            chunk({"role": "assistant", "tool_calls": [{**tool, "function": {"name": "f", "arguments": "}"}}]}),
            chunk({"content": [{"type": "thinking", "thinking": "Hm."}]}),
            chunk({"content": "An"}),
            chunk({"content": "swer"}),
        ]
    )
    assert folded["choices"][0]["message"] == {
        "role": "assistant",
        "tool_calls": [{**tool, "function": {"name": "f", "arguments": "{}"}}],
        "content": [{"type": "thinking", "thinking": "Hm."}, "Answer"],
    }


def test_chunks_of_azure_without_choices_fold() -> None:
    filtered: Any = {"id": "", "choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0}]}
    assert fold([filtered, {"choices": None, "usage": None}, *HELLO])["choices"] == completion()["choices"]
    assert fold([filtered, *HELLO])["id"] == "chatcmpl-1"


TEXT = st.text(max_size=12)
JSON_TEXT = st.sampled_from(['{"a":1}', "{}", '{"city": "Ulm", "n": 12345678901234567890123}', "{not json", ""])


@st.composite
def messages_(draw: st.DrawFn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | TEXT)}
    for key in ("refusal", "reasoning_content"):
        if text := draw(st.none() | TEXT):
            message[key] = text
    if count := draw(st.integers(0, 3)):
        message["tool_calls"] = [
            {"id": f"call_{one}", "type": "function", "function": {"name": f"f{one}", "arguments": draw(JSON_TEXT)}}
            for one in range(count)
        ]
    if draw(st.booleans()):
        message["function_call"] = {"name": "old", "arguments": draw(JSON_TEXT)}
    return message


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    body = completion()
    body["choices"] = [
        {
            "index": index,
            "message": draw(messages_()),
            "finish_reason": draw(st.sampled_from(["stop", "length", "tool_calls"])),
        }
        for index in range(draw(st.integers(1, 3)))
    ]
    if draw(st.booleans()):
        body["usage"] = {
            "prompt_tokens": draw(st.integers(0, 10**6)),
            "completion_tokens": draw(st.integers(0, 10**6)),
            "prompt_tokens_details": {"cached_tokens": draw(st.integers(0, 99))},
            "completion_tokens_details": {"reasoning_tokens": draw(st.integers(0, 99))},
        }
    else:
        del body["usage"]
    if draw(st.booleans()):
        body |= {"system_fingerprint": "fp", "service_tier": "default"}
    return body


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def chunked(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give a response and the same response cut into chunks, choices and fields interleaved at will."""
    body = draw(responses())
    queues: list[list[dict[str, Any]]] = [
        [{"index": choice["index"], "delta": delta, "finish_reason": None} for delta in deltas]
        for choice in body["choices"]
        for deltas in _deltas(draw, choice["message"])
    ]
    chunks: list[dict[str, Any]] = []
    head = {key: value for key, value in body.items() if key not in ("choices", "usage")}
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        chunks.append({**head, "choices": [queue.pop(0)]})
    for choice in body["choices"]:
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        chunks.append({**head, "choices": [end]})
    if "usage" in body:
        chunks.append({**head, "choices": [], "usage": body["usage"]})
    return body, chunks


def _deltas(draw: st.DrawFn, message: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    for key in ("content", "refusal", "reasoning_content"):
        if message.get(key) is not None:
            yield [{"role": "assistant", key: piece} for piece in draw(pieces(message[key]))]
    if calls := message.get("tool_calls"):
        begun = [{"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}
                 for index, call in enumerate(calls)]  # fmt: skip
        parts = [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for index, call in enumerate(calls)
            for piece in draw(pieces(call["function"]["arguments"]))
        ]
        yield begun + _interleaved(draw, parts)
    if call := message.get("function_call"):
        yield [{"function_call": {"name": call["name"], "arguments": ""}}] + [
            {"function_call": {"arguments": piece}} for piece in draw(pieces(call["arguments"]))
        ]


def _interleaved(draw: st.DrawFn, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_index: dict[int, list[dict[str, Any]]] = {}
    for part in parts:
        by_index.setdefault(part["tool_calls"][0]["index"], []).append(part)
    mixed: list[dict[str, Any]] = []
    while any(by_index.values()):
        mixed.append(by_index[draw(st.sampled_from([index for index, left in by_index.items() if left]))].pop(0))
    return mixed


def attributes(body: dict[str, Any]) -> dict[str, Any]:
    return chat.response_attributes(body) | chat.content_attributes({}, body)


@given(chunked())
def test_any_chunking_gives_the_attributes_of_the_whole(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    body, chunks = case
    assert attributes(fold(chunks)) == attributes(body)


@given(chunked())
def test_any_chunking_through_the_events_of_a_stream_too(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    body, chunks = case
    events = [json.dumps(one) for one in chunks]
    assert attributes(fold(parse([*events, "[DONE]"]))) == attributes(body)


@given(st.lists(TEXT, min_size=1, max_size=3), st.data())
def test_any_chunking_of_a_legacy_completion(texts: list[str], data: st.DataObject) -> None:
    body: Any = {
        "id": "cmpl-1",
        "choices": [{"index": index, "text": text, "finish_reason": "stop"} for index, text in enumerate(texts)],
    }
    queues = [[(index, piece) for piece in data.draw(pieces(text))] for index, text in enumerate(texts)]
    chunks: list[dict[str, Any]] = []
    while any(queues):
        index, piece = data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0)
        chunks.append({"id": "cmpl-1", "choices": [{"index": index, "text": piece, "finish_reason": None}]})
    chunks += [
        {"id": "cmpl-1", "choices": [{"index": index, "text": "", "finish_reason": "stop"}]}
        for index in range(len(texts))
    ]
    assert completions.fold(chunks) == body


@given(TEXT, st.data(), st.booleans())
def test_any_chunking_of_a_transcript(text: str, data: st.DataObject, is_cut: bool) -> None:
    usage = {"type": "tokens", "input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    events: list[dict[str, Any]] = [
        {"type": "transcript.text.delta", "delta": piece} for piece in data.draw(pieces(text))
    ]
    whole: dict[str, Any] = {"text": text} | ({} if is_cut else {"usage": usage})
    done = {"type": "transcript.text.done", **whole}
    given = attributes_of_media(media.fold(events if is_cut else [*events, done]))
    assert given == attributes_of_media(whole if events or not is_cut else {})


def attributes_of_media(body: dict[str, Any]) -> dict[str, Any]:
    return dict(media.TRANSCRIPTIONS.response(body)) | media.content_attributes({}, body)


PROBABILITIES = st.lists(st.fixed_dictionaries({"token": TEXT, "logprob": st.floats(-20, 0)}), max_size=3)


@given(st.lists(PROBABILITIES, min_size=1))
def test_log_probabilities_gather(said: list[list[dict[str, Any]]]) -> None:
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": some, "refusal": None}}]} for some in said
    ]
    (choice,) = fold(chunks)["choices"]
    assert choice["logprobs"] == {"content": [one for some in said for one in some]}
