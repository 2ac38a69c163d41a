"""How an endpoint is asked, again where that helps, and what is told of what it answers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from nbtrace._export import otlp, post
from nbtrace._export.destination import export
from tests.export.failing import HIDDEN, LOG, failing
from tests.export.loopback import OK, Scripted

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

Server = Callable[..., Scripted]


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


def test_what_is_nested_deep_is_told_as_it_is(single: Snapshot, scripted: Server) -> None:
    deep = b'{"error":' * 1000 + b'"x"' + b"}" * 1000
    server = scripted((403, {"content-type": "application/json"}, deep))
    assert failing(single, server.url).startswith(f"{server.url} did not take the spans (HTTP 403 Forbidden: ")


def test_numbers_that_are_none_are_no_failure(table: Snapshot, scripted: Server, pauses: list[float]) -> None:
    rejected = b'{"partialSuccess":{"rejectedSpans":"-5"}}'
    server = scripted(
        (503, {"retry-after": f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"}, b""),
        (200, {"content-type": "application/json", "content-length": "1" * 5000, "connection": "close"}, rejected),
    )
    report = export(table, server.url)
    assert (report.spans, report.left_out, pauses) == (len(table), (), [0.25])


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


def test_waiting_between_tries_leaves_the_users_random_numbers_alone() -> None:
    before = random.getstate()
    post.sleep(0)
    assert random.getstate() == before
