"""LlamaIndex on the local model and the scripted server: without an instrumentor, and with each of the two."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from nbtrace import Session
from tests.frameworks.conftest import MAJOR, Activate, answers, calls, kept, outline
from tests.frameworks.scripted import Scripted

if MAJOR != 2:
    pytest.skip("LlamaIndex is in the environment of openai 2", allow_module_level=True)

from llama_index.core import Document, MockEmbedding, VectorStoreIndex, set_global_tokenizer  # pyright: ignore[reportMissingImports]
from llama_index.core.agent.workflow import FunctionAgent  # pyright: ignore[reportMissingImports]
from llama_index.core.llms import ChatMessage  # pyright: ignore[reportMissingImports]
from llama_index.llms.openai_like import OpenAILike  # pyright: ignore[reportMissingImports]

pytestmark = pytest.mark.filterwarnings("default")

OPENINFERENCE = "openinference-instrumentation-llama-index"
TRACELOOP = "opentelemetry-instrumentation-llamaindex"


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """See unclosed clients of LlamaIndex's off here."""
    set_global_tokenizer(str.split)  # its own would be fetched
    yield
    gc.collect()


def llm(model: str, url: str) -> Any:
    window: dict[str, Any] = {"max_tokens": 8, "context_window": 8000, "is_function_calling_model": True}
    return OpenAILike(model=model, api_base=url, api_key="local", is_chat_model=True, **window)


TREES = {
    None: ["chat {model}: llm"],
    OPENINFERENCE: [
        "OpenAILike.{word}: chain",
        "  chat {model}: llm",
    ],
    TRACELOOP: ["OpenAILike.workflow: chain", "  chat {model}: llm"],
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TREES)
def test_a_chat_on_the_local_model(
    name: str | None, streamed: bool, model: str, local_model: dict[str, str], session: Session, activate: Activate
) -> None:
    activate(*([name] if name else []))
    asked = [ChatMessage(role="user", content="Say hello.")]
    with session.span("step"):
        made = llm(model, local_model["OPENAI_BASE_URL"])
        answer = list(made.stream_chat(asked))[-1] if streamed else made.chat(asked)
    assert answer.message.content in answers(session)
    word = "stream_chat" if streamed else "chat"
    lines = [line.format(model=model, word=word) for line in TREES[name]]
    assert outline(session, tokens=False) == ["step: chain", *(f"  {line}" for line in lines)]
    total = calls(session)
    assert total[0] == 1
    if not streamed:  # which its client does not ask to tell its usage
        used = answer.raw.usage
        assert total == (1, used.prompt_tokens, used.completion_tokens)


def test_a_question_to_documents_on_the_local_model(
    model: str, local_model: dict[str, str], session: Session, activate: Activate
) -> None:
    activate(OPENINFERENCE)
    texts = [Document(text="A span has a start and an end.", id_="d1")]
    with session.span("step"):
        index = VectorStoreIndex.from_documents(texts, embed_model=MockEmbedding(4))
        engine = index.as_query_engine(llm=llm(model, local_model["OPENAI_BASE_URL"]), similarity_top_k=1)
        answer = engine.query("What is a span?")
    assert str(answer) in answers(session)
    lines = outline(session, tokens=False)
    assert lines[0] == "step: chain"
    assert [line.strip() for line in lines if line.endswith(": llm")] == [f"chat {model}: llm"]
    path = ["RetrieverQueryEngine.query: chain", "VectorIndexRetriever.retrieve: retrieval"]
    assert [line.strip() for line in lines if line.strip() in path] == path
    (found,) = answer.source_nodes
    retrievals = kept(session, "retrieval")
    assert {one["gen_ai.retrieval.query.text"] for one in retrievals} == {"What is a span?"}
    documents = [json.loads(one.get("gen_ai.retrieval.documents", "[]")) for one in retrievals]
    assert [(one["id"], one["content"], one["score"]) for some in documents for one in some] == [
        (found.node_id, "A span has a start and an end.", found.score)
    ]


def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


@pytest.mark.parametrize("name", [None, OPENINFERENCE, TRACELOOP])
async def test_an_agent_with_a_tool(name: str | None, server: Scripted, session: Session, activate: Activate) -> None:
    activate(*([name] if name else []))
    agent = FunctionAgent(name="helper", tools=[weather], llm=llm("m", server.url), streaming=False)
    with session.span("step"):
        answer = await agent.run("Weather in Oslo?")
    assert str(answer) == "Hello!"
    assert calls(session) == (2, 18, 6)
    first, *lines = outline(session)
    assert first == "step: chain"
    if name is None:
        assert lines == ["  chat m: llm 9.0 > 3.0"] * 2
    else:
        depths = [len(line) - len(line.lstrip()) for line in lines if line.endswith("chat m: llm 9.0 > 3.0")]
        assert depths == [8, 8]  # the agent, its step, its model, and then the call
    tools = [(one["gen_ai.tool.name"], one["gen_ai.tool.call.result"]) for one in kept(session, "execute_tool")]
    assert tools == ([("weather", "sunny in Oslo")] if name == OPENINFERENCE else [])
