"""A call that two instrumentations see is one call in every total."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span

from nbtrace import Session
from nbtrace._query.totals import summarize
from nbtrace._trace import duplicates
from tests.capture.loopback import HELLO, Loopback, Reply
from tests.capture.reading import spans
from tests.conftest import CountingIds
from tests.trace.conftest import Ask, exporting, users

LLM = {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 9}
"""What another instrumentation says of the same call."""


def sent(text: str) -> dict[str, Any]:
    """Give what says that a text was sent."""
    return {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": text}


HELLO_SENT = sent("Say hello.")
"""What `ask` sends."""


@contextmanager
def beside(provider: TracerProvider, **attributes: Any) -> Generator[Any]:
    """Make a span of another instrumentation that does not become the current one, as LangChain's do not."""
    span = provider.get_tracer("other").start_span("other", attributes=attributes)
    yield span
    span.end()


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    made, _ = exporting(id_generator=CountingIds())
    with users(made):
        yield made


@pytest.fixture
def shared(provider: TracerProvider) -> Iterator[Session]:
    with Session(ids=CountingIds()) as running:
        yield running


def around(provider: TracerProvider, **attributes: Any) -> AbstractContextManager[Any]:
    """Make a span of another instrumentation the current one."""
    given = {key.replace("__", "."): value for key, value in attributes.items()}
    return provider.get_tracer("other").start_as_current_span("other", attributes=given)


def seen(session: Session) -> dict[int, tuple[Any, ...]]:
    """Give of each span: its operation, its type, whose call it repeats."""
    return {
        span["id"]: tuple(
            span["attributes"].get(key)
            for key in ("gen_ai.operation.name", "nbtrace.span.type", "nbtrace.duplicate_of")
        )
        for span in spans(session)
    }


def calls(session: Session) -> tuple[int, int | None]:
    total = summarize(session.store.snapshot())
    return total.calls, total.input_tokens


CALL = ("chat", None, None)


def repeats(span_id: int) -> tuple[Any, ...]:
    return (None, "chain", f"{span_id:016x}")


def test_another_span_right_around_ours_with_the_same_model(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with around(provider, **LLM):
        ask()
        assert calls(shared)[0] == 1
    assert seen(shared) == {1: repeats(2), 2: CALL}
    assert calls(shared) == (1, 9)
    other = next(span["attributes"] for span in spans(shared) if span["id"] == 1)
    assert other == LLM | {
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 9,
        "nbtrace.duplicate.operation": "chat",
        "nbtrace.duplicate_of": "0000000000000002",
        "nbtrace.span.type": "chain",
    }


def test_another_span_far_around_ours_with_the_same_response(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with around(provider, gen_ai__operation__name="chat", gen_ai__request__model="router") as outer:
        with shared.span("step"):
            response = ask()
        outer.set_attribute("gen_ai.response.id", response.id)
    assert seen(shared) == {1: repeats(3), 2: (None, "chain", None), 3: CALL}
    assert calls(shared) == (1, 9)


def test_two_other_spans_around_ours_both_repeat_it(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, **LLM) as outer, around(provider, **LLM):
        outer.set_attribute("gen_ai.response.id", ask().id)
    assert seen(shared) == {1: repeats(3), 2: repeats(3), 3: CALL}


def test_of_two_other_spans_the_inner_one_has_the_call(shared: Session, provider: TracerProvider) -> None:
    with around(provider, **LLM), around(provider, **LLM | {"llm.model_name": "openai/m"}):
        pass
    assert seen(shared) == {1: repeats(2), 2: CALL}
    assert calls(shared) == (1, 9)


def test_another_span_inside_ours_repeats_it(shared: Session, provider: TracerProvider) -> None:
    given = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    ours = shared.tracing.start("chat m", attributes=given)
    with use_span(ours, end_on_exit=True), around(provider, **LLM):
        pass
    assert seen(shared) == {2: repeats(1), 1: CALL}


def test_a_stream_of_ours_that_outlives_the_span_around_it(
    shared: Session, provider: TracerProvider, server: Loopback, ask: Ask
) -> None:
    server.reply = Reply(chunks=HELLO)
    with around(provider, **LLM):
        stream = ask(stream=True)
    assert seen(shared) == {1: repeats(2), 2: CALL}
    list(stream)
    assert seen(shared) == {1: repeats(2), 2: CALL}


def test_calls_that_only_look_alike_are_calls(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, **LLM | {"llm.model_name": "another"}):
        ask()
    with around(provider, **LLM):
        pass
    with around(provider, **LLM, **sent("Something else.")), shared.span("step"):
        ask()
    assert set(seen(shared).values()) == {CALL, (None, "chain", None)}
    assert calls(shared)[0] == 5


def test_the_same_response_id_later_is_another_call(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, openinference__span__kind="CHAIN"):
        response = ask()
        with around(provider, **LLM, gen_ai__response__id=response.id):
            pass
    assert seen(shared) == {1: (None, "chain", None), 2: CALL, 3: CALL}


def test_of_spans_around_each_other_all_repeat_ours(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, **LLM), around(provider, **LLM), around(provider, openinference__span__kind="LLM"):
        ask()
    assert seen(shared) == {1: repeats(4), 2: repeats(4), 3: repeats(4), 4: CALL}


@pytest.mark.parametrize("said", [{}, HELLO_SENT], ids=["without content", "with content"])
def test_another_span_beside_ours(shared: Session, provider: TracerProvider, ask: Ask, said: dict[str, Any]) -> None:
    with around(provider, openinference__span__kind="CHAIN"), beside(provider, **LLM, **said):
        ask()
    assert seen(shared) == {1: (None, "chain", None), 2: repeats(3), 3: CALL}


def test_another_span_in_another_trace(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with beside(provider, **LLM, **HELLO_SENT):
        ask()
    with beside(provider, **LLM) as late:
        late.set_attribute("gen_ai.response.id", ask().id)
    assert seen(shared) == {1: repeats(2), 2: CALL, 3: repeats(4), 4: CALL}
    assert calls(shared) == (2, 18)


def test_calls_of_the_same_at_once_are_repeated_by_a_span_each(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with beside(provider, **LLM, **HELLO_SENT), beside(provider, **LLM, **HELLO_SENT):
        ask()
        ask()
    assert seen(shared) == {1: repeats(3), 2: repeats(4), 3: CALL, 4: CALL}


def test_spans_beside_ours_that_are_not_of_its_call(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with shared.span("step"):
        with beside(provider, **LLM):
            pass
        with beside(provider, **LLM, **sent("Something else.")), beside(provider, **LLM | {"llm.model_name": "n"}):
            ask()
        with beside(provider, **LLM, **HELLO_SENT), beside(provider, **LLM, **HELLO_SENT):
            ask()
        with beside(provider, **{"openinference.span.kind": "EMBEDDING", "embedding.model_name": "m"}):
            ask()
    assert list(seen(shared).values()).count(CALL) == 7
    assert calls(shared)[0] == 8


def test_calls_that_were_forgotten_have_no_duplicates(
    shared: Session, provider: TracerProvider, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "LIMIT", 0)
    with around(provider, **LLM):
        ask()
    assert seen(shared) == {1: CALL, 2: CALL}
