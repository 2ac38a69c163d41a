"""A call that two instrumentations see is one span, and one call in every total."""

from __future__ import annotations

import json
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context, use_span

from nbtrace import Session
from nbtrace._trace import ended_calls
from tests.capture.loopback import HELLO, Loopback, Reply
from tests.capture.reading import spans
from tests.trace.conftest import Ask
from tests.trace.duplicates import (
    CALL,
    GIVEN,
    HELLO_SENT,
    LLM,
    OWN,
    SEVERAL,
    STEP,
    around,
    beside,
    calls,
    parents,
    said,
    seen,
    seen_as,
    sent,
    users_of,
)


def test_another_span_right_around_ours_with_the_same_model(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with around(provider, **LLM):
        ask()
        assert calls(shared)[0] == 1
    assert seen(shared) == {2: seen_as(1)}
    assert parents(shared) == {2: None}
    assert calls(shared) == (1, 9)
    (span,) = spans(shared)
    assert LLM.items() <= span["attributes"].items()
    assert span["attributes"]["nbtrace.also_seen_by"] == ["other"]
    (told,) = json.loads(span["attributes"]["nbtrace.also_said"])
    assert (told.pop("duration_ns"), told.pop("start_time_unix_nano")) > (0, 0)
    assert told == {"span_id": "0000000000000001", "scope": "other", "name": "other"}


def test_another_span_far_around_ours_with_the_same_response(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with around(provider, gen_ai__operation__name="chat", gen_ai__request__model="router") as outer:
        with shared.span("step"):
            response = ask()
        outer.set_attributes({"gen_ai.response.id": response.id, "gen_ai.response.model": "m"})
    assert seen(shared) == {2: STEP, 3: seen_as(1)}
    assert parents(shared) == {2: None, 3: 2}
    assert calls(shared) == (1, 9)


def test_two_other_spans_around_ours_both_repeat_it(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, **LLM) as outer, around(provider, **LLM):
        outer.set_attribute("gen_ai.response.id", ask().id)
    assert seen(shared) == {3: seen_as(1, 2)}
    assert parents(shared) == {3: None}


def test_of_two_other_spans_the_inner_one_has_the_call(shared: Session, provider: TracerProvider) -> None:
    with around(provider, **LLM), around(provider, **LLM | {"llm.model_name": "openai/m"}):
        pass
    assert seen(shared) == {2: seen_as(1)}
    assert calls(shared) == (1, 9)


def test_another_span_inside_ours_repeats_it(shared: Session, provider: TracerProvider) -> None:
    given = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    ours = shared.tracing.start("chat m", attributes=given)
    with use_span(ours), around(provider, **LLM), shared.span("below"):
        pass
    assert seen(shared) == {1: seen_as(2), 3: STEP}
    shared.tracing.end(ours, dict)
    assert seen(shared) == {1: seen_as(2), 3: STEP}
    assert parents(shared) == {1: None, 3: 1}


def test_a_stream_of_ours_that_outlives_the_span_around_it(
    shared: Session, provider: TracerProvider, server: Loopback, ask: Ask
) -> None:
    server.reply = Reply(chunks=HELLO)
    with around(provider, **LLM):
        stream = ask(stream=True)
    assert seen(shared) == {2: seen_as(1)}
    list(stream)
    assert seen(shared) == {2: seen_as(1)}


def test_calls_that_only_look_alike_are_calls(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, **LLM | {"llm.model_name": "another"}):
        ask()
    with around(provider, **LLM):
        pass
    with around(provider, **LLM, **sent("Something else.")), shared.span("step"):
        ask()
    assert set(seen(shared).values()) == {CALL, STEP}
    assert calls(shared)[0] == 5


def test_the_same_response_id_later_is_another_call(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, openinference__span__kind="CHAIN"):
        response = ask()
        with around(provider, **LLM, gen_ai__response__id=response.id):
            pass
    assert seen(shared) == {1: STEP, 2: CALL, 3: CALL}


def test_of_spans_around_each_other_all_repeat_ours(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, **LLM), around(provider, **LLM), around(provider, openinference__span__kind="LLM"):
        ask()
    assert seen(shared) == {4: seen_as(1, 2, 3)}


@pytest.mark.parametrize("said", [{}, HELLO_SENT], ids=["without content", "with content"])
def test_another_span_beside_ours(shared: Session, provider: TracerProvider, ask: Ask, said: dict[str, Any]) -> None:
    with around(provider, openinference__span__kind="CHAIN"), beside(provider, **LLM, **said):
        ask()
    assert seen(shared) == {1: STEP, 3: seen_as(2)}
    assert parents(shared) == {1: None, 3: 1}


def test_another_span_in_another_trace(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with beside(provider, **LLM, **HELLO_SENT):
        ask()
    with beside(provider, **LLM) as late:
        late.set_attribute("gen_ai.response.id", ask().id)
    assert seen(shared) == {2: seen_as(1), 4: seen_as(3)}
    assert calls(shared) == (2, 18)


def test_calls_of_the_same_at_once_are_repeated_by_a_span_each(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with shared.span("step"), beside(provider, **LLM, **HELLO_SENT), beside(provider, **LLM, **HELLO_SENT):
        ask()
        ask()
    assert seen(shared) == {1: STEP, 4: seen_as(3), 5: seen_as(2)}


def test_the_tree_says_more_than_a_response_that_all_have(shared: Session, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("other")
    root = set_span_in_context(tracer.start_span("root"))
    others = [
        tracer.start_span("other", root, attributes={**LLM, "gen_ai.response.id": "r", "theirs": str(number)})
        for number in SEVERAL
    ]
    ours = [
        shared.tracing.start("chat m", attributes={**GIVEN, "mine": str(number)}, context=set_span_in_context(other))
        for number, other in enumerate(others)
    ]
    for one in ours:
        shared.tracing.end(one, partial(said, "Say hello.", "r"))
    for one in others:
        one.end()
    assert users_of(shared) == OWN


def test_a_response_of_another_model_is_of_another_call(shared: Session, provider: TracerProvider, ask: Ask) -> None:
    with around(provider, openinference__span__kind="CHAIN"), beside(provider, **LLM | {"llm.model_name": "n"}) as one:
        one.set_attribute("gen_ai.response.id", ask().id)
    assert seen(shared) == {1: STEP, 2: CALL, 3: CALL}


def test_a_span_around_several_calls_repeats_none_of_them_and_counts_nothing(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with around(provider, **LLM, tenant="ada"):
        for _ in SEVERAL:
            ask()
            with around(provider, openinference__span__kind="TOOL"):
                pass
    calls_seen = {span["id"]: span for span in spans(shared) if "gen_ai.operation.name" in span["attributes"]}
    own = next(span for span in spans(shared) if span["id"] == 1)
    assert own["attributes"]["nbtrace.duplicate.operation"] == "chat"
    assert seen(shared)[1] == STEP
    assert [span["parent"] for span in calls_seen.values() if span["id"] % 2 == 0] == [1] * len(SEVERAL)
    assert not [span for span in spans(shared) if "tenant" in span["attributes"] and span["id"] != 1]
    assert calls(shared) == (len(SEVERAL), 9 * len(SEVERAL))


def test_who_is_interrupted_while_spans_are_marked_is_told_the_same_again(
    shared: Session, provider: TracerProvider, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with shared.span("step"), beside(provider, **LLM, **HELLO_SENT):
        ask()
        shared.store.settle()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("nbtrace._store.encode.encode", interrupt)
        shared.snapshot()
    assert seen(shared) == {1: STEP, 3: seen_as(2)}


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
    assert [one[0] for one in seen(shared).values()].count("chat") == 7
    assert calls(shared)[0] == 8


def test_calls_that_were_forgotten_have_no_duplicates(
    shared: Session, provider: TracerProvider, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_calls, "LIMIT", 0)
    with around(provider, **LLM):
        ask()
    assert seen(shared) == {1: CALL, 2: CALL}


@pytest.mark.parametrize("order", [*permutations(("ours", "around", "inside"))])
@pytest.mark.parametrize("meanwhile", ["nothing", "looks", "writes"])
def test_in_whatever_order_they_end_they_are_one_span_here_and_in_the_journal(
    order: tuple[str, ...], meanwhile: str, shared: Session, provider: TracerProvider, tmp_path: Path
) -> None:
    shared.open_journal(tmp_path, notebook="study.ipynb")
    assert shared.journal is not None
    act = {"nothing": lambda: None, "looks": lambda: calls(shared), "writes": shared.journal.flush}[meanwhile]
    tracer, given = provider.get_tracer("other"), {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    with shared.span("step"):
        around = tracer.start_span("around", attributes=LLM)
        with use_span(around):
            ours = shared.tracing.start("chat m", attributes=dict(given))
            below = tracer.start_span("below")
        with use_span(ours):
            inside = tracer.start_span("inside", attributes={**given, "note": "kept"})
        below.end()
        for name in order:
            act()
            if name == "ours":
                shared.tracing.end(ours, dict)
            else:
                {"around": around, "inside": inside}[name].end()
    act()
    expected = {1: (STEP, None), 3: (seen_as(2, 5), 1), 4: ((None, None, None), 1)}
    assert {one: (what, parents(shared)[one]) for one, what in seen(shared).items()} == expected
    assert len(shared.store) == len(expected)
    path = shared.journal.directory / shared.journal.manifest.id
    shared.close_journal()
    again = Session()
    again.resume(path)
    assert {one: (what, parents(again)[one]) for one, what in seen(again).items()} == expected
    assert {one["id"]: one for one in spans(again)} == {one["id"]: one for one in spans(shared)}
