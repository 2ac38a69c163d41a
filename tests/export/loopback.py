"""The two ends of a test export: a server that misbehaves by script, and plain comparisons of OTLP messages."""

from __future__ import annotations

import gzip
import http.server
import socket
import struct
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from google.protobuf.descriptor import FieldDescriptor
    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from opentelemetry.sdk.trace import ReadableSpan

Proto = TypeVar("Proto", bound=Message)
Reply = tuple[int, dict[str, str], bytes]
OK: Reply = (200, {"content-type": "application/x-protobuf"}, b"")
RESET: Reply = (0, {}, b"")
"""No answer: the connection is reset."""
SILENT: Reply = (1, {}, b"")
"""No answer, and the connection stays open."""


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    """Uncompressed."""

    @property
    def otlp(self) -> ExportTraceServiceRequest:
        return ExportTraceServiceRequest.FromString(self.body)


class Scripted:
    """An HTTP server that gives its replies in order, then 200 or what `answer` says of a body; keeps the requests."""

    def __init__(
        self,
        script: Sequence[Reply] = (),
        *,
        tls: ssl.SSLContext | None = None,
        answer: Callable[[bytes], Reply] = lambda _: OK,
        port: int = 0,
    ) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self.found: Iterator[bytes | Reply | None] = iter(())
        """What is said to those who read, in order; none, and nothing more, is 404."""
        self.reads_by = "/"
        """The path by which one reads with POST."""
        self.asked: list[Received] = []
        """What those who read have asked."""
        replies = iter(script)
        received, statuses = self.received, self.statuses
        self.arrived = arrived = threading.Semaphore(0)
        self._closing = threading.Event()

        scripted = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(
                    self.headers.get("content-encoding", ""), bytes
                )
                if self.path == scripted.reads_by:
                    self.do_GET(body)
                    return
                received.append(_received(self, unpack(body)))
                status, reply_headers, reply = next(replies, None) or answer(received[-1].body)
                statuses.append(status)
                self._reply(status, reply_headers, reply)
                arrived.release()

            def do_GET(self, body: bytes = b"") -> None:
                scripted.asked.append(_received(self, body))
                self._reply(*scripted.told())

            def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
                if status in (RESET[0], SILENT[0]):
                    scripted.leave(self.connection, waits=status == SILENT[0])
                    return
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object, **__: object) -> None:
                """Stay quiet."""

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up is part of these tests."""

        self._server = Server(("127.0.0.1", port), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def told(self) -> Reply:
        """Give what is said to the next who reads."""
        found = next(self.found, None) or (404, {}, b"")
        return found if isinstance(found, tuple) else (200, {}, found)

    def leave(self, connection: socket.socket, *, waits: bool) -> None:
        """Give a connection no answer, at once or until the server closes."""
        if waits:
            self._closing.wait()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _received(by: http.server.BaseHTTPRequestHandler, body: bytes) -> Received:
    return Received(by.path, {name.lower(): value for name, value in by.headers.items()}, body)


def expected(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """What the SDK's own encoder makes of spans, with what it forgets: W3C flags and the trace state of links."""
    request = encode_spans(spans)
    by_id = {span.context.span_id.to_bytes(8, "big"): span for span in spans if span.context}
    for encoded in spans_of(request):
        sdk_span = by_id[encoded.span_id]
        encoded.flags |= sdk_span.context.trace_flags if sdk_span.context else 0
        for link, sdk_link in zip(encoded.links, sdk_span.links, strict=True):
            link.flags |= sdk_link.context.trace_flags
            link.trace_state = sdk_link.context.trace_state.to_header()
    return normal(request)


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    """Every span of a request, in order."""
    return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


def normal(message: Proto) -> Proto:
    """Sort attributes by key, at every depth: OTLP gives their order no meaning."""
    fields: Sequence[tuple[FieldDescriptor, Any]] = message.ListFields()
    for field, value in fields:
        if field.type != field.TYPE_MESSAGE:
            continue
        repeated: Any = None if isinstance(value, Message) else value
        for one in repeated or (value,):
            normal(one)
        if field.name == "attributes":
            repeated.sort(key=lambda pair: pair.key)
    return message


def canonical(message: Message) -> bytes:
    """Bytes to compare by: unlike messages, they are equal where both sides hold a NaN."""
    return normal(message).SerializeToString(deterministic=True)
