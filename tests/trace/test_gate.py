"""What is not recorded because it is off or not in the sample, and that it is counted."""

from __future__ import annotations

import os
import random
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Status, StatusCode

from nbtrace import Session
from nbtrace._trace import gate
from nbtrace._trace.gate import Unrecorded
from nbtrace.errors import UsageError
from tests.capture.reading import spans, step
from tests.trace.conftest import users

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openai

    from tests.trace.conftest import Ask

IN, OUT = 1, 2**64 - 1
"""Trace ids that are in every sample, and in none."""


class Ids:
    """Ids of traces as they are given, and of spans counted."""

    def __init__(self, *traces: int) -> None:
        self.traces: Iterator[int] = iter(traces)
        self.spans = 0

    def generate_trace_id(self) -> int:
        return next(self.traces)

    def generate_span_id(self) -> int:
        self.spans += 1
        return self.spans


def sampling(rate: float, *traces: int) -> Session:
    session = Session(ids=Ids(*traces))
    session.gate.rate = rate
    return session


def names(session: Session) -> list[str]:
    return [span["name"] for span in spans(session)]


def test_a_span_that_begins_while_off_is_not_recorded_whenever_it_ends(session: Session) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    with users(provider):
        session.tracing.attach()
        tracer = provider.get_tracer("theirs")
        before = tracer.start_span("before")
        session.enabled = False
        during = tracer.start_span("during")
        whole = tracer.start_span("whole")
        whole.end()
        before.end()
        session.enabled = True
        during.end()
        tracer.start_span("after").end()
    assert names(session) == ["before", "after"]
    assert session.gate.while_off == Unrecorded(spans=2)


def test_calls_that_pass_by_while_off_are_counted(session: Session, ask: Ask) -> None:
    ask("one")
    session.enabled = False
    ask("two")
    ask("three")
    session.enabled = True
    ask("four")
    assert (names(session), session.passed) == (["chat m", "chat m"], 2)


def test_spans_that_never_end_are_not_remembered_for_good(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_STARTED", 10)
    provider = TracerProvider(shutdown_on_exit=False)
    with users(provider):
        session.tracing.attach()
        session.enabled = False
        open_ones = [provider.get_tracer("theirs").start_span("x") for _ in range(50)]
        assert len(session.gate._began_off) == 10
        session.enabled = True
        for one in open_ones:
            one.end()
    assert session.gate.while_off.spans == 10


def test_a_trace_is_recorded_whole_or_not_at_all(client: openai.OpenAI) -> None:
    with sampling(0.5, IN, OUT) as session:
        for name in ("in", "out"):
            with step(session, name):
                client.chat.completions.create(model="m", messages=[])
        assert names(session) == ["chat m", "in"]
    assert session.gate.sampled_out == Unrecorded(traces=1, spans=2, calls=1)


def test_the_sample_is_that_of_opentelemetry() -> None:
    drawn = random.Random(7)
    made = Session().gate
    for rate in (0.0, 0.1, 0.5, 0.999):
        made.rate = rate
        theirs = TraceIdRatioBased(rate)
        for _ in range(2000):
            trace_id = drawn.getrandbits(128)
            expected = theirs.should_sample(None, trace_id, "x").decision.is_sampled()
            assert made._is_in(trace_id) == expected


def test_a_trace_in_which_something_fails_is_recorded_whole() -> None:
    with sampling(0.0, OUT) as session:
        with step(session, "cell"):
            with step(session, "went well before"):
                pass
            failing: Any = session.tracing.start("failing", attributes={})
            failing.set_status(Status(StatusCode.ERROR, "no"))
            failing.end()
            with step(session, "after"):
                assert "after" in names(session)
        assert names(session) == ["went well before", "failing", "after", "cell"]
    assert session.gate.sampled_out == Unrecorded()


def test_the_error_of_the_outermost_span_counts_too() -> None:
    with sampling(0.0, OUT, OUT - 1) as session:
        with pytest.raises(KeyError), session.span("outer"), session.span("inner"):
            pass_by = {}
            pass_by["x"]
        with session.span("fine"):
            pass
        assert names(session) == ["inner", "outer"]


def test_a_late_span_of_a_trace_that_was_left_out_is_left_out() -> None:
    with sampling(0.0, OUT) as session:
        outer = session.tracing.start("outer", attributes={})
        with step_below(session, outer):
            late = session.tracing.start("late", attributes={})
        outer.end()
        late.end()
        assert names(session) == []
    assert session.gate.sampled_out == Unrecorded(traces=1, spans=1)


def step_below(session: Session, span: Any) -> Any:
    from opentelemetry import trace

    return trace.use_span(span)


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "HELD", 5)
    with sampling(0.0, *range(OUT, OUT - 10, -1)) as session:
        outers = [session.tracing.start("outer", attributes={}) for _ in range(10)]
        for outer in outers:
            with step_below(session, outer):
                session.tracing.start("inner", attributes={}).end()
        assert session.gate._held_spans == 5
        for outer in outers:
            outer.end()
        assert (session.gate._held_spans, names(session)) == (0, [])
    assert session.gate.sampled_out.spans == 20


def test_nothing_is_held_or_counted_without_sampling(session: Session, ask: Ask) -> None:
    ask()
    assert (session.gate.sampled_out, session.gate._held_spans) == (Unrecorded(), 0)


@pytest.mark.parametrize("value", [-0.1, 1.1, "half", None, True])
def test_a_rate_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(UsageError) as raised:
        Session().gate.rate = value
    assert str(raised.value) == f"sample takes a share from 0 to 1, such as 0.1 for one in ten; it got {value!r}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_records_calls_whatever_other_threads_were_at(session: Session) -> None:
    session.gate.rate = 0.5
    session.budget(5)
    session.expect_others()
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with session._calls._lock, session.gate._lock, session.spending._lock:  # pyright: ignore[reportPrivateUsage]
            inside.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends a process that hangs
        status = 1
        try:
            with session.span("parent"):
                session.tracing.end(session.tracing.start("chat m", attributes={"gen_ai.operation.name": "chat"}), dict)
            status = 0
        finally:
            os._exit(status)
    leave.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
