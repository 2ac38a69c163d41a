"""OTLP over gRPC: a real server of OpenTelemetry's own service has the spans, or fails in every way that one can."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from nbtrace import Session
from nbtrace._export import live, post, verifying
from nbtrace._export.destination import export
from nbtrace._export.protobuf import framed, varint
from nbtrace.errors import ExportError, UsageError
from tests.export import rich
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import Scripted, canonical, expected, spans_of
from tests.export.test_sending import every, keys, traces

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Fault = tuple[grpc.StatusCode, str, float | None]
"""A code, what is said, and after how many seconds to come again."""


class Receiver(TraceServiceServicer):
    """Fails as the script has it, then as `answer` says of a request, and keeps what it took."""

    def __init__(self, script: Sequence[Fault]) -> None:
        self.script = iter(script)
        self.answer: Callable[[ExportTraceServiceRequest], Fault | None] = lambda _: None
        self.response = ExportTraceServiceResponse()
        self.taken: list[ExportTraceServiceRequest] = []
        self.metadata: list[dict[str, str]] = []
        self.url = ""

    def Export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:  # noqa: N802 - the service's
        self.metadata.append({name: str(value) for name, value in context.invocation_metadata()})
        fault = next(self.script, None) or self.answer(request)
        if fault is not None:
            code, said, after = fault
            if after is not None:
                context.set_trailing_metadata([("grpc-status-details-bin", status(code, said, after))])
            context.abort(code, said)
        self.taken.append(request)
        return self.response


def status(code: grpc.StatusCode, said: str, after: float) -> bytes:
    """Make the `google.rpc.Status` with a `RetryInfo` that servers send along."""
    delay = Duration(seconds=int(after), nanos=round(after % 1 * 10**9))
    info = Packed(type_url="type.googleapis.com/google.rpc.RetryInfo", value=framed(1, delay.SerializeToString()))
    return b"\x08" + varint(code.value[0]) + framed(2, said.encode()) + framed(3, info.SerializeToString())


@contextmanager
def receiving(*script: Fault, tls: grpc.ServerCredentials | None = None, **options: int) -> Generator[Receiver]:
    receiver = Receiver(script)
    server = grpc.server(
        ThreadPoolExecutor(2), options=[(f"grpc.{name}", value) for name, value in options.items()]
    )  # fmt: skip
    add_TraceServiceServicer_to_server(receiver, server)
    at = "127.0.0.1:0"
    port = server.add_secure_port(at, tls) if tls else server.add_insecure_port(at)
    receiver.url = f"grpc{'s' if tls else ''}://127.0.0.1:{port}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, taken note of instead of waited for."""
    taken: list[float] = []
    monkeypatch.setattr(post, "sleep", taken.append)
    return taken


def failing(table: Snapshot, to: str, **options: Any) -> str:
    with pytest.raises(ExportError) as failure:
        export(table, to, headers={"authorization": f"Bearer {CANARY}"}, **options)
    assert CANARY not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
def test_a_receiver_has_what_the_sdk_makes_of_its_spans(
    compression: str, spans: list[ReadableSpan], table: Snapshot, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer%20{CANARY},X-Team=library")
    report = export(table, receiver.url, headers={"x-mine": "1"})
    assert canonical(receiver.taken[0]) == canonical(expected(spans))
    (metadata,) = receiver.metadata
    assert {name: metadata[name] for name in ("authorization", "x-team", "x-mine")} == {
        "authorization": f"Bearer {CANARY}",
        "x-team": "library",
        "x-mine": "1",
    }
    assert metadata["user-agent"].startswith("nbtrace")
    assert (report.destination, report.spans, report.requests, report.left_out) == (receiver.url, len(table), 1, ())
    assert CANARY not in repr(report)


def test_the_standard_variables_lead_there(
    table: Snapshot, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = receiver.url.removeprefix("grpc://")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{address}")
    export(table, "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "True")
    export(table, "jaeger")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    export(table, f"http://{address}", protocol="grpc")
    export(table, "phoenix", endpoint=receiver.url)
    assert [len(spans_of(one)) for one in receiver.taken] == [len(table)] * 4
    told = failing(table, receiver.url, protocol="http/json")
    assert told == "cannot use protocol for the export: expected grpc, as the address has it; correct or unset it"


def test_what_is_said_to_an_endpoint_is_not_said_to_the_api_of_its_backend(
    receiver: Receiver, scripted: Callable[..., Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "PATIENCE", float("-inf"))
    recorded, api = rich.session(), scripted()
    for name, value in VARIABLES["langfuse"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANGFUSE_BASE_URL", api.url.replace("127.0.0.1", "localhost"))
    headers = {"authorization": f"Bearer {CANARY}", "x-mine": CANARY}
    report = export(recorded, "langfuse", endpoint=receiver.url, headers=headers, verify=True)
    assert (receiver.metadata[0]["x-mine"], report.scores) == (CANARY, 2)
    asked = [*api.received, *api.asked]
    assert {one.path for one in asked} == {"/api/public/scores", f"/api/public/traces/{rich.TRACE:032x}"}
    assert CANARY not in repr(asked)
    monkeypatch.setenv("LANGFUSE_BASE_URL", api.url)  # on the same host
    export(recorded, "langfuse", endpoint=receiver.url, headers=headers, verify=True)
    assert [one.headers["x-mine"] for one in [*api.received[2:], *api.asked[1:]]] == [CANARY] * 3


def test_what_may_pass_is_tried_again(single: Snapshot, pauses: list[float]) -> None:
    busy = grpc.StatusCode.RESOURCE_EXHAUSTED
    away = grpc.StatusCode.UNAVAILABLE
    with receiving((away, "down", None), (away, "down", 1.5), (busy, "slowly", 2.25)) as receiver:
        assert export(single, receiver.url).spans == 1
    assert (len(receiver.taken), pauses) == (1, [0.25, 1.5, 2.25])


def test_what_stays_is_told_at_once(single: Snapshot, pauses: list[float]) -> None:
    busy, unknown = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAUTHENTICATED
    with receiving((busy, "quota", None), (unknown, f"no key Bearer {CANARY}", None)) as receiver:
        assert failing(single, receiver.url) == (
            f"{receiver.url} did not take the spans (gRPC RESOURCE_EXHAUSTED: quota); the receiver is busy; "
            "try again later"
        )
        assert failing(single, receiver.url) == (
            f"{receiver.url} did not take the spans (gRPC UNAUTHENTICATED: no key ***); "
            "check the headers that carry your key"
        )
    assert (receiver.taken, pauses) == ([], [])


def test_a_receiver_that_stays_away_is_told(single: Snapshot, pauses: list[float]) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: (grpc.StatusCode.UNAVAILABLE, "closed for today", None)
        assert failing(single, receiver.url) == (
            f"{receiver.url} did not take the spans (gRPC UNAVAILABLE: closed for today); try again later"
        )
    assert pauses == list(post.PAUSES)


def test_one_trace_that_is_refused_keeps_no_other_away(receiver: Receiver) -> None:
    def answer(request: ExportTraceServiceRequest) -> Fault | None:
        is_there = any(trace == 2 for trace, _ in keys(request))
        return (grpc.StatusCode.INVALID_ARGUMENT, "trace 2 is no good", None) if is_there else None

    receiver.answer = answer
    report = export(traces(3), receiver.url)
    arrived = sorted(key for one in receiver.taken for key in keys(one))
    assert arrived == [(trace, span) for trace, span in every(3) if trace != 2]
    assert (report.spans, report.left_out) == (
        18,
        ("9 spans not taken (gRPC INVALID_ARGUMENT: trace 2 is no good)",),
    )


def test_a_request_beyond_the_servers_limit_goes_again_in_halves() -> None:
    with receiving(max_receive_message_length=20_000) as receiver:
        report = export(traces(3), receiver.url)
    assert sorted(key for one in receiver.taken for key in keys(one)) == every(3)
    assert (report.spans, report.left_out) == (27, ())


def test_what_is_rejected_of_a_request_that_is_taken_is_counted(table: Snapshot, receiver: Receiver) -> None:
    receiver.response = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
    )
    report = export(table, receiver.url)
    assert (report.spans, report.left_out) == (len(table) - 2, ("2 spans rejected by the receiver: too old",))
    receiver.response.partial_success.rejected_spans = -5
    assert export(table, receiver.url).spans == len(table)


def test_a_connection_that_fails_is_told(single: Snapshot, scripted: Callable[..., Scripted], free_port: int) -> None:
    port, web = free_port, scripted().port
    assert failing(single, f"grpc://127.0.0.1:{port}") == (
        f"cannot send to grpc://127.0.0.1:{port}: nothing listens on 127.0.0.1:{port}; "
        "start the receiver or correct the port"
    )
    assert failing(single, "grpc://nowhere.invalid") == (
        "cannot send to grpc://nowhere.invalid: the host 'nowhere.invalid' is not known; "
        "check its spelling and your network"
    )
    assert failing(single, f"grpc://me:{CANARY}@127.0.0.1:{web}") == (
        f"cannot send to grpc://***@127.0.0.1:{web}: what listens there does not speak gRPC; check the port"
    )
    assert failing(single, f"grpcs://127.0.0.1:{web}").startswith(
        f"no secure connection to grpcs://127.0.0.1:{web} (WRONG_VERSION_NUMBER"
    )
    with receiving() as receiver:
        receiver.answer = lambda _: (grpc.StatusCode.UNIMPLEMENTED, "no such service", None)
        assert failing(single, receiver.url) == (
            f"{receiver.url} did not take the spans (gRPC UNIMPLEMENTED: no such service); "
            "check the port: OTLP/gRPC receives at 4317"
        )


def test_a_receiver_that_never_answers_ends_with_the_timeout(single: Snapshot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"grpc://127.0.0.1:{mute.getsockname()[1]}"
        assert failing(single, url, timeout=0.2) == (
            f"{url} did not answer within 0.2 s; check the receiver or give a longer timeout="
        )


@pytest.mark.parametrize("header", [("x-key", f"{CANARY}\r\nother: 1"), ("x-key", f"é{CANARY}"), ("x+key", CANARY)])
def test_metadata_that_grpc_cannot_carry_is_named_without_its_value(
    header: tuple[str, str], single: Snapshot, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExportError) as failure:
        export(single, receiver.url, headers=dict([header]))
    assert str(failure.value) == (
        f"cannot send the header {header[0]!r}: its name or value has characters that the protocol does not allow"
    )
    assert CANARY not in "".join(capfd.readouterr())


def test_certificates_are_as_the_variables_say(
    single: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, theirs = trustme.CA(), trustme.CA()
    server, client = authority.issue_cert("127.0.0.1"), theirs.issue_cert("client")
    pair = (server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes())
    wants_one = grpc.ssl_server_credentials([pair], theirs.cert_pem.bytes(), require_client_auth=True)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    client.private_key_pem.write_to_path(tmp_path / "key.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    with receiving(tls=wants_one) as receiver:
        assert failing(single, receiver.url) == (
            f"no secure connection to {receiver.url} (CERTIFICATE_VERIFY_FAILED: unable to get local issuer "
            "certificate); set OTEL_EXPORTER_OTLP_CERTIFICATE to the authority's PEM file, "
            "or use grpc:// if the receiver has no TLS"
        )
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "authority.pem"))
        assert "failed" in failing(single, receiver.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(tmp_path / "certificate.pem"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(tmp_path / "key.pem"))
        assert export(single, receiver.url).spans == 1
        assert export(single, receiver.url.replace("grpcs", "https"), protocol="grpc", again="all").spans == 1
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "key.pem"))
        assert failing(single, receiver.url) == (
            "cannot use OTEL_EXPORTER_OTLP_CERTIFICATE for the export: expected the path of a readable PEM file; "
            "correct or unset it"
        )
    assert len(receiver.taken) == 2


def test_spans_are_sent_as_they_end(session: Session, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GATHER", 0.001)
    monkeypatch.setattr(live, "LAST_TRY", 60.0)
    receiver.script = iter([(grpc.StatusCode.UNAVAILABLE, "not yet", None)] * 2)
    sending = session.export(receiver.url, live=True)
    with session.span("one"), session.span("two"):
        pass
    sending.stop()
    assert sorted(span.name for one in receiver.taken for span in spans_of(one)) == ["one", "two"]
    assert (sending.backlog, sending.failure) == (0, None)


def test_the_library_is_asked_for_first(single: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(UsageError) as failure:
        export(single, "grpc://127.0.0.1:1")
    assert str(failure.value) == (
        'an export by OTLP/gRPC needs grpcio, which is not installed: pip install "nbtrace[grpc]"'
    )


def test_the_library_writes_nothing_below_the_cell_and_leaves_the_environment_alone(
    scripted: Callable[..., Scripted],
) -> None:
    script = (
        "import os\n"
        "from nbtrace._export.endpoint import Endpoint\n"
        "from nbtrace._export.over_grpc import call\n"
        "before = dict(os.environ)\n"
        f"print(call(Endpoint.read('grpcs://127.0.0.1:{scripted().port}'), b'', 'none', 5).error)\n"
        "assert dict(os.environ) == before\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("no secure connection to grpcs://127.0.0.1")
    assert done.stderr == ""
