"""Secrets are masked wherever they turn up, by a rule that is named, and what is stored stays readable."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace import Session, semconv
from nbtrace._trace import redact
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trace.conftest import Ask

# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow/+==\nabc\n-----END RSA " + "PRIVATE KEY-----",
    "anthropic-key": "sk-" + "ant-api03-0123456789abcdef-AA",
    "openai-key": "sk-" + "proj-0123456789abcdef_0123",
    "google-key": "AI" + "zaSy0123456789-0123456789_0123456789a",
    "aws-key": "AK" + "IA0123456789ABCDEF",
    "github-token": "gh" + "p_0123456789abcdefghij0123456789abcdefgh",
    "huggingface-token": "hf" + "_abcdefghijklmnopqrstuvwxyz0123",
    "slack-token": "xox" + "b-0123456789-abcdef",
    "groq-key": "gs" + "k_0123456789abcdefghijABCDEFGHIJ0123456789",
    "xai-key": "xa" + "i-abcdefghijABCDEFGHIJ0123456789abcd",
    "perplexity-key": "ppl" + "x-abcdefghijABCDEFGHIJ0123456789abcd",
    "nvidia-key": "nva" + "pi-abcdefghij-ABCDEFGHIJ_0123456789",
    "gitlab-token": "glp" + "at-abcdefghij_0123456789-",
    "google-token": "ya" + "29.a0Abcdefghij-0123456789_",
    "bearer-token": "eyJhbGciOi.eyJzdWIi.SflKxw+/~-_==",
    "url-password": "user:p455word!",
}
AROUND = {"bearer-token": "Authorization: Bearer {}", "url-password": "postgres://{}@db.example.org/x"}


def placed(rule: str, secret: str) -> str:
    return AROUND.get(rule, "{}").format(secret)


def masked(rule: str) -> str:
    return placed(rule, f"[redacted: {rule}]")


def test_each_rule_has_a_secret_here() -> None:
    assert list(SECRETS) == [name for name, _ in redact.RULES]


@pytest.mark.parametrize("rule", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "before {} after", "key='{}'", 'key="{}"', "({})", "a\n{}\nb", "\t{}", "é {}."]
)
def test_a_secret_in_a_text(rule: str, around: str) -> None:
    found, expected = around.format(placed(rule, SECRETS[rule])), around.format(masked(rule))
    assert redact.text(found) == expected


@pytest.mark.parametrize("rule", SECRETS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_secret_behind_escapes(rule: str, depth: int) -> None:
    text, expected = f"see:\n{placed(rule, SECRETS[rule])}\n\tend", f"see:\n{masked(rule)}\n\tend"
    for _ in range(depth):
        text, expected = json.dumps([text]), json.dumps([expected])
    assert redact.text(text) == expected


@pytest.mark.parametrize("rule", SECRETS)
def test_a_secret_in_messages_leaves_them_json(rule: str) -> None:
    message = {"role": "user", "parts": [{"type": "text", "content": f"a\n{placed(rule, SECRETS[rule])}\nb"}]}
    (value,) = redact.attributes({semconv.INPUT_MESSAGES: json.dumps([message])}).values()
    assert json.loads(str(value))[0]["parts"] == [{"type": "text", "content": f"a\n{masked(rule)}\nb"}]


def test_messages_nested_too_deep_to_walk_are_masked_as_text() -> None:
    secret = SECRETS["openai-key"]
    deep = "[" * 600 + json.dumps(secret) + "]" * 600
    (found,) = redact.attributes({semconv.OUTPUT_MESSAGES: deep}).values()
    assert found == deep.replace(secret, "[redacted: openai-key]")


def test_half_a_private_key_masks_its_message_and_no_other() -> None:
    begun = SECRETS["private-key"][:50]
    value = json.dumps([{"a": f"x {begun}"}, {"b": "stays"}])
    (found,) = redact.attributes({semconv.OUTPUT_MESSAGES: value}).values()
    assert json.loads(str(found)) == [{"a": "x [redacted: private-key]"}, {"b": "stays"}]
    assert redact.text(f"x {begun}") == "x [redacted: private-key]"


def test_values_of_every_kind() -> None:
    secret, mask = SECRETS["openai-key"], "[redacted: openai-key]"
    given_: dict[str, Any] = {
        "text": secret,
        "list": ["a", secret],
        "tuple": (secret,),
        "nested": {"deep": [{secret: [secret, 1, None]}]},
        "numbers": [1, 2.5, True],
        "int": 1,
        "float": 0.5,
        "bool": True,
        "bytes": b"\x00",
        "none": None,
    }
    assert redact.attributes(given_) == {
        "text": mask,
        "list": ["a", mask],
        "tuple": [mask],
        "nested": {"deep": [{mask: [mask, 1, None]}]},
        "numbers": [1, 2.5, True],
        "int": 1,
        "float": 0.5,
        "bool": True,
        "bytes": b"\x00",
        "none": None,
    }


@pytest.mark.parametrize(
    "harmless",
    ["", "task-list-of-many-things", "C:\\tasks\\sk-1", "sk-short", "https://example.org/a@b", "the bearer of news",
     "https://example.org:8080/path", "mailto:me@example.org", "12:30@noon", "-----BEGIN PUBLIC KEY-----"],
)  # fmt: skip
def test_what_is_no_secret_stays(harmless: str) -> None:
    assert redact.text(harmless) == harmless


@given(st.text())
def test_texts_without_a_hint_are_the_very_same(text: str) -> None:
    assert redact.text(text) is text or "redacted" in redact.text(text)


class Failing:
    def search(self, _: str) -> Any:
        return True

    def sub(self, *_: object) -> str:
        message = "injected"
        raise RuntimeError(message)


def test_a_rule_that_fails_masks_the_whole_value(
    monkeypatch: pytest.MonkeyPatch, swallow: Callable[[], dict[str, int]]
) -> None:
    monkeypatch.setattr(redact, "RULES", (("broken", Failing()),))
    value = {semconv.INPUT_MESSAGES: '[{"content":"sk-1"}]', "text": "sk-2", "nested": {"a": ["sk-3", 4]}}
    assert redact.attributes(value) == {
        semconv.INPUT_MESSAGES: '[{"content":"[redacted: rule failed]"}]',
        "text": "[redacted: rule failed]",
        "nested": {"a": ["[redacted: rule failed]", 4]},
    }
    assert swallow() == {"redact: RuntimeError": 3}


def test_a_first_scan_that_fails_masks_everything(
    monkeypatch: pytest.MonkeyPatch, swallow: Callable[[], dict[str, int]]
) -> None:
    monkeypatch.setattr(redact, "_USER", None)
    assert redact.attributes({semconv.INPUT_MESSAGES: "[]", "text": "x", "int": 1}) == {
        semconv.INPUT_MESSAGES: "[redacted: rule failed]",
        "text": "[redacted: rule failed]",
        "int": 1,
    }
    assert swallow() == {"redact: AttributeError": 1 + 1}


def test_no_rule_takes_forever() -> None:
    text = "://" + "a:" * 20_000 + " bearer " * 5_000 + "sk-" * 20_000 + "-----BEGIN PRIVATE KEY-----" * 2_000
    assert redact.text(text).startswith("://")


@pytest.mark.parametrize("rule", SECRETS)
def test_a_secret_in_a_call_is_stored_nowhere(
    rule: str, server: Loopback, ask: Ask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = placed(rule, SECRETS[rule])
    server.reply = Reply(completion(f"You said:\n{secret}"))
    prompt = session.prompt("p", "Tell me about {thing}, not:\n" + secret.replace("{", "{{"))
    tool: Any = {"type": "function", "function": {"name": "f", "description": f"uses:\n{secret}"}}
    answer = ask(prompt.format(thing=secret), tools=[tool], stop=[secret])
    assert secret in answer.choices[0].message.content
    server.reply = Reply({"error": {"message": f"no:\n{secret}"}}, status=400)
    with pytest.raises(openai.BadRequestError, match=r"no:"):
        ask(secret)
    stored = str(session.spans().table.to_pylist())
    for part in re.split(r"\s+", SECRETS[rule]):
        if len(part) > 8:
            assert part not in stored
    call, failed = spans(session)
    assert call["attributes"][semconv.PROMPT_VARIABLE + "thing"] == masked(rule)
    assert call["attributes"][semconv.OUTPUT_MESSAGES][0]["parts"][0]["content"] == f"You said:\n{masked(rule)}"
    assert f"[redacted: {rule}]" in failed["message"]


def test_a_secret_in_a_cell_is_not_stored(session: Session) -> None:
    span = session.tracing.start("cell [1]", attributes={semconv.SPAN_TYPE: "cell"})
    source = f"key = 'a:\\n{SECRETS['openai-key']}'"
    session.tracing.end(span, lambda: {semconv.CELL_SOURCE: source})
    assert only(session)[semconv.CELL_SOURCE] == "key = 'a:\\n[redacted: openai-key]'"
