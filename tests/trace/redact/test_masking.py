"""Attributes of every kind are masked, JSON stays JSON, and a rule that fails costs the value, never a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._trace.redact import credentials
from nbtrace._trace.redact.policy import Policy
from tests.trace.redact.secrets import KEYS, PRIVATE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET, MASK = KEYS["openai-key"][0], "[redacted: openai-key]"


def masked(values: dict[str, Any]) -> dict[str, Any]:
    return Policy().attributes(values)


def test_values_of_every_kind() -> None:
    assert masked(
        {
            "text": SECRET,
            "list": ["a", SECRET],
            "tuple": (SECRET,),
            "nested": {"deep": [{SECRET: [SECRET, 1, None]}]},
            "numbers": [1, 2.5, True],
            "int": 1,
            "float": 0.5,
            "bool": True,
            "bytes": b"\x00",
            "none": None,
        }
    ) == {
        "text": MASK,
        "list": ["a", MASK],
        "tuple": [MASK],
        "nested": {"deep": [{MASK: [MASK, 1, None]}]},
        "numbers": [1, 2.5, True],
        "int": 1,
        "float": 0.5,
        "bool": True,
        "bytes": b"\x00",
        "none": None,
    }


def test_a_value_is_also_known_by_its_name() -> None:
    assert masked(
        {
            "db.password": "hunter2",
            "nbtrace.prompt.variable.api_key": "abcdef1234",
            "settings": {"x-api-key": "abcdef1234", "passwords": ["hunter2", "hunter3"], "password": 123456},
            "authorization": ["Bearer abc"],
            "max_tokens": 12345,
            "password_length": 12345,
            "password": True,
            "token": {"type": "string"},
        }
    ) == {
        "db.password": "[redacted: password]",
        "nbtrace.prompt.variable.api_key": "[redacted: api-key]",
        "settings": {
            "x-api-key": "[redacted: api-key]",
            "passwords": ["[redacted: password]", "[redacted: password]"],
            "password": "[redacted: password]",
        },
        "authorization": ["Bearer [redacted: authorization]"],
        "max_tokens": 12345,
        "password_length": 12345,
        "password": True,
        "token": {"type": "string"},
    }


def test_json_stays_json() -> None:
    value = {"password": 123456, "text": f'{{"password": "hunter2", "n": {2**70}}}', "é": "\ud83d\ude00", "n": 2**70}
    found = json.loads(str(masked({"arguments": json.dumps(value)})["arguments"]))
    assert found == {
        "password": "[redacted: password]",
        "text": f'{{"password": "[redacted: password]", "n": {2**70}}}',
        "é": "😀",
        "n": 2**70,
    }


@pytest.mark.parametrize(
    "written", ['{"content": "\\u0073k-proj-0123456789abcdef0123"}', '{"to": "https:\\/\\/me:hunter2@host"}']
)
def test_what_json_spells_otherwise_is_found(written: str) -> None:
    assert "[redacted: " in str(masked({"x": written})["x"])


def test_json_without_a_secret_stays_as_it_was_written() -> None:
    written = '{ "a": [1, 2.50, "key: value"],  "tokens": 5 }'
    assert masked({"x": written})["x"] is written


def test_json_nested_too_deep_to_walk_is_masked_as_text() -> None:
    deep = "[" * 5000 + json.dumps(SECRET) + "]" * 5000
    assert masked({"x": deep})["x"] == deep.replace(SECRET, MASK)


def test_half_a_private_key_masks_its_message_and_no_other() -> None:
    value = json.dumps([{"a": f"x {PRIVATE_KEY[:50]}"}, {"b": "stays"}])
    assert json.loads(str(masked({"x": value})["x"])) == [{"a": "x [redacted: private-key]"}, {"b": "stays"}]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_what_holds_no_secret_is_the_very_same(value: object) -> None:
    written = json.dumps(value)
    found = masked({"x": written})["x"]
    assert json.loads(str(found)) == value or "redacted" in str(found)


@given(st.dictionaries(st.text(), json_values), st.sampled_from([key for found in KEYS.values() for key in found]))
def test_a_key_is_found_at_any_place_of_any_json(value: dict[str, object], key: str) -> None:
    value["it"] = [{"is": f"12345678:{key} here"}]
    assert key not in str(masked({"x": json.dumps(value)}))


def test_a_rule_that_fails_masks_the_whole_value_and_is_reported(
    monkeypatch: pytest.MonkeyPatch, swallow: Callable[[], dict[str, int]]
) -> None:
    def fail(*_: object) -> Any:
        message = "injected"
        raise RuntimeError(message)

    monkeypatch.setattr(credentials, "find", fail)
    failed = "[redacted: rule failed]"
    assert masked({"json": '[{"content":"x"}]', "nested": {"a": ["z", 4]}}) == {
        "json": f'[{{"content":"{failed}"}}]',
        "nested": {"a": [failed, 4]},
    }
    assert set(swallow()) == {"redact: RuntimeError"}
