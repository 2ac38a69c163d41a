"""Raw responses that are left, dropped, cut or interrupted: what had passed is recorded."""

from __future__ import annotations

import asyncio
import gc
import json
import zlib
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Reply, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM: Any = {**ASK, "stream": True}


@pytest.mark.parametrize("way", ["never read", "left in the middle", "by close", "after the end"])
def test_a_stream_that_is_left(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="hold" if way == "left in the middle" else "done")
    create = client.chat.completions.with_streaming_response.create
    with create(**STREAM) as response:
        if way in ("left in the middle", "after the end"):
            for line in response.iter_lines():
                if "lo!" in line if way == "left in the middle" else "[DONE]" in line:
                    break
        elif way == "by close":
            response.close()
    (span,) = spans(session)
    read = way in ("left in the middle", "after the end")
    recorded = span["attributes"]
    assert (span["status"], recorded[semconv.STREAM_OUTCOME], recorded[semconv.STREAM_CHUNKS]) == (
        "unset", "exhausted" if way == "after the end" else "closed", 3 if read else 0,
    )  # fmt: skip
    assert recorded.get(semconv.OUTPUT_MESSAGES) == (
        [{"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": None}]
        if read
        else None
    )
    assert semconv.INCOMPLETE not in recorded


@pytest.mark.parametrize("read", [0, 5, None])
def test_a_body_that_is_left(read: int | None, client: openai.OpenAI, session: Session) -> None:
    size = len(json.dumps(completion()))
    with client.chat.completions.with_streaming_response.create(**ASK) as response:
        for part in response.http_response.iter_raw(read or size) if read != 0 else ():
            assert len(part) == (read or size)
            break
    recorded = only(session)
    if read == 0:
        assert recorded[semconv.INCOMPLETE] == (
            "the response was read no further than 0 bytes; its content is not recorded"
        )
        assert (recorded[semconv.STREAM_OUTCOME], semconv.USAGE_STATE in recorded) == ("closed", False)
    else:  # it all came in one piece
        assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]
        assert semconv.STREAM_OUTCOME not in recorded


@pytest.mark.parametrize("streamed", [True, False])
def test_a_response_that_is_dropped(
    server: Loopback, client: openai.OpenAI, session: Session, *, streamed: bool
) -> None:
    server.reply = Reply(chunks=HELLO, then="hold") if streamed else Reply(completion())
    if streamed:
        client.chat.completions.with_raw_response.create(**STREAM)
    else:
        client.chat.completions.with_streaming_response.create(**ASK).__enter__()
    gc.collect()
    (span,) = spans(session)
    assert (span["running"], span["attributes"][semconv.STREAM_OUTCOME]) == (False, "abandoned")


def test_a_response_that_is_kept_unread_runs(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    gc.collect()
    assert [span["running"] for span in spans(session)] == [True]
    assert len(list(raw.parse())) == 5
    assert [span["running"] for span in spans(session)] == [False]


@pytest.mark.parametrize("way", ["stream", "parsed stream", "body"])
def test_a_connection_that_breaks(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    cut = Reply(chunks=HELLO[:2], then="cut")
    server.reply = Reply(completion(), headers={"content-length": "9999"}, then="cut") if way == "body" else cut
    create: Any = client.chat.completions.with_streaming_response.create
    with pytest.raises(Exception) as raised, create(**(ASK if way == "body" else STREAM)) as response:
        list(response.parse()) if way == "parsed stream" else response.read()
    (span,) = spans(session)
    kind = type(raised.value)
    recorded = span["attributes"]
    assert (span["status"], recorded[semconv.STREAM_OUTCOME]) == ("error", "error")
    assert recorded[semconv.ERROR_TYPE] == f"{kind.__module__}.{kind.__qualname__}"
    if way == "body":
        size = len(json.dumps(completion()))
        assert recorded[semconv.INCOMPLETE] == (
            f"the response was read no further than {size} bytes; its content is not recorded"
        )
    else:
        assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hel"}]


async def test_a_cancelled_read(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:2], then="hold")
    waiting = asyncio.Event()

    async def read() -> None:
        async with async_client.chat.completions.with_streaming_response.create(**STREAM) as response:
            async for line in response.iter_lines():
                if "Hel" in line:
                    waiting.set()

    task = asyncio.create_task(read())
    await waiting.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = spans(session)
    recorded = span["attributes"]
    assert (span["status"], recorded[semconv.STREAM_OUTCOME], recorded[semconv.STREAM_CHUNKS]) == (
        "error", "cancelled", 2,
    )  # fmt: skip


def test_an_interrupted_read(session: Session) -> None:
    class Interrupted(HTTP.SyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            yield b'{"half'
            raise KeyboardInterrupt

    transport = HTTP.MockTransport(lambda request: HTTP.Response(200, stream=Interrupted(), request=request))
    with (
        openai.OpenAI(api_key="x", http_client=HTTP.Client(transport=transport)) as client,
        pytest.raises(KeyboardInterrupt),
        client.chat.completions.with_streaming_response.create(**ASK) as response,
    ):
        response.read()
    (span,) = spans(session)
    assert (span["status"], span["attributes"][semconv.STREAM_OUTCOME]) == ("error", "interrupted")


def test_an_error_of_the_user_in_the_block_is_none_of_the_call(client: openai.OpenAI, session: Session) -> None:
    with pytest.raises(ZeroDivisionError), client.chat.completions.with_streaming_response.create(**ASK) as response:
        divmod(len(response.headers), 0)
    (span,) = spans(session)
    assert (span["status"], span["attributes"][semconv.STREAM_OUTCOME]) == ("unset", "closed")


def test_a_compressed_stream_that_is_left(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    sent = [
        packer.compress(b"data: " + json.dumps(one).encode() + b"\n\n") + packer.flush(zlib.Z_SYNC_FLUSH)
        for one in HELLO[:3]
    ]
    server.reply = Reply(chunks=sent, then="hold", headers={"content-encoding": "gzip"})
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        for line in response.iter_lines():
            if "lo!" in line:
                break
    recorded = only(session)
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]
