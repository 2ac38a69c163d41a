"""A user's own rules: regular expressions, functions, and what is said when one cannot be used or fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import nbtrace
from nbtrace import Session, _api, semconv
from nbtrace._trace.redact.policy import Policy
from nbtrace.errors import UsageError
from tests.capture.reading import only

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trace.conftest import Ask


def test_rules_of_every_kind_reach_what_is_stored(session: Session, ask: Ask) -> None:
    session.redact("email", "card")
    session.redact(r"ACME-\d{4}", name="badge")
    session.redact(re.compile("(?i)project x"), name="project")
    session.redact(lambda text: text.replace("Ada", "[somebody]"), name="people")
    ask("Ada (ada@x.org, ACME-1234, 4111 1111 1111 1111) works on PROJECT X.")
    (message,) = only(session)[semconv.INPUT_MESSAGES]
    assert message["parts"][0]["content"] == (
        "[somebody] ([redacted: email], [redacted: badge], [redacted: card]) works on [redacted: project]."
    )


def test_the_public_function_is_of_the_default_session(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Session()
    monkeypatch.setattr(_api, "_default", made)
    nbtrace.redact("email")
    nbtrace.redact("x+", name="own")
    assert (made.policy.rules.optional, made.policy.rules.own) == (("email",), ("own",))


def test_a_rule_holds_for_what_is_stored_from_then_on(session: Session, ask: Ask) -> None:
    ask("before: ada@x.org")
    before = str(session.spans().table["input_messages"].to_pylist())
    session.redact("email")
    ask("after: ada@x.org")
    said = [str(one) for one in session.spans().table["input_messages"].to_pylist()]
    assert ("before: ada@x.org" in before, "before: ada@x.org" in said[0]) == (True, True)
    assert "after: [redacted: email]" in said[1]


def test_optional_rules_can_be_taken_back() -> None:
    rules = Policy().rules
    rules.optional = ("email", "phone", "email")
    assert rules.optional == ("email", "phone")
    rules.optional = ()
    assert rules.masked("ada@x.org") == "ada@x.org"


def test_names_of_models_are_not_given_to_functions(session: Session, ask: Ask) -> None:
    seen: list[str] = []

    def function(text: str) -> str:
        seen.append(text)
        return text

    session.redact(function, name="seen")
    ask("Say hello.")
    assert only(session)[semconv.REQUEST_MODEL] == "m"
    assert set(seen) == {"Say hello.", "Hello!"}


@pytest.mark.parametrize(
    ("given", "name", "message"),
    [
        ("emails", None, "unknown rule 'emails'; did you mean 'email'? expected one of: email, phone"),
        ("(", "x", "the rule 'x' is no valid regular expression: missing ), unterminated subpattern at position 0"),
        (str.upper, None, "a rule of your own needs a name, which its masks show: redact(upper, name='...')"),
        (5, "x", "a rule is a regular expression or a function from text to text; got 5"),
    ],
)
def test_what_is_no_rule_is_refused(given: Any, name: str | None, message: str) -> None:
    policy = Policy()
    with pytest.raises(UsageError) as raised:
        policy.rules.add(given, name=name)
    assert str(raised.value).startswith(message)
    assert (policy.rules.optional, policy.rules.own) == ((), ())


@pytest.mark.parametrize("function", [lambda text: text[100], lambda text: None, lambda text: text.encode()])
def test_a_function_that_fails_masks_the_whole_value(
    function: Any, session: Session, ask: Ask, swallow: Callable[[], dict[str, int]]
) -> None:
    session.redact(function, name="mine")
    ask("tell nobody")
    (message,) = only(session)[semconv.INPUT_MESSAGES]
    assert message == {"role": "user", "parts": [{"type": "text", "content": "[redacted: mine failed]"}]}
    assert len(swallow()) == 1


def test_what_an_expression_would_mask_of_a_mask_stays() -> None:
    rules = Policy().rules
    rules.add(r"\w+-key", name="keys")
    masked = rules.masked("api_key='0123456789abcdef' primary-key")
    assert masked == "api_key='[redacted: api-key]' [redacted: keys]"
    assert rules.masked(masked) == masked


def test_an_expression_that_finds_nothing_long_masks_nothing() -> None:
    rules = Policy().rules
    rules.add("x*", name="empty")
    assert rules.masked("abc") == "abc"
