"""JSON as the codecs read and write it, and the estimate of tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace import semconv
from nbtrace._capture import chat, messages
from tests.capture.loopback import completion


def test_two_halves_of_a_character_come_together() -> None:
    assert messages.dumps(["\ud83d" + "\ude00", "\ud83d"]) == '["😀","\ufffd"]'


def estimate(request: list[Any], answer: str | None = "12345678") -> dict[str, Any]:
    return dict(messages.estimated_usage(chat.content_attributes({"messages": request}, completion(answer))))


def test_an_estimate_counts_every_text() -> None:
    said: list[Any] = [
        {"role": "system", "content": "1234"},
        {"role": "user", "content": [{"type": "text", "text": "12345"}]},
        {"role": "tool", "tool_call_id": "a", "content": "123"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
    ]
    assert estimate(said) == {
        semconv.USAGE_INPUT_TOKENS: 5,  # 4 + 5 + 3 + 7 characters of '{"a":1}'
        semconv.USAGE_OUTPUT_TOKENS: 2,
        semconv.USAGE_STATE: "estimated",
    }
    assert estimate([], None)[semconv.USAGE_OUTPUT_TOKENS] == 0


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1000}},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
        {"type": "input_audio", "input_audio": {"data": "A" * 1000, "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ],
)
def test_what_is_no_text_is_not_estimated(part: dict[str, Any]) -> None:
    assert estimate([{"role": "user", "content": [{"type": "text", "text": "Look"}, part]}]) == {}


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)))
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    assert messages.loads(messages.dumps(value)) == value


@pytest.mark.parametrize("written", ['{"n": -9223372036854775809}', '["18446744073709551616", 18446744073709551616]'])
def test_integers_of_any_size_are_read_as_they_are(written: str) -> None:
    """orjson rounds the first that do not fit 64 bits."""
    assert messages.loads(written) == messages.loads(written.encode()) == json.loads(written)


def test_what_is_no_utf8_is_no_json() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        messages.loads(b'"\xff"')
    assert messages.loads('"\ud83d"') == "\ud83d"
