"""Spans are sent as they end, and an outage loses none."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import pytest
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session
from nbtrace._export import live, otlp, post
from nbtrace._export.live import Live
from nbtrace._store.wake import Wake
from nbtrace.errors import ExportError, UsageError
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import OK, Reply, Scripted, spans_of
from tests.trace.conftest import users

Server = Callable[..., Scripted]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather and wait for milliseconds."""
    monkeypatch.setattr(live, "GATHER", 0.001)
    monkeypatch.setattr(live, "LONGEST_PAUSE", 0.002)
    monkeypatch.setattr(live, "LAST_TRY", 60.0)  # a busy machine is no failure
    monkeypatch.setattr(post, "sleep", lambda _: None)


@contextmanager
def going(session: Session, to: str, headers: dict[str, str] | None = None) -> Generator[Live]:
    sending = session.export(to, live=True, headers=headers)
    try:
        yield sending
    finally:
        sending.stop()


def names(server: Scripted) -> list[str]:
    taken = (one for one, status in zip(server.received, server.statuses, strict=True) if status == 200)
    return sorted(span.name for one in taken for span in spans_of(one.otlp))


def test_spans_are_sent_as_they_end(scripted: Server, session: Session) -> None:
    server = scripted()
    with going(session, server.url) as sending:
        with session.span("one"):
            pass
        assert server.arrived.acquire(timeout=30)
        with session.span("two"), session.span("three"):
            assert names(server) == ["one"]
        sending.flush()
        assert names(server) == ["one", "three", "two"]
        assert (sending.backlog, sending.failure) == (0, None)
        assert repr(sending) == f"<live export to {server.url}: 3 spans sent, 0 waiting>"


LLM = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


@pytest.mark.parametrize("known", ["at its start", "at its end"])
@pytest.mark.parametrize("content", [True, False])
def test_a_call_that_was_sent_before_the_span_around_it_ended_finds_its_parent(
    scripted: Server, known: str, content: bool
) -> None:
    """What turns out to repeat a call goes as its parent, if the call has gone with that parent; else it never does."""
    server = scripted()
    provider = TracerProvider(shutdown_on_exit=False)
    with users(provider), Session() as session:
        sending = session.export(server.url, live=True, content=content)
        with session.span("step"):
            begun = LLM if known == "at its start" else {}
            with provider.get_tracer("other").start_as_current_span("other", attributes=begun) as other:
                session.tracing.end(session.tracing.start("chat m", attributes=dict(LLM)), dict)
                sending.flush()
                other.set_attributes(LLM)
            sending.flush()
        sending.flush()
        assert (sending.backlog, len(session.spans())) == (0, 2)
        sending.stop()
    sent = [span for one in server.received for span in spans_of(one.otlp)]
    names = {span.span_id: span.name for span in sent}
    parents = {span.name: names.get(span.parent_span_id) for span in sent}
    direct = {"step": None, "chat m": "step"}
    between = {"step": None, "chat m": "other", "other": "step"}
    assert (len(sent), parents) == (len(names), direct if known == "at its start" else between)
    calls = [one for one in sent if any(pair.key == "gen_ai.operation.name" for pair in one.attributes)]
    assert [one.name for one in calls] == ["chat m"]
    provider.shutdown()


def test_a_trace_is_named_by_all_that_is_there_of_it(
    scripted: Server, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of it is sent when: a step before the one around it has ended, and a late one alone."""
    for variable, value in VARIABLES["langfuse"].items():
        monkeypatch.setenv(variable, value)
    server = scripted()
    with session.span("answer"):
        late = session.tracing.start("late", attributes={})
        with session.span("step"):
            pass
        session.export("langfuse", endpoint=server.url)
    session.export("langfuse", endpoint=server.url)
    session.tracing.end(late, dict)
    session.export("langfuse", endpoint=server.url)
    sent = [span for one in server.received for span in spans_of(one.otlp)]
    named = {one.name: [each.value.string_value for each in one.attributes if "trace.name" in each.key] for one in sent}
    assert named == {"step": ["answer"], "answer": ["answer"], "late": ["answer"]}


def test_an_outage_loses_nothing(scripted: Server, session: Session) -> None:
    down = [True]

    def answer(body: bytes) -> Reply:
        return (503, {}, f"closed for {CANARY}".encode()) if down else OK

    server = scripted(answer=answer)
    with going(session, server.url, {"x-key": CANARY}) as sending:
        for number in range(5):
            with session.span(f"span {number}"):
                pass
        with pytest.raises(ExportError, match="closed"):
            sending.flush()
        assert (sending.backlog, sending.sent) == (5, 0)
        assert "5 waiting; the last try failed: " in repr(sending)
        assert CANARY not in repr(sending)
        down.clear()
    assert names(server) == [f"span {number}" for number in range(5)]
    assert repr(sending) == f"<live export to {server.url}, stopped: 5 spans sent, 0 waiting>"


def test_what_arrived_before_a_failure_is_counted(
    scripted: Server, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "REQUEST_BYTES", 1)
    for number in range(5):
        with session.span(f"span {number}"):
            pass
    refusals = [OK, OK, *[(401, {}, b"")] * 200]
    server = scripted(*refusals)
    with going(session, server.url) as sending:
        with pytest.raises(ExportError, match="401"):
            sending.flush()
        assert (sending.sent, sending.backlog) == (2, 3)


def test_a_span_that_ends_in_a_garbage_collection_keeps_no_cell_waiting(scripted: Server, session: Session) -> None:
    """Wherever the collector runs while a change is told: here at each step of what wakes the sending thread."""
    server = scripted()
    threading_module, wake = threading.__file__, sys.modules[Wake.__module__].__file__
    dropped = [session.tracing.start(f"dropped {number}", attributes={}) for number in range(9)]

    def collect(frame: FrameType, event: str, _: object) -> None:
        if event in {"call", "c_call"} and frame.f_code.co_filename in {threading_module, wake} and dropped:
            session.tracing.end(dropped.pop(), dict)

    def cell() -> None:
        with session.span("step"):
            sys.setprofile(collect)
        sys.setprofile(None)

    with going(session, server.url):
        user = threading.Thread(target=cell, daemon=True)
        user.start()
        user.join(60)
        assert not user.is_alive()
    assert {"step", "dropped 8"} <= set(names(server))


def test_an_error_of_ours_is_told_and_does_not_end_it(session: Session) -> None:
    faults: list[Exception] = [ValueError("quoted from a prompt")]

    def send() -> None:
        if faults:
            raise faults[0]

    sending = Live("there", send=send, waiting=lambda: 1, arrived=lambda: 0, subscribe=session.subscribe)
    with pytest.raises(ValueError, match="quoted"):
        sending.flush()
    assert repr(sending) == (
        "<live export to there: 0 spans sent, 1 waiting; the last try failed: ValueError in nbtrace; "
        "an export without live=True raises it>"
    )
    faults.clear()
    sending.stop()
    assert sending.failure is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_does_not_send_and_says_so(session: Session) -> None:
    is_sending, is_over = threading.Event(), threading.Event()

    def send() -> None:
        is_sending.set()
        is_over.wait(30)

    none = int
    sending = Live("there", send=send, waiting=none, arrived=none, subscribe=session.subscribe)
    assert is_sending.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            sending.flush()
        except ExportError as error:
            is_right = "this one, which was forked" in str(error) and ", stopped: " in repr(sending)
            os._exit(0 if is_right else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    is_over.set()
    sending.stop()
    assert sending.failure is None


@pytest.mark.parametrize("is_whole", [False, True])
def test_what_is_refused_is_said_and_not_sent_again(scripted: Server, session: Session, is_whole: bool) -> None:
    partly = {"content-type": "application/json"}, b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no good"}}'
    refusal: Reply = (400, {}, b"no good") if is_whole else (200, *partly)
    answers = [refusal]
    server = scripted(answer=lambda body: answers[0] if answers and b"refusable" in body else OK)
    with session.span("refusable"), session.span("good"):
        pass
    with going(session, server.url) as sending:
        for number in range(3):
            with session.span(f"later {number}"):
                pass
            sending.flush()
    requests = len(server.received)
    sent = [span.name for one in server.received for span in spans_of(one.otlp)]
    assert (sending.sent, sending.backlog) == (4, 0)
    why = "not taken (HTTP 400 Bad Request: no good)" if is_whole else "rejected by the receiver: no good"
    assert sending.failure == f"1 span {why}"
    assert repr(sending).endswith(f"4 spans sent, 0 waiting; refused: 1 span {why}>")
    assert all(sent.count(f"later {number}") == 1 for number in (1, 2))
    if not is_whole:
        assert sent.count("refusable") == sent.count("good") == 1
    answers.clear()
    session.export(server.url)
    assert (len(server.received), sending.failure) == (requests + 1, None)


def test_stopping_sends_what_waits_and_no_more(scripted: Server, session: Session) -> None:
    server = scripted()
    with going(session, server.url), session.span("last"):
        pass
    with session.span("later"):
        pass
    assert names(server) == ["last"]


def test_only_a_receiver_takes_spans_as_they_end(session: Session) -> None:
    with pytest.raises(UsageError, match="only an endpoint or a backend takes spans as they end"):
        session.export("a.parquet", live=True)
    with pytest.raises(UsageError, match="cannot use again='all'"):
        session.export("http://127.0.0.1:1", live=True, again="all")
