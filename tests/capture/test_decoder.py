"""What stands in for the decoders of a stream: every form of it is kept, and read as if nothing stood there."""

from __future__ import annotations

import gc
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai
import openai._streaming
import pytest

from nbtrace import semconv
from nbtrace._capture import unfinished
from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import HELLO, Loopback, Reply
from tests.capture.reading import only, spans
from tests.capture.streaming import ASK, outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from nbtrace import Session

SAID: dict[str, Any] = {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
SENT = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in HELLO)


@dataclass
class Event:
    """An event that has its data in another place than those of the clients that are known."""

    event: str | None = None
    data: str = ""
    id: str | None = None
    retry: int | None = None

    def json(self) -> Any:
        return json.loads(self.data)


@pytest.mark.parametrize("kind", ["text/event-stream; charset=utf-8", "application/octet-stream"])
def test_events_of_another_make(
    kind: str, session: Session, server: Loopback, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai._streaming, "ServerSentEvent", Event)
    server.reply = Reply(chunks=HELLO, headers={"content-type": kind})
    said = [one.choices[0].delta.content or "" for one in client.chat.completions.create(**ASK) if one.choices]
    assert "".join(said) == "Hello!"
    assert only(session)[semconv.OUTPUT_MESSAGES] == [SAID]


class Lines:
    """A decoder to which each line is an event, whatever the response says of itself."""

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Event]:
        for line in b"".join(iterator).splitlines():
            yield Event(data=line.decode())


def test_a_decoder_of_another_make(
    server: Loopback, client: openai.OpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_make_sse_decoder", Lines)
    server.reply = Reply(chunks=[json.dumps(one).encode() + b"\n" for one in HELLO], then="end")
    assert [one.to_dict() for one in client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


def test_the_decoder_of_a_stream_can_still_be_used(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    with client.chat.completions.create(**ASK) as stream:
        assert stream._decoder.decode(": a comment") is None


def in_two_pieces() -> Reply:
    """Give an answer of which two chunks come in one piece, and three and a half in another."""
    cut = SENT.index(b"\n\n", SENT.index(b"\n\n") + 2) + 2
    return Reply(chunks=[SENT[:cut], SENT[cut:-9]], then="hold")


def test_what_came_in_one_piece_had_arrived(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = in_two_pieces()
    stream = client.chat.completions.create(**ASK)
    next(stream)
    unfinished.tell_all()
    (span,) = spans(session)
    assert (span["running"], span["attributes"][semconv.STREAM_CHUNKS]) == (True, 2)
    read = [next(stream), next(stream)]
    assert [one.to_dict() for one in read] == list(HELLO[1:3])
    stream.close()
    assert outcome(session) == ("closed", 4, "unset", "Hello!")


async def test_so_it_had_to_an_async_client(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = in_two_pieces()
    stream = await async_client.chat.completions.create(**ASK)
    await anext(stream)
    unfinished.tell_all()
    (span,) = spans(session)
    assert (span["running"], span["attributes"][semconv.STREAM_CHUNKS]) == (True, 2)
    read = [await anext(stream), await anext(stream)]
    assert [one.to_dict() for one in read] == list(HELLO[1:3])
    await stream.close()
    assert outcome(session) == ("closed", 4, "unset", "Hello!")


PACKED = Reply(chunks=[gzip.compress(SENT)], then="end", headers={"content-encoding": "gzip"})


def test_a_packed_stream(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = PACKED
    assert [one.to_dict() for one in client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


async def test_a_packed_stream_of_an_async_client(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = PACKED
    assert [one.to_dict() async for one in await async_client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


def test_a_stream_that_a_hook_has_read_before(server: Loopback, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    http_client: Any = HTTP.Client(event_hooks={"response": [lambda response: response.read()]})
    with openai.OpenAI(base_url=server.url, http_client=http_client, **OPTIONS) as client:
        assert [one.to_dict() for one in client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


@pytest.mark.parametrize("other", ["has none", "has its own"])
def test_a_version_of_the_http_library_that_decodes_in_another_way(
    other: str, server: Loopback, client: openai.OpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = HTTP.Response(200)._get_content_decoder()

    def iter_bytes(response: Any, chunk_size: int | None = None) -> Iterator[bytes]:
        return response.iter_raw(chunk_size)

    def decoder(response: Any) -> Any:
        return plain

    iter_bytes.__module__ = decoder.__module__ = HTTP.Response.iter_bytes.__module__
    monkeypatch.setattr(HTTP.Response, "iter_bytes", iter_bytes)
    if other == "has none":
        monkeypatch.delattr(HTTP.Response, "_get_content_decoder")
    else:
        monkeypatch.setattr(HTTP.Response, "_get_content_decoder", decoder)
    server.reply = Reply(chunks=HELLO)
    assert [one.to_dict() for one in client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


class Asking(HTTP.Response):
    """A response of the user's, who mends what his server sends."""

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        for part in self.iter_raw(chunk_size):
            yield part.replace(b"!", b"?")

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        async for part in self.aiter_raw(chunk_size):
            yield part.replace(b"!", b"?")


def mended(response: Any) -> None:
    response.__class__ = Asking


async def async_mended(response: Any) -> None:
    mended(response)


def test_a_response_that_gives_other_bytes_than_came(server: Loopback, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    http_client: Any = HTTP.Client(event_hooks={"response": [mended]})
    with openai.OpenAI(base_url=server.url, http_client=http_client, **OPTIONS) as client:
        assert len(list(client.chat.completions.create(**ASK))) == 5
    assert outcome(session) == ("exhausted", 5, "unset", "Hello?")


async def test_one_that_an_async_client_reads(server: Loopback, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    http_client: Any = HTTP.AsyncClient(event_hooks={"response": [async_mended]})
    async with openai.AsyncOpenAI(base_url=server.url, http_client=http_client, **OPTIONS) as client:
        assert len([one async for one in await client.chat.completions.create(**ASK)]) == 5
    assert outcome(session) == ("exhausted", 5, "unset", "Hello?")


def test_a_content_decoder_that_a_hook_has_set_still_decodes(server: Loopback, session: Session) -> None:
    def unpacked(response: Any) -> None:
        response._decoder = HTTP.Response(200, headers={"content-encoding": "gzip"})._get_content_decoder()

    server.reply = Reply(chunks=[gzip.compress(SENT)], then="end")  # of a server that does not say that it packs
    http_client: Any = HTTP.Client(event_hooks={"response": [unpacked]})
    with openai.OpenAI(base_url=server.url, http_client=http_client, **OPTIONS) as client:
        assert [one.to_dict() for one in client.chat.completions.create(**ASK)] == list(HELLO)
    assert outcome(session) == ("exhausted", 5, "unset", "Hello!")


class Draining:
    """Reads the rest of a response when it is collected, so that its connection can be used again."""

    def __init__(self, response: Any, rest: list[str]) -> None:
        self.itself, self.rest = self, rest
        self.lines = response.iter_lines()
        rest.append(next(self.lines))

    def __del__(self) -> None:
        self.rest += self.lines


def test_a_response_can_be_read_to_its_end_while_it_is_collected(session: Session) -> None:
    def answer(request: Any) -> Any:
        parts = [SENT[at : at + 100] for at in range(0, len(SENT), 100)]
        return HTTP.Response(200, headers={"content-type": "text/event-stream"}, content=iter(parts))

    http_client: Any = HTTP.Client(transport=HTTP.MockTransport(answer))
    rest: list[str] = []
    with openai.OpenAI(base_url="http://localhost/v1", http_client=http_client, **OPTIONS) as client:
        Draining(client.chat.completions.create(**ASK).response, rest)
        gc.collect()
    assert rest == SENT.decode().splitlines()
