"""Bodies of chat completions as span attributes: whole values, and never a failure."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from nbtrace import semconv
from nbtrace._capture import chat
from nbtrace._capture.estimate import estimated_usage
from nbtrace._capture.messages import loads
from tests.capture.loopback import completion


def content(request: dict[str, Any], response: dict[str, Any] | None = None) -> dict[str, Any]:
    found = chat.content_attributes(request, response)
    return {key: orjson.loads(value) for key, value in found.items() if isinstance(value, str)}


def parts(message: dict[str, Any]) -> Any:
    return content({"messages": [message]})[semconv.INPUT_MESSAGES][0]["parts"]


def test_tool_calls_keep_their_order_and_arguments() -> None:
    body = completion(None)
    body["choices"][0]["message"]["tool_calls"] = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"city": "Ulm", "n": [1, 2.5, null]}'}},
        {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{not json"}},
        {
            "id": "c",
            "type": "function",
            "function": {"name": "f", "arguments": '{"id": 123456789012345678901234567890}'},
        },
        {"id": "d", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}},
        {"id": "e", "type": "later", "later": {"x": 1}},
        {"id": "f", "type": "function", "function": {"name": "f", "arguments": {"parsed": True}}},
    ]
    assert content({}, body)[semconv.OUTPUT_MESSAGES] == [
        {
            "role": "assistant",
            "parts": [
                {"type": "tool_call", "id": "a", "name": "f", "arguments": {"city": "Ulm", "n": [1, 2.5, None]}},
                {"type": "tool_call", "id": "b", "name": "f", "arguments": "{not json"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": {"id": 1.2345678901234568e29}},
                {"type": "tool_call", "id": "d", "name": "shell", "arguments": "ls -l"},
                {"type": "later", "id": "e", "later": {"x": 1}},
                {"type": "tool_call", "id": "f", "name": "f", "arguments": {"parsed": True}},
            ],
            "finish_reason": "stop",
        }
    ]
    text = chat.content_attributes({}, body)[semconv.OUTPUT_MESSAGES]
    assert '{"id":123456789012345678901234567890}' in str(text)


def test_an_answer_of_many_kinds() -> None:
    body = completion("Yes.")
    body["choices"].append(
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": "No.",
                "reasoning_content": "Hm.",
                "function_call": {"name": "old", "arguments": "{}"},
                "audio": {"id": "audio_1", "data": "UklGRg==", "transcript": "No."},
            },
            "finish_reason": "content_filter",
        }
    )
    assert content({}, body)[semconv.OUTPUT_MESSAGES] == snapshot(
        [
            {"role": "assistant", "parts": [{"type": "text", "content": "Yes."}], "finish_reason": "stop"},
            {
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "Hm."},
                    {"type": "refusal", "content": "No."},
                    {"type": "tool_call", "id": None, "name": "old", "arguments": {}},
                    {
                        "type": "blob",
                        "modality": "audio",
                        "size": 4,
                        "sha256": "a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4",
                        "content": "UklGRg==",
                        "id": "audio_1",
                        "transcript": "No.",
                    },
                ],
                "finish_reason": "content_filter",
            },
        ]
    )


@pytest.mark.parametrize("tool", [{"type": "function", "name": "flat", "parameters": {}}, {"type": "web_search"}])
def test_a_tool_of_unknown_shape_is_kept_as_it_came(tool: dict[str, Any]) -> None:
    assert content({"tools": [tool]}) == {semconv.TOOL_DEFINITIONS: [tool]}


def test_a_part_of_unknown_shape_is_kept_as_it_came() -> None:
    part = {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}}
    assert parts({"role": "user", "content": [part, "bare", {"type": "refusal", "refusal": "No."}]}) == [
        part,
        {"type": "text", "content": "bare"},
        {"type": "refusal", "content": "No."},
    ]


def test_images_given_as_bare_urls() -> None:
    part = {"type": "image_url", "image_url": "https://example.org/cat.png"}
    assert parts({"role": "user", "content": [part]}) == [
        {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"}
    ]


def test_usage_in_full() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    assert chat.response_attributes({"usage": usage}) == {
        semconv.USAGE_INPUT_TOKENS: 100,
        semconv.USAGE_OUTPUT_TOKENS: 20,
        semconv.USAGE_CACHE_READ: 60,
        semconv.USAGE_CACHE_WRITE: 5,
        semconv.USAGE_REASONING: 7,
        semconv.USAGE_STATE: "reported",
    }


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": 3}, {"prompt_tokens_details": None}, "much"])
def test_usage_that_says_nothing_is_not_reported(usage: Any) -> None:
    assert chat.response_attributes({"usage": usage}) == {}


def test_finish_reasons_are_told_when_all_are_known() -> None:
    some = {"choices": [{"finish_reason": "stop"}, {"finish_reason": None}]}
    both = {"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}
    assert chat.response_attributes(some) == {}
    assert chat.response_attributes(both) == {semconv.RESPONSE_FINISH_REASONS: ["stop", "length"]}


KEYS = st.sampled_from(
    ["role", "content", "type", "text", "tool_calls", "function", "function_call", "arguments", "name", "image_url",
     "url", "input_audio", "file", "file_data", "refusal", "audio", "finish_reason", "message", "choices", "usage",
     "prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens", "messages", "tools", "stop", "n",
     "temperature", "max_tokens", "response_format", "seed", "model", "id", "tool_call_id", "reasoning", "stream"]
)  # fmt: skip
KINDS = st.sampled_from(["text", "refusal", "image_url", "input_audio", "file", "function", "tool", "user"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, VALUES, max_size=4))
def test_no_body_is_too_odd(request: dict[str, Any], response: dict[str, Any]) -> None:
    found = chat.request_attributes(request) | chat.response_attributes(response)
    found |= chat.content_attributes(request, response)
    found |= estimated_usage(found)
    for key in (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES):
        for message in loads(str(found.get(key, "[]"))):
            assert set(message) <= {"role", "parts", "name", "finish_reason"}
            assert isinstance(message["role"], str)
            assert all(isinstance(part, dict) for part in message["parts"])
