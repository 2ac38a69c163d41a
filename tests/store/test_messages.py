"""Messages are cut where they repeat, and put together again to the byte."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._store.messages import split, split_answer

PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "content": st.text()}), max_size=2)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "parts": PARTS}) | VALUES, max_size=4
)
DEEP = "[" * 300 + "]" * 300
WRITERS: list[Any] = [
    json.dumps,
    lambda value: json.dumps(value, indent=2),
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value, separators=(" , ", " : ")),
]


def joined(pieces: list[bytes | None]) -> bytes:
    if pieces[:1] == [None]:
        (text,) = pieces[1:]
        assert text is not None
        return text
    return b"[%b]" % b",".join(piece or b"" for piece in pieces)


@given(MESSAGES, st.sampled_from(WRITERS))
def test_pieces_are_the_text(messages: list[Any], write: Any) -> None:
    text = write(messages).encode("utf-8", "backslashreplace")
    assert joined(split(text)) == text


@given(st.text())
def test_any_other_text_is_kept_too(text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    assert joined(split(data)) == data


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("[]", []),
        ("[ ]", [None, "[ ]"]),
        ('[{"a":1},{"b":[2,{"c":3}]}]', ['{"a":1}', '{"b":[2,{"c":3}]}']),
        ('[{"a": 1.0e0}, {"b": "\\u00e4,]"} ]', ['{"a": 1.0e0}', ' {"b": "\\u00e4,]"} ']),
        ('[{"a":1},2]', [None, '[{"a":1},2]']),
        ("[[1]]", [None, "[[1]]"]),
        ('{"a":1}', [None, '{"a":1}']),
        ("", [None, ""]),
        ("masked", [None, "masked"]),
        ('[{"a":1}', [None, '[{"a":1}']),
        (f'[{{"a":{DEEP}}},{{}}]', [f'{{"a":{DEEP}}}', "{}"]),
        ('[{"a":%s}]' % ("9" * 5000), [None, '[{"a":%s}]' % ("9" * 5000)]),
    ],
)
def test_an_array_of_objects_is_cut_at_its_commas(text: str, pieces: list[str | None]) -> None:
    assert split(text.encode()) == [None if piece is None else piece.encode() for piece in pieces]


@pytest.mark.parametrize(
    ("message", "body", "tail"),
    [
        ('{"role":"assistant","finish_reason":"stop"}', '{"role":"assistant"}', ',"finish_reason":"stop"}'),
        ('{"role": "a", "finish_reason": null}', '{"role": "a"}', ', "finish_reason": null}'),
        ('{"role":"assistant"}', '{"role":"assistant"}', None),
        ('{"finish_reason":"stop"}', '{"finish_reason":"stop"}', None),
        ('{"a":{"b":1,"finish_reason":"stop"}}', '{"a":{"b":1,"finish_reason":"stop"}}', None),
        ('{"a":"x,\\"finish_reason\\":\\"stop"}', '{"a":"x,\\"finish_reason\\":\\"stop"}', None),
    ],
)
def test_an_answer_is_the_message_that_comes_back_and_a_tail(message: str, body: str, tail: str | None) -> None:
    found = split_answer(message.encode())
    assert found == (body.encode(), None if tail is None else tail.encode())
    assert orjson.loads(found[0]) is not None
