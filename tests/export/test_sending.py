"""What becomes of spans when a receiver takes only some: the others arrive, and the rest is said."""

from __future__ import annotations

from collections.abc import Callable
from traceback import TracebackException
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from nbtrace import Session
from nbtrace._export import otlp
from nbtrace._export.destination import export
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace.errors import ExportError, UsageError
from tests.export import rich
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import OK, Reply, Scripted, spans_of

if TYPE_CHECKING:
    from pathlib import Path

Server = Callable[..., Scripted]


def traces(count: int) -> Snapshot:
    """Give as many traces of nine spans each."""
    store = Store()
    for number in range(1, count + 1):
        for span in rich.spans(trace=number):
            store.ended(span, None)
    return store.snapshot()


def keys(request: ExportTraceServiceRequest) -> list[tuple[int, int]]:
    """Give the numbers of trace and span of a request."""
    return [(int.from_bytes(span.trace_id, "big"), int.from_bytes(span.span_id, "big")) for span in spans_of(request)]


def arrived(server: Scripted) -> list[tuple[int, int]]:
    """Give the spans of the requests that were answered by 200."""
    taken = (one for one, status in zip(server.received, server.statuses, strict=True) if status == 200)
    return sorted(key for one in taken for key in keys(one.otlp))


def every(count: int) -> list[tuple[int, int]]:
    return [(trace, span) for trace in range(1, count + 1) for span in range(1, 10)]


def test_a_request_that_is_too_large_goes_again_in_halves(scripted: Server) -> None:
    def answer(body: bytes) -> Reply:
        return OK if len(body) <= 20_000 else (413, {}, b"")

    server = scripted(answer=answer)
    report = export(traces(12), server.url)
    assert arrived(server) == every(12)
    assert (report.spans, report.left_out, report.requests) == (108, (), server.statuses.count(200))


def test_after_a_413_no_request_is_larger_than_what_was_taken(
    scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "REQUEST_BYTES", 40_000)
    server = scripted(answer=lambda body: OK if len(body) <= 20_000 else (413, {}, b""))
    assert export(traces(24), server.url).spans == 216
    assert arrived(server) == every(24)
    assert server.statuses.count(413) == 1


def test_a_span_that_is_too_large_alone_is_said(scripted: Server) -> None:
    server = scripted(answer=lambda body: (413, {}, b"") if b"attribute.199" in body else OK)
    report = export(traces(1), server.url)
    assert report.left_out == ("1 span not taken (HTTP 413 Request Entity Too Large)",)
    assert arrived(server) == every(1)[:-1]


def test_traces_that_are_refused_do_not_keep_others_away(scripted: Server) -> None:
    bad = (5).to_bytes(16, "big")
    refusal = (400, {"content-type": "application/json"}, b'{"message":"bad trace"}')
    server = scripted(answer=lambda body: refusal if bad in body else OK)
    report = export(traces(12), server.url)
    assert arrived(server) == [key for key in every(12) if key[0] != 5]
    assert (report.spans, report.left_out) == (99, ("9 spans not taken (HTTP 400 Bad Request: bad trace)",))


def test_one_span_that_is_refused_does_not_keep_its_trace_away(scripted: Server) -> None:
    server = scripted(answer=lambda body: (422, {}, b"no such kind") if b"no names" in body else OK)
    report = export(traces(3), server.url)
    assert arrived(server) == [key for key in every(3) if key[1] != 7]
    assert report.left_out == ("3 spans not taken (HTTP 422 Unprocessable Entity: no such kind)",)


def test_a_receiver_that_takes_nothing_is_believed_soon(scripted: Server) -> None:
    server = scripted(answer=lambda body: (400, {}, b"never"))
    with pytest.raises(ExportError, match=r"did not take the spans \(HTTP 400 Bad Request: never\)"):
        export(traces(40), server.url)
    assert len(server.received) < 30


def test_a_half_written_answer_is_asked_for_again(scripted: Server, pauses: list[float]) -> None:
    half = (200, {"content-type": "application/json", "content-length": "100"}, b'{"partialSuccess":{')
    server = scripted(half, OK)
    assert export(traces(1), server.url).spans == 9
    assert (len(server.received), pauses) == (2, [0.25])
    server = scripted(half, half, half)
    with pytest.raises(ExportError) as failure:
        export(traces(1), server.url)
    assert str(failure.value) == (
        f"the answer of {server.url} broke off, so it may have taken what was sent or not; export again"
    )


def test_an_export_that_broke_off_is_taken_up_where_it_stopped(
    scripted: Server, monkeypatch: pytest.MonkeyPatch, opened: Session
) -> None:
    monkeypatch.setattr(otlp, "REQUEST_BYTES", 2_000)
    server = scripted(OK, OK, (401, {}, b""))
    with pytest.raises(ExportError, match=r"\(\d+ spans had arrived before; the same export again sends the rest\)"):
        opened.export(server.url)
    first = arrived(server)
    report = opened.export(server.url)
    assert 0 < len(first) < 9
    assert report.left_out == (f"{len(first)} spans that had arrived before",)
    assert arrived(server) == [(rich.TRACE, number) for number in range(1, 10)]


def test_a_second_export_sends_nothing_unless_it_is_wanted(scripted: Server, opened: Session) -> None:
    server = scripted()
    opened.export(server.url)
    assert repr(opened.export(server.url)) == (
        f"0 spans → {server.url} (OTLP, 0 B). Left out: 9 spans that had arrived before. "
        "There was nothing to send, so the endpoint was not asked."
    )
    with pytest.raises(ExportError) as failure:
        opened.export(server.url, again="refuse")
    assert str(failure.value) == (
        f"9 of 9 spans have arrived at {server.url} before; again='rest' sends the others, "
        "again='all' sends all of them once more, under the same ids"
    )
    opened.export(server.url, again="all")
    once, twice = (sorted(keys(one.otlp)) for one in server.received)
    assert once == twice
    with pytest.raises(UsageError, match="unknown again 'never'; expected one of: rest, all, refuse"):
        opened.export(server.url, again="never")  # type: ignore[arg-type]


def test_what_was_rejected_in_part_may_be_sent_again(scripted: Server, opened: Session) -> None:
    partly = (
        200,
        {"content-type": "application/json"},
        b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}}',
    )
    server = scripted(partly)
    assert opened.export(server.url).left_out == ("2 spans rejected by the receiver: old",)
    assert opened.export(server.url).spans == 9


@pytest.fixture
def opened() -> Session:
    """A session that has the rich one's spans and records no more."""
    session = Session()
    session.store.adopt(rich.session())
    return session


@pytest.mark.parametrize("name", sorted(VARIABLES.keys() - {"jaeger"}))
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_no_key_is_told_by_anything(
    name: str,
    status: int,
    scripted: Server,
    opened: Session,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable, value in VARIABLES[name].items():
        monkeypatch.setenv(variable, value)
    echo: list[bytes] = []

    def answer(body: bytes) -> Reply:
        said = f"{server.received[-1].headers} {' '.join(VARIABLES[name].values())}".encode()
        echo.append(said)
        return (status, {"content-type": "text/plain"}, said)

    server = scripted(answer=answer)
    with pytest.raises(ExportError) as failure:
        opened.export(name, endpoint=server.url)
    ok = scripted()
    report = opened.export(name, endpoint=ok.url)
    opened.export(tmp_path / "a.jsonl")
    opened.export(tmp_path / "a.parquet")
    assert any(CANARY.encode() in said or b"Basic" in said for said in echo)
    secrets = {CANARY, *(word for said in ok.received for word in said.headers.get("authorization", "").split()[1:])}
    told = [str(failure.value), repr(failure.value), repr(report), report._repr_html_(), repr(opened), caplog.text]
    ours = failure.tb.tb_next  # below this function, whose own variables have the keys
    told += TracebackException(failure.type, failure.value, ours, capture_locals=True).format()
    told += [*capsys.readouterr(), *(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())]
    assert [text for text in told for secret in secrets if secret in text] == []
