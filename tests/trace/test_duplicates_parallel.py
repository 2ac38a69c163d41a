"""Of parallel calls that look alike, each has what the span beside it says, or nobody has it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

import nbtrace
from nbtrace import Session, semconv
from nbtrace._trace import ended_calls
from tests.capture.reading import spans
from tests.trace.conftest import Ask
from tests.trace.duplicates import CALL, GIVEN, HELLO_SENT, LLM, OWN, SEVERAL, around, beside, said, seen, users_of


@pytest.mark.parametrize("responses", [None, "each its own", "all the same"])
@pytest.mark.parametrize("place", ["one trace", "traces of their own"])
@pytest.mark.parametrize("compared", [2, 1024])  # of those that have a span beside them already there may be more
def test_parallel_calls_of_one_prompt_are_repeated_by_the_spans_beside_them(
    compared: int, place: str, responses: str | None, shared: Session, provider: TracerProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ended_calls, "LOOK_BACK", compared)
    tracer, begun = provider.get_tracer("other"), list[tuple[Any, Any, str | None]]()
    root = tracer.start_span("root")
    for number in SEVERAL:
        response = {"each its own": f"r{number}", "all the same": "r", None: None}[responses]
        above = set_span_in_context(root if place == "one trace" else tracer.start_span("root"))
        more = {"gen_ai.response.id": response} if response else {}
        attributes = {**LLM, **HELLO_SENT, **more, "theirs": str(number)}
        other = tracer.start_span("other", context=above, attributes=attributes)
        ours = shared.tracing.start("chat m", attributes={**GIVEN, "mine": str(number)}, context=above)
        begun.append((other, ours, response))
    for number, (_, ours, response) in enumerate(begun):
        shared.tracing.end(ours, partial(said, "Say hello.", response))
        if number:  # the code around a call goes on when the next answer has come
            begun[number - 1][0].end()
    begun[-1][0].end()
    assert users_of(shared) == OWN


@pytest.mark.parametrize("bound", ["LOOK_BACK", "LIMIT"])
@pytest.mark.parametrize("order", [1, -1], ids=["first", "last"])
@pytest.mark.parametrize("responses", [None, "all the same"])
def test_of_more_parallel_calls_than_are_compared_none_has_the_data_of_another(
    responses: str | None, order: int, bound: str, shared: Session, provider: TracerProvider, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ended_calls, bound, 4)
    many, tracer, more = range(10), provider.get_tracer("other"), {"gen_ai.response.id": "r"} if responses else {}
    root = set_span_in_context(tracer.start_span("root"))
    others: list[Any] = []
    ours: list[Any] = []
    for number in many:
        others.append(tracer.start_span("other", root, attributes={**LLM, **HELLO_SENT, **more, "theirs": str(number)}))
        ours.append(shared.tracing.start("chat m", attributes={**GIVEN, "mine": str(number)}, context=root))
    for one in ours:
        shared.tracing.end(one, partial(said, "Say hello.", "r" if responses else None))
    for one in others[::order]:
        one.end()
    told = [*((str(number), None) for number in many), *((None, str(number)) for number in many[::order])]
    assert users_of(shared) == told
    doubts = [one.get(semconv.DUPLICATE_DOUBT) for one in (span["attributes"] for span in spans(shared))]
    assert [*map(bool, doubts)].count(True) == len(many)
    shared.export(tmp_path / "both.jsonl")
    back = nbtrace.open(tmp_path / "both.jsonl").spans(operation="chat")
    assert [semconv.DUPLICATE_DOUBT in one["attributes"] for one in back].count(True) == len(many)


def test_parallel_calls_in_other_traces_are_nobodys_but_for_the_only_one(
    shared: Session, provider: TracerProvider, ask: Ask
) -> None:
    with beside(provider, **LLM, **HELLO_SENT):
        ask()
        ask()
    with beside(provider, **LLM, **HELLO_SENT):
        with around(provider, openinference__span__kind="CHAIN"):  # where the call has its own, if any
            ask()
    assert list(seen(shared).values()).count(CALL) == 5
