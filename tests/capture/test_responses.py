"""The Responses API: whole, streamed, parsed and fetched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel

from nbtrace import semconv
from nbtrace._capture.responses import content_attributes, request_attributes, response_attributes
from tests.capture.loopback import Loopback, Received, Reply
from tests.capture.reading import only, spans
from tests.capture.responses import ASK, FAILED, ITEMS, JSON, MESSAGE, response

if TYPE_CHECKING:
    from nbtrace import Session


def test_a_real_response(session: Session, model: str) -> None:
    with openai.OpenAI() as client:
        answer = client.responses.create(
            model=model, input="Say hello.", instructions="Be brief.", max_output_tokens=6, temperature=0
        )
    assert type(answer).__name__ == "Response"
    assert answer.usage is not None
    (span,) = spans(session)
    assert (span["name"], span["status"]) == (f"chat {model}", "unset")
    assert only(session) == {
        semconv.OPERATION_NAME: "chat",
        semconv.OPENAI_API_TYPE: "responses",
        semconv.PROVIDER_NAME: "llama_cpp",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.REQUEST_MODEL: model,
        semconv.REQUEST_MAX_TOKENS: 6,
        semconv.REQUEST_TEMPERATURE: 0.0,
        semconv.RESPONSE_ID: answer.id,
        semconv.RESPONSE_MODEL: answer.model,
        semconv.RESPONSE_STATUS: "completed",
        semconv.RESPONSE_FINISH_REASONS: ["stop"],
        semconv.USAGE_INPUT_TOKENS: answer.usage.input_tokens,
        semconv.USAGE_OUTPUT_TOKENS: answer.usage.output_tokens,
        semconv.USAGE_CACHE_READ: answer.usage.input_tokens_details.cached_tokens,
        semconv.USAGE_STATE: "reported",
        semconv.COST_STATE: "unpriced",
        semconv.COST_REASON: f"no price for {model} at 127.0.0.1",
        semconv.SYSTEM_INSTRUCTIONS: [{"type": "text", "content": "Be brief."}],
        semconv.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}],
        semconv.OUTPUT_MESSAGES: [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": answer.output_text}],
                "finish_reason": "stop",
            }
        ],
    }


def test_a_parsed_response(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    class Greeting(BaseModel):
        text: str

    said = {**MESSAGE, "content": [{"type": "output_text", "text": '{"text":"Hi"}', "annotations": []}]}
    server.reply = Reply(response(said))
    assert client.responses.parse(**ASK, text_format=Greeting).output_parsed == Greeting(text="Hi")
    recorded = only(session)
    assert recorded[semconv.OUTPUT_TYPE] == "json"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": '{"text":"Hi"}'}]


def test_everything_that_a_request_may_hold(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(response(*ITEMS, service_tier="default", conversation={"id": "conv_1"}))
    options: Any = {
        "model": "gpt-4o-mini",
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": "Ops."},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look:"},
                    {"type": "input_image", "image_url": "https://example.org/cat.png", "detail": "low"},
                    {"type": "input_image", "file_id": "file-1"},
                    {"type": "input_file", "file_id": "file-2"},
                    {"type": "input_file", "file_url": "https://example.org/a.pdf"},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
                    {"type": "new_kind", "x": 1},
                ],
            },
            *ITEMS[:2],
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "sun"}]},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAA"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}},
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAB"},
            {"type": "item_reference", "id": "msg_0"},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": {}, "strict": True}, {"type": "web_search"}],
        "previous_response_id": "resp_0",
        "conversation": "conv_1",
        "prompt": {
            "id": "pmpt_1", "version": "2", "variables": {"city": "Ulm", "f": {"type": "input_text", "text": "t"}}},
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_object"}},
        "service_tier": "flex",
        "background": True,
        "top_p": 0.5,
        "temperature": 0,
        "max_output_tokens": 99,
        "stream": False,
    }  # fmt: skip
    client.responses.create(**options)
    assert only(session) == snapshot(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.id": "resp_1",
            "gen_ai.conversation.id": "conv_1",
            "gen_ai.response.finish_reasons": ["tool_call"],
            "gen_ai.usage.input_tokens": 30,
            "gen_ai.usage.output_tokens": 12,
            "gen_ai.usage.cache_read.input_tokens": 16,
            "gen_ai.usage.reasoning.output_tokens": 8,
            "nbtrace.usage.state": "reported",
            "nbtrace.cost.state": "unpriced",
            "gen_ai.prompt.name": "pmpt_1",
            "gen_ai.prompt.version": "2",
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
            "gen_ai.input.messages": [
                {"role": "developer", "parts": [{"type": "text", "content": "Ops."}]},
                {
                    "role": "user",
                    "parts": [
                        {"type": "text", "content": "Look:"},
                        {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
                        {"type": "file", "modality": "image", "file_id": "file-1"},
                        {"type": "file", "modality": "document", "file_id": "file-2"},
                        {"type": "uri", "modality": "document", "uri": "https://example.org/a.pdf"},
                        {
                            "type": "blob",
                            "modality": "audio",
                            "mime_type": "audio/mp3",
                            "size": 4,
                            "sha256": "a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4",
                            "content": "UklGRg==",
                        },
                        {"type": "new_kind", "x": 1},
                    ],
                },
                {"role": "assistant", "parts": [{"type": "reasoning", "content": "Thinking."}]},
                {
                    "role": "assistant",
                    "parts": [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Ulm"}}],
                },
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "rain"}]},
                {
                    "role": "tool",
                    "parts": [
                        {"type": "tool_call_response", "id": "c2", "response": [{"type": "text", "content": "sun"}]}
                    ],
                },
                {"role": "assistant", "parts": [{"type": "reasoning", "content": "", "encrypted": True}]},
                {
                    "role": "assistant",
                    "parts": [
                        {
                            "type": "server_tool_call",
                            "id": "ws_1",
                            "name": "web_search",
                            "server_tool_call": {"type": "web_search", "action": {"query": "q"}},
                        }
                    ],
                },
                {"role": "assistant", "parts": [{"type": "compaction", "id": "cmp_1", "content": "gAAB"}]},
                {"role": "assistant", "parts": [{"type": "item_reference", "id": "msg_0"}]},
            ],
            "gen_ai.output.messages": [
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "reasoning", "content": "Thinking."},
                        {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Ulm"}},
                        {"type": "tool_call", "id": "call_2", "name": "shell", "arguments": "ls -l"},
                        {"type": "refusal", "content": "I will not."},
                    ],
                    "finish_reason": "tool_call",
                }
            ],
            "gen_ai.tool.definitions": [
                {"type": "function", "name": "weather", "parameters": {}, "strict": True},
                {"type": "web_search"},
            ],
            "server.address": "127.0.0.1",
            "openai.api.type": "responses",
            "gen_ai.request.temperature": 0.0,
            "gen_ai.request.top_p": 0.5,
            "gen_ai.request.max_tokens": 99,
            "openai.request.service_tier": "flex",
            "gen_ai.request.previous_response.id": "resp_0",
            "openai.request.background": True,
            "gen_ai.request.reasoning.level": "low",
            "gen_ai.output.type": "json",
            "gen_ai.prompt.variable.city": "Ulm",
            "gen_ai.prompt.variable.f": '{"type":"text","content":"t"}',
            "gen_ai.response.status": "completed",
            "openai.response.service_tier": "default",
            "nbtrace.refusal": "model",
            "nbtrace.cost.reason": "no price for gpt-4o-mini-2024-07-18 at 127.0.0.1",
        }
    )


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, ["length"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, ["content_filter"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, ["steered"]),
        ({"status": "incomplete"}, ["incomplete"]),
        ({"status": "completed", "output": ITEMS}, ["tool_call"]),
        ({"status": "failed"}, ["error"]),
        ({"status": "queued"}, None),
    ],
)
def test_why_the_model_stopped(more: JSON, reasons: list[str] | None) -> None:
    assert response_attributes({**response(), **more}).get(semconv.RESPONSE_FINISH_REASONS) == reasons


def test_an_image_that_was_made_comes_with_its_hash() -> None:
    items = [
        {"type": "image_generation_call", "id": "ig_1", "result": "iVBORw0KGgo=", "output_format": "png"},
        {"type": "image_generation_call", "id": "ig_2", "result": "?"},
    ]
    (message,) = json.loads(str(content_attributes({}, {"output": items})[semconv.OUTPUT_MESSAGES]))
    assert message["parts"] == snapshot(
        [
            {
                "type": "blob",
                "modality": "image",
                "mime_type": "image/png",
                "size": 8,
                "sha256": "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6",
                "content": "iVBORw0KGgo=",
            },
            {
                "type": "blob",
                "modality": "image",
                "mime_type": "image/png",
                "content": "?",
                "error": "no valid base64",
            },
        ]
    )


@pytest.mark.parametrize("given", [{"input": 1}, {"input": [None, 2, {}]}, {"reasoning": "x", "text": [], "prompt": 1}])
def test_a_malformed_request_is_kept(given: JSON) -> None:
    content_attributes(given, {"output": [None, {}, "x"]})
    rest = {semconv.REQUEST_OPTIONS: '{"reasoning":"x","text":[]}'} if "reasoning" in given else {}
    assert request_attributes(given) == {semconv.OPENAI_API_TYPE: "responses"} | rest


def test_a_response_that_failed_is_an_error(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(FAILED)
    assert client.responses.create(**ASK).status == "failed"
    (span,) = spans(session)
    assert (span["status"], span["message"], span["attributes"][semconv.ERROR_TYPE]) == (
        "error", "It broke.", "server_error",
    )  # fmt: skip


def test_an_answer_about_failures_is_none(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    said = {**MESSAGE, "content": [{"type": "output_text", "text": "", "annotations": [{"x": "failed"}]}]}
    server.reply = Reply(response(said))
    client.responses.create(**ASK)
    assert spans(session)[0]["status"] == "unset"


def test_a_background_response_and_its_fetching(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    def answer(received: Received) -> Reply:
        done = received.method == "GET"
        return Reply(response() if done else response(status="queued", usage=None) | {"output": []})

    server.reply = answer
    asked = client.responses.create(**ASK, background=True)
    assert client.responses.retrieve(asked.id).output_text == "Hello!"
    first, second = spans(session)
    assert first["attributes"][semconv.RESPONSE_STATUS] == "queued"
    assert semconv.USAGE_STATE not in first["attributes"]
    assert first["attributes"][semconv.COST_REASON].endswith("come when it is fetched")
    assert (second["name"], second["status"]) == ("fetch_response", "unset")
    session.store.clear()
    client.responses.retrieve("resp_1")
    assert only(session) == snapshot(
        {
            "gen_ai.operation.name": "fetch_response",
            "gen_ai.provider.name": "openai",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.id": "resp_1",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
            ],
            "server.address": "127.0.0.1",
            "openai.api.type": "responses",
            "gen_ai.response.status": "completed",
            "nbtrace.fetched.usage": '{"input_tokens":30,"output_tokens":12,"total_tokens":42,'
            '"input_tokens_details":{"cached_tokens":16},"output_tokens_details":{"reasoning_tokens":8}}',
        }
    )
