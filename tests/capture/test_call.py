"""Whole (not streamed) calls: what is recorded of them, and that their caller notices nothing."""

# A test of a stage looks inside it.
# pyright: reportPrivateUsage=false
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
from inline_snapshot import snapshot
from openai.types.chat import ChatCompletion, ChatCompletionUserMessageParam
from pydantic import BaseModel

from nbtrace import semconv
from nbtrace._capture import call as call_module
from nbtrace._capture.chat import CHAT
from nbtrace._capture.providers import Server
from tests.capture.loopback import Loopback, Received, Reply, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from nbtrace import Session

USER: ChatCompletionUserMessageParam = {"role": "user", "content": "Say hello."}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def test_a_real_call(session: Session, model: str) -> None:
    with openai.OpenAI() as client:
        answer = client.chat.completions.create(model=model, messages=[USER], max_tokens=8, temperature=0, seed=1)
    assert type(answer) is ChatCompletion
    assert answer.usage is not None
    (span,) = spans(session)
    assert (span["name"], span["trace"], span["id"], span["parent"], span["running"], span["status"]) == (
        f"chat {model}", 1, 1, None, False, "unset",
    )  # fmt: skip
    assert only(session) == {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "llama_cpp",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.REQUEST_MODEL: model,
        semconv.REQUEST_MAX_TOKENS: 8,
        semconv.REQUEST_TEMPERATURE: 0.0,
        semconv.REQUEST_SEED: 1,
        semconv.RESPONSE_ID: answer.id,
        semconv.RESPONSE_MODEL: answer.model,
        semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT: answer.system_fingerprint,
        semconv.RESPONSE_FINISH_REASONS: [answer.choices[0].finish_reason],
        semconv.USAGE_INPUT_TOKENS: answer.usage.prompt_tokens,
        semconv.USAGE_OUTPUT_TOKENS: answer.usage.completion_tokens,
        semconv.USAGE_CACHE_READ: getattr(answer.usage.prompt_tokens_details, "cached_tokens", None),
        semconv.USAGE_STATE: "reported",
        semconv.COST_STATE: "unpriced",
        semconv.COST_REASON: f"no price for {model} at 127.0.0.1",
        semconv.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}],
        semconv.OUTPUT_MESSAGES: [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": answer.choices[0].message.content}],
                "finish_reason": answer.choices[0].finish_reason,
            }
        ],
    }


async def test_a_real_async_call_is_recorded_like_a_sync_one(session: Session, model: str) -> None:
    options: Any = {"model": model, "messages": [USER], "max_tokens": 8, "temperature": 0, "seed": 1}
    async with openai.AsyncOpenAI() as client:
        answer = await client.chat.completions.create(**options)
    asynchronous = only(session)
    session.store.clear()
    with openai.OpenAI() as client:
        other = client.chat.completions.create(**options)
    varying = (semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ)
    assert type(answer) is ChatCompletion
    assert {**only(session), **dict.fromkeys(varying)} == {**asynchronous, **dict.fromkeys(varying)}
    assert (asynchronous[semconv.RESPONSE_ID], only(session)[semconv.RESPONSE_ID]) == (answer.id, other.id)


def test_the_request_on_the_wire_is_the_same(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    def ask() -> Received:
        client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "system", "content": "Müsli 🥣"}, USER],
            tools=[WEATHER],
            extra_body={"top_k": 3},
            extra_headers={"x-mine": "1", "Idempotency-Key": "k"},
            temperature=0.1 + 0.2,
        )
        return server.received[-1]

    traced = ask()
    session.stop()
    assert ask() == traced


async def test_the_async_request_on_the_wire_is_the_same(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    async def ask() -> Received:
        server.reply = Reply(chunks=[])
        options: Any = {"model": "m", "messages": [USER], "stream": True, "extra_headers": {"Idempotency-Key": "k"}}
        async with await async_client.chat.completions.create(**options):
            return server.received[-1]

    traced = await ask()
    session.stop()
    assert await ask() == traced


def test_the_very_object_of_the_client_is_returned(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrace import Session

    made: list[Any] = []
    process = openai.OpenAI._process_response  # pyright: ignore[reportPrivateUsage]

    def note(self: openai.OpenAI, **kwargs: Any) -> Any:
        made.append(process(self, **kwargs))
        return made[-1]

    monkeypatch.setattr(openai.OpenAI, "_process_response", note)
    with Session():
        answers: list[Any] = [
            client.chat.completions.create(model="m", messages=[USER]),
            client.chat.completions.create(model="m", messages=[USER], stream=True),
            client.chat.completions.with_raw_response.create(model="m", messages=[USER]),
        ]
        answers[1].close()
    assert [one is other for one, other in zip(answers, made, strict=True)] == [True] * 3


def test_messages_changed_after_the_call_do_not_change_the_span(client: openai.OpenAI, session: Session) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "one"}]}]
    client.chat.completions.create(model="m", messages=messages)
    messages[0]["content"][0]["text"] = "two"
    messages.append(USER)
    assert only(session)[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "one"}]}]


def test_a_response_changed_after_the_call_does_not_change_the_span(client: openai.OpenAI, session: Session) -> None:
    answer = client.chat.completions.create(model="m", messages=[USER])
    answer.choices[0].message.content = "changed"
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


def test_everything_that_a_request_may_hold(client: openai.OpenAI, session: Session) -> None:
    class Place(BaseModel):
        city: str
        zip: int = 0

    options: Any = {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "developer", "content": "Be brief.", "name": "ops"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/cat.png", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {
                        "type": "file",
                        "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"},
                    },
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            completion("Earlier.")["choices"][0]["message"],
            {"role": "user", "content": Place(city="Ulm")},
        ],
        "tools": [WEATHER, {"type": "custom", "custom": {"name": "shell", "description": "Run."}}],
        "n": 2,
        "stop": "END",
        "top_p": 0.5,
        "presence_penalty": 1,
        "frequency_penalty": 0.25,
        "max_completion_tokens": 99,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "response_format": {"type": "json_object"},
        "seed": 2**70,
        "temperature": openai.NOT_GIVEN,
        "logprobs": getattr(openai, "omit", openai.NOT_GIVEN),
        "extra_body": {"top_k": 3, "frequency_penalty": 0.5},
    }
    client.chat.completions.create(**options)
    assert only(session) == snapshot(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 3,
            "nbtrace.usage.state": "reported",
            "nbtrace.cost.state": "unpriced",
            "gen_ai.input.messages": [
                {"role": "developer", "parts": [{"type": "text", "content": "Be brief."}], "name": "ops"},
                {
                    "role": "user",
                    "parts": [
                        {"type": "text", "content": "Look:"},
                        {
                            "type": "blob",
                            "modality": "image",
                            "mime_type": "image/png",
                            "size": 8,
                            "sha256": "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6",
                            "content": "iVBORw0KGgo=",
                        },
                        {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
                        {
                            "type": "blob",
                            "modality": "audio",
                            "mime_type": "audio/mp3",
                            "size": 4,
                            "sha256": "a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4",
                            "content": "UklGRg==",
                        },
                        {"type": "file", "modality": "document", "file_id": "file-1"},
                        {
                            "type": "blob",
                            "modality": "document",
                            "mime_type": "application/pdf",
                            "size": 4,
                            "sha256": "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027",
                            "content": "JVBERg==",
                            "filename": "a.pdf",
                        },
                    ],
                },
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "rain"}]},
                {"role": "assistant", "parts": [{"type": "text", "content": "Earlier."}]},
                {"role": "user", "parts": [{"city": "Ulm"}]},
            ],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
            ],
            "gen_ai.tool.definitions": [
                {
                    "type": "function",
                    "name": "weather",
                    "description": "Tell the weather.",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
                {"type": "custom", "name": "shell", "description": "Run."},
            ],
            "server.address": "127.0.0.1",
            "gen_ai.request.top_p": 0.5,
            "gen_ai.request.frequency_penalty": 0.5,
            "gen_ai.request.presence_penalty": 1.0,
            "gen_ai.request.max_tokens": 99,
            "gen_ai.request.seed": 1180591620717411303424,
            "gen_ai.request.reasoning.level": "low",
            "openai.request.service_tier": "flex",
            "gen_ai.request.choice.count": 2,
            "gen_ai.request.stop_sequences": ["END"],
            "gen_ai.output.type": "json",
            "nbtrace.cost.reason": "no price for gpt-4o-mini-2024-07-18 at 127.0.0.1",
        }
    )


def test_a_raw_response_is_recorded_and_parses(client: openai.OpenAI, session: Session) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=[USER])
    recorded = only(session)
    assert (raw.status_code, type(raw.parse()), raw.parse().choices[0].message.content) == (
        200, ChatCompletion, "Hello!",
    )  # fmt: skip
    session.store.clear()
    client.chat.completions.create(model="gpt-4o-mini", messages=[USER])
    assert only(session) == recorded


async def test_an_async_raw_response_too(async_client: openai.AsyncOpenAI, session: Session) -> None:
    raw = await async_client.chat.completions.with_raw_response.create(model="m", messages=[USER])
    assert raw.parse().choices[0].message.content == "Hello!"
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


class Answer(BaseModel):
    greeting: str


def test_a_parsed_response_is_recorded_as_text(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(completion('{"greeting":"Hi"}'))
    answer = client.chat.completions.parse(model="m", messages=[USER], response_format=Answer)
    assert answer.choices[0].message.parsed == Answer(greeting="Hi")
    recorded = only(session)
    assert recorded[semconv.OUTPUT_TYPE] == "json"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": '{"greeting":"Hi"}'}]
    assert semconv.INCOMPLETE not in recorded


def test_an_answer_that_does_not_parse_is_an_error(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(completion("{", choices=[{**completion("{")["choices"][0], "finish_reason": "length"}]))
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="m", messages=[USER], response_format=Answer)
    recorded = only(session)
    assert recorded[semconv.ERROR_TYPE] == "openai.LengthFinishReasonError"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "{"}]
    assert recorded[semconv.USAGE_OUTPUT_TOKENS] == 3


def test_models_in_a_body_are_recorded_as_their_values(session: Session) -> None:
    tool: Any = Answer(greeting="Hi")
    made = call_module.Call(
        session.tracing, CHAT, Server("openai", "h", None), {"model": "m", "messages": [USER], "tools": [tool]}
    )
    made.end()
    assert only(session)[semconv.TOOL_DEFINITIONS] == [{"greeting": "Hi"}]


def test_a_plain_post_is_recorded(client: openai.OpenAI, session: Session) -> None:
    body = {"model": "m", "messages": [USER]}
    assert client.post("/chat/completions", cast_to=object, body=body) == completion()
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


def test_a_span_ends_once(session: Session) -> None:
    made = call_module.Call(session.tracing, CHAT, Server("openai", "h", None), {"model": "m"})
    made.end()
    made.end(error=ValueError("late"))
    made.stream_over("abandoned")
    (span,) = spans(session)
    assert (span["status"], span["attributes"][semconv.REQUEST_MODEL]) == ("unset", "m")


def test_a_span_left_without_an_end_ends_when_its_call_is_gone(session: Session) -> None:
    call_module.Call(session.tracing, CHAT, Server("openai", "h", None), {"model": "m"})
    (span,) = spans(session)
    assert (span["running"], span["attributes"][semconv.STREAM_OUTCOME]) == (False, "abandoned")
