"""One recorded call made again: the request as it was but for what is to differ, and both side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import _replay_one
from nbtrace._replay_one import _again
from nbtrace.errors import NotFoundError, UsageError
from tests.capture.bodies import ASK_CHAT, ASK_RESPONSE, RESPONSE_PARTS
from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import HELLO, Loopback, Reply, completion
from tests.capture.responses import response

if TYPE_CHECKING:
    from nbtrace import Session
    from tests.capture.loopback import JSON

CONVERSATION: list[JSON] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Ulm?"},
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Sun"},
]
RESPONSE_ASKED: dict[str, JSON] = {
    "parts and tools": {
        key: value for key, value in ASK_RESPONSE.items() if key != "input"
    } | {"input": [{"role": "user", "content": [
        part if part["type"] != "input_image" else {key: part[key] for key in ("type", "image_url")}
        for part in RESPONSE_PARTS
    ]}]},
    "a conversation": {
        "model": "m", "temperature": 0.5, "max_output_tokens": 16, "tools": [{"type": "custom", "name": "shell"}],
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Weather in Ulm?"},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Ulm"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "Sun"},
            {"type": "custom_tool_call", "call_id": "call_2", "name": "shell", "input": "ls"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "a.txt"},
            {"role": "assistant", "content": "Sunny."},
            {"role": "user", "content": "Thanks"},
        ],
    },
}  # fmt: skip
ASKED: dict[str, JSON] = {
    "parts and tools": ASK_CHAT,
    "a conversation": {
        "model": "m", "messages": CONVERSATION, "temperature": 0.5, "stop": ["END"], "tool_choice": "auto",
        "max_tokens": 5,
    },
}  # fmt: skip


def sent(server: Loopback) -> list[JSON]:
    return [json.loads(received.body) for received in server.received]


@pytest.mark.parametrize("name", ASKED)
def test_the_same_request_goes_out_again(name: str, session: Session, client: openai.OpenAI, server: Loopback) -> None:
    client.chat.completions.create(**ASKED[name])
    widget = _again(session, session.spans()[0], client, {}, None)
    first, second = sent(server)
    assert second == first
    assert widget.comparison.labels == ("recorded", "again")


@pytest.mark.parametrize("name", RESPONSE_ASKED)
def test_the_same_request_for_a_response_goes_out_again(
    name: str, session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    server.reply = Reply(response())
    client.responses.create(**RESPONSE_ASKED[name])
    _again(session, session.spans()[0], client, {}, None)
    first, second = sent(server)
    assert second == first
    _again(session, session.spans()[0], client, {"model": "other"}, lambda items: items[:1])  # pyright: ignore[reportUnknownLambdaType]
    assert sent(server)[2] == {**first, "model": "other", "input": first["input"][:1]}


async def test_an_async_client_makes_it_again_while_its_loop_runs(
    session: Session, async_client: openai.AsyncOpenAI, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    await async_client.chat.completions.create(**ASKED["a conversation"])
    monkeypatch.setattr(_replay_one, "_variables", lambda: {"client": async_client})
    widget = _again(session, session.spans()[0], None, {"model": "other"}, None)
    first, second = sent(server)
    assert second == {**first, "model": "other"}
    assert [one.model for one in widget.comparison.variants] == ["m", "other"]
    await async_client.chat.completions.create(**ASKED["a conversation"])
    own = openai.AsyncOpenAI(base_url=server.url, **OPTIONS, http_client=HTTP.AsyncClient())
    with pytest.raises(UsageError, match="expected an async client without an http_client of its own"):
        _again(session, session.spans()[0], own, {}, None)
    await own.close()


def test_what_is_to_differ_differs_and_both_are_side_by_side(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    server.reply = Reply(chunks=HELLO)
    list(client.chat.completions.create(**ASKED["a conversation"], stream=True))
    server.reply = Reply(completion("Sunny!", id="chatcmpl-2"))
    shorter: Any = lambda messages: messages[:2]  # noqa: E731
    changes = {"model": "other", "temperature": 0.0, "stop": None, "top_p": 0.5}
    widget = _again(session, session.spans()[0].span_id, client, changes, shorter)
    assert sent(server)[1] == {
        "model": "other", "messages": CONVERSATION[:2], "temperature": 0.0, "top_p": 0.5, "tool_choice": "auto",
        "max_tokens": 5,
    }  # fmt: skip
    comparison = widget.comparison
    assert [run.output for run in comparison.runs] == ["Hello!", "Sunny!"]
    assert [(one.version, one.model) for one in comparison.variants] == [("recorded", "m"), ("again", "other")]
    assert len(comparison.inputs) == 1


def test_the_clients_of_a_notebook_are_found(
    session: Session, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.chat.completions.create(**ASKED["a conversation"])
    variables: dict[str, Any] = {"kind": openai.OpenAI, "number": 1}
    monkeypatch.setattr(_replay_one, "_variables", lambda: variables)
    with pytest.raises(UsageError, match="no variable has one"):
        _again(session, session.spans()[0], None, {}, None)
    variables |= {"client": client, "same": client}
    _again(session, session.spans()[0], None, {}, None)
    with openai.OpenAI(**OPTIONS) as another:
        variables["another"] = another
        with pytest.raises(UsageError, match="these variables would do: client, another"):
            _again(session, session.spans()[0], None, {}, None)


def test_what_cannot_be_made_again_says_why(session: Session, client: openai.OpenAI) -> None:
    client.embeddings.create(model="embed", input="a", encoding_format="float")
    with pytest.raises(UsageError, match="calls of 'embeddings' are not made again"):
        _again(session, session.spans()[0], client, {}, None)
    session.policy.content = "metadata"
    client.chat.completions.create(**ASKED["a conversation"])
    with pytest.raises(UsageError, match="its messages are not kept"):
        _again(session, session.spans()[-1], client, {}, None)
    session.policy.content = "full"
    client.chat.completions.create(**ASKED["a conversation"])
    with pytest.raises(UsageError, match="expected a client such as"):
        _again(session, session.spans()[-1], object(), {}, None)
    with session.span("mine"):
        pass
    with pytest.raises(NotFoundError, match="is no LLM call"):
        _again(session, session.spans()[-1], client, {}, None)
    with pytest.raises(UsageError, match="expected a span"):
        _again(session, 7, client, {}, None)
