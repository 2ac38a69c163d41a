"""A preview is one plain line, whatever the messages are."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from nbtrace._query.preview import WIDTH, preview


def messages(*parts: Any, role: str = "assistant") -> str:
    return orjson.dumps([{"role": role, "parts": list(parts)}]).decode()


TEXT = {"type": "text", "content": "one\n  two"}


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (None, None),
        ("", None),
        ("[]", None),
        ("<masked>", "<masked>"),
        ('{"not": "a list"}', '{"not": "a list"}'),
        ('["no message"]', None),
        ('[{"parts": "no list"}]', None),
        (messages(TEXT), "one two"),
        (messages({"type": "reasoning", "content": "hm"}, TEXT), "one two"),
        (messages({"type": "tool_call", "name": "f", "arguments": {"a": 1}}), 'f({"a":1})'),
        (messages({"type": "tool_call", "name": "f", "arguments": "raw"}), "f(raw)"),
        (messages({"type": "tool_call", "name": "f"}), "f()"),
        (messages({"type": "tool_call_response", "response": "42"}), "42"),
        (messages({"type": "tool_call_response", "response": {"a": 1}}), '{"a":1}'),
        (messages({"type": "blob", "modality": "image", "content": "aaaa"}), "[image]"),
        (messages({"type": "strange"}, "strange"), None),
        (messages({"type": "text", "content": "a" * 500}), "a" * (WIDTH - 1) + "…"),
    ],
)
def test_what_is_shown_of_messages(output: str | None, shown: str | None) -> None:
    assert preview(output, None) == shown


def test_without_an_answer_the_last_input_is_shown() -> None:
    first, last = orjson.loads(messages(TEXT)), orjson.loads(messages({"type": "text", "content": "last"}, role="user"))
    assert preview("[]", orjson.dumps([*first, *last]).decode()) == "last"
