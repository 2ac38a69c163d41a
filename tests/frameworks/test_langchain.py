"""LangChain on the local model and the scripted server: without an instrumentor, and with each of the three."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbtrace import Session
from tests.capture.conftest import HTTP
from tests.frameworks.conftest import MAJOR, Activate, answers, calls, kept, outline
from tests.frameworks.scripted import Scripted

if MAJOR != 3:
    pytest.skip("LangChain is in the environment of openai 3", allow_module_level=True)

from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

pytestmark = pytest.mark.filterwarnings("default")

OPENINFERENCE = "openinference-instrumentation-langchain"
OTEL = "opentelemetry-instrumentation-genai-langchain"
TRACELOOP = "opentelemetry-instrumentation-langchain"


def chain(model: str) -> Any:
    prompt = ChatPromptTemplate.from_messages([("user", "Say {what}.")])
    return prompt | ChatOpenAI(model=model, temperature=0, max_completion_tokens=8, stream_usage=True)


def agent(http: Any) -> Any:
    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"sunny in {city}"

    return create_agent(ChatOpenAI(model="m", http_async_client=http), [weather])


SAY: Any = {"what": "hello"}
ASK: Any = {"messages": [("user", "Weather in Oslo?")]}

TREES = {
    None: ["chat smollm2-135m: llm"],
    OPENINFERENCE: [
        "RunnableSequence: chain",
        "  ChatPromptTemplate: chain",
        "  chat smollm2-135m: llm",
    ],
    OTEL: [
        "invoke_workflow RunnableSequence: chain",
        "  chat smollm2-135m: llm",
    ],
    TRACELOOP: [
        "RunnableSequence.workflow: chain",
        "  execute_task ChatPromptTemplate: chain",
        "  chat smollm2-135m: llm",
    ],
}


AGENTS = {
    None: ["chat m: llm 9.0 > 3.0", "chat m: llm 9.0 > 3.0"],
    OPENINFERENCE: [
        "LangGraph: chain",
        "  model: chain",
        "    chat m: llm 9.0 > 3.0",
        "  tools: chain",
        "    weather: tool",
        "  model: chain",
        "    chat m: llm 9.0 > 3.0",
    ],
    OTEL: [
        "invoke_agent: agent",
        "  chat m: llm 9.0 > 3.0",
        "  execute_tool weather: tool",
        "  chat m: llm 9.0 > 3.0",
    ],
    TRACELOOP: [
        "invoke_agent LangGraph: agent",
        "  LangGraph.workflow: chain",
        "    execute_task model: chain",
        "      chat m: llm 9.0 > 3.0",
        "    execute_task tools: chain",
        "      execute_tool weather: tool",
        "    execute_task model: chain",
        "      chat m: llm 9.0 > 3.0",
    ],
}


def used(tool: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Give a tool's name, its arguments and what it gave; Traceloop keeps both in LangChain's own words."""
    name, given, result = (tool[f"gen_ai.tool.{key}"] for key in ("name", "call.arguments", "call.result"))
    if "input_str" in given:
        given = json.dumps(json.loads(given)["inputs"])
        result = json.loads(result)["output"]["kwargs"]["content"]
    return name, given.replace(" ", ""), result


def drawn(session: Session, lines: list[str], *, tokens: bool) -> None:
    assert outline(session, tokens=tokens) == ["step: chain", *(f"  {line}" for line in lines)]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TREES)
def test_a_chain_on_the_local_model(
    name: str | None, streamed: bool, model: str, session: Session, activate: Activate
) -> None:
    activate(*([name] if name else []))
    with session.span("step"):
        answer, *rest = chain(model).stream(SAY) if streamed else [chain(model).invoke(SAY)]
        for chunk in rest:
            answer += chunk
    used = answer.usage_metadata
    assert calls(session) == (1, used["input_tokens"], used["output_tokens"])
    assert answer.content in answers(session)
    drawn(session, TREES[name], tokens=False)


@pytest.mark.parametrize("name", AGENTS)
async def test_an_agent_with_a_tool(
    name: str | None, server: Scripted, session: Session, activate: Activate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    activate(*([name] if name else []))
    # LangChain's own client is one for all tests, and closes after 5 s what it has open in the loop of another test.
    async with HTTP.AsyncClient() as http:
        with session.span("step"):
            states = [state async for state in agent(http).astream(ASK)]
    assert states[-1]["model"]["messages"][0].content == "Hello!"
    assert calls(session) == (2, 18, 6)
    drawn(session, AGENTS[name], tokens=True)
    given = "Oslo" if name == OPENINFERENCE else '{"city":"Oslo"}'  # of one argument it says no name
    expected = [("weather", given, "sunny in Oslo")] if name else []
    assert [used(tool) for tool in kept(session, "execute_tool")] == expected


RETRIEVERS = {
    OPENINFERENCE: ["VectorStoreRetriever: retrieval", "embeddings e: embedding 9.0 > 0.0"],
    OTEL: ["retrieval: retrieval", "  embeddings e: embedding 9.0 > 0.0"],
    TRACELOOP: ["vector_db_retrieve VectorStoreRetriever: retrieval", "  embeddings e: embedding 9.0 > 0.0"],
}


@pytest.mark.parametrize("name", RETRIEVERS)
def test_a_retriever(
    name: str, server: Scripted, session: Session, activate: Activate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    embeddings = OpenAIEmbeddings(model="e", check_embedding_ctx_length=False)
    texts = InMemoryVectorStore.from_texts(["spans are", "traces are"], embeddings)
    activate(name)
    with session.span("step"):
        (found,) = texts.as_retriever(search_kwargs={"k": 1}).invoke("what are spans?")
    assert calls(session) == (2, 18, None)
    assert outline(session)[1:] == ["step: chain", *(f"  {line}" for line in RETRIEVERS[name])]
    (retrieval,) = kept(session, "retrieval")
    assert retrieval["gen_ai.retrieval.query.text"] == "what are spans?"
    (document,) = json.loads(retrieval["gen_ai.retrieval.documents"])
    expected = {"id": found.id, "score": None} if name == OTEL else {"content": "spans are"}  # it leaves out the text
    assert document == expected
