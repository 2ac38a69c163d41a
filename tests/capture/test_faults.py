"""A failure anywhere in what is ours reaches no user: what his code sees is what it would see without us."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from opentelemetry import trace

from nbtrace import Session, _guard, semconv
from nbtrace._store import journal
from tests.capture.faults import Fault, Injected, Reached, name_of, traced
from tests.capture.reading import VARYING, spans
from tests.capture.uses import CALLS, USES, Use, User, noting
from tests.trace.conftest import exporting, users

pytestmark = pytest.mark.slow
"""Some hundred functions of ours, each in its own run of what a user does."""

IN_PLACE = (
    "wrappers._request.<locals>.request", "wrappers._arequest.<locals>.request", "wrappers._process",
    "wrappers._aprocess",
    "wrappers._sleep", "wrappers._asleep", "wrappers._build.<locals>.build_request", "outgoing._Outgoing.__iter__",
    "outgoing._Outgoing.__aiter__", "stream.follow.<locals>", "stream._read", "stream._aread",
    "decoder._keeping.<locals>", "decoder._told", "decoder._Decoder.iter_bytes", "decoder._Decoder.aiter_bytes",
    "decoder._shown", "decoder._EventDecoder.iter_bytes", "decoder._EventDecoder.aiter_bytes",
    "decoder._EventDecoder._keep",
    "raw._follow_parsed.<locals>.parsed", "raw._Tap.",
    "stepping.of_", "stepping.Resumed.__init__", "threads.ThreadCapture._start.<locals>.start",
    "threads.ThreadCapture._submit.<locals>.submit", "threads._run", "threads._put_back", "failure._text",
    "steps.Step._fresh", "steps.Step.paused", "steps.Step.input", "steps.Step.output", "steps.Step.returned",
    "call.Call.__del__", "around.Around.__enter__", "around.Around.__exit__",
)  # fmt: skip
"""Functions that stand in for the client's or the user's own: each line calls those, or what is guarded."""
MAKING = (
    "_session.Session.span", "_session.Session.prompt", "_api.context", "steps.step", "steps.Step.__init__",
    "steps.Step.__call__", "steps.Step.query", "around.Around.__init__", "registry.", "history.",
    "prompt.Prompt.__init__", "prompt.Prompt._fields", "prompt.Prompt.format", "prompt.Prompt._check",
    "prompt.Prompt._filled", "prompt.hash_of",
    "languages.",
)  # fmt: skip
"""Functions that the user calls by name, whose refusals are documented; what they take over is guarded inside."""

LEAVING = ("call.Call.returned", "call.Call.raised", "call.Call._leave")
"""Functions that put the context back, so that a failure leaves it to whoever is outside: a step, a cell."""
SHOWING = "usage_chunk."
"""Where a failure shows the user the chunk that he allowed us to ask for, or has us not ask."""

_NUMBERS = itertools.count()


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, swallow: Any, tmp_path: Path) -> Iterator[User]:
    """Give a user whose calls are recorded, on the disk too."""
    with at_work(monkeypatch, tmp_path) as working:
        yield working


@contextmanager
def at_work(monkeypatch: pytest.MonkeyPatch, path: Path, *, provider: Any = None) -> Generator[User]:
    monkeypatch.setattr(journal, "INTERVAL_S", 3600)  # written when the test says
    made: list[Any] = []
    gc.collect()
    gc.disable()  # what a collection ends comes through functions of ours too, in one run and not in the next
    with users(provider) if provider is not None else nullcontext(), noting(monkeypatch, made), Session() as session:
        session.open_journal(path, notebook="faults")
        working = User(session, made)
        try:
            yield working
        finally:
            working.close()
            session.close_journal()
            gc.enable()


def run(user: User, use: Use, by: Reached | Fault | None = None) -> tuple[Any, int]:
    """Make a use in a step and have what it left encoded, and with a tracer written; gives the step's trace too."""
    text = f"{next(_NUMBERS)} is a text that was never seen before. " * 8  # or nothing would be new to the store
    with user.session.span("around").input(text):
        trace_id = trace.get_current_span().get_span_context().trace_id
        with traced(by) if by is not None else nullcontext():
            seen = use(user)
    with traced(by) if by is not None else nullcontext(), _guard.guard("store"):
        user.session.store.settle()
    if by is not None:
        assert user.session.journal is not None
        with traced(by), _guard.guard("journal"):
            user.session.journal.flush()
    return seen, trace_id


def told(session: Session) -> dict[int, list[Any]]:
    """Give what was recorded and has ended, by trace, without what differs from run to run."""
    found = spans(session)
    names = {span["id"]: span["name"] for span in found}
    varying = {*VARYING, semconv.ATTEMPT_WAIT, semconv.ATTEMPTS_WAIT, semconv.ATTEMPTS_RATE_LIMITED}
    varying |= {semconv.DUPLICATE_OF, semconv.ALSO_SEEN_AS, semconv.ALSO_SAID, semconv.INPUT_VALUE}
    traces: dict[int, list[Any]] = {}
    for span in found:
        if not span["running"]:
            traces.setdefault(span["trace"], []).append({
                **{key: span[key] for key in ("name", "status", "message")},
                "parent": names.get(span["parent"]),
                "attributes": {key: value for key, value in span["attributes"].items() if key not in varying},
            })  # fmt: skip
    return traces


def reached(user: User, some: tuple[Use, ...]) -> dict[CodeType, None]:
    """Give the functions of ours that uses come through when they are made once more."""
    found = Reached()
    for use in some:
        run(user, use)
        run(user, use, found)
    return found.functions


def reached_each_time(user: User, use: Use, known: dict[CodeType, None]) -> list[CodeType]:
    """Give the functions that a use comes through each time and that are not known: the store has work now and then."""
    again = reached(user, (use,))
    return [one for one in reached(user, (use,)) if one in again and one not in known]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_a_failure_reaches_no_user(use: Use, user: User, caplog: pytest.LogCaptureFixture) -> None:
    known = reached(user, USES[: USES.index(use)])
    every_fault(user, use, reached_each_time(user, use, known), caplog)


def test_a_failure_beside_a_provider_of_the_users(
    user: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = reached(user, USES)
    user.session.stop()
    provider, _ = exporting()
    with at_work(monkeypatch, tmp_path / "shared", provider=provider) as sharing:
        for use in USES:
            functions = reached_each_time(sharing, use, known)
            every_fault(sharing, use, functions, caplog)
            known |= dict.fromkeys(functions)
    provider.shutdown()
    user.session.start()


def every_fault(user: User, use: Use, functions: list[CodeType], caplog: pytest.LogCaptureFixture) -> None:
    """Have each function fail once; nothing but the span at hand may suffer, and the log says so."""
    expected, first = run(user, use)
    wrong: list[str] = []
    runs: list[tuple[str, int, int]] = []
    guarded = [one for one in functions if not name_of(one).startswith((*IN_PLACE, *MAKING))]
    for function in guarded:
        caplog.clear()
        _guard.failures.clear()
        fault, name = Fault(function, Injected), name_of(function)
        seen, at_hand = run(user, use, fault)
        said = [record.getMessage() for record in caplog.records]
        again, after = run(user, use)
        facts = {
            "is not seen": name.startswith(SHOWING) or seen == (*expected[:2], name not in LEAVING),
            "is said once": len(said) == len(_guard.failures) == fault.happened,
            "is said in plain words": all("your call is not affected" in one and "injected" not in one for one in said),
            "is over": again == expected,
        }
        wrong += [f"{name}: {fact}" for fact, holds in facts.items() if not holds]
        runs += [(name, at_hand, after)] if fault.happened else []
    traces = told(user.session)
    recorded = traces[first]
    wrong += [f"{name}: leaves what comes after" for name, _, after in runs if traces[after] != recorded]
    wrong += [f"{name}: costs one span" for name, at, _ in runs if lost(traces.get(at, []), recorded) > 1]
    assert wrong == []
    missed = len(guarded) - len(runs)
    assert missed <= max(1, len(guarded) // 10), "functions that were reached before are reached no more"


def lost(left: list[Any], recorded: list[Any]) -> int:
    """Say how many spans are missing; with a call go its attempts, which are made with its end."""
    calls = [[one for one in some if not one["name"].startswith("attempt")] for some in (left, recorded)]
    return len(calls[1]) - len(calls[0])


@pytest.mark.parametrize("use", CALLS, ids=lambda use: use.__name__)
def test_an_interrupt_anywhere_in_a_call_is_the_users_and_harms_no_later_call(use: Use, user: User) -> None:
    expected, first = run(user, use)
    wrong: list[str] = []
    after: list[tuple[str, int]] = []
    found, journaled = Reached(), user.session.journal
    assert journaled is not None
    journaled.flush()  # or nobody would have to be told that there is more to write
    with user.session.span("interrupted"), traced(found):
        use(user)
    for function in found.functions:
        fault, name = Fault(function, KeyboardInterrupt), name_of(function)
        if name == "call.Call.__del__":  # of which the interpreter says that it ignored the interrupt
            continue
        journaled.flush()
        with pytest.raises(KeyboardInterrupt), user.session.span("interrupted"), traced(fault):
            use(user)
            assert fault.happened, name
        seen, trace_id = run(user, use)
        wrong += [f"{name}: is over"] if seen != expected else []
        after.append((name, trace_id))
    traces = told(user.session)
    wrong += [f"{name}: leaves what comes after" for name, trace_id in after if traces[trace_id] != traces[first]]
    assert wrong == []
    assert not _guard.failures
