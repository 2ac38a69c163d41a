"""What users do with a client, each use a function that gives what its code gets to see.

The server is scripted inside the client's own HTTP library, so that every use is quick and says the same each time.
"""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import openai
import openai._base_client
import pytest
from openai.types.chat import ChatCompletion
from opentelemetry import context as otel_context
from opentelemetry import trace

import nbtrace
from nbtrace import Session
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, JSON, completion

Use = Callable[["User"], Any]

DEAD: Any = (openai.APIConnectionError, HTTP.ReadError)
"""What a line that is cut becomes in a stream, in openai 3 and in openai 2."""
USER: Any = [{"role": "user", "content": "Say hello."}]
EVENTS = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in HELLO)
ANSWER: JSON = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000,
    "model": "gpt-4o-mini",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello!", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
VECTOR: JSON = {
    "object": "list",
    "model": "embed",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25]}],
    "usage": {"prompt_tokens": 9, "total_tokens": 9},
}


class _Body(HTTP.SyncByteStream, HTTP.AsyncByteStream):
    """A body that comes piece by piece, and may break."""

    def __init__(self, *, breaks: bool = False) -> None:
        self._breaks = breaks

    def __iter__(self) -> Iterator[bytes]:
        for event in EVENTS.split(b"\n\n")[:-1]:
            yield event + b"\n\n"
            if self._breaks:
                raise HTTP.ReadError("the line is dead")
        yield b"data: [DONE]\n\n"

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece


class Server:
    """Answers as the path and the model ask for, and keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def answer(self, request: Any) -> Any:
        """Answer a request of which the body has been read."""
        is_form = request.headers["content-type"].startswith("multipart") if request.content else False
        self.sent.append((request.url.path, b"" if is_form else request.content))
        path, retried = request.url.path, request.headers.get("x-stainless-retry-count", "0")
        if path.endswith("/responses"):
            return HTTP.Response(200, json=ANSWER)
        if path.endswith("/embeddings"):
            return HTTP.Response(200, json=VECTOR)
        if path.endswith("/transcriptions"):
            return HTTP.Response(200, json={"text": "Hello!"})
        if path.endswith("/models"):
            return HTTP.Response(200, json={"object": "list", "data": []})
        body = json.loads(request.content)
        if body["model"] == "missing":
            return HTTP.Response(404, json={"error": {"message": "no such model", "code": "model_not_found"}})
        if body["model"] == "late" and retried == "0":
            return HTTP.Response(429, headers={"retry-after-ms": "1"}, json={"error": {"message": "later"}})
        if body["model"] == "empty":
            return HTTP.Response(200, json={"error": {"message": "nobody there", "code": 502}})
        if body.get("stream"):
            headers = {"content-type": "text/event-stream"}
            return HTTP.Response(200, headers=headers, stream=_Body(breaks=body["model"] == "breaks"))
        return HTTP.Response(200, json=completion())

    async def aanswer(self, request: Any) -> Any:
        """Answer an async client."""
        return self.answer(request)


class User:
    """A user with both clients, whose own copies of what a client returned are kept to compare."""

    def __init__(self, session: Session, made: list[Any]) -> None:
        self.session = session
        self.server = Server()
        self.made = made
        """What the client's own method returned, in order."""
        options: Any = {"api_key": "sk-mine-0123456789", "max_retries": 2}
        transport = HTTP.MockTransport(self.server.answer)
        self.client = openai.OpenAI(**options, http_client=HTTP.Client(transport=transport))
        self.aclient = openai.AsyncOpenAI(
            **options, http_client=HTTP.AsyncClient(transport=HTTP.MockTransport(self.server.aanswer))
        )
        self.loop = asyncio.new_event_loop()

    def same(self, given: Any) -> Any:
        """Check that something is the very object that the client returned last."""
        assert given is self.made[-1]
        return given

    def close(self) -> None:
        self.loop.run_until_complete(self.aclient.close())
        self.loop.close()
        self.client.close()


@contextmanager
def noting(monkeypatch: pytest.MonkeyPatch, made: list[Any]) -> Generator[None]:
    """Keep what the clients' `request` returns, from below whatever wraps it from now on."""
    base: Any = openai._base_client
    request, arequest = base.SyncAPIClient.request, base.AsyncAPIClient.request

    def note(*args: Any, **kwargs: Any) -> Any:
        made.append(request(*args, **kwargs))
        return made[-1]

    async def anote(*args: Any, **kwargs: Any) -> Any:
        made.append(await arequest(*args, **kwargs))
        return made[-1]

    with monkeypatch.context() as patch:
        patch.setattr(base.SyncAPIClient, "request", note)
        patch.setattr(base.AsyncAPIClient, "request", anote)
        yield


def chat(user: User) -> Any:
    answer = user.same(user.client.chat.completions.create(model="gpt-4o-mini", messages=USER))
    assert type(answer) is ChatCompletion
    return answer.to_dict()


def stream(user: User) -> Any:
    answer: Any = user.same(user.client.chat.completions.create(model="m", messages=USER, stream=True))
    assert type(answer) is openai.Stream
    assert (answer.response.status_code, answer.response.is_closed) == (200, False)
    return [one.to_dict() for one in answer], answer.response.is_closed


def closed_stream(user: User) -> Any:
    answer: Any = user.same(user.client.chat.completions.create(model="m", messages=USER, stream=True))
    first = next(answer)
    answer.close()
    return first.to_dict(), answer.response.is_closed


def stream_in_a_block(user: User) -> Any:
    answer: Any = user.same(user.client.chat.completions.create(model="m", messages=USER, stream=True))
    with answer as entered:
        assert entered is answer
        first = next(entered)
    return first.to_dict(), answer.response.is_closed


def dropped_stream(user: User) -> Any:
    answer: Any = user.client.chat.completions.create(model="m", messages=USER, stream=True)
    user.made.clear()
    return next(answer).to_dict()


def helped_stream(user: User) -> Any:
    with user.client.chat.completions.stream(model="m", messages=USER) as answer:
        kinds = [event.type for event in answer]
        return kinds, answer.get_final_completion().to_dict()


def broken_stream(user: User) -> Any:
    answer: Any = user.same(user.client.chat.completions.create(model="breaks", messages=USER, stream=True))
    with pytest.raises(DEAD) as raised:
        list(answer)
    return str(raised.value), answer.response.is_closed


def asked_stream(user: User) -> Any:
    user.session.request_stream_usage = True
    try:
        return len(list(user.client.chat.completions.create(model="m", messages=USER, stream=True)))
    finally:
        user.session.request_stream_usage = False


def raw(user: User) -> Any:
    answer = user.same(user.client.chat.completions.with_raw_response.create(model="m", messages=USER))
    return answer.status_code, answer.parse().to_dict(), answer.http_response.is_closed


def raw_stream(user: User) -> Any:
    answer = user.same(user.client.chat.completions.with_raw_response.create(model="m", messages=USER, stream=True))
    parsed: Any = answer.parse()
    assert type(parsed) is openai.Stream
    return [one.to_dict() for one in parsed]


def streamed_response(user: User) -> Any:
    create = user.client.chat.completions.with_streaming_response.create
    with create(model="m", messages=USER, stream=True) as answer:
        user.same(answer)
        lines = list(answer.iter_lines())
    return lines, answer.is_closed


def retried(user: User) -> Any:
    return user.same(user.client.chat.completions.create(model="late", messages=USER)).to_dict()


def refused(user: User) -> Any:
    with pytest.raises(openai.NotFoundError) as raised:
        user.client.chat.completions.create(model="missing", messages=USER)
    return str(raised.value), raised.value.code, raised.value.response.status_code


def error_as_an_answer(user: User) -> Any:
    return user.same(user.client.chat.completions.create(model="empty", messages=USER)).to_dict()


def prompted(user: User) -> Any:
    prompt = user.session.prompt("greet", "Greet {name}.")
    text = prompt.format(name="Ada")
    return str(text), chat_of(user, text)


def chat_of(user: User, text: str) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return user.client.chat.completions.create(model="m", messages=messages).to_dict()


def others(user: User) -> Any:
    client = user.client
    return (
        user.same(client.responses.create(model="m", input="Hi")).to_dict(),
        user.same(client.embeddings.create(model="embed", input="Hi", encoding_format="float")).to_dict(),
        user.same(client.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF"))).to_dict(),
        client.models.list().to_dict(),
    )


def stepped(user: User) -> Any:
    session = user.session

    @session.span("tool", kind="tool")
    def tool(number: int) -> int:
        return number + 1

    @session.span("numbers")
    def numbers() -> Iterator[int]:
        yield tool(1)
        yield tool(2)

    @session.span("agent", kind="agent")
    async def agent() -> list[int]:
        return list(numbers())

    with nbtrace.context(user="ada", tags=["x"], metadata={"n": 1}, headers={"baggage": "a=b"}):
        with session.span("search", kind="retrieval") as found:
            found.query("q").documents([{"id": "1", "score": 0.5, "content": "c"}])
            answer = chat_of(user, "In a step.")
        return answer, _run(user, agent())


def _run(user: User, awaitable: Any) -> Any:
    return user.loop.run_until_complete(awaitable)


def threaded(user: User) -> Any:
    got: list[Any] = []
    with user.session.span("threads"):
        thread = threading.Thread(target=lambda: got.append(chat_of(user, "In a thread.")))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            got.append(pool.submit(chat_of, user, "In a pool.").result())
    return got


def asynchronous(user: User) -> Any:
    async def uses() -> Any:
        create: Any = user.aclient.chat.completions.create
        answer = user.same(await create(model="m", messages=USER))
        stream = user.same(await create(model="m", messages=USER, stream=True))
        assert type(stream) is openai.AsyncStream
        chunks = [one.to_dict() async for one in stream]
        closed = user.same(await create(model="m", messages=USER, stream=True))
        await anext(closed)
        await closed.close()
        broken: Any = await create(model="breaks", messages=USER, stream=True)
        with pytest.raises(DEAD):
            [one async for one in broken]
        late = user.same(await create(model="late", messages=USER))
        raw = user.aclient.chat.completions.with_streaming_response.create(model="m", messages=USER, stream=True)
        async with raw as response:
            lines = [line async for line in response.iter_lines()]
        with pytest.raises(openai.NotFoundError):
            await create(model="missing", messages=USER)
        return answer.to_dict(), chunks, closed.response.is_closed, late.to_dict(), lines

    return _run(user, uses())


def instrumented(user: User) -> Any:
    """A call that the user's own tracer sees too, as an instrumentation would."""
    tracer = trace.get_tracer("some.instrumentation")
    attributes: Any = {"llm.model_name": "m", "openinference.span.kind": "LLM"}
    with tracer.start_as_current_span("ChatCompletion", attributes=attributes):
        return chat_of(user, "Seen twice.")


def seen(use: Callable[[User], Any]) -> Use:
    """Give a use that tells, besides what it saw, what was sent and whether the context is what it was."""

    @functools.wraps(use)
    def make(user: User) -> Any:
        before = otel_context.get_current()
        user.server.sent.clear()
        answer = use(user)
        sent = None if use is asked_stream else list(user.server.sent)  # which asks for more, or does not
        return answer, sent, otel_context.get_current() == before

    return make


CALLS: tuple[Use, ...] = tuple(
    map(
        seen, (chat, stream, closed_stream, broken_stream, raw, raw_stream, streamed_response, retried, refused, others)
    )
)
"""Calls and nothing else, made one after another."""
USES: tuple[Use, ...] = (
    *CALLS,
    *map(seen, (stream_in_a_block, dropped_stream, helped_stream, asked_stream, error_as_an_answer, prompted, stepped)),
    *map(seen, (threaded, asynchronous, instrumented)),
)
