"""What the user's sampler drops and his limits cut is stored all the same."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from nbtrace import Session, semconv
from nbtrace._trace.provider import below
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans
from tests.trace.conftest import Ask, exporting, users


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(ALWAYS_OFF)])
def test_what_the_users_sampler_drops_is_stored_all_the_same(sampler: Any, ask: Ask) -> None:
    provider, memory = exporting(sampler=sampler)
    with users(provider), Session() as session:
        with provider.get_tracer("user").start_as_current_span("step"):
            ask()
        assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]
    assert memory.get_finished_spans() == ()


def test_what_the_user_makes_below_a_span_that_the_sampler_drops_is_dropped_too() -> None:
    provider, memory = exporting(sampler=ParentBased(ALWAYS_OFF))
    with users(provider), Session() as session:
        cell = session.tracing.start("cell [1]", attributes={})
        inside = below(cell)
        provider.get_tracer("user").start_span("step", inside).end()
        session.tracing.end(session.tracing.start("chat m", attributes={}, context=inside), dict)
        session.tracing.end(cell, dict)
    assert memory.get_finished_spans() == ()
    assert [(span["name"], span["running"]) for span in spans(session)] == [("chat m", False), ("cell [1]", False)]


def test_limits_of_the_environment_do_not_cut_what_is_stored(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    for name in ("OTEL_", "OTEL_SPAN_"):
        monkeypatch.setenv(f"{name}ATTRIBUTE_COUNT_LIMIT", "1")
        monkeypatch.setenv(f"{name}ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    with Session() as session:
        ask("x" * 1000)
    private = only(session)
    provider, memory = exporting()
    with users(provider), Session() as session:
        ask("x" * 1000)
    assert len(memory.get_finished_spans()[0].attributes or {}) == 1
    assert only(session) == private
    assert private[semconv.INPUT_MESSAGES][0]["parts"][0]["content"] == "x" * 1000
    assert private[semconv.REQUEST_MODEL] == "m"


def test_limits_of_the_users_provider_do_not_cut_what_is_stored(session: Session, ask: Ask) -> None:
    ask("x" * 1000)
    private = only(session)
    session.stop()
    provider, _ = exporting(span_limits=SpanLimits(max_span_attributes=2, max_span_attribute_length=5))
    with users(provider), Session() as shared:
        ask("x" * 1000)
    assert only(shared) == private


def test_attempts_that_the_users_sampler_drops_are_stored_all_the_same(server: Loopback) -> None:
    replies = iter([Reply({}, status=500), Reply(completion())])
    server.reply = lambda _: next(replies)
    provider, memory = exporting(sampler=ALWAYS_OFF)
    with (
        users(provider),
        Session() as session,
        openai.OpenAI(base_url=server.url, api_key="x", max_retries=1) as client,
    ):
        client.chat.completions.create(model="m", messages=[])
    names = {span["id"]: span["name"] for span in spans(session)}
    assert [(span["name"], names.get(span["parent"]), span["running"]) for span in spans(session)] == [
        ("attempt 1", "chat m", False),
        ("attempt 2", "chat m", False),
        ("chat m", None, False),
    ]
    assert memory.get_finished_spans() == ()
