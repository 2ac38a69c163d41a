"""Guards of the user's: what they stop, what they only say, what they fix, and that each run of one is a span."""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from pathlib import Path
from typing import Any

import openai
import pytest

from nbtrace import GuardrailError, NbtraceError, Session, _guard, guarding
from nbtrace._capture.call import Call
from nbtrace._capture.guardrails import Guard
from nbtrace.errors import UsageError
from tests.capture.loopback import Loopback, Reply, completion

OPTIONS: dict[str, Any] = {"api_key": "local", "max_retries": 0, "timeout": 20}


@pytest.fixture
def server() -> Any:
    with Loopback() as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Any:
    with openai.OpenAI(base_url=server.url, **OPTIONS) as made:
        yield made


def ask(client: openai.OpenAI, text: str, **options: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **options)


def no_badge(text: str) -> Any:
    return "ACME-" not in text, "a badge"


def guard(session: Session, function: Any, **how: Any) -> Guard:
    """Make a guard whose runs are spans of a session, as `nbtrace.guard` does of the default one."""
    return Guard(function, lambda name, known: session.span(name, kind="guardrail", **known), **how)


def runs(session: Session) -> list[tuple[Any, ...]]:
    names = ("name", "on", "action", "verdict")
    return [
        tuple(span.attributes.get(f"nbtrace.guardrail.{name}") for name in names)
        for span in (session.spans(kind="guardrail")[at] for at in range(len(session.spans(kind="guardrail"))))
    ]


def test_a_call_whose_input_does_not_pass_is_not_sent(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    badge = guard(session, no_badge, on="input")
    with guarding(badge):
        ask(client, "hello")
        with pytest.raises(GuardrailError, match=r"'no_badge' blocked the input of this call: a badge") as caught:
            ask(client, "I am ACME-1234")
    assert isinstance(caught.value, NbtraceError)
    assert (caught.value.rule, caught.value.on) == ("no_badge", "input")
    ask(client, "I am ACME-1234")  # outside of the block nobody looks
    assert len(server.received) == 2
    assert runs(session) == [("no_badge", "input", "block", "pass"), ("no_badge", "input", "block", "block")]
    span = session.spans(kind="guardrail")[1]
    assert (span.question, span.answer) == ("I am ACME-1234", "a badge")
    assert span.duration_ns > 0


def test_everything_that_is_sent_is_looked_at(session: Session, client: openai.OpenAI) -> None:
    seen: list[str] = []
    with guarding(guard(session, lambda text: seen.append(text) or True, on="input", name="look")):
        client.chat.completions.create(
            model="m",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
                {"role": "tool", "tool_call_id": "1", "content": "the result"},
            ],
        )  # fmt: skip
    assert len(seen) == 1
    assert all(part in seen[0] for part in ("Be brief.", "What is it?", '"a"', "the result"))


def test_an_answer_that_does_not_pass_does_not_come_back(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    server.reply = Reply(completion("You are ACME-1234."))
    with guarding(guard(session, no_badge)), pytest.raises(GuardrailError, match="blocked the output of this call"):
        ask(client, "who am I?")
    assert len(server.received) == 1
    call = session.spans(kind="llm")[0]
    assert (call.answer, call.status_code) == ("You are ACME-1234.", 0)
    assert [one[1:] for one in runs(session)] == [("input", "block", "pass"), ("output", "block", "block")]


def test_a_guard_that_warns_changes_nothing(session: Session, client: openai.OpenAI) -> None:
    with guarding(guard(session, no_badge, action="warn", on="input")):
        with pytest.warns(UserWarning, match="the guard 'no_badge' found the input wanting: a badge") as caught:
            answer = ask(client, "ACME-1")
    assert [Path(one.filename) for one in caught] == [Path(ask.__code__.co_filename)]  # the line that makes the call
    assert answer.choices[0].message.content
    assert runs(session) == [("no_badge", "input", "warn", "warn")]


@pytest.mark.filterwarnings("error:the guard")
def test_a_warning_that_is_an_error_sends_nothing_and_one_that_blocks_comes_first(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    warns = guard(session, no_badge, action="warn", on="input")
    with guarding(warns), pytest.raises(UserWarning, match="found the input wanting"):
        ask(client, "ACME-1")
    with guarding(warns, guard(session, no_badge, name="stop")), pytest.raises(GuardrailError, match="'stop' blocked"):
        ask(client, "ACME-1")
    assert server.received == []


@pytest.mark.filterwarnings("error")
def test_a_warning_of_ours_that_is_an_error_does_not_reach_the_call(
    session: Session, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_guard, "reraise", False)
    monkeypatch.setattr(Call, "__init__", lambda *_: warnings.warn("old", DeprecationWarning, stacklevel=1))
    assert ask(client, "hello").choices[0].message.content


def test_the_same_guards_may_be_entered_within_themselves(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    both = guarding(guard(session, no_badge, on="input"))
    with both:
        with both:
            pass
        with pytest.raises(GuardrailError):
            ask(client, "ACME-1")
    ask(client, "ACME-1")
    assert len(server.received) == 1


def test_what_is_embedded_is_looked_at_too(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    with guarding(guard(session, no_badge, on="input")):
        for given in ("ACME-1", ["fine", "ACME-1"]):
            with pytest.raises(GuardrailError, match="a badge"):
                client.embeddings.create(model="m", input=given)
    assert server.received == []


def test_a_guard_that_fixes_gives_another_text_and_never_changes_a_call(session: Session) -> None:
    clean = guard(session, lambda text: text.replace("ACME-1", "…"), action="fix", on="input", name="clean")
    assert (clean("I am ACME-1"), clean("I am Ada")) == ("I am …", "I am Ada")
    assert [one[3] for one in runs(session)] == ["fix", "pass"]
    assert session.spans(kind="guardrail")[0].answer == "I am …"
    with pytest.raises(UsageError, match="a call is never changed: call it with your text, as in text = clean"):
        guarding(clean)


def test_a_rule_that_raises_blocks_where_it_is_to_block_and_is_said_elsewhere(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    def broken(text: str) -> bool:
        raise KeyError(text)

    with guarding(guard(session, broken)), pytest.raises(GuardrailError, match="the rule raised KeyError") as caught:
        ask(client, "a")
    assert isinstance(caught.value.__cause__, KeyError)
    assert server.received == []
    with guarding(guard(session, broken, action="warn", on="input")):
        with pytest.warns(UserWarning, match="the guard 'broken' raised KeyError"):
            ask(client, "a")
    with pytest.raises(KeyError):
        guard(session, broken, action="fix")("a")
    with pytest.raises(TypeError, match="a guard gave int 7; expected a bool"):
        guard(session, lambda text: 7, action="warn", name="seven")("a")
    assert [one[3] for one in runs(session)] == ["failed"] * 4


def test_a_rule_that_forgets_to_return_lets_nothing_pass(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    def forgot(text: str) -> Any:
        assert text

    with guarding(guard(session, forgot, on="input")):
        with pytest.raises(GuardrailError, match=r"gave None; expected a bool.*: return True for a text that passes"):
            ask(client, "hello")
    assert server.received == []
    for given in (None, (None, "why")):
        with pytest.raises(TypeError, match="gave None"):
            guard(session, lambda _, given=given: given, action="fix", name="fix")("a")


def test_a_stream_is_looked_at_once_it_is_read(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply(chunks=[completion("ACME-1")])
    seen: list[object] = []
    with guarding(guard(session, no_badge, on="output")):
        with pytest.raises(GuardrailError, match="no_badge"):
            seen.extend(ask(client, "a", stream=True))
        assert len(seen) == 1
    with guarding(guard(session, no_badge, on="output", action="warn")):
        left = ask(client, "a", stream=True)
    with pytest.warns(UserWarning, match="no_badge"):  # read where it is not guarded any more
        list(left)
    assert [one[3] for one in runs(session)] == ["block", "warn"]


async def test_an_async_stream_is_looked_at_once_it_is_read(session: Session, server: Loopback) -> None:
    server.reply = Reply(chunks=[completion("ACME-1")])
    async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as client:
        with guarding(guard(session, no_badge, on="output")):
            asked: Any = {"model": "m", "messages": [{"role": "user", "content": "a"}], "stream": True}
            stream = await client.chat.completions.create(**asked)
            with pytest.raises(GuardrailError, match="no_badge"):
                [one async for one in stream]


def test_a_raw_body_is_not_guarded_and_says_so(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    with guarding(guard(session, no_badge, on="output")):
        with pytest.warns(UserWarning, match="read raw is not guarded: call no_badge with its text"):
            with client.chat.completions.with_streaming_response.create(**asked) as response:
                response.parse()


async def test_async_calls_threads_and_functions_are_guarded_and_what_a_guard_calls_is_not(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    def asks(text: str) -> bool:
        return bool(ask(client, f"is this good? {text}"))

    asking = guard(session, asks, on="input")

    @guarding(asking)
    async def work() -> None:
        async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as other:
            await other.chat.completions.create(model="m", messages=[{"role": "user", "content": "async"}])

    await work()
    with guarding(asking):
        thread = threading.Thread(target=ask, args=[client, "thread"])
        thread.start()
        thread.join()
    sent = [json.loads(one.body)["messages"][0]["content"] for one in server.received]
    assert sent == ["is this good? async", "async", "is this good? thread", "thread"]
    guards = {one["span_id"] for one in session.spans(kind="guardrail").table.to_pylist()}
    parents = [one["parent_span_id"] for one in session.spans(kind="llm").table.to_pylist()]
    assert sum(parent in guards for parent in parents) == 2


def test_how_guards_have_fared_is_a_table(session: Session) -> None:
    short = guard(session, lambda text: len(text) < 3, name="short", on="input")
    clean = guard(session, lambda text: text.upper(), action="fix", on="output", name="clean")
    for text in ("a", "b", "long"):
        try:
            short(text)
        except GuardrailError:
            clean(text)
    found = session.metrics(by="guardrail")
    assert found.table.drop_columns(["latency_p50_s", "latency_p95_s", "latency_p99_s"]).to_pylist() == [
        {"guardrail": "clean", "on": "output", "runs": 1, "passed": 0, "blocked": 0, "warned": 0, "fixed": 1,
         "failed": 0, "pass_rate": 0.0},
        {"guardrail": "short", "on": "input", "runs": 3, "passed": 2, "blocked": 1, "warned": 0, "fixed": 0,
         "failed": 0, "pass_rate": pytest.approx(2 / 3)},
    ]  # fmt: skip
    assert found["latency_p50_s"][0] == pytest.approx(session.spans(name="clean")[0].duration_ns / 1e9)
    assert len(session.metrics(session.spans(kind="llm"), by="guardrail")) == 0


async def test_nothing_is_guarded_in_vain(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    badge = guard(session, no_badge, on="input")
    guarded, aguarded = guarding(badge)(ask), guarding(badge)(asyncio.sleep)
    session.enabled = False
    words = "recording is paused, so no call would be guarded; %nbtrace on, or .* goes on"
    with pytest.raises(UsageError, match=words):
        guarded(client, "ACME-1")
    with pytest.raises(UsageError, match=words):
        await aguarded(0)
    session.stop()
    words = "nothing is being recorded, so no call would be guarded; %load_ext nbtrace, or in a script"
    with pytest.raises(UsageError, match=words), guarding(badge):
        ask(client, "ACME-1")
    assert server.received == []
    session.start()
    with pytest.raises(GuardrailError):
        guarded(client, "ACME-1")


def test_a_generator_whose_calls_nobody_would_look_at_is_refused(session: Session) -> None:
    def plain() -> Any:
        yield

    async def asynchronous() -> Any:
        yield

    for made in (plain, asynchronous):
        with pytest.raises(UsageError, match=r"no generator; in one, put `with nbtrace\.guarding\(\.\.\.\)` around"):
            guarding(guard(session, no_badge))(made)


def test_a_guard_itself_works_without_a_session_that_records() -> None:
    session = Session()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert guard(session, no_badge)("fine") == "fine"
    with pytest.raises(GuardrailError):
        guard(session, no_badge)("ACME-1")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"on": "sideways"}, "unknown side to guard"),
        ({"action": "shout"}, "unknown action of a guard"),
        ({"function": 7}, "a plain function of a text"),
    ],
)
def test_what_makes_no_guard_is_refused(how: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"function": no_badge} | how
    with pytest.raises(UsageError, match=message):
        guard(Session(), **given)
    with pytest.raises(UsageError, match=r"what nbtrace\.guard makes of a function"):
        guarding(no_badge)  # pyright: ignore[reportArgumentType]
