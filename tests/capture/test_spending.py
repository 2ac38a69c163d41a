"""Budgets: the next call is stopped before it is sent, and the running total is true."""

from __future__ import annotations

import asyncio
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import context as otel_context

from nbtrace import BudgetError, NbtraceError, Session
from nbtrace._capture.spending import Spending
from nbtrace._trace.provider import inheriting
from nbtrace.errors import UsageError
from tests.capture.conftest import OPTIONS
from tests.capture.loopback import HELLO, Loopback, Received, Reply, completion
from tests.trace.conftest import exporting, users

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}
MODEL = "gpt-4o-mini-2024-07-18"


@pytest.fixture
def priced(session: Session) -> Session:
    """Give a session in which a call of the scripted server costs a dollar."""
    session.prices[MODEL] = {"input_mtok": 100_000, "output_mtok": 100_000 / 3}
    return session


def test_the_next_call_is_stopped_before_it_is_sent(priced: Session, client: openai.OpenAI, server: Loopback) -> None:
    priced.budget(2.00)
    for _ in range(2):
        client.chat.completions.create(**ASK)
    with pytest.raises(BudgetError) as stopped:
        client.chat.completions.create(**ASK)
    assert isinstance(stopped.value, NbtraceError)
    assert str(stopped.value) == (
        "this call was not sent: the budget of $2.00 for the session is spent ($2.00 by 2 calls); a larger one lets it "
        "go, as `%nbtrace budget 4.00` or nbtrace.budget('4.00', per='session') set it, and `off` in place of the "
        "amount takes it away"
    )
    assert (len(server.received), len(priced.spans())) == (2, 2)
    assert repr(priced.budget()) == (
        "budget for the session: $2.00 of $2.00\n1 call was not sent because a budget was spent"
    )
    priced.budget(3.00)
    client.chat.completions.create(**ASK)
    priced.budget("off")
    client.chat.completions.create(**ASK)
    assert (len(server.received), priced.budget().total().calls) == (4, 3)


def test_what_was_spent_before_there_was_a_budget_counts_once(priced: Session, client: openai.OpenAI) -> None:
    client.chat.completions.create(**ASK)
    priced.budget("2 usd")
    priced.budget("$2")
    assert priced.budget().total().usd == pytest.approx(1)
    client.chat.completions.create(**ASK)
    with pytest.raises(BudgetError):
        client.chat.completions.create(**ASK)


def test_a_budget_in_tokens_holds_for_every_wire_and_sync_async_and_streams(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    session.budget("24 tokens")
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK, stream=True)
    assert session.budget().total().tokens == 0
    for _ in stream:
        pass
    assert session.budget().total().tokens == 12
    said = {"type": "message", "role": "assistant", "content": [], "model": "m", "id": "1"}
    server.reply = Reply({**said, "usage": {"input_tokens": 9, "output_tokens": 3}})
    asked: Any = {"model": "m", "max_tokens": 3, "messages": ASK["messages"]}
    with anthropic.Anthropic(base_url=server.url, api_key="local", max_retries=0) as other:
        other.messages.create(**asked)
        assert session.budget().total().tokens == 24
        with pytest.raises(
            BudgetError, match=r"the budget of 24 tokens for the session is spent \(24 tokens by 2 calls"
        ):
            other.messages.create(**asked)
    with pytest.raises(BudgetError):
        client.embeddings.create(model="e", input="Hi")
    with pytest.raises(BudgetError):
        client.with_raw_response.chat.completions.create(**ASK)

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as asynchronous:
            await asynchronous.chat.completions.create(**ASK, stream=True)

    with pytest.raises(BudgetError):
        asyncio.run(ask())
    client.models.list()  # costs nothing
    assert len(server.received) == 3


def test_calls_at_the_same_time_go_beyond_by_no_more_than_those_in_flight(priced: Session, server: Loopback) -> None:
    width, together = 4, threading.Barrier(4)

    def answer(_: Received) -> Reply:
        together.wait(20)
        return Reply(completion())

    server.reply = answer
    priced.budget(2.00)

    def ask(_: int) -> bool:
        with openai.OpenAI(base_url=server.url, **OPTIONS) as client:
            try:
                client.chat.completions.create(**ASK)
            except BudgetError:
                return False
        return True

    with ThreadPoolExecutor(width) as pool:
        sent = list(pool.map(ask, range(width))) + list(pool.map(ask, range(10)))
    assert (sum(sent), len(server.received), priced.budget().stopped) == (width, width, 10)
    assert priced.budget().total().usd == pytest.approx(width)


def test_at_four_fifths_there_is_one_warning(
    priced: Session, client: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    priced.budget(5.00)
    for _ in range(5):
        client.chat.completions.create(**ASK)
    assert [record.message for record in caplog.records] == ["$4.00 of the budget of $5.00 for the session is spent"]


def test_what_has_no_price_is_said_and_never_taken_for_nothing(
    session: Session, client: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    session.budget(2.00)
    for _ in range(2):
        client.chat.completions.create(**ASK)
    (record,) = caplog.records
    assert f"cannot count the calls of {MODEL}, which has no price here" in record.message
    assert repr(session.budget()) == "budget for the session: $0.00 of $2.00, 2 uncounted"


def test_a_refused_request_costs_nothing_and_a_lost_one_is_unknown(
    priced: Session, client: openai.OpenAI, server: Loopback
) -> None:
    priced.budget("100 tokens")
    server.reply = Reply({"error": {"message": "no"}}, status=400)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**ASK)
    assert repr(priced.budget()) == "budget for the session: 0 tokens of 100 tokens"
    with openai.OpenAI(base_url="http://127.0.0.1:1/v1", **OPTIONS) as lost, pytest.raises(openai.APIConnectionError):
        lost.chat.completions.create(**ASK)
    assert repr(priced.budget()) == "budget for the session: 0 tokens of 100 tokens, 1 uncounted"


def test_a_retried_call_counts_once(priced: Session, server: Loopback) -> None:
    replies = iter([Reply({"error": {}}, status=429, headers={"retry-after-ms": "1"}), Reply(completion())])
    server.reply = lambda _: next(replies)
    priced.budget("12 tokens")
    with openai.OpenAI(base_url=server.url, api_key="local", max_retries=2) as client:
        client.chat.completions.create(**ASK)
        total = priced.budget().total()
        assert (total.calls, total.tokens, len(server.received)) == (1, 12, 2)
        with pytest.raises(BudgetError):
            client.chat.completions.create(**ASK)


def test_each_run_of_a_cell_has_its_own(priced: Session, client: openai.OpenAI) -> None:
    priced.budget(1.00, per="cell")
    client.chat.completions.create(**ASK)  # of no cell, which the budget is not for
    client.chat.completions.create(**ASK)
    for run in (1, 2):
        token = otel_context.attach(inheriting({"nbtrace.cell.id": "a", "nbtrace.cell.run": run}))
        client.chat.completions.create(**ASK)
        with pytest.raises(BudgetError, match=r"the budget of \$1.00 for the cell is spent"):
            client.chat.completions.create(**ASK)
        assert priced.budget().line({"nbtrace.cell.id": "a", "nbtrace.cell.run": run}) == [
            "budget of the cell $1.00 of $1.00"
        ]
        otel_context.detach(token)
    assert repr(priced.budget()).splitlines()[0] == "budget for each cell: $1.00"


def test_a_budget_holds_on_a_tracer_provider_of_the_users_and_outside_of_the_sample(
    client: openai.OpenAI, server: Loopback
) -> None:
    with users(exporting()[0]), Session() as session:
        session.gate.rate = 0.0
        session.budget("12 tokens")
        client.chat.completions.create(**ASK)
        with pytest.raises(BudgetError):
            client.chat.completions.create(**ASK)
    assert len(server.received) == 1


def test_a_budget_that_would_not_hold_is_refused(priced: Session) -> None:
    priced.budget("1 token")
    priced.enabled = False
    with pytest.raises(UsageError, match="recording is paused, so no call would be counted or stopped; %nbtrace on"):
        priced.budget(2.00)
    assert repr(priced.budget()) == (
        "budget for the session: 0 tokens of 1 token\n"
        "no budget holds now: recording is paused (%nbtrace on, or nbtrace.session().enabled = True, goes on)"
    )
    with pytest.raises(UsageError, match="another session is recording, so no call would be counted"):
        Session().budget(2.00)
    priced.stop()
    with pytest.raises(UsageError, match=r"nothing is being recorded, so no .*; %load_ext nbtrace, or in a script"):
        priced.budget(2.00)
    assert repr(priced.budget("off")).startswith("no budget is set")


def test_small_amounts_are_worded_as_costs_are(
    session: Session, client: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    session.prices[MODEL] = {"input_mtok": 1.2, "output_mtok": 0.4}  # 12 millionths a call
    session.budget(0.00001)
    client.chat.completions.create(**ASK)
    assert caplog.messages == ["$0.000012 of the budget of $0.000010 for the session is spent"]
    with pytest.raises(BudgetError, match=r"as `%nbtrace budget 0\.000024` or"):
        client.chat.completions.create(**ASK)
    assert repr(session.budget("off")) == (
        "no budget is set; nbtrace.budget(2.00) or %nbtrace budget 2.00 sets one\n"
        "1 call was not sent because a budget was spent"
    )


@pytest.mark.parametrize("given", ["two", "-1", "2 euros", "$5 tokens", "", True, [2], "1e3", -1.0, math.nan, math.inf])
def test_what_is_no_amount_is_refused(session: Session, given: Any) -> None:
    with pytest.raises(UsageError, match="expected US dollars such as"):
        session.budget(given)
    assert session.budget().limits == {}


def test_a_budget_is_for_something_that_there_is(session: Session) -> None:
    with pytest.raises(UsageError, match="unknown thing to have a budget 'day'; expected one of: session, cell, sweep"):
        session.budget(2, per="day")  # pyright: ignore[reportArgumentType] - a user's mistake


def test_without_a_budget_nothing_is_counted(
    priced: Session, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Spending, "allow", lambda _: asked.append("allow"))
    monkeypatch.setattr(Spending, "ended", lambda *_: asked.append("ended"))
    client.chat.completions.create(**ASK)
    assert asked == []
