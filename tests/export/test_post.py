"""How an endpoint is chosen and asked, and what is told when it fails. The servers here only misbehave."""

from __future__ import annotations

import base64
import math
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from email.utils import formatdate
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from nbtrace._export import in_time, otlp, post
from nbtrace._export.destination import export
from nbtrace._export.endpoint import Endpoint
from nbtrace.errors import ExportError
from tests.export.loopback import OK, Scripted, canonical, expected

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Server = Callable[..., Scripted]
PROTOBUF = {"content-type": "application/x-protobuf"}


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


def failing(table: Snapshot, to: str, **options: object) -> str:
    with pytest.raises(ExportError) as failure:
        export(table, to, **options)  # type: ignore[arg-type]
    return str(failure.value)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("", "/v1/traces"),
        ("/", "/v1/traces"),
        ("/v1/traces", "/v1/traces"),
        ("/v1/traces/", "/v1/traces"),
        ("/api/public/otel", "/api/public/otel/v1/traces"),
        ("/x?key=abcdefg", "/x/v1/traces?key=abcdefg"),
    ],
)
def test_the_path_of_a_base_url_is_completed(given: str, asked: str, table: Snapshot, scripted: Server) -> None:
    server = scripted()
    export(table, server.url + given)
    assert [received.path for received in server.received] == [asked]


@pytest.mark.parametrize(
    "url",
    ["htp://host/x", "grpc://:1", "http://", "http://host:port", "http://a b", "http://host/ü", "http://h:99999"],
)
def test_only_urls_of_receivers_are_sent_to(url: str, table: Snapshot) -> None:
    assert failing(table, url) == (
        f"cannot send to '{url}': expected http://, https://, grpc:// or grpcs:// with a host, "
        "as in 'http://127.0.0.1:4318'"
    )


def test_a_url_that_cannot_be_read_is_not_repeated(table: Snapshot) -> None:
    assert failing(table, "http://me:s3cret@[::1") == (
        "cannot send to 'http://…': expected http://, https://, grpc:// or grpcs:// with a host, as in 'http://127.0.0.1:4318'"
    )


def test_headers_come_from_the_environment_and_the_argument_wins(
    table: Snapshot, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "general=1")
    export(table, server.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " Authorization = Basic%20abc%3D , x-a=1,x-b=2,")
    report = export(table, server.url, headers={"X-B": "mine"})
    names = ("general", "authorization", "x-a", "x-b")
    assert [{name: one.headers[name] for name in names if name in one.headers} for one in server.received] == [
        {"general": "1"},
        {"authorization": "Basic abc=", "x-a": "1", "x-b": "mine"},
    ]
    assert "abc" not in repr(report)


def test_a_user_in_the_url_becomes_a_header_and_is_never_shown(table: Snapshot, scripted: Server) -> None:
    server = scripted()
    url = server.url.replace("//", "//me:p%40ss@") + "/v1/traces?api_key=s3cret-key"
    report = export(table, url)
    (received,) = server.received
    assert received.headers["authorization"] == f"Basic {base64.b64encode(b'me:p@ss').decode()}"
    assert received.headers["host"] == f"127.0.0.1:{server.port}"
    assert report.destination == f"http://***@127.0.0.1:{server.port}/v1/traces?***"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HEADERS", "s3cret", "name=value pairs, separated by commas and URL-encoded"),
        ("TIMEOUT", "s3cret", "a number of seconds above 0"),
        ("COMPRESSION", "s3cret", "one of gzip, deflate, none"),
        ("CERTIFICATE", "s3cret", "the path of a readable PEM file"),
        ("CLIENT_CERTIFICATE", "s3cret", "the path of a readable PEM file"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named_without_its_value(
    name: str, value: str, told: str, table: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    assert failing(table, "https://127.0.0.1") == (
        f"cannot use OTEL_EXPORTER_OTLP_{name} for the export: expected {told}; correct or unset it"
    )


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_makes_no_sense_is_refused(timeout: float, table: Snapshot) -> None:
    assert failing(table, "http://127.0.0.1", timeout=timeout) == (
        "cannot use timeout for the export: expected a number of seconds above 0; correct or unset it"
    )


@pytest.mark.parametrize("header", [("x-key", "s3cret\r\nother: 1"), ("x-key", "s3cret ☃"), ("x key", "s3cret")])
def test_a_header_that_http_cannot_carry_is_named_without_its_value(header: tuple[str, str], table: Snapshot) -> None:
    name, value = header
    assert failing(table, "http://127.0.0.1", headers={name: value}) == (
        f"cannot send the header {name!r}: its name or value has characters that the protocol does not allow"
    )


@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
def test_compression_is_as_the_environment_says(
    compression: str, spans: list[ReadableSpan], table: Snapshot, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", compression)
    export(table, server.url)
    (received,) = server.received
    assert received.headers.get("content-encoding", "none") == compression
    assert canonical(received.otlp) == canonical(expected(spans))


def test_a_receiver_that_cannot_unpack_gets_the_request_as_it_is(
    spans: list[ReadableSpan], single: Snapshot, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    server = scripted((415, {}, b""), OK, (400, {}, b""), (400, {}, b""))
    assert export(single, server.url).requests == 1
    assert canonical(server.received[1].otlp) == canonical(expected(spans[:1]))
    failing(single, server.url)
    encodings = [received.headers.get("content-encoding") for received in server.received]
    assert encodings == ["gzip", None, "gzip", None]


def test_what_leaves_the_machine_is_compressed() -> None:
    hosts = ("localhost", "127.0.0.1", "[::1]", "collector.example.org")
    chosen = [Endpoint.read(f"http://{host}:4318").compression for host in hosts]
    assert chosen == ["none", "none", "none", "gzip"]


def test_a_busy_server_is_asked_again(table: Snapshot, scripted: Server, pauses: list[float]) -> None:
    date = formatdate(time.time() + 3600, usegmt=True)
    server = scripted(
        (503, {}, b"busy"), (429, {"retry-after": "3"}, b""), (502, {"retry-after": "soon"}, b""),
        (504, {"retry-after": date}, b""), OK,
    )  # fmt: skip
    report = export(table, server.url, timeout=10_000)
    assert pauses == [0.25, 3.0, 1.0, pytest.approx(3600, abs=60)]
    assert len({received.body for received in server.received}) == 1
    assert (len(server.received), report.requests, report.spans, report.left_out) == (5, 1, len(table), ())


def test_a_pause_is_a_real_one(table: Snapshot, scripted: Server) -> None:
    server = scripted((503, {"retry-after": "0"}, b""))
    start = time.monotonic()
    assert export(table, server.url).spans == len(table)
    assert time.monotonic() - start >= post.PAUSES[0]


def test_retries_end(table: Snapshot, scripted: Server, pauses: list[float]) -> None:
    server = scripted(*[(503, {"content-type": "text/plain"}, b"  out\nof order ")] * 9)
    assert failing(table, server.url) == (
        f"{server.url} did not take the spans (HTTP 503 Service Unavailable: out of order); try again later"
    )
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0]


def test_a_server_that_asks_for_more_time_than_there_is_is_not_waited_for(
    table: Snapshot, scripted: Server, pauses: list[float]
) -> None:
    server = scripted((429, {"retry-after": "3600"}, b""))
    assert failing(table, server.url) == (
        f"{server.url} did not take the spans (HTTP 429 Too Many Requests); the receiver is busy; try again later"
    )
    assert pauses == []


HIDDEN = "\N{REPLACEMENT CHARACTER}"
LOG = "see the receiver's log"
KEY = "check the headers that carry your key"
PATH = "check the path: OTLP/HTTP receives at /v1/traces"
SMALLER = "the receiver takes smaller requests only"
DEEP = b'{"error":' + b"[" * 300 + b"]" * 300 + b"}"


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (400, "x-protobuf", b"\x08\x03\x12\x0bbad request", f"400 Bad Request: bad request); {LOG}"),
        (
            400,
            "text",
            b"\x1b]0;x\x07no",
            f"400 Bad Request: {HIDDEN}]0;x{HIDDEN}no); {LOG}",
        ),
        (400, "x-protobuf", b"\xff", f"400 Bad Request); {LOG}"),
        (400, "json", b'{"code":3,"message":"no s3cret-key"}', f"400 Bad Request: no ***); {LOG}"),
        (401, "json", b'{"error":{"message":"who?"}}', f"401 Unauthorized: who?); {KEY}"),
        (403, "json", DEEP, f"403 Forbidden: {DEEP[9:-1].decode()[:299]}…); {KEY}"),
        (403, "problem+json", b"[]", f"403 Forbidden: []); {KEY}"),
        (404, "xhtml+xml", b"<html><TITLE>Not\nhere</TITLE>", f"404 Not Found: Not here); {PATH}"),
        (404, "xhtml+xml", b"", f"404 Not Found); {PATH}"),
        (413, "text", b"x" * 400, f"413 Request Entity Too Large: {'x' * 299}…); {SMALLER}"),
        (500, "json", b"{", "500 Internal Server Error: {); try again later"),
    ],
)
def test_a_refusal_gives_the_servers_words(
    status: int, kind: str, body: bytes, told: str, single: Snapshot, scripted: Server, pauses: list[float]
) -> None:
    server = scripted((status, {"content-type": f"application/{kind}"}, body))
    message = failing(single, server.url, headers={"authorization": "Bearer s3cret-key"})
    assert message == f"{server.url} did not take the spans (HTTP {told}"
    assert (len(server.received), pauses) == (1, [])


def test_a_refusal_that_breaks_off_is_still_told(single: Snapshot, scripted: Server) -> None:
    server = scripted((400, {"content-length": "100"}, b"half"))
    assert failing(single, server.url) == (
        f"{server.url} did not take the spans (HTTP 400 Bad Request: half); see the receiver's log"
    )


def test_a_redirect_is_told(table: Snapshot, scripted: Server) -> None:
    server = scripted((302, {"location": "https://elsewhere/login"}, b""))
    assert failing(table, server.url) == (
        f"cannot send to {server.url}: it redirects (HTTP 302); use the address that it redirects to"
    )


def test_a_web_page_is_no_receiver(table: Snapshot, scripted: Server) -> None:
    server = scripted((200, {"content-type": "text/html; charset=utf-8"}, b"<html>"))
    assert failing(table, server.url) == (
        f"cannot send to {server.url}: a web page answered, not an OTLP receiver; check host, port and path"
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "application/x-protobuf",
            ExportTraceServiceResponse(
                partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
            ).SerializeToString(),
        ),
        ("application/json", b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'),
    ],
)
def test_rejected_spans_are_told(kind: str, body: bytes, table: Snapshot, scripted: Server) -> None:
    report = export(table, scripted((200, {"content-type": kind}, body)).url)
    assert (report.spans, report.left_out) == (len(table) - 2, ("2 spans rejected by the receiver: too old",))


@pytest.mark.parametrize(
    ("kind", "body", "notes"),
    [
        ("application/json", b'{"partialSuccess":{"errorMessage":"old names"}}', ("The receiver said: old names",)),
        ("application/json", b"[]", ()),
        ("application/x-protobuf", b"\xff", ()),
        ("text/plain", b"", ()),
    ],
)
def test_an_accepting_server_may_say_something(
    kind: str, body: bytes, notes: tuple[str, ...], table: Snapshot, scripted: Server
) -> None:
    report = export(table, scripted((200, {"content-type": kind}, body)).url)
    assert (report.spans, report.left_out, report.notes) == (len(table), (), notes)


def test_a_failure_half_way_says_how_far_it_came(
    table: Snapshot, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "REQUEST_BYTES", 1)
    server = scripted(OK, OK, (401, {}, b""))
    assert failing(table, server.url) == (
        f"{server.url} did not take the spans (HTTP 401 Unauthorized); check the headers that carry your key "
        "(2 spans had arrived before; the same export again sends the rest)"
    )


def test_nothing_listens(table: Snapshot, pauses: list[float], free_port: int) -> None:
    assert failing(table, f"http://127.0.0.1:{free_port}") == (
        f"cannot send to http://127.0.0.1:{free_port}: nothing listens on 127.0.0.1:{free_port}; "
        "start the receiver or correct the port"
    )
    assert pauses == [0.25, 0.5]


def test_an_unknown_host_is_named(table: Snapshot, pauses: list[float]) -> None:
    assert failing(table, "http://no-such-host.invalid", timeout=600) == (  # some take long to say that
        "cannot send to http://no-such-host.invalid: the host 'no-such-host.invalid' is not known; "
        "check its spelling and your network"
    )
    assert pauses == [0.25, 0.5]


def test_a_silent_server_is_given_up(table: Snapshot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert failing(table, url, timeout=0.2) == (
            f"{url} did not answer within 0.2 s; check the receiver or give a longer timeout="
        )


def test_an_answer_that_comes_by_the_byte_is_given_up(single: Snapshot) -> None:
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _address = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n")
            while not over.wait(0.02):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert failing(single, url, timeout=0.2) == (
            f"{url} did not answer within 0.2 s; check the receiver or give a longer timeout="
        )
        over.set()
        thread.join()


class Raw:
    """A listener that says the same bytes to each connection, in place of HTTP, and hangs up if that is asked for."""

    def __init__(self, said: bytes, connections: int, *, hang_up: bool) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._answer, args=(said, connections, hang_up))
        self._thread.start()

    def _answer(self, said: bytes, connections: int, hang_up: bool) -> None:
        for _ in range(connections):
            connection, _address = self._listening.accept()
            with connection:
                connection.sendall(said)
                if hang_up:
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(2**20):
                    pass

    def close(self) -> None:
        """Wait for the last connection, so that a missing one fails the test."""
        self._thread.join()
        self._listening.close()


def test_something_else_than_http_listens(table: Snapshot, pauses: list[float]) -> None:
    with closing(Raw(b"SSH-2.0-OpenSSH_9.2\r\n", 1, hang_up=False)) as ssh:
        assert failing(table, ssh.url) == (
            f"cannot send to {ssh.url}: what listens there does not speak HTTP; check the port"
        )
    assert pauses == []


def test_a_status_in_a_servers_own_words_is_visible_and_without_secrets(single: Snapshot) -> None:
    said = b"HTTP/1.1 400 \x1b]0;s3cret-key\x07\r\nContent-Length: 0\r\n\r\n"
    with closing(Raw(said, 1, hang_up=True)) as server:
        told = failing(single, server.url, headers={"authorization": "Bearer s3cret-key"})
    assert f"(HTTP 400 {HIDDEN}]0;***{HIDDEN}); {LOG}" in told


def test_a_server_that_hangs_up_is_tried_again(table: Snapshot, pauses: list[float]) -> None:
    with closing(Raw(b"", post.CONNECTION_TRIES, hang_up=True)) as mute:
        assert failing(table, mute.url) == (
            f"cannot send to {mute.url}: the connection to 127.0.0.1:{mute.port} failed "
            "(Remote end closed connection without response); check the receiver"
        )
    assert pauses == [0.25, 0.5]


def test_a_refusal_whose_text_never_comes_is_still_told(single: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over once the headers were waited for, however long they took."""
    looks = iter([0.0])
    monkeypatch.setattr(in_time, "time", SimpleNamespace(monotonic=lambda: next(looks, math.inf)))
    with closing(Raw(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n", 1, hang_up=False)) as slow:
        assert failing(single, slow.url) == (
            f"{slow.url} did not take the spans (HTTP 400 Bad Request); see the receiver's log"
        )


def test_the_port_of_grpc_is_recognized() -> None:
    assert str(ExportError.not_spoken("http://host:4317", 4317, "HTTP")) == (
        "cannot send to http://host:4317: what listens there does not speak HTTP; "
        "that is the port of OTLP/gRPC: use grpc://, or 4318 for OTLP/HTTP"
    )


def test_an_untrusted_certificate_is_told_and_the_variable_makes_it_trusted(
    spans: list[ReadableSpan], table: Snapshot, scripted: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = scripted(tls=context)
    assert failing(table, server.url) == (
        f"no secure connection to {server.url} (unable to get local issuer certificate); "
        "set OTEL_EXPORTER_OTLP_CERTIFICATE to the authority's PEM file, or use http:// if the receiver has no TLS"
    )
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "authority.pem"))
    assert export(table, server.url).spans == len(table)
    assert canonical(server.received[0].otlp) == canonical(expected(spans))


def test_waiting_between_tries_leaves_the_users_random_numbers_alone() -> None:
    before = random.getstate()
    post.sleep(0)
    assert random.getstate() == before


@pytest.mark.parametrize("key", ["se/cret key+1", "a&b=c~déf"])
def test_a_key_is_hidden_in_whatever_form_a_server_repeats_it(key: str) -> None:
    forms = [key, quote(key), quote(key, safe=""), quote_plus(key), quote(key, safe="").lower()]
    by_header = Endpoint.read("http://h", headers={"x-key": key})
    by_query = Endpoint.read(f"http://h?key={quote(key, safe='')}")
    for endpoint in (by_header, by_query):
        assert endpoint.redact(" | ".join(forms)) == " | ".join("***" for _ in forms)


def test_headers_that_come_by_the_byte_end_with_the_timeout() -> None:
    is_over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nx-a: ")
            while not is_over.wait(0.02):
                connection.sendall(b"1")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        dripping = threading.Thread(target=drip)
        dripping.start()
        endpoint = Endpoint.read(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2)
        with pytest.raises(ExportError, match=r"did not answer within 0.2"):
            post.post(endpoint, b"")
        is_over.set()
        dripping.join()
