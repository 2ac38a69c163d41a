"""A session from the outside: starting, stopping, what it tells, and the default one behind the public functions."""

# A test of a stage looks inside it.
# pyright: reportPrivateUsage=false
from __future__ import annotations

import re
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import Status, StatusCode

import nbtrace
from nbtrace import Session, _api, semconv
from nbtrace._store.store import Store
from nbtrace.errors import NotFoundError, UsageError
from tests.capture.conftest import client, server, swallow
from tests.capture.reading import only, spans
from tests.trace.conftest import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.capture.loopback import Loopback
    from tests.trace.conftest import Ask

__all__ = ["ask", "client", "server", "swallow"]


@pytest.fixture
def default(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Give the module's functions a session of their own."""
    made = Session()
    monkeypatch.setattr(_api, "_default", made)
    yield made
    made.stop()


def test_starting_and_stopping_again_and_again(ask: Ask) -> None:
    session = Session()
    states = [(session.running, session.enabled, repr(session))]
    for _ in range(2):
        assert session.start() is session
        session.start()
        ask()
        states.append((session.running, session.enabled, repr(session)))
        session.stop()
        session.stop()
        ask()
    session.start()
    session.enabled = False
    ask()
    states.append((session.running, session.enabled, repr(session)))
    session.stop()
    assert states == [
        (False, False, "<nbtrace session, stopped: 0 spans>"),
        (True, True, "<nbtrace session, recording: 1 span>"),
        (True, True, "<nbtrace session, recording: 2 spans>"),
        (True, False, "<nbtrace session, paused: 2 spans>"),
    ]


def test_a_session_ends_with_its_block_also_by_an_error(ask: Ask) -> None:
    with pytest.raises(ZeroDivisionError), Session() as session:
        divmod(len(ask().choices), 0)
    assert (session.running, len(session.spans())) == (False, 1)


def test_a_second_session_is_refused_in_words(session: Session, ask: Ask) -> None:
    other = Session()
    with pytest.raises(UsageError):
        other.start()
    with pytest.raises(UsageError) as raised:
        other.start()
    assert str(raised.value) == (
        "another session records already (<nbtrace session, recording: 0 spans>), and calls can only be recorded by "
        "one: use that one (in a notebook it is nbtrace.session()), or stop it first by .stop() or %unload_ext nbtrace"
    )
    assert (other.running, session.start()) == (False, session)
    ask()
    session.stop()
    with other:
        ask()
    assert (len(session.spans()), len(other.spans())) == (1, 1)


def test_of_sessions_that_start_together_one_records() -> None:
    barrier, sessions, refused = threading.Barrier(8), [Session() for _ in range(8)], list[str]()

    def start(session: Session) -> None:
        barrier.wait(20)
        try:
            session.start()
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([session.running for session in sessions].count(True), len(refused)) == (1, 7)
    for session in sessions:
        session.stop()


def test_a_pause_pauses_threads_too(session: Session) -> None:
    start = threading.Thread.start
    session.enabled = False
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    session.enabled = True
    assert threading.Thread.start is start


def test_a_stopped_session_has_no_tracing_and_ignores_a_pause() -> None:
    session = Session()
    session.enabled = True
    assert (session.enabled, session.problems) == (False, ())
    with pytest.raises(NotFoundError) as raised:
        _ = session.tracing
    assert str(raised.value) == "the session is not running; call nbtrace.session() or session.start() first"


def test_snapshots_are_of_their_moment(session: Session, ask: Ask) -> None:
    before = session.spans()
    ask()
    assert (len(before), len(session.spans())) == (0, 1)


def test_watchers_hear_of_every_span_until_they_leave(session: Session, ask: Ask) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.heard: list[str] = []

        def started(self, span: ReadableSpan) -> None:
            self.heard.append(f"started {span.name}")

        def progressed(self, span: ReadableSpan, detail: Any) -> None:
            self.heard.append(f"progressed {span.name}")

        def ended(self, span: ReadableSpan, detail: Any) -> None:
            self.heard.append(f"ended {span.name} with {detail()[semconv.REQUEST_MODEL]}")

    watcher = Watcher()
    leave = session.watch(watcher)
    ask()
    leave()
    leave()
    ask()
    assert watcher.heard == ["started chat m", "ended chat m with m"]


def test_a_watcher_that_fails_costs_others_nothing(
    session: Session, ask: Ask, swallow: Callable[[], dict[str, int]]
) -> None:
    class Failing:
        def started(self, span: ReadableSpan) -> None:
            raise LookupError(span.name)

        def progressed(self, span: ReadableSpan, detail: Any) -> None:
            raise IndexError(span.name)

        def ended(self, span: ReadableSpan, detail: Any) -> None:
            raise KeyError(span.name)

    after = Store()
    leave = session.watch(Failing()), session.watch(after)
    ask()
    assert only(session)[semconv.USAGE_INPUT_TOKENS] == 9
    assert len(after) == 1
    for end in leave:
        end()
    ask()
    assert (len(session.spans()), len(after)) == (2, 1)
    assert swallow() == {"store: LookupError": 1, "store: KeyError": 1}


def test_a_trace_by_its_id(session: Session, ask: Ask) -> None:
    ask()
    ask()
    first, second = (f"{span['trace']:032x}" for span in spans(session))
    assert first != second
    assert session.trace_table(second).num_rows == 1
    with pytest.raises(NotFoundError):
        session.trace("feed")


def test_what_is_not_there_because_nothing_is_recorded_says_so(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    for question in (session.trace, session.explain):
        with pytest.raises(NotFoundError, match=r"^no LLM call was recorded yet; make one"):
            question()
    assert repr(session.export(path)).endswith(" There was no span to export.")
    session.enabled = False
    for question in (session.trace, session.explain, lambda: session.of("Paris")):
        with pytest.raises(NotFoundError, match=r"^recording is paused \(%nbtrace on, .* goes on\); no "):
            question()
    session.stop()
    why = "nothing is being recorded (%load_ext nbtrace, or in a script nbtrace.session(), begins)"
    for question in (session.trace, session.explain, lambda: session.of("Paris")):
        with pytest.raises(NotFoundError, match=f"^{re.escape(why)}; no "):
            question()
    assert repr(session.export(path)).endswith(f" There was no span to export: {why}.")


def test_an_export_holds_what_the_session_holds(session: Session, ask: Ask, tmp_path: Path) -> None:
    from nbtrace._store.parquet import read

    ask()
    report = session.export(tmp_path / "s.parquet")
    assert report.spans == 1
    assert read(tmp_path / "s.parquet").table().equals(session.spans().table)


def test_prompts_are_of_their_session() -> None:
    one, other = Session(), Session()
    assert [one.prompt("p", text).version for text in "aba"] == [1, 2, 1]
    assert other.prompt("p", "b").version == 1


def test_the_public_functions_work_on_the_default_session(default: Session, ask: Ask, tmp_path: Path) -> None:
    assert len(nbtrace.spans()) == 0
    assert not default.running
    assert nbtrace.session() is default
    ask(nbtrace.prompt("p", "Hi {x}").format(x=1))
    assert len(nbtrace.spans()) == 1
    assert nbtrace.export(tmp_path / "s.jsonl").spans == 1
    with pytest.raises(NotFoundError):
        nbtrace.trace("f00d")
    assert only(default)[semconv.PROMPT_NAME] == "p"


def test_a_detail_that_fails_leaves_what_is_known_and_says_so(
    session: Session, swallow: Callable[[], dict[str, int]]
) -> None:
    def fail() -> dict[str, Any]:
        message = "injected"
        raise RuntimeError(message)

    span = session.tracing.start("x", attributes={"known": "sk-" + "0123456789abcdef0123"})
    session.tracing.end(span, fail)
    assert only(session) == {
        "known": "[redacted: openai-key]",
        semconv.INCOMPLETE: "the request and response could not be read; see the log",
    }
    assert swallow() == {"capture: RuntimeError": 1}


def test_pandas_and_widgets_are_not_needed_to_record(server: Loopback) -> None:
    import subprocess

    script = f"""
import sys, nbtrace, openai
with nbtrace.Session() as session, openai.OpenAI(base_url={server.url!r}, api_key="x") as client:
    client.chat.completions.create(model="m", messages=[])
    print(len(session.spans()), [name for name in ("pandas", "anywidget", "IPython") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("1 []", "")


def test_secrets_of_others_spans_are_masked_wherever_they_are(session: Session) -> None:
    key = "sk-abcdefghijklmnopqrstuvwx"
    span: Any = session.tracing.start(f"GET https://me:secret@host?key={key}", attributes={"a": key})
    span.add_event("leak", {"text": f"Bearer {key}"})
    span.add_link(span.get_span_context(), {"why": key})
    span.record_exception(ValueError(key))
    running = str(session.spans().table.to_pylist())
    span.set_status(Status(StatusCode.ERROR, f"no {key}"))
    session.tracing.end(span, dict)
    (row,) = session.spans().table.to_pylist()
    assert key not in running + str(row)
    assert "secret" not in running + str(row)
    masked = "[redacted: openai-key]"
    assert (row["name"], row["status_message"]) == (
        f"GET https://[redacted: url-password]@host?key={masked}",
        f"no {masked}",
    )
    assert [event["name"] for event in row["events"]] == ["leak", "exception"]
    assert row["links"][0]["span_id"] == row["span_id"]


def test_what_a_call_cost_by_row_id_and_answer(session: Session, ask: Ask) -> None:
    answer = ask()
    row = session.spans().table.to_pylist()[0]
    unknown = session.cost(answer)
    assert (unknown.state, unknown.reason) == ("unpriced", "no price for gpt-4o-mini-2024-07-18 at 127.0.0.1")
    session.prices["gpt-4o-mini-2024-07-18"] = {"input_mtok": 1, "output_mtok": 2}
    frame = session.spans().to_pandas()
    given: list[Any] = [answer, row, row["span_id"].hex(), frame.iloc[0], session.spans()[0]]
    by_now = [session.cost(one) for one in given]
    assert [(cost.total_usd, cost.source) for cost in by_now] == [(15e-6, "custom")] * 5
    assert session.spans().table["cost_state"].to_pylist() == ["unpriced"]
    ask()
    priced, cost = session.spans().table.to_pylist()[1], session.cost(answer)  # the last one with that id
    del session.prices["gpt-4o-mini-2024-07-18"]
    assert (priced["cost_usd"], priced["cost_state"], cost.total_usd) == (15e-6, "priced", 15e-6)
    assert [(bucket.name, bucket.amount_usd) for bucket in cost.buckets] == [("input", 9e-6), ("output", 6e-6)]


def test_the_public_functions_of_cost(default: Session) -> None:
    with pytest.raises(NotFoundError):
        nbtrace.cost("feed")
    assert dict(nbtrace.prices) == {}
