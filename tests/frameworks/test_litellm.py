"""litellm on the local model and the scripted server: one call, one span, with and without its instrumentor."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from nbtrace import Session
from tests.frameworks.conftest import MAJOR, Activate, answers, calls, kept, outline
from tests.frameworks.scripted import Scripted

if MAJOR != 2:
    pytest.skip("litellm is in the environment of openai 2", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("default")

NAMES = [None, "openinference-instrumentation-litellm"]


@pytest.fixture
def litellm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch one when it is imported
    import litellm  # pyright: ignore[reportMissingImports]

    yield litellm
    gc.collect()  # it closes no client


def drawn(session: Session, call: str) -> None:
    assert outline(session, tokens=False) == ["step: chain", f"  {call}"]


def asked(model: str) -> dict[str, Any]:
    return {"model": f"openai/{model}", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", NAMES)
def test_a_call_on_the_local_model(
    name: str | None, streamed: bool, litellm: Any, model: str, session: Session, activate: Activate
) -> None:
    activate(*([name] if name else []))
    with session.span("step"):
        if streamed:
            options = {"stream": True, "stream_options": {"include_usage": True}}
            chunks = list(litellm.completion(**asked(model), **options))
            answer = litellm.stream_chunk_builder(chunks)
        else:
            answer = litellm.completion(**asked(model))
    assert calls(session) == (1, answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert answer.choices[0].message.content in answers(session)
    drawn(session, f"chat {model}: llm")


@pytest.mark.parametrize("name", NAMES)
async def test_an_async_call_on_the_local_model(
    name: str | None, litellm: Any, model: str, session: Session, activate: Activate
) -> None:
    activate(*([name] if name else []))
    with session.span("step"):
        answer = await litellm.acompletion(**asked(model))
    assert calls(session) == (1, answer.usage.prompt_tokens, answer.usage.completion_tokens)
    drawn(session, f"chat {model}: llm")


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_call_and_embeddings(
    name: str | None, litellm: Any, server: Scripted, session: Session, activate: Activate
) -> None:
    activate(*([name] if name else []))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    with session.span("step"):
        litellm.completion(**asked("m"), tools=[tool])
        litellm.embedding(model="openai/e", input=["a"])
    assert calls(session) == (2, 18, 3)
    (asked_for, _) = [*kept(session, "chat"), *kept(session, "embeddings")]
    (part,) = asked_for["gen_ai.output.messages"][0]["parts"]
    assert (part["name"], part["arguments"]) == ("weather", {"city": "Oslo"})
