"""Where spans are made: beside the user's tracing, never instead of it, and complete whatever its settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanProcessor, TracerProvider
from opentelemetry.trace import StatusCode

from nbtrace import Session, semconv
from nbtrace._trace.provider import Tracing, below
from tests.capture.loopback import HELLO, Loopback, Reply
from tests.capture.reading import only, spans
from tests.conftest import CountingIds
from tests.trace.conftest import Ask, exporting, users

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

CONTENT = {
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.PROMPT_TEMPLATE,
    semconv.CELL_SOURCE,
    semconv.TOOL_DEFINITIONS,
}


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    def started(self, span: ReadableSpan) -> None:
        self.told.append(("started", span.name, {}))

    def progressed(self, span: ReadableSpan, detail: Any) -> None:
        self.told.append(("progressed", span.name, detail()))

    def ended(self, span: ReadableSpan, detail: Any) -> None:
        self.told.append(("ended", span.name, detail() if detail else {}))


def processors(provider: Any) -> tuple[Any, ...]:
    return provider._active_span_processor._span_processors


def test_the_global_provider_is_never_set(session: Session, ask: Ask) -> None:
    ask()
    assert trace._TRACER_PROVIDER is None  # pyright: ignore[reportPrivateUsage]
    assert not session.tracing.shared


def test_without_a_provider_of_the_users_spans_are_private(session: Session, ask: Ask) -> None:
    ask()
    (span,) = spans(session)
    assert (span["trace"], span["id"], span["parent"]) == (1, 1, None)
    (row,) = session.spans().table.select(["resource", "scope"]).to_pylist()
    assert '"service.name","value":{"stringValue":"notebook"}' in row["resource"]
    scope = json.loads(row["scope"])
    assert [attribute["key"] for attribute in scope.pop("attributes")] == [semconv.RECORDING_ID]
    assert scope == {"name": "nbtrace", "version": "0.1.0", "schemaUrl": semconv.SCHEMA_URL}


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "notebook"),
        ({"JPY_SESSION_NAME": "/home/me/My study.ipynb"}, "My study"),
        ({"JPY_SESSION_NAME": "/a.ipynb", "OTEL_SERVICE_NAME": "mine"}, "mine"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs,team=a"}, "theirs"),
    ],
)
def test_the_service_is_named_after_the_notebook(
    environment: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("JPY_SESSION_NAME", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    span = Tracing(Kept(), version="1").start("x", attributes={})
    assert span.resource.attributes["service.name"] == name
    assert span.resource.attributes.get("team") == ("a" if name == "theirs" else None)


def test_the_users_exporter_sees_the_call_without_its_content(ask: Ask) -> None:
    provider, memory = exporting()
    with users(provider), Session() as session:
        prompt = session.prompt("greet", "Greet {name}.")
        with provider.get_tracer("user").start_as_current_span("step"):
            ask(prompt.format(name="Ada"), temperature=0, tools=[{"type": "function", "function": {"name": "f"}}])
    call, step = memory.get_finished_spans()
    assert call.parent is not None
    assert step.context is not None
    assert (call.name, call.parent.span_id) == ("chat m", step.context.span_id)
    assert {key: value for key, value in (call.attributes or {}).items() if key != semconv.SERVER_PORT} == {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "openai",
        semconv.REQUEST_MODEL: "m",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.RESPONSE_ID: "chatcmpl-1",
        semconv.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
        semconv.RESPONSE_FINISH_REASONS: ("stop",),
        semconv.USAGE_INPUT_TOKENS: 9,
        semconv.USAGE_OUTPUT_TOKENS: 3,
        semconv.USAGE_STATE: "reported",
    }
    assert "Ada" not in call.to_json()
    assert "Hello" not in call.to_json()
    stored = {span["name"]: span for span in spans(session)}
    assert stored["chat m"]["attributes"].keys() >= CONTENT - {semconv.CELL_SOURCE}
    assert stored["chat m"]["parent"] == stored["step"]["id"]


def test_the_users_exporter_sees_a_stream_without_its_content(server: Loopback, ask: Ask) -> None:
    provider, memory = exporting()
    server.reply = Reply(chunks=HELLO)
    with users(provider), Session():
        list(ask("Ada?", stream=True))
    (call,) = memory.get_finished_spans()
    assert call.attributes is not None
    assert (call.attributes[semconv.STREAM_OUTCOME], call.attributes[semconv.USAGE_OUTPUT_TOKENS]) == ("exhausted", 3)
    assert ("Ada" in call.to_json(), "Hel" in call.to_json()) == (False, False)


def test_the_users_exporter_does_not_see_what_an_error_says(server: Loopback, ask: Ask) -> None:
    def fail(session: Session) -> list[tuple[Any, ...]]:
        with pytest.raises(openai.BadRequestError):
            ask("Ada?")
        with pytest.raises(ValueError, match="Ada"), session.span("step"):
            message = "the answer was: Ada"
            raise ValueError(message)
        session.stop()
        return [(span["name"], span["status"], span["message"]) for span in spans(session)]

    server.reply = Reply({"error": {"message": "cannot read: Ada?"}}, status=400)
    with Session() as session:
        private = fail(session)
    provider, memory = exporting()
    with users(provider), Session() as session:
        assert fail(session) == private
    assert [message for *_, message in private if message] == [
        "Error code: 400 - cannot read: Ada?",
        "the answer was: Ada",
    ]
    exported = memory.get_finished_spans()
    assert len(exported) == len(private)
    assert {(span.status.status_code, span.status.description) for span in exported} == {(StatusCode.ERROR, None)}
    assert [span.name for span in exported if "Ada" in span.to_json()] == []


def test_spans_of_others_reach_the_store() -> None:
    provider, _ = exporting()
    with users(provider), Session() as session:
        tracer = provider.get_tracer("theirs", "2.0")
        with tracer.start_as_current_span("outer", attributes={"a": 1}):
            tracer.start_span("open")
    assert [(span["name"], span["running"], span["attributes"]) for span in spans(session)] == [
        ("outer", False, {"a": 1}),
        ("open", True, {}),
    ]


def test_threads_that_meet_a_new_provider_together_attach_once(session: Session) -> None:
    barrier, second, met = threading.Barrier(8), threading.Barrier(8), threading.local()

    class Met(TracerProvider):
        @property
        def add_span_processor(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            if not hasattr(met, "already"):
                met.already = True
                barrier.wait(20)
            return super().add_span_processor

        def get_tracer(self, *_: Any, **__: Any) -> Any:
            with suppress(threading.BrokenBarrierError):
                second.wait(0.5)  # in vain, if they come one by one
            return super().get_tracer("nbtrace")

    provider = Met(shutdown_on_exit=False)
    with users(provider):
        running = [threading.Thread(target=session.tracing.attach) for _ in range(barrier.parties)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    assert len(processors(provider)) == 1


def test_a_closed_tracing_never_comes_back(session: Session) -> None:
    provider, _ = exporting()
    tracing = session.tracing
    session.stop()
    with users(provider):
        tracing.end(tracing.start("late", attributes={}), dict)
    assert len(processors(provider)) == 1


def test_a_span_that_is_running_when_its_session_stops_still_ends() -> None:
    provider, memory = exporting()
    with users(provider), Session() as session:
        tracing = session.tracing
        span = tracing.start("chat m", attributes={})
        session.stop()
        tracing.end(span, lambda: {"late": True})
    assert [(span["name"], span["running"], span["attributes"]) for span in spans(session)] == [
        ("chat m", False, {"late": True})
    ]
    assert len(memory.get_finished_spans()) == 1


def test_a_provider_set_later_is_followed(session: Session, ask: Ask) -> None:
    ask("one")
    provider, memory = exporting()
    with users(provider):
        ask("two")
        assert session.tracing.shared
        other, others_memory = exporting()
    with users(other):
        ask("three")
    assert processors(provider) == processors(provider)[:1]
    assert [len(spans(session)), *(len(kept.get_finished_spans()) for kept in (memory, others_memory))] == [3, 1, 1]


@pytest.mark.parametrize("active", [None, ConcurrentMultiSpanProcessor])
def test_closing_leaves_the_users_provider_as_it_was(active: Callable[[], Any] | None, ask: Ask) -> None:
    made = active() if active else None
    provider, memory = exporting(active_span_processor=made)
    before = processors(provider)
    with users(provider), Session() as session:
        assert len(processors(provider)) == len(before) + 1
        session.tracing.attach()
        ask()
        assert len(processors(provider)) == len(before) + 1
        session.stop()
        assert processors(provider) == before
        provider.get_tracer("user").start_span("later").end()
        ask()
    assert len(spans(session)) == 1
    assert [span.name for span in memory.get_finished_spans()] == ["chat m", "later"]
    if made is not None:
        made.shutdown()


def test_a_provider_without_processors_is_left_alone(ask: Ask) -> None:
    with users(trace.NoOpTracerProvider()), Session() as session:
        ask()
        assert not session.tracing.shared
    assert len(spans(session)) == 1


def test_the_store_outlives_the_users_provider(ask: Ask) -> None:
    provider, _ = exporting()
    with users(provider), Session() as session:
        ask()
        provider.shutdown()
        assert len(spans(session)) == 1


def test_attributes_are_inherited_below_a_span_only() -> None:
    from opentelemetry import context as otel_context

    sink = Kept()
    tracing = Tracing(sink, version="1", ids=CountingIds())
    cell = tracing.start("cell", attributes={"cell": 1})
    inside = below(cell, inherit={"inherited": "yes"})
    child = tracing.start("child", attributes={"own": 1}, context=inside)
    token = otel_context.attach(inside)
    grandchild = tracing.start("grandchild", attributes={}, context=below(child))
    otel_context.detach(token)
    outside = tracing.start("outside", attributes={})
    tracing.close()
    assert [dict(span.attributes or {}) for span in (cell, child, grandchild, outside)] == [
        {"cell": 1},
        {"own": 1, "inherited": "yes"},
        {"inherited": "yes"},
        {},
    ]
    assert (child.parent, grandchild.parent) == (cell.get_span_context(), child.get_span_context())


def test_a_provider_that_cannot_start_spans_leaves_the_call_alone(
    ask: Ask, swallow: Callable[[], dict[str, int]]
) -> None:
    class Broken(TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> Any:
            message = "broken"
            raise RuntimeError(message)

    with Session() as session, users(Broken(shutdown_on_exit=False)):
        assert [ask().id, ask().id] == ["chatcmpl-1", "chatcmpl-1"]
        assert len(session.spans()) == 2
    assert swallow() == {"trace: RuntimeError": 1}


def test_a_disabled_sdk_stops_exporters_and_not_the_notebook() -> None:
    script = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
import nbtrace, openai
from tests.capture.loopback import HELLO, Loopback, Reply, completion
if {users}:
    trace.set_tracer_provider(TracerProvider())
with Loopback(Reply(chunks=HELLO)) as server, nbtrace.Session() as session:
    with openai.OpenAI(base_url=server.url, api_key="x") as client:
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        print(len(list(stream)), len(session.spans()))
"""
    for users_ in (False, True):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script.format(users=users_)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OTEL_SDK_DISABLED": "true", "PYTHONPATH": "."},
        )
        assert (done.stdout.strip(), done.stderr) == ("5 1", "")


@pytest.mark.parametrize("broken", ["on_start", "on_end"])
def test_a_processor_of_the_users_that_fails_leaves_the_call_alone(
    broken: str, ask: Ask, swallow: Callable[[], dict[str, int]]
) -> None:
    class Broken(SpanProcessor):
        pass

    def fail(*_: Any, **__: Any) -> None:
        message = "broken"
        raise RuntimeError(message)

    setattr(Broken, broken, fail)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken())
    with users(provider), Session() as session:
        assert ask().id == "chatcmpl-1"
    assert only(session)[semconv.USAGE_INPUT_TOKENS] == 9
    assert swallow() == {"trace: RuntimeError": 1}


def test_a_provider_replaced_during_a_call_keeps_the_call(server: Loopback, ask: Ask) -> None:
    server.reply = Reply(chunks=HELLO)
    (before, _), (after, _) = exporting(), exporting()
    with users(before), Session() as session:
        stream = ask(stream=True)
        with users(after):
            ask("another", stream=True).close()
            list(stream)
    assert [(span["running"], span["attributes"][semconv.STREAM_OUTCOME]) for span in spans(session)] == [
        (False, "closed"),
        (False, "exhausted"),
    ]
