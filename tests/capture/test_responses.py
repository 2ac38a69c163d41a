"""The Responses API: whole, streamed, parsed and fetched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import BaseModel

from nbtrace import semconv
from nbtrace._capture.responses import content_attributes, request_attributes, response_attributes
from nbtrace._capture.responses_stream import fold
from tests.capture.loopback import Loopback, Received, Reply
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from nbtrace import Session

JSON = dict[str, Any]
ASK: Any = {"model": "gpt-4o-mini", "input": "Say hello."}
MESSAGE: JSON = {
    "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "Hello!", "annotations": []}],
}  # fmt: skip
USAGE: JSON = {
    "input_tokens": 30, "output_tokens": 12, "total_tokens": 42,
    "input_tokens_details": {"cached_tokens": 16}, "output_tokens_details": {"reasoning_tokens": 8},
}  # fmt: skip


def response(*output: JSON, status: str = "completed", **more: Any) -> JSON:
    return {
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": "gpt-4o-mini-2024-07-18",
        "status": status, "output": list(output or (MESSAGE,)), "usage": USAGE, "error": None,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], **more,
    }  # fmt: skip


def events(whole: JSON) -> list[JSON]:
    """Cut a response into the events of its stream, as the API sends them."""
    found: list[JSON] = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}]
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        empty = {**item, "status": "in_progress", **{key: [] for key in ("content", "summary") if key in item}}
        for key in ("arguments", "input"):
            empty |= {key: ""} if key in item else {}
        found.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        for place in ("content", "summary"):
            for number, part in enumerate(item.get(place) or ()):
                stem, field = {
                    "output_text": ("response.output_text", "text"), "refusal": ("response.refusal", "refusal"),
                    "reasoning_text": ("response.reasoning_text", "text"),
                    "summary_text": ("response.reasoning_summary_text", "text"),
                }[part["type"]]  # fmt: skip
                where = {**at, f"{place}_index": number}
                if place == "content":
                    added = {**part, field: ""}
                    found.append({"type": "response.content_part.added", **where, "part": added})
                pieces = [part[field][:2], part[field][2:]]
                found += [{"type": f"{stem}.delta", **where, "delta": piece} for piece in pieces]
                found.append({"type": f"{stem}.done", **where, field: part[field]})
        for key, stem in (("arguments", "function_call_arguments"), ("input", "custom_tool_call_input")):
            if key in item:
                found += [
                    {"type": f"response.{stem}.delta", **at, "delta": piece} for piece in (item[key][:3], item[key][3:])
                ]
                found.append({"type": f"response.{stem}.done", **at, key: item[key]})
        found.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*found, {"type": f"response.{whole['status']}", "response": whole}]


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


async def test_a_real_stream_is_recorded_as_the_whole_response(session: Session, model: str) -> None:
    options: Any = {"model": model, "input": "Say hello.", "max_output_tokens": 6, "temperature": 0}
    async with openai.AsyncOpenAI() as client:
        seen = [event async for event in await client.responses.create(**options, stream=True)]
        streamed = only(session)
        session.store.clear()
        await client.responses.create(**options)
    own = (semconv.STREAM_CHUNKS, semconv.STREAM_OUTCOME, semconv.REQUEST_STREAM)
    assert [streamed.pop(key) for key in own] == [len(seen), "exhausted", True]
    varying = dict.fromkeys((semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ))
    assert {**streamed, **varying} == {**only(session), **varying}


def test_the_stream_helper(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=events(response()))
    with client.responses.stream(**ASK) as stream:
        final = [event.type for event in stream][-1]
        assert (final, stream.get_final_response().output_text) == ("response.completed", "Hello!")
    recorded = only(session)
    assert recorded[semconv.STREAM_OUTCOME] == "exhausted"
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
    ]


def test_a_parsed_response(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    class Greeting(BaseModel):
        text: str

    said = {**MESSAGE, "content": [{"type": "output_text", "text": '{"text":"Hi"}', "annotations": []}]}
    server.reply = Reply(response(said))
    assert client.responses.parse(**ASK, text_format=Greeting).output_parsed == Greeting(text="Hi")
    recorded = only(session)
    assert recorded[semconv.OUTPUT_TYPE] == "json"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": '{"text":"Hi"}'}]


ITEMS: list[JSON] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Thinking."}]},
    {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Ulm"}'},
    {"id": "ct_1", "type": "custom_tool_call", "call_id": "call_2", "name": "shell", "input": "ls -l"},
    {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "I will not."}]},
]


@pytest.mark.parametrize("whole", [response(), response(*ITEMS), response(status="incomplete")])
def test_a_stream_folds_to_the_whole_wherever_it_ends_properly(whole: JSON) -> None:
    assert fold(events(whole)) == whole


def test_a_stream_that_ends_early_is_put_together_from_what_came() -> None:
    whole = response(*ITEMS, MESSAGE)
    cut = [event for event in events(whole)[:-1] if not event["type"].endswith(".done")]
    expected = content_attributes({}, whole)[semconv.OUTPUT_MESSAGES]
    folded = content_attributes({}, fold(cut))[semconv.OUTPUT_MESSAGES]
    assert json.loads(str(folded)) == [{**json.loads(str(expected))[0], "finish_reason": None}]


def test_pieces_of_items_that_were_never_announced_are_kept() -> None:
    pieces = [event for event in events(response(*ITEMS)) if event["type"].endswith(".delta")]
    (message,) = json.loads(str(content_attributes({}, fold(pieces))[semconv.OUTPUT_MESSAGES]))
    assert [part for part in message["parts"] if part["type"] in ("reasoning", "refusal")] == [
        {"type": "reasoning", "content": "Thinking."},
        {"type": "refusal", "content": "I will not."},
    ]


def test_a_stream_that_is_left_has_what_had_arrived(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=events(response())[:5], then="hold")
    stream: Any = client.responses.create(**ASK, stream=True)
    for event in stream:
        if event.type == "response.output_text.delta" and event.delta == "llo!":
            break
    stream.close()
    recorded = only(session)
    assert (recorded[semconv.STREAM_OUTCOME], recorded[semconv.RESPONSE_STATUS]) == ("closed", "in_progress")
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": None}
    ]
    assert semconv.RESPONSE_FINISH_REASONS not in recorded


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


FAILED = response(status="failed", output=[], usage=None, error={"code": "server_error", "message": "It broke."})


def test_a_response_that_failed_is_an_error(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(FAILED)
    assert client.responses.create(**ASK).status == "failed"
    (span,) = spans(session)
    assert (span["status"], span["message"], span["attributes"][semconv.ERROR_TYPE]) == (
        "error", "It broke.", "server_error",
    )  # fmt: skip


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.failed", "response": FAILED},
        {"type": "error", "code": "server_error", "message": "It broke.", "param": None, "sequence_number": 3},
    ],
)
def test_an_error_inside_a_stream_is_one(last: JSON, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=[*events(response())[:2], last])
    stream: Any = client.responses.create(**ASK, stream=True)
    assert [event.type for event in stream][-1] == last["type"]
    (span,) = spans(session)
    assert (span["status"], span["message"], span["attributes"][semconv.ERROR_TYPE]) == (
        "error", "It broke.", "server_error",
    )  # fmt: skip
    assert span["attributes"][semconv.RESPONSE_FINISH_REASONS] == ["error"]
    assert span["attributes"][semconv.STREAM_OUTCOME] == "exhausted"


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
        }
    )


async def test_an_async_stream_of_a_fetched_response(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=events(response()))
    async for _ in await async_client.responses.retrieve("resp_1", stream=True):
        pass
    recorded = only(session)
    assert recorded[semconv.OPERATION_NAME] == "fetch_response"
    assert recorded[semconv.REQUEST_STREAM] is True
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


@pytest.mark.parametrize("way", ["to the end", "left", "by the helper"])
def test_a_stream_that_goes_on_after_an_event(
    way: str, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events(response()))]
    if way == "by the helper":  # which reads from the beginning, and hands out what comes after
        server.reply = Reply(chunks=numbered)
        with client.responses.stream(response_id="resp_1", starting_after=3) as helper:
            assert [event.sequence_number for event in helper] == [4, 5, 6, 7]
    else:
        server.reply = Reply(chunks=numbered[4:], then="done" if way == "to the end" else "hold")
        with client.responses.retrieve("resp_1", stream=True, starting_after=3) as stream:
            first = next(stream)
            assert len(list(stream) if way == "to the end" else [first]) == (3 if way == "to the end" else 1)
    recorded = only(session)
    assert recorded[semconv.RESPONSE_ID] == "resp_1"
    assert recorded.get(semconv.REQUEST_STREAM_CURSOR) == (None if way == "by the helper" else "3")
    assert (recorded[semconv.STREAM_OUTCOME], recorded[semconv.OUTPUT_MESSAGES][0]["parts"][0]["content"]) == (
        ("closed", "llo!") if way == "left" else ("exhausted", "Hello!")
    )
    assert semconv.USAGE_STATE not in recorded


async def test_the_async_helper_and_parsing(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    class Greeting(BaseModel):
        text: str

    said = {**MESSAGE, "content": [{"type": "output_text", "text": '{"text":"Hi"}', "annotations": []}]}
    server.reply = Reply(chunks=events(response(said)))
    async with async_client.responses.stream(**ASK, text_format=Greeting) as stream:
        final = await stream.get_final_response()
    assert final.output_parsed == Greeting(text="Hi")
    server.reply = Reply(response(said))
    assert (await async_client.responses.parse(**ASK, text_format=Greeting)).output_parsed == Greeting(text="Hi")
    streamed, whole = (span["attributes"] for span in spans(session))
    assert streamed[semconv.OUTPUT_MESSAGES] == whole[semconv.OUTPUT_MESSAGES]
    assert (streamed[semconv.STREAM_OUTCOME], streamed[semconv.OUTPUT_TYPE]) == ("exhausted", "json")


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON_TEXT = st.sampled_from(['{"city":"Ulm","n":12345678901234567890123}', "{}", "{not json", ""])
PARTS = st.one_of(
    st.builds(lambda text: {"type": "output_text", "text": text, "annotations": []}, TEXT),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, TEXT),
)
ANY_ITEMS = st.one_of(
    st.builds(lambda parts: {"type": "message", "role": "assistant", "content": parts}, st.lists(PARTS, max_size=3)),
    st.builds(
        lambda texts: {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in texts]},
        st.lists(TEXT, max_size=2),
    ),
    st.builds(lambda text: {"type": "function_call", "call_id": "c", "name": "f", "arguments": text}, JSON_TEXT),
    st.builds(lambda text: {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": text}, TEXT),
)


@given(st.lists(ANY_ITEMS, min_size=1, max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_pieces_gives_the_whole(items: list[JSON], random: Any, is_cut: bool) -> None:
    """Items come side by side: their events mix in any order, each item's own stay in theirs."""
    whole = response(*({"id": f"item_{number}", **item} for number, item in enumerate(items)))
    first, *middle, last = events(whole)
    queues = [[event for event in middle if event.get("output_index") == index] for index in range(len(items))]
    turns = random.sample([at for at, queue in enumerate(queues) for _ in queue], k=len(middle))
    mixed = [first, *(queues[at].pop(0) for at in turns)]
    expected = content_attributes({}, whole).get(semconv.OUTPUT_MESSAGES)
    if not is_cut:
        assert content_attributes({}, fold([*mixed, last])).get(semconv.OUTPUT_MESSAGES) == expected
    else:
        (said,) = json.loads(str(expected))
        (found,) = json.loads(str(content_attributes({}, fold(mixed))[semconv.OUTPUT_MESSAGES]))
        assert found == {**said, "finish_reason": None}
