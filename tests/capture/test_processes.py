"""A trace goes through a real other process that has plain OpenTelemetry, and through one that calls this one."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import openai
from opentelemetry import propagate

import nbtrace
from nbtrace import Session
from tests.capture.loopback import Loopback

SERVICE = '''
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from opentelemetry import baggage, propagate, trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

class File(SpanExporter):
    """Writes each span to an OTLP file of its own."""
    written = 0
    def export(self, spans):
        File.written += 1
        with open(f"{sys.argv[1]}/service-{File.written}.otlp.pb", "wb") as file:
            file.write(encode_spans(spans).SerializeToString())

provider = TracerProvider(resource=Resource({"service.name": "service"}))
provider.add_span_processor(SimpleSpanProcessor(File()))
tracer = provider.get_tracer("service")
'''

SERVER = """
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        context = propagate.extract({name.lower(): value for name, value in self.headers.items()})
        with tracer.start_as_current_span("answer", context, kind=trace.SpanKind.SERVER) as span:
            span.set_attributes({f"seen.{key}": value for key, value in baggage.get_all(context).items()})
            with tracer.start_as_current_span("look up"):
                pass
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
while sys.stdin.readline():
    server.handle_request()
"""

CALLER = """
import json
with tracer.start_as_current_span("ask") as span:
    context = baggage.set_baggage("user.id", "ada", trace.set_span_in_context(span))
    headers = {}
    propagate.inject(headers, context)
    print(json.dumps(headers), flush=True)
    sys.stdin.readline()
"""


@contextmanager
def process(program: str, folder: Path) -> Generator[tuple[IO[str], IO[str]]]:
    """Run a program with plain OpenTelemetry, which writes its spans to a folder; gives its input and output."""
    command = [sys.executable, "-c", SERVICE + program, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        yield running.stdin, running.stdout
        running.stdin.close()
        assert running.wait(30) == 0


def tell(to: IO[str]) -> None:
    to.write("\n")
    to.flush()


def opened(session: Session, folder: Path) -> dict[str, dict[str, Any]]:
    """Export the session beside what the other process wrote, open both, and give each span by its name."""
    session.export(folder / "notebook.otlp.jsonl")
    together = nbtrace.open(folder)
    assert not together.repaired
    assert not together.left_out
    rows = together.spans().table.to_pylist()
    names = {row["span_id"]: row["name"] for row in rows}
    return {
        row["name"]: {
            "trace": row["trace_id"].hex(),
            "below": names.get(row["parent_span_id"]),
            "user": row["user_id"],
            "attributes": {one["key"]: one["string"] for one in row["attributes"]},
        }
        for row in rows
    }


def test_another_process_goes_on_with_our_trace(tmp_path: Path, session: Session) -> None:
    with process(SERVER, tmp_path) as (requests, answers):
        url = f"http://127.0.0.1:{answers.readline().strip()}"
        with nbtrace.context(user="ada", session="s-1", baggage=True), session.span("research", kind="agent"):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            tell(requests)
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30):
                pass
    found = opened(session, tmp_path)
    assert {name: one["below"] for name, one in found.items()} == {
        "invoke_agent research": None,
        "answer": "invoke_agent research",
        "look up": "answer",
    }
    assert len({one["trace"] for one in found.values()}) == 1
    assert found["answer"]["attributes"] == {"seen.user.id": "ada", "seen.session.id": "s-1"}


def test_nobody_is_told_for_whom_it_is_unless_that_is_asked_for(server: Loopback, session: Session) -> None:
    headers: dict[str, str] = {}
    with nbtrace.context(user="ada", session="s-1"), session.span("research"):
        propagate.inject(headers)
    assert list(headers) == ["traceparent"]
    with nbtrace.context(user="ada"), nbtrace.context(conversation="c", baggage=True):
        propagate.inject(headers)
        with openai.OpenAI(base_url=server.url, api_key="local") as client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    assert headers["baggage"] == "user.id=ada,gen_ai.conversation.id=c"
    (request,) = server.received
    assert not {"traceparent", "baggage"} & {name.lower() for name, _ in request.headers}


def test_we_go_on_with_the_trace_of_another_process(tmp_path: Path, client: openai.OpenAI, session: Session) -> None:
    with process(CALLER, tmp_path) as (done, answers):
        headers = json.loads(answers.readline())
        with nbtrace.context(headers=headers), session.span("here"):
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
        with nbtrace.context(headers=headers, user="bob"), session.span("for bob"):
            pass
        tell(done)
    found = opened(session, tmp_path)
    assert {name: (one["below"], one["user"]) for name, one in found.items()} == {
        "ask": (None, None),
        "here": ("ask", "ada"),
        "chat m": ("here", "ada"),
        "for bob": ("ask", "bob"),
    }
    assert {one["trace"] for one in found.values()} == {headers["traceparent"].split("-")[1]}
