"""A scripted server on loopback that speaks the wire format of chat completions.

It is for what a real model cannot be made to do: refuse, cut, hang, answer nonsense.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

JSON = dict[str, Any]


class Received(NamedTuple):
    """A request as it came over the wire."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Reply:
    """What the server answers.

    `chunks` makes it an event stream, in which bytes are sent as they are. It ends as `then` says: properly as OpenAI's
    do or as others' do, by cutting the connection, or by sending nothing more until the server closes.
    """

    body: JSON | bytes = b""
    status: int = 200
    chunks: Sequence[JSON | bytes] | None = None
    then: Literal["done", "end", "cut", "hold"] = "done"
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Loopback:
    """Answers each request with `reply`, which may be a function of the request, and remembers what came."""

    def __init__(self, reply: Reply | Callable[[Received], Reply] | None = None) -> None:
        self.reply = reply or Reply(completion())
        self.received: list[Received] = []
        self.released = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512  # many clients at once

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away in the middle are what is tested."""


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class per server, as http.server wants it
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            received = Received(self.command, self.path, tuple(self.headers.items()), body)
            loopback.received.append(received)
            reply = loopback.reply if isinstance(loopback.reply, Reply) else loopback.reply(received)
            with suppress(BrokenPipeError, ConnectionResetError):
                if reply.chunks is None:
                    self.whole(reply)
                else:
                    self.stream(reply, reply.chunks)

        do_POST = do_GET = answer  # noqa: N815 - the names that BaseHTTPRequestHandler looks for

        def whole(self, reply: Reply) -> None:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.head(reply, {"content-type": "application/json", "content-length": str(len(body))})
            self.wfile.write(body)
            self.close_connection = reply.then == "cut"

        def stream(self, reply: Reply, chunks: Sequence[JSON | bytes]) -> None:
            self.head(reply, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
            for chunk in chunks:
                self.part(chunk if isinstance(chunk, bytes) else b"data: " + json.dumps(chunk).encode() + b"\n\n")
            if reply.then == "hold":
                loopback.released.wait(30)
            if reply.then in {"done", "end"}:
                if reply.then == "done":
                    self.part(b"data: [DONE]\n\n")
                self.part(b"")
            else:
                self.close_connection = True

        def part(self, content: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.flush()

        def head(self, reply: Reply, headers: dict[str, str]) -> None:
            self.send_response(reply.status)
            for name, value in {**headers, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep the test's output clean."""

    return Handler


def completion(content: str | None = "Hello!", **more: Any) -> JSON:
    """Make the body of a whole response."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        **more,
    }


def chunk(*deltas: JSON, finish_reason: str | None = None, **more: Any) -> JSON:
    """Make one chunk of a stream, with a delta for each choice."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {"index": index, "delta": delta, "finish_reason": finish_reason} for index, delta in enumerate(deltas)
        ],
        **more,
    }


HELLO = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hel"}),
    chunk({"content": "lo!"}),
    chunk({}, finish_reason="stop"),
    chunk(usage={"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}),
)
"""The chunks of the response that `completion()` makes."""
