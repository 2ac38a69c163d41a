"""Each fault of a receiver, at its spans and its scores: nothing is lost, it is told in words, and no key with it."""

from __future__ import annotations

import json
import logging
import ssl
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from nbtrace import Session
from nbtrace._export import post
from nbtrace._store.store import Store
from nbtrace.errors import ExportError
from tests.export import rich
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import OK, RESET, SILENT, Reply, Scripted, spans_of


def says(status: int, **headers: str) -> Reply:
    """Answer with the key that the request came with, as the server has understood it."""
    return status, {"content-type": "text/plain", **headers}, f"no {CANARY}".encode()


HALF: Reply = (200, {"content-type": "application/json", "content-length": "100"}, b'{"partialSuccess":{')
WITHOUT_TLS = "no secure connection to {url}{at} (unable to get local issuer certificate); set OTEL_EXPORTER_OTLP_CERT"

FAULTS: dict[str, tuple[Reply | None, str]] = {
    "refused": (None, "cannot send to {url}{at}: nothing listens on 127.0.0.1:{port}; start the receiver"),
    "no TLS": (None, WITHOUT_TLS),
    "slow": (SILENT, "{url}{at} did not answer within 0.3 s; check the receiver or give a longer timeout="),
    "reset": (RESET, "cannot send to {url}{at}: the connection to 127.0.0.1:{port} failed (Connection reset by peer)"),
    "half": (HALF, "the answer of {url}{at} broke off, so it may have taken what was sent or not; export again"),
    "413": (says(413), "HTTP 413 Request Entity Too Large: no ***"),
    "429": (says(429, **{"retry-after": "0"}), "HTTP 429 Too Many Requests: no ***"),
    "429 for long": (says(429, **{"retry-after": "3600"}), "HTTP 429 Too Many Requests: no ***"),
    "500": (says(500), "HTTP 500 Internal Server Error: no ***"),
    "503": (says(503), "HTTP 503 Service Unavailable: no ***"),
    "401": (says(401), "HTTP 401 Unauthorized: no ***"),
}
"""What the receiver does instead of answering, and what is told."""

PAUSES = {
    "429": list(post.PAUSES),
    "503": list(post.PAUSES),
    **{fault: [0.25, 0.5] for fault in ("refused", "reset", "half")},
}
"""Between tries; the other faults are told at once."""


class Receiver:
    """A stand-in of Langfuse at one address, which has a fault for a while."""

    def __init__(self, fault: str, folder: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fault = fault
        self.port = port
        self.servers: list[Scripted] = []
        self.is_faulty = False
        self._trusted = folder / "authority.pem"
        self._monkeypatch = monkeypatch
        self._tls: ssl.SSLContext | None = None
        if fault == "no TLS":
            authority = trustme.CA()
            authority.cert_pem.write_to_path(self._trusted)
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(self._tls)
        self._start()
        self.url = self.servers[0].url
        self.heal()

    def _start(self) -> None:
        self.servers.append(Scripted(tls=self._tls, answer=self._answer, port=self.port))

    def _answer(self, _: bytes) -> Reply:
        return (self.is_faulty and FAULTS[self.fault][0]) or OK

    def fail(self) -> None:
        self.is_faulty = True
        if self.fault == "refused":
            self.servers[-1].close()
        self._monkeypatch.delenv("OTEL_EXPORTER_OTLP_CERTIFICATE", raising=False)

    def heal(self) -> None:
        if self.is_faulty and self.fault == "refused":
            self._start()
        if self._tls is not None:
            self._monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(self._trusted))
        self.is_faulty = False
        self._before = len(self.servers[-1].received)

    def taken(self, path: str) -> list[Any]:
        """Give the ids of the spans or scores that came since it is whole again."""
        found = [one for one in self.servers[-1].received[self._before :] if one.path == path]
        if path != "/v1/traces":
            return [json.loads(one.body)["id"] for one in found]
        return [span.span_id[-1] for one in found for span in spans_of(one.otlp)]


@pytest.fixture(params=FAULTS)
def receiver(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Receiver]:
    for variable, value in VARIABLES["langfuse"].items():
        monkeypatch.setenv(variable, value)
    made = Receiver(request.param, tmp_path, free_port, monkeypatch)
    yield made
    made.servers[-1].close()


@pytest.fixture
def produced(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., None]]:
    """Gather all that is produced, and look through it for keys in the end."""
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []

    def add(*made: object) -> None:
        for one in made:
            texts.extend((str(one), repr(one)))
            if isinstance(one, BaseException):
                texts.extend(traceback.TracebackException.from_exception(one, capture_locals=True).format())

    yield add
    texts += [*capsys.readouterr(), caplog.text]
    packed = "cGstbGYtMTpjYW5hcnktMDEyMzQ1Njc4OQ"
    assert [text for text in texts if CANARY in text or packed in text] == []


def recorded() -> Session:
    session, store = Session(), Store()
    for span in rich.spans():
        store.ended(span, None)
    session.store.adopt(store.snapshot())
    return session


def told(receiver: Receiver, at: str = "") -> str:
    words = FAULTS[receiver.fault][1]
    return words.format(url=receiver.url, port=receiver.port, at=at)


def test_spans_outlive_any_fault(receiver: Receiver, pauses: list[float], produced: Callable[..., None]) -> None:
    session = recorded()
    receiver.fail()
    with pytest.raises(ExportError) as failure:
        session.export("langfuse", endpoint=receiver.url, timeout=0.3 if receiver.fault == "slow" else 60)
    assert told(receiver) in str(failure.value)
    assert pauses == PAUSES.get(receiver.fault, [])
    assert len(session.spans()) == 9
    receiver.heal()
    report = session.export("langfuse", endpoint=receiver.url)
    assert (report.spans, report.left_out) == (9, ())
    assert receiver.taken("/v1/traces") == list(range(1, 10))
    produced(failure.value, report, session)


def test_scores_outlive_any_fault(receiver: Receiver, pauses: list[float], produced: Callable[..., None]) -> None:
    session = recorded()
    session.export("langfuse", endpoint=receiver.url)
    for score in rich.SCORES:
        session.rate(score)
    receiver.fail()
    report = session.export("langfuse", endpoint=receiver.url, timeout=0.3 if receiver.fault == "slow" else 60)
    assert (report.spans, report.scores, report.notes) == (0, 0, ())
    before, why = report.left_out
    assert before == "9 spans that had arrived before"
    assert why.startswith(f"2 scores not taken ({told(receiver, ' (/api/public/scores)')}")
    assert pauses == PAUSES.get(receiver.fault, [])  # once: what would meet every score is not tried for each
    receiver.heal()
    again = session.export("langfuse", endpoint=receiver.url)
    assert (again.spans, again.scores) == (0, 2)
    assert len(set(receiver.taken("/api/public/scores"))) == 2
    assert receiver.taken("/v1/traces") == []
    produced(report, report._repr_html_(), again, session)


UNDOCUMENTED = "the answer is not what the API is documented to give"
READ: dict[str, tuple[bytes | Reply, str]] = {
    "no JSON": (b"<html>", UNDOCUMENTED),
    "another form": (b'{"observations":[{}]}', UNDOCUMENTED),
    "half": (HALF, "the answer of {url} broke off, so it may have taken what was sent or not; export again"),
    "reset": (RESET, "cannot send to {url}: the connection to 127.0.0.1:{port} failed (Connection reset by peer)"),
    "500": (says(500), "HTTP 500 Internal Server Error: no ***"),
}
"""What is answered to who reads back, and what is told."""


@pytest.mark.parametrize("fault", READ)
def test_a_fault_of_reading_back_keeps_the_report(
    fault: str, monkeypatch: pytest.MonkeyPatch, scripted: Callable[..., Scripted], produced: Callable[..., None]
) -> None:
    for variable, value in VARIABLES["langfuse"].items():
        monkeypatch.setenv(variable, value)
    server = scripted()
    answer, why = READ[fault]
    server.found = iter([answer])
    report = recorded().export("langfuse", endpoint=server.url, verify=True)
    assert (report.spans, report.left_out) == (9, ())
    (note,) = report.notes
    assert note.startswith(f"Nothing could be read back: {why.format(url=server.url, port=server.port)}")
    produced(report)
