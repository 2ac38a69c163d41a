"""Put a server with bad days in front of another: what lesson 04 of the course is recorded from.

A question that is a key of `SCRIPT` is refused as often as the script says before it is let through; everything else
passes as it is. A cassette remembers the refusals, so a replay needs none of this.
"""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator


class Refusal(NamedTuple):
    """What a server says instead of an answer."""

    status: int
    message: str
    retry_after: str


BUSY = Refusal(429, "Rate limit reached: try again in half a second.", "0.5")
DOWN = Refusal(503, "The model is loading.", "0.2")
SCRIPT = {
    "Name a colour.": [BUSY, DOWN],
    "Name a planet.": [BUSY],
}


@contextmanager
def faulty(address: str) -> Generator[str]:
    """Serve on loopback in front of an address, and give one's own."""
    target = urlsplit(address)
    left = {question: list(refusals) for question, refusals in SCRIPT.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked = json.loads(body).get("messages") or [{}]
            refusals = left.get(str(asked[-1].get("content")), [])
            self.refuse(refusals.pop(0)) if refusals else self.forward(body)

        def refuse(self, refusal: Refusal) -> None:
            kind = "rate_limit_exceeded" if refusal.status == BUSY.status else "server_error"
            said = json.dumps({"error": {"message": refusal.message, "type": kind, "code": kind}}).encode()
            self.send_response(refusal.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.send_header("retry-after", refusal.retry_after)
            self.end_headers()
            self.wfile.write(said)

        def forward(self, body: bytes) -> None:
            asked = http.client.HTTPConnection(target.hostname or "", target.port)
            asked.request("POST", self.path, body, {"content-type": "application/json"})
            answer = asked.getresponse()
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers["content-type"])
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # a stream may be left
                while piece := answer.read1():
                    self.wfile.write(piece)
                    self.wfile.flush()
            asked.close()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{target.path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
