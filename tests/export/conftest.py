"""Real SDK spans with fixed ids and times, their store table, and receivers on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from nbtrace import semconv
from nbtrace._export import post
from nbtrace._store.store import Store
from tests.export.loopback import OK, Reply, Scripted
from tools.ports import reserved_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from nbtrace._store.snapshot import Snapshot

START = 1_700_000_000_123_456_789


class CountingIds(IdGenerator):
    """Ids that count up."""

    def __init__(self, after: int = 0) -> None:
        self._last = after

    def generate_span_id(self) -> int:
        self._last += 1
        return self._last

    def generate_trace_id(self) -> int:
        return 0x7000 + self.generate_span_id()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports in these tests go where the test says, whatever the machine is set up for."""
    for name in (
        "HEADERS",
        "TIMEOUT",
        "COMPRESSION",
        "CERTIFICATE",
        "CLIENT_CERTIFICATE",
        "CLIENT_KEY",
        "ENDPOINT",
        "PROTOCOL",
    ):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_TRACES_{name}", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def spans() -> list[ReadableSpan]:
    """Two resources, three scopes, and at least one span with each thing that OTLP can say."""
    memory = InMemorySpanExporter()
    ids = CountingIds()

    def provider(resource: Resource) -> TracerProvider:
        made = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        made.add_span_processor(SimpleSpanProcessor(memory))
        return made

    notebook = provider(
        Resource({"service.name": "notebook", "host.cpus": 2, "flags": [True, False]}, "https://example.org/resource/1")
    )
    other = provider(Resource({"service.name": "other"}))
    plain = notebook.get_tracer("nbtrace")
    versioned = notebook.get_tracer(
        "scope", "1.2.3", "https://example.org/scope/2", {"part": "a", "share": 0.5, "sizes": [1, 2]}
    )
    with plain.start_as_current_span("cell [3]", start_time=START, end_on_exit=False) as cell:
        cell.set_attributes(
            {semconv.SPAN_TYPE: "cell", semconv.CELL_ID: "c-1", semconv.CELL_EXECUTION_COUNT: 3, semconv.CELL_RUN: 1}
        )
        _chat(versioned.start_span("chat gpt-5", kind=SpanKind.CLIENT, start_time=START + 1))
        _failed(plain.start_span("chat gpt-5", kind=SpanKind.CLIENT, start_time=START + 2))
        cell.end(START + 9_000_000_000)
    _far(other.get_tracer("far"))
    notebook.get_tracer("").start_span("", start_time=START).end(START)
    return list(memory.get_finished_spans())


def _chat(span: Span) -> None:
    span.set_attributes(
        {
            semconv.OPERATION_NAME: "chat",
            semconv.PROVIDER_NAME: "openai",
            semconv.REQUEST_MODEL: "gpt-5",
            semconv.RESPONSE_FINISH_REASONS: ["stop", "length"],
            semconv.USAGE_INPUT_TOKENS: 0,
            semconv.USAGE_OUTPUT_TOKENS: 2**63 - 1,
            semconv.RESPONSE_TIME_TO_FIRST_CHUNK: 0.1 + 0.2,
            semconv.USAGE_COST: 0.0,
            semconv.INPUT_MESSAGES: '[{"role":"user","parts":[{"type":"text","content":"wie geht\'s? ö🦉"}]}]',
            semconv.USER_ID: 17,
            semconv.CONVERSATION_ID: "",
            "text": "a\x00b\n\"'",
            "negative": -(2**63),
            "ratio": -0.0,
            "nan": float("nan"),
            "infinite": [float("inf"), float("-inf")],
            "yes": True,
            "most": float("inf"),
            "least": float("-inf"),
            "raw": b"\x00\xff",
            "empty": [],
            "nested": {
                "list": [1, "two", {"three": 3.0}],
                "none": None,
                "raw": b"\x01",
                "deep": {"er": [[1], [False]]},
            },
        }
    )
    span.end(START + 8_123_456_789)


def _failed(span: Span) -> None:
    span.add_event("exception", {"exception.type": "ValueError", "n": 1, "raw": b"\x02"}, START + 3)
    span.add_event("nothing", timestamp=START + 4)
    span.add_link(
        SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "b")])),
        {"why": "retry", "times": [1, 2]},
    )
    span.add_link(SpanContext(0xABD, 0xDEE, is_remote=False))
    span.set_attribute(semconv.ERROR_TYPE, "ValueError")
    span.set_status(Status(StatusCode.ERROR, "no such model"))
    span.end(START + 5)


def _far(tracer: Tracer) -> None:
    remote = SpanContext(
        0xF00D << 96,
        0xF1 << 56,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState([("vendor", "x:1"), ("other", "y")]),
    )
    span = tracer.start_span(
        "far",
        context=set_span_in_context(NonRecordingSpan(remote)),
        kind=SpanKind.SERVER,
        links=[Link(remote)],
        start_time=START,
    )
    span.set_status(Status(StatusCode.OK))
    span.end(START + 1)


@pytest.fixture
def snapshot() -> Callable[..., Snapshot]:
    """Put spans through the real store: ended ones, then running ones."""

    def take(ended: Sequence[ReadableSpan], running: Sequence[ReadableSpan] = ()) -> Snapshot:
        store = Store()
        for span in ended:
            store.ended(span, None)
        for span in running:
            store.started(span)
        return store.snapshot()

    return take


@pytest.fixture
def running() -> Iterator[ReadableSpan]:
    """One span without an end, and none of the ids of others."""
    ids = CountingIds(after=0x1000)
    span = TracerProvider(id_generator=ids, shutdown_on_exit=False).get_tracer("t").start_span("running")
    assert isinstance(span, ReadableSpan)
    yield span
    span.end()


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that nothing listens on."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Start loopback HTTP servers that answer from a script and keep what they were sent."""
    servers: list[Scripted] = []

    def start(
        *script: Reply, tls: ssl.SSLContext | None = None, answer: Callable[[bytes], Reply] = lambda _: OK
    ) -> Scripted:
        servers.append(Scripted(script, tls=tls, answer=answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def table(spans: list[ReadableSpan], snapshot: Callable[..., Snapshot]) -> Snapshot:
    return snapshot(spans)


@pytest.fixture
def single(spans: list[ReadableSpan], snapshot: Callable[..., Snapshot]) -> Snapshot:
    """One span, of which no part can be sent when it is refused."""
    return snapshot(spans[:1])


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, taken note of instead of waited for."""
    taken: list[float] = []
    monkeypatch.setattr(post, "sleep", taken.append)
    return taken
