"""What is told of a connection that is not made, breaks off or says nothing. The servers here only misbehave."""

from __future__ import annotations

import math
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import trustme

from nbtrace._export import in_time, post
from nbtrace._export.destination import export
from nbtrace._export.endpoint import Endpoint
from nbtrace.errors import ExportError
from tests.export.failing import HIDDEN, LOG, failing
from tests.export.loopback import Scripted, canonical, expected

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Server = Callable[..., Scripted]


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
