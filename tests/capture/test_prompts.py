"""Prompt templates: their versions, their rendering, and what their text remembers."""

from __future__ import annotations

import copy
import json
import pickle
from hashlib import sha256
from typing import Any

import pytest

from nbtrace import semconv
from nbtrace._capture.prompts import Prompt, Prompts, found_in
from nbtrace.errors import UsageError


def test_a_changed_text_is_the_next_version_and_an_old_one_its_own() -> None:
    prompts = Prompts()
    first, second = prompts.prompt("a", "one"), prompts.prompt("a", "two")
    assert (first.version, second.version, prompts.prompt("b", "one").version) == (1, 2, 1)
    assert prompts.prompt("a", "one") is first
    assert first.hash == sha256(b"one").hexdigest()[:12]
    assert repr(second) == "Prompt('a', version=2, 'two')"


def test_a_rendered_prompt_is_an_ordinary_string() -> None:
    prompt = Prompt("p", "{who}: {{{what!r}}} {n:>4} {who}", 1)
    text = prompt.format(who="Ada", what="é", n=7)
    assert prompt.fields == ("who", "what", "n")
    assert (text, isinstance(text, str), len(text)) == ("Ada: {'é'}    7 Ada", True, 19)
    assert type(text + "!") is str
    assert json.dumps(text) == "\"Ada: {'\\u00e9'}    7 Ada\""
    assert [type(copied) for copied in (pickle.loads(pickle.dumps(text)), copy.deepcopy(text))] == [str, str]


@pytest.mark.parametrize(
    ("variables", "got"),
    [({}, "none"), ({"a": 1}, "a"), ({"a": 1, "b": 2, "c": 3}, "a, b, c")],
)
def test_variables_must_be_those_of_the_template(variables: dict[str, Any], got: str) -> None:
    with pytest.raises(UsageError) as raised:
        Prompt("p", "{a} {b}", 1).format(**variables)
    assert str(raised.value) == f"prompt 'p' takes the variables: a, b; it got: {got}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{", "template '{' is not valid: Single '{' encountered in format string; write {{ and }} for literal braces"),
        ("{}", "template '{}' has the field {}; expected {a_name}; write {{ and }} for literal braces"),
        ("{0}", "template '{0}' has the field {0}; expected {a_name}; write {{ and }} for literal braces"),
        ("{a.b}", "template '{a.b}' has the field {a.b}; expected {a_name}; write {{ and }} for literal braces"),
        (
            '{"a": 1}',
            'template \'{"a": 1}\' has the field {"a"}; expected {a_name}; write {{ and }} for literal braces',
        ),
    ],
)
def test_a_template_that_is_not_valid(template: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        Prompts().prompt("p", template)
    assert str(raised.value) == message


def test_fields_inside_format_specifications_are_variables_too() -> None:
    prompt = Prompt("p", "{value:>{width}}", 1)
    assert prompt.fields == ("value", "width")
    assert prompt.format(value=1, width=3) == "  1"


def test_the_last_prompt_among_the_messages_counts() -> None:
    first, second = Prompt("a", "A {x}", 1), Prompt("b", "B", 2)
    system = {"role": "system", "content": first.format(x=[1])}
    user = {"role": "user", "content": [{"type": "text", "text": second.format()}, {"type": "image_url"}]}
    plain = {"role": "user", "content": "A 1"}
    expected = {
        semconv.PROMPT_NAME: "a",
        semconv.PROMPT_VERSION: "1",
        semconv.PROMPT_HASH: first.hash,
        semconv.PROMPT_TEMPLATE: "A {x}",
        "gen_ai.prompt.variable.x": "[1]",
    }
    assert found_in([system, plain]) == expected
    assert found_in([system, user, plain])[semconv.PROMPT_NAME] == "b"
    assert [found_in(odd) for odd in (None, "A 1", [None, "x", {"content": None}], [plain])] == [{}, {}, {}, {}]


def test_a_variable_may_have_any_name_and_must_fit_its_specification() -> None:
    assert Prompts().prompt("p", "I am {self}").format(self="me") == "I am me"
    with pytest.raises(UsageError, match=r"prompt 'p' cannot be rendered: Unknown format code 'd'"):
        Prompts().prompt("p", "{n:d}").format(n="x")


@pytest.mark.parametrize(
    ("name", "template", "message"),
    [
        ("p", None, "the template is NoneType None; expected text, such as prompt('greet', 'Hello {name}')"),
        (7, "Hi", "the prompt's name is int 7; expected text, such as prompt('greet', 'Hello {name}')"),
    ],
)
def test_a_prompt_is_made_of_texts(name: Any, template: Any, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        Prompts().prompt(name, template)
    assert str(raised.value) == message
