"""What has arrived is known to whoever reads the session from the disk, as another process does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session
from nbtrace._export import otlp
from nbtrace._export.ledger import FILE
from nbtrace._opened import read_back
from nbtrace._store import journal
from nbtrace._store.scores import Score
from nbtrace.errors import ExportError
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import OK, Reply, Scripted, spans_of
from tests.trace.conftest import users

Server = Callable[..., Scripted]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session on the disk whose process is still there, but says no more than what is written."""
    monkeypatch.setattr(journal, "INTERVAL_S", 0.001)
    with Session() as session:
        session.open_journal(tmp_path, notebook="n.ipynb")
        for number in range(6):
            with session.span(f"span {number}") as span:
                span.set(note="x" * 900)
        assert session.journal is not None
        session.journal.flush()
        yield session
        session.close_journal()


def directory(session: Session) -> Path:
    assert session.journal is not None
    assert session.journal.path is not None
    return session.journal.path


def names(server: Scripted) -> list[str]:
    taken = (one for one, status in zip(server.received, server.statuses, strict=True) if status == 200)
    return sorted(span.name for one in taken if one.path == "/v1/traces" for span in spans_of(one.otlp))


def test_another_process_sends_the_rest(
    recorded: Session, scripted: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(otlp, "REQUEST_BYTES", 4_000)
    server = scripted(OK, (503, {"retry-after": "3600"}, b"closed"))
    with pytest.raises(ExportError, match="2 spans had arrived before"):
        recorded.export(server.url)
    opened = read_back(directory(recorded), Session())
    with pytest.raises(ExportError, match="2 of 6 spans have arrived at"):
        opened.export(server.url, again="refuse")
    assert opened.export(server.url).left_out == ("2 spans that had arrived before",)
    assert names(server) == [f"span {number}" for number in range(6)]
    recorded.stop()
    with Session() as later:
        later.open_journal(tmp_path / "later", notebook="n.ipynb")
        later.resume(directory(recorded))
        with later.span("span 6"):
            pass
        assert later.export(server.url).left_out == ("6 spans that had arrived before",)
        assert later.journal is not None
        later.journal.flush()
        again = read_back(directory(later), Session())
        later.close_journal()
    assert again.export(server.url).left_out == ("7 spans that had arrived before",)
    assert names(server) == [f"span {number}" for number in range(7)]
    assert len(again.export(scripted().url, again="rest").left_out) == 0


def test_what_has_arrived_is_known_where_the_journal_moved_to(
    recorded: Session, scripted: Server, tmp_path: Path
) -> None:
    server = scripted()
    recorded.export(server.url)
    recorded.open_journal(tmp_path / "moved", notebook="n.ipynb")
    with recorded.span("span 6"):
        pass
    assert recorded.journal is not None
    recorded.journal.flush()
    again = read_back(directory(recorded), Session())
    assert again.export(server.url).left_out == ("6 spans that had arrived before",)
    assert names(server) == [f"span {number}" for number in range(7)]


def test_projects_and_accounts_at_one_address_are_told_apart(
    recorded: Session, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted()
    for variable, value in VARIABLES["langsmith"].items():
        monkeypatch.setenv(variable, value)
    for project in ("a", "b"):
        monkeypatch.setenv("LANGSMITH_PROJECT", project)
        assert [recorded.export("langsmith", endpoint=server.url).spans for _ in range(2)] == [6, 0]
    for headers in ({}, {"x-key": f"{CANARY}1"}, {"x-key": f"{CANARY}2"}):
        assert [recorded.export(server.url, headers=headers).spans for _ in range(2)] == [6, 0]
    for query in (f"{CANARY}1", f"{CANARY}2"):
        assert [recorded.export(f"{server.url}?key={query}").spans for _ in range(2)] == [6, 0]
    noted = (directory(recorded) / FILE).read_text()
    assert all(value not in noted for value in (CANARY, *VARIABLES["langsmith"].values()) if len(value) > 5)


def test_two_exports_at_once_send_each_span_once(recorded: Session, scripted: Server) -> None:
    is_first, go_on = threading.Event(), threading.Event()

    def answer(_: bytes) -> Reply:
        is_first.set()
        go_on.wait(30)
        return OK

    server = scripted(answer=answer)
    live = recorded.export(server.url, live=True)
    assert is_first.wait(30)
    threading.Timer(0.05, go_on.set).start()
    assert recorded.export(server.url).spans == 0
    live.stop()
    assert names(server) == [f"span {number}" for number in range(6)]


def test_what_turned_out_to_repeat_a_call_goes_as_the_parent_that_is_awaited(scripted: Server, tmp_path: Path) -> None:
    server, provider = scripted(), TracerProvider(shutdown_on_exit=False)
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    with users(provider), Session() as session:
        session.open_journal(tmp_path, notebook="n.ipynb")
        with provider.get_tracer("other").start_as_current_span("other") as other:
            session.tracing.end(session.tracing.start("chat m", attributes=dict(call)), dict)
            session.export(server.url)
            other.set_attributes(call)
        path = directory(session)
        session.close_journal()
    assert [span.name for span in read_back(path, Session()).spans()] == ["chat m"]
    later = Session()
    later.resume(path)
    report = later.export(server.url)
    assert (report.spans, names(server)) == (1, ["chat m", "other"])
    assert later.export(server.url).spans == 0
    provider.shutdown()


def test_a_score_goes_once_whoever_sends_it(
    recorded: Session, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in VARIABLES["langfuse"].items():
        monkeypatch.setenv(variable, value)
    span = recorded.spans()[0]
    recorded.rate(Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "helpful", 1.0))
    assert recorded.journal is not None
    recorded.journal.flush()
    server = scripted()
    assert recorded.export("langfuse", endpoint=server.url).scores == 1
    opened = read_back(directory(recorded), Session())
    assert (opened.export("langfuse", endpoint=server.url).scores, len(server.received)) == (0, 2)


def test_no_key_is_noted(recorded: Session, scripted: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer%20{CANARY}")
    server = scripted()
    recorded.export(server.url.replace("//", f"//me:{CANARY}@") + f"/v1/traces?key={CANARY}")
    for name in ("langfuse", "weave"):
        for variable, value in VARIABLES[name].items():
            monkeypatch.setenv(variable, value)
    recorded.export("langfuse", endpoint=server.url)
    recorded.export("weave", endpoint=server.url)
    noted = (directory(recorded) / FILE).read_text(encoding="utf-8")
    assert noted.count('"to"') == 3
    assert CANARY not in noted


def test_a_torn_note_is_passed_over_and_the_next_one_counts(recorded: Session, scripted: Server) -> None:
    server = scripted()
    recorded.export(server.url, spans=recorded.spans(name="span 0"))
    path = directory(recorded) / FILE
    whole = path.read_bytes()
    path.write_bytes(whole + b'\n{"to": "http://x", "spa')
    opened = read_back(directory(recorded), Session())
    opened.export(server.url, spans=opened.spans(name="span 1"))
    again = read_back(directory(recorded), Session())
    assert again.export(server.url).left_out == ("2 spans that had arrived before",)


def test_notes_that_cannot_be_written_only_mean_that_spans_go_again(recorded: Session, scripted: Server) -> None:
    (directory(recorded) / FILE).mkdir()
    server = scripted()
    assert recorded.export(server.url).spans == 6
    assert recorded.export(server.url).spans == 0
    assert len(read_back(directory(recorded), Session())) == 6
    (directory(recorded) / FILE).rmdir()
    with recorded.span("span 6"):
        pass
    recorded.export(server.url)
    assert recorded.journal is not None
    recorded.journal.flush()
    opened = read_back(directory(recorded), Session())
    assert opened.export(server.url).left_out == ("7 spans that had arrived before",)
