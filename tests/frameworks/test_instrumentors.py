"""A call of the OpenAI client that a real instrumentor sees as well is one span, whoever wrapped the client first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest

from nbtrace import Session
from nbtrace._replays import Replay
from tests.capture.reading import spans
from tests.frameworks.conftest import Activate, calls
from tests.frameworks.scripted import Scripted

pytestmark = pytest.mark.filterwarnings("default")

INSTRUMENTORS = (
    "openinference-instrumentation-openai",
    "opentelemetry-instrumentation-openai",
    "opentelemetry-instrumentation-genai-openai",
)

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def chat(client: openai.OpenAI) -> None:
    client.chat.completions.create(**ASK)


def chat_stream(client: openai.OpenAI) -> None:
    list(client.chat.completions.create(**ASK, stream=True))


def responses(client: openai.OpenAI) -> None:
    client.responses.create(model="m", input="Hi")


def responses_stream(client: openai.OpenAI) -> None:
    list(client.responses.create(model="m", input="Hi", stream=True))


def embeddings(client: openai.OpenAI) -> None:
    client.embeddings.create(model="m", input="Hi")


async def achat(client: openai.AsyncOpenAI) -> None:
    await client.chat.completions.create(**ASK)


async def achat_stream(client: openai.AsyncOpenAI) -> None:
    async for _ in await client.chat.completions.create(**ASK, stream=True):
        pass


async def aresponses(client: openai.AsyncOpenAI) -> None:
    await client.responses.create(model="m", input="Hi")


async def aembeddings(client: openai.AsyncOpenAI) -> None:
    await client.embeddings.create(model="m", input="Hi")


SYNC = (chat, chat_stream, responses, responses_stream, embeddings)
ASYNC = (achat, achat_stream, aresponses, aembeddings)


@pytest.mark.parametrize("first", ["session", "instrumentor"])
@pytest.mark.parametrize("name", [*INSTRUMENTORS, "all of them"])
async def test_a_call_that_an_instrumentor_sees_too_counts_once(
    name: str, first: str, server: Scripted, session: Session, activate: Activate
) -> None:
    if first == "instrumentor":  # what is active wraps the client before we do
        session.stop()
    activate(*(INSTRUMENTORS if name == "all of them" else (name,)))
    session.start()
    with openai.OpenAI(timeout=20) as client:
        await _each(session, SYNC, client, _now)
    async with openai.AsyncOpenAI(timeout=20) as aclient:
        await _each(session, ASYNC, aclient, _awaited)
    seen_as = [span["attributes"].get("nbtrace.also_seen_as", ()) for span in spans(session)]
    assert len([one for one in seen_as if one]) == len(SYNC) + len(ASYNC)
    assert sum(map(len, seen_as)) >= (27 if name == "all of them" else 9)


@pytest.mark.parametrize("name", INSTRUMENTORS)
def test_a_call_that_an_instrumentor_saw_too_is_replayed(
    name: str, server: Scripted, session: Session, activate: Activate
) -> None:
    """What the other says of the request is nothing that was asked for."""
    activate(name)
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "system", "content": "Be nice."}, *ASK["messages"]]}
    with openai.OpenAI(timeout=20) as client:
        answer = client.chat.completions.create(**asked)
        with Replay(session, session, "replay", "none"):
            assert client.chat.completions.create(**asked).id == answer.id


async def _each(session: Session, makes: Any, client: Any, run: Callable[[Any, Any], Awaitable[None]]) -> None:
    for make in makes:
        (count, sent, got), before = calls(session), len(spans(session))
        with session.span(make.__name__):
            await run(make, client)
        expected = (count + 1, (sent or 0) + 9, (got or 0) + (0 if "embeddings" in make.__name__ else 3))
        assert calls(session) == expected, make.__name__
        assert len(spans(session)) == before + 2, make.__name__  # the step and the call


async def _now(make: Any, client: Any) -> None:
    make(client)


async def _awaited(make: Any, client: Any) -> None:
    await make(client)
