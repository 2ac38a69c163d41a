"""Keys of a known form are masked wherever they stand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._trace.redact import keys
from nbtrace._trace.redact.rules import Rules
from tests.trace.redact.secrets import AROUND, KEYS

EACH = [
    pytest.param(rule, key, id=f"{rule}-{place}") for rule, found in KEYS.items() for place, key in enumerate(found)
]


def placed(rule: str, key: str) -> str:
    return AROUND.get(rule, "{}").format(key)


def masked(rule: str) -> str:
    return placed(rule, f"[redacted: {rule}]")


def test_each_rule_has_a_key_here() -> None:
    assert set(KEYS) == set(keys.RULES)


@pytest.mark.parametrize(("rule", "key"), EACH)
@pytest.mark.parametrize(
    "around",
    ["{}", "before {} after", "see '{}'", 'see "{}"', "({})", "a\n{}\nb", "\t{}", "é {}.", "x={}&y", "a%20{}", "-{}-é",
     "[0;31m{}[0m", "https://example.org/?q={}", "<b>{}</b>"],
)  # fmt: skip
def test_a_key_in_a_text(rule: str, key: str, around: str) -> None:
    found = Rules().masked(around.format(placed(rule, key)))
    assert key[8:] not in found
    assert f"[redacted: {rule}]" in found or (rule in ("mailgun-key", "age-key") and "[redacted: " in found)


@pytest.mark.parametrize(("rule", "key"), EACH)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_key_behind_escapes(rule: str, key: str, depth: int) -> None:
    text, expected = f"see:\n{placed(rule, key)}\n\tend", f"see:\n{masked(rule)}\n\tend"
    for _ in range(depth):
        text, expected = json.dumps([text]), json.dumps([expected])
    assert Rules().masked(text) == expected


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF)), st.text(), st.sampled_from([*KEYS.items()]))
def test_a_key_between_any_two_texts(before: str, after: str, example: tuple[str, list[str]]) -> None:
    rule, (key, *_) = example
    found = Rules().masked(f"{before} {placed(rule, key)} {after}")
    assert key not in found


@pytest.mark.parametrize(
    "harmless",
    ["task-list-of-many-things-to-do-today", "C:\\tasks\\sk-1", "sk-short", "sk-learn-based-classification-pipeline",
     "npm_config_registry_and_more_words_here", "hf_hub_download_with_a_long_name_of_words", "AKIA", "responsibilities",
     "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01", "550e8400-e29b-41d4-a716-446655440000", "eyJ", "call_0123456789abcdef01",
     "d41d8cd98f00b204e9800998ecf8427e", "https://example.org/a-page-with-a-very-long-name-indeed-2024"],
)  # fmt: skip
def test_what_is_no_key_stays(harmless: str) -> None:
    assert Rules().masked(harmless) == harmless
