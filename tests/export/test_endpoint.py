"""How an endpoint is chosen, and what is told of one that makes no sense."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from nbtrace._export.destination import export
from nbtrace._export.endpoint import Endpoint
from tests.export.failing import failing
from tests.export.loopback import OK, Scripted, canonical, expected

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Server = Callable[..., Scripted]
PROTOBUF = {"content-type": "application/x-protobuf"}


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


@pytest.mark.parametrize("key", ["se/cret key+1", "a&b=c~déf"])
def test_a_key_is_hidden_in_whatever_form_a_server_repeats_it(key: str) -> None:
    forms = [key, quote(key), quote(key, safe=""), quote_plus(key), quote(key, safe="").lower()]
    by_header = Endpoint.read("http://h", headers={"x-key": key})
    by_query = Endpoint.read(f"http://h?key={quote(key, safe='')}")
    for endpoint in (by_header, by_query):
        assert endpoint.redact(" | ".join(forms)) == " | ".join("***" for _ in forms)
