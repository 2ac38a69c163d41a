"""Streams that break: in the middle, by their reader, by another thread or by the end of their session."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Reply
from tests.capture.reading import spans
from tests.capture.streaming import ASK, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace import Session


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
