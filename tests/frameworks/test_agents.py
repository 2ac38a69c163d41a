"""pydantic-ai and openai-agents on the local model and the scripted server, without and with what instruments them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace

from nbtrace import Session
from tests.frameworks.conftest import MAJOR, Activate, answers, calls, kept, outline
from tests.frameworks.scripted import Scripted

if MAJOR != 3:
    pytest.skip("these are in the environment of openai 3", allow_module_level=True)

import agents
import pydantic_ai
from pydantic_ai.capabilities import Instrumentation
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

pytestmark = pytest.mark.filterwarnings("default")

OPENINFERENCE = "openinference-instrumentation-openai-agents"
OTEL = "opentelemetry-instrumentation-genai-openai-agents"

TOOL = [("weather", '{"city":"Oslo"}', "sunny in Oslo")]


def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


def used(session: Session) -> list[tuple[Any, ...]]:
    """Give each tool's name, its arguments and what it gave."""
    keys = ("name", "call.arguments", "call.result")
    found: list[list[Any]] = [[one.get(f"gen_ai.tool.{key}") for key in keys] for one in kept(session, "execute_tool")]
    return [(name, given.replace(" ", ""), result) for name, given, result in found]


def drawn(session: Session, lines: list[str], *, tokens: bool) -> None:
    assert outline(session, tokens=tokens) == ["step: chain", *(f"  {line}" for line in lines)]


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[openai.AsyncOpenAI]:
    """Give a client of the server that a test asks for."""
    request.getfixturevalue("model" if "model" in request.fixturenames else "server")
    async with openai.AsyncOpenAI(timeout=60) as made:
        yield made


def helper(model: Any, *, instrumented: bool, **more: Any) -> pydantic_ai.Agent:
    """Make an agent of pydantic-ai, whose own instrumentation writes to the global provider, if there is one."""
    settings = pydantic_ai.InstrumentationSettings(tracer_provider=trace.get_tracer_provider())
    capabilities = [Instrumentation(settings)] if instrumented else []
    return pydantic_ai.Agent(model, name="helper", capabilities=capabilities, **more)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("instrumented", [False, True], ids=["alone", "instrumented"])
async def test_pydantic_ai_on_the_local_model(
    instrumented: bool, streamed: bool, model: str, client: openai.AsyncOpenAI, session: Session
) -> None:
    chosen = OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client))
    agent = helper(chosen, instrumented=instrumented, model_settings={"max_tokens": 8})
    with session.span("step"):
        if streamed:
            async with agent.run_stream("Say hello.") as result:
                answer = [text async for text in result.stream_text()][-1]
        else:
            result = await agent.run("Say hello.")
            answer = result.output
    assert calls(session) == (1, result.usage.input_tokens, result.usage.output_tokens)
    assert answer in answers(session)
    around = ["invoke_agent helper: agent", f"  chat {model}: llm"]
    seen = instrumented and session.tracing.shared
    drawn(session, around if seen else [f"chat {model}: llm"], tokens=False)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", [OpenAIChatModel, OpenAIResponsesModel])
@pytest.mark.parametrize("instrumented", [False, True], ids=["alone", "instrumented"])
async def test_pydantic_ai_with_a_tool(
    instrumented: bool, kind: Any, streamed: bool, server: Scripted, client: openai.AsyncOpenAI, session: Session
) -> None:
    chosen = kind("m", provider=OpenAIProvider(openai_client=client))
    agent = helper(chosen, instrumented=instrumented, tools=[weather])
    with session.span("step"):
        if streamed:
            async with agent.run_stream("Weather in Oslo?") as result:
                answer = await result.get_output()
        else:
            answer = (await agent.run("Weather in Oslo?")).output
    assert answer == "Hello!"
    assert calls(session) == (2, 18, 6)
    call = "  chat m: llm 9.0 > 3.0"
    around = ["invoke_agent helper: agent", call, "  execute_tool weather: tool", call]
    seen = instrumented and session.tracing.shared
    drawn(session, around if seen else ["chat m: llm 9.0 > 3.0"] * 2, tokens=True)
    assert used(session) == (TOOL if seen else [])


@pytest.fixture
def unexported() -> Iterator[None]:
    """Keep openai-agents from sending its own traces to OpenAI."""
    agents.set_trace_processors([])
    yield
    agents.set_trace_processors([])


TREES = {
    None: ["chat {model}: llm"],
    OPENINFERENCE: [
        "Agent workflow: agent",
        "  Agent workflow: chain",
        "    helper: agent",
        "      turn: chain",
        "        chat {model}: llm",
    ],
    OTEL: ["invoke_workflow Agent workflow: chain", "  invoke_agent helper: agent", "    chat {model}: llm"],
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TREES)
async def test_openai_agents_on_the_local_model(
    name: str | None, streamed: bool, model: str, client: openai.AsyncOpenAI, session: Session, activate: Activate
) -> None:
    activate(*([name] if name else []))
    settings = agents.ModelSettings(max_tokens=8, include_usage=True)
    chosen = agents.OpenAIChatCompletionsModel(model, client)
    agent = agents.Agent("helper", model=chosen, model_settings=settings)
    with session.span("step"):
        if streamed:
            result: Any = agents.Runner.run_streamed(agent, "Say hello.")
            [event async for event in result.stream_events()]
        else:
            result = await agents.Runner.run(agent, "Say hello.")
    spent = result.context_wrapper.usage
    assert calls(session) == (1, spent.input_tokens, spent.output_tokens)
    assert result.final_output in answers(session)
    drawn(session, [line.format(model=model) for line in TREES[name]], tokens=False)


TURN = ["      turn: chain", "        chat m: llm 9.0 > 3.0"]
WITH_A_TOOL = {
    None: ["chat m: llm 9.0 > 3.0"] * 2,
    OPENINFERENCE: [*TREES[OPENINFERENCE][:3], *TURN, "        weather: tool", *TURN],
    OTEL: [
        *TREES[OTEL][:2],
        "    chat m: llm 9.0 > 3.0",
        "    execute_tool weather: tool",
        "    chat m: llm 9.0 > 3.0",
    ],
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", [agents.OpenAIChatCompletionsModel, agents.OpenAIResponsesModel])
@pytest.mark.parametrize("name", WITH_A_TOOL)
async def test_openai_agents_with_a_tool(
    name: str | None,
    kind: Any,
    streamed: bool,
    server: Scripted,
    client: openai.AsyncOpenAI,
    session: Session,
    activate: Activate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    activate(*([name] if name else []))
    agent = agents.Agent("helper", model=kind("m", client), tools=[agents.function_tool(weather)])
    with session.span("step"):
        if streamed:
            result: Any = agents.Runner.run_streamed(agent, "Weather in Oslo?")
            [event async for event in result.stream_events()]
        else:
            result = await agents.Runner.run(agent, "Weather in Oslo?")
    assert result.final_output == "Hello!"
    assert calls(session) == (2, 18, 6)
    drawn(session, WITH_A_TOOL[name], tokens=True)
    assert used(session) == (TOOL if name else [])
