"""The user's own steps: spans around calls, as context managers and decorators of all kinds of functions."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import openai
import pytest
from inline_snapshot import snapshot

import nbtrace
from nbtrace import Session, _guard, semconv
from nbtrace._capture import plain
from nbtrace.errors import UsageError
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import spans, told


def test_steps_nest_and_keep_what_they_are_given(session: Session) -> None:
    with session.span("research", kind="agent", team="a") as agent:
        with session.span("library", kind="retrieval") as found:
            found.query("spans").documents([{"id": "7", "score": 0.9, "content": "text"}, "plain"])
        with session.span("add", kind="tool") as tool:
            tool.input({"a": 1}).output(2)
        with session.span("safe", kind="guardrail") as guardrail:
            guardrail.set(verdict="pass")
        with session.span("vectors", kind="embedding"), session.span("step"):
            pass
        agent.input("question").output("answer").set(steps=3)
    assert told(session) == snapshot(
        {
            "retrieval library": {
                "parent": "invoke_agent research",
                "status": "unset",
                "gen_ai.operation.name": "retrieval",
                "gen_ai.data_source.id": "library",
                "gen_ai.retrieval.query.text": "spans",
                "gen_ai.retrieval.documents": '[{"id":"7","score":0.9,"content":"text"},{"content":"plain"}]',
            },
            "execute_tool add": {
                "parent": "invoke_agent research",
                "status": "unset",
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "add",
                "gen_ai.tool.call.arguments": '{"a":1}',
                "gen_ai.tool.call.result": "2",
            },
            "safe": {
                "parent": "invoke_agent research",
                "status": "unset",
                "nbtrace.span.type": "guardrail",
                "nbtrace.step.name": "safe",
                "verdict": "pass",
            },
            "step": {
                "parent": "vectors",
                "status": "unset",
                "nbtrace.span.type": "chain",
                "nbtrace.step.name": "step",
            },
            "vectors": {
                "parent": "invoke_agent research",
                "status": "unset",
                "nbtrace.span.type": "embedding",
                "nbtrace.step.name": "vectors",
            },
            "invoke_agent research": {
                "parent": None,
                "status": "unset",
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "research",
                "team": "a",
                "steps": 3,
                "input.value": "question",
                "output.value": "answer",
            },
        }
    )


@pytest.mark.parametrize(
    ("kind", "operation", "shown"),
    [
        ("chain", "chat", "llm"),
        ("chain", None, "chain"),
        ("embedding", "embeddings", "embedding"),
        ("guardrail", "chat", "guardrail"),
    ],
)
def test_a_step_that_names_an_operation_is_that_one(
    kind: Any, operation: str | None, shown: str, session: Session
) -> None:
    named = {} if operation is None else {semconv.OPERATION_NAME: operation}
    with session.span("ask", kind=kind, **named):
        pass
    assert session.spans()[0].type == shown


def test_a_step_around_a_call_of_embeddings_is_no_second_call(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
    server.reply = Reply({"data": [vector], "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}})

    @session.span(kind="embedding")
    def embedded(text: str) -> list[float]:
        return client.embeddings.create(model="m", input=text).data[0].embedding

    embedded("Ada")
    (totals,) = session.metrics().table.to_pylist()
    assert (totals["calls"], totals["input_tokens"], totals["unknown_usage"]) == (1, 2, 0)
    assert [span.type for span in session.spans(kind="embedding")] == ["embedding", "embedding"]


class Document:
    """As LangChain has it."""

    def __init__(self, text: str) -> None:
        self.id, self.page_content, self.metadata = "7", text, {"page": 2}


class Node:
    """As LlamaIndex has it."""

    node_id, score, text, metadata = "n", np.float32(0.25), "node", dict[str, str]()


def test_a_function_that_searches_has_found_documents(session: Session) -> None:
    @session.span(kind="retrieval")
    def searched(query: str, *, found: Any) -> Any:
        return found

    @session.span(kind="retrieval")
    async def searched_async(query: str, *, found: Any) -> Any:
        return found

    found = [{"id": "1", "score": 0.5}, (Document("text"), 0.75), Node(), ("plain", 1), 7]
    assert searched("spans", found=found) is found
    assert asyncio.run(searched_async("spans", found=found)) is found
    searched("which of the two", found="no list")
    first, second, third = session.spans()
    said = [
        {"id": "1", "score": 0.5},
        {"id": "7", "content": "text", "metadata": {"page": 2}, "score": 0.75},
        {"id": "n", "score": 0.25, "content": "node"},
        {"content": "plain", "score": 1.0},
        {"content": "7"},
    ]
    assert first.documents == second.documents == said
    assert [span.attributes.get(semconv.RETRIEVAL_QUERY) for span in (first, second, third)] == ["spans", "spans", None]
    assert third.attributes[semconv.OUTPUT_VALUE] == "no list"


def test_an_error_is_the_users_and_on_the_span(session: Session) -> None:
    with pytest.raises(KeyError), session.span("fails"):
        raise KeyError("sk-abcdefghijklmnopqrstuvwx")
    assert told(session)["fails"] == snapshot(
        {
            "parent": None,
            "status": "error",
            "nbtrace.span.type": "chain",
            "error.type": "builtins.KeyError",
            "nbtrace.step.name": "fails",
        }
    )


def test_a_decorated_function_is_what_it_was(session: Session) -> None:
    @session.span("f", kind="tool")
    def f(a: int, *rest: int, b: int = 2) -> int:
        """Add."""
        return a + sum(rest) + b

    @session.span("co")
    async def co(a: int) -> int:
        await asyncio.sleep(0)
        return a

    assert (f.__name__, f.__doc__, str(inspect.signature(f))) == (
        "f", "Add.", "(a: 'int', *rest: 'int', b: 'int' = 2) -> 'int'",
    )  # fmt: skip
    assert f(1, 2, b=3) == 6
    assert inspect.iscoroutinefunction(co)
    assert asyncio.run(co(5)) == 5
    with pytest.raises(TypeError, match="missing"):
        f()  # type: ignore[call-arg]
    found = spans(session)
    assert [(one["name"], one["status"]) for one in found] == [
        ("execute_tool f", "unset"), ("co", "unset"), ("execute_tool f", "error"),
    ]  # fmt: skip
    assert found[0]["attributes"][semconv.TOOL_CALL_ARGUMENTS] == '{"a":1,"rest":[2],"b":3}'
    assert found[0]["attributes"][semconv.TOOL_CALL_RESULT] == "6"


def test_a_recursive_and_concurrent_function_makes_a_span_each_time(session: Session) -> None:
    @session.span("down")
    def down(n: int) -> int:
        return down(n - 1) + 1 if n else 0

    @session.span("side")
    async def side(n: int) -> None:
        await asyncio.sleep(0)
        with session.span(f"in {n}"):
            await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(side(1), side(2))

    assert down(3) == 3
    asyncio.run(both())
    found = spans(session)
    assert [one["name"] for one in found].count("down") == 4
    parents = {one["id"]: one["parent"] for one in found}
    inner = [one for one in found if one["name"].startswith("in ")]
    assert len({parents[one["id"]] for one in inner}) == 2


async def test_methods_of_every_form_keep_it(session: Session) -> None:
    class Tools:
        @session.span("plain", kind="tool")
        def plain(self, a: int) -> int:
            return a

        @session.span("inner static", kind="tool")
        @staticmethod
        def inner_static(a: int) -> int:
            return a

        @staticmethod
        @session.span("outer static", kind="tool")
        def outer_static(a: int) -> int:
            return a

        @session.span("inner class", kind="tool")
        @classmethod
        def inner_class(cls, a: int) -> tuple[str, int]:
            return cls.__name__, a

        @classmethod
        @session.span("outer class", kind="tool")
        async def outer_class(cls, a: int) -> tuple[str, int]:
            return cls.__name__, a

        @session.span("stream", kind="tool")
        async def stream(self, a: int) -> AsyncGenerator[int]:
            yield a

    tools = Tools()
    assert (tools.plain(1), tools.inner_static(2), Tools.outer_static(3)) == (1, 2, 3)
    assert (tools.inner_class(4), await Tools.outer_class(5)) == (("Tools", 4), ("Tools", 5))
    assert [one async for one in tools.stream(6)] == [6]
    assert inspect.iscoroutinefunction(Tools.outer_class)
    assert inspect.isasyncgenfunction(tools.stream)
    assert str(inspect.signature(Tools.inner_class)) == "(a: 'int') -> 'tuple[str, int]'"
    given = {one["name"]: one["attributes"][semconv.TOOL_CALL_ARGUMENTS] for one in spans(session)}
    names = ("plain", "inner static", "outer static", "inner class", "outer class", "stream")
    assert given == {f"execute_tool {name}": f'{{"a":{number}}}' for number, name in enumerate(names, 1)}


async def test_an_async_block_is_one_too(session: Session) -> None:
    with pytest.raises(KeyError):
        async with session.span("outer") as outer:
            outer.input("in")
            async with session.span("inner"):
                await asyncio.sleep(0)
            raise KeyError
    found = told(session)
    assert (found["inner"]["parent"], found["inner"]["status"]) == ("outer", "unset")
    assert (found["outer"]["status"], found["outer"]["input.value"]) == ("error", "in")


def test_a_step_that_is_entered_again_begins_anew(session: Session) -> None:
    step = session.span("step")
    with step:
        step.input("first")
    with step:
        step.output("second")
    keys = (semconv.INPUT_VALUE, semconv.OUTPUT_VALUE)
    assert [[one["attributes"].get(key) for key in keys] for one in spans(session)] == [
        ["first", None], [None, "second"],
    ]  # fmt: skip


def test_without_a_recording_session_a_step_does_nothing() -> None:
    session = Session()

    @session.span("f")
    def f(x: int) -> int:
        return x

    with session.span("block") as step:
        assert step.input(1).set(a=1) is step
        assert f(1) == 1
    assert len(session.spans()) == 0


def test_steps_of_a_program_go_to_the_session_that_records() -> None:
    @nbtrace.span("search", kind="tool")
    def search() -> int:
        return nbtrace.guard(lambda text: True, name="any")("x") == "x"

    with Session() as session:
        search()
        session.enabled = False
        search()
    search()
    assert [one.name for one in session.spans()] == ["any", "execute_tool search"]


def test_a_step_without_a_name_takes_its_functions_and_as_a_block_is_refused(session: Session) -> None:
    class Tools:
        @nbtrace.span(kind="tool")
        @staticmethod
        def search() -> str:
            return "found"

    @nbtrace.span()
    def answer() -> str:
        return Tools.search()

    assert (answer(), answer.__name__) == ("found", "answer")
    assert [one.name for one in session.spans()] == ["execute_tool search", "answer"]
    nameless: Any = nbtrace.span(kind="tool")
    with pytest.raises(UsageError, match=r"give it one: with nbtrace.span\('search', kind='tool'\)"), nameless:
        pass
    assert len(session.spans()) == 2


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"unknown kind of span 'tol'; did you mean 'tool'\? expected one of: chain, tool"
    ):
        nbtrace.span("x", kind="tol")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_arguments_are_kept_without_being_walked_into(session: Session) -> None:
    class Socket:
        def __repr__(self) -> str:
            return "<socket " + "x" * 1000 + ">"

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    @dataclasses.dataclass
    class Point:
        x: int
        y: Any

    loop: list[Any] = []
    loop.append(loop)
    assert plain.text(Point(1, {2})) == '{"x":1,"y":[2]}'
    assert plain.text(b"abc") == '"<3 bytes>"'
    assert plain.text(Socket()) == '"<socket … [1001 more characters]"'
    assert plain.text(range(2)) == '"range(0, 2)"'
    assert plain.text(list(range(202))).endswith(',199,"… 2 more"]')
    assert plain.text({n: n for n in range(201)}).endswith('"199":199,"…":"1 more"}')
    assert plain.text(loop) == "[" * 8 + '"[[...]]"' + "]" * 8
    assert plain.text("y" * 100_001).endswith("y… [1 more characters]")


def test_an_argument_that_cannot_be_shown_harms_nobody(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    @session.span("f")
    def f(x: object) -> object:
        return x

    monkeypatch.setattr(_guard, "reraise", False)
    monkeypatch.setattr(_guard, "failures", type(_guard.failures)())
    broken = Broken()
    assert f(broken) is broken
    assert [key.split(" at ")[0] for key in _guard.failures] == ["capture: RuntimeError"]
    assert told(session)["f"]["status"] == "unset"
