"""Prompt templates: their rendering, and what their text remembers."""

from __future__ import annotations

import copy
import json
import pickle
from hashlib import sha256
from typing import Any

import pytest

from nbtrace import _guard
from nbtrace._prompts.prompt import Prompt
from nbtrace._prompts.registry import Prompts
from nbtrace._prompts.text import PromptText, held_in
from nbtrace.errors import UsageError

PICTURE = {"type": "image_url", "image_url": {"url": "{url}"}}
CHAT = [
    {"role": "system", "content": "You are {persona}."},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": [{"type": "text", "text": "{question}"}, PICTURE]},
]


def test_a_rendered_prompt_is_an_ordinary_string() -> None:
    prompt = Prompt("p", "{who}: {{{what!r}}} {n:>4} {who}", 1)
    text = prompt.format(who="Ada", what="é", n=7)
    assert prompt.fields == ("who", "what", "n")
    assert (text, isinstance(text, str), len(text)) == ("Ada: {'é'}    7 Ada", True, 19)
    assert json.dumps(text) == "\"Ada: {'\\u00e9'}    7 Ada\""
    assert [type(copied) for copied in (pickle.loads(pickle.dumps(text)), copy.deepcopy(text))] == [str, str]
    assert prompt.hash == sha256(prompt.text.encode()).hexdigest()[:12]


def test_what_is_joined_to_it_remembers_and_an_f_string_is_found_by_what_it_holds() -> None:
    prompt = Prompt("p", "Summarize {text} briefly", 1)
    text = prompt.format(text="it")
    for joined in ("Please: " + text, text + "!", "a" + text + "b"):
        assert (type(joined), joined.prompt, joined.variables) == (PromptText, prompt, {"text": "it"})
    plain = f"Please: {text}!"
    assert type(plain) is str
    assert held_in(plain, PromptText.recent) == (prompt, {"text": "it"})
    assert held_in("Summarize this briefly", PromptText.recent) is None


def test_of_several_texts_that_a_message_holds_the_longest_counts_and_short_ones_do_not() -> None:
    inner, outer, short = (
        Prompt("inner", "Say it with {n} words", 1),
        Prompt("outer", "Be kind. {inner}", 1),
        Prompt("short", "Hi", 1),
    )
    held = outer.format(inner=inner.format(n=3))
    short.format()
    source = held_in(f"<{held}> Hi", PromptText.recent)
    assert source is not None
    assert source.prompt is outer
    assert held_in("Hi", PromptText.recent) is None


def test_a_chat_is_rendered_message_by_message() -> None:
    prompt = Prompt("c", CHAT, 1)
    history = [{"role": "user", "content": "{not a field}"}]
    assert prompt.fields == ("persona", "history", "question", "url")
    picture = {"type": "image_url", "image_url": {"url": "http://x/y.png"}}
    messages = prompt.format(persona="a poet", history=history, question="Who?", url="http://x/y.png")
    assert messages == [
        {"role": "system", "content": "You are a poet."},
        {"role": "user", "content": "{not a field}"},
        {"role": "user", "content": [{"type": "text", "text": "Who?"}, picture]},
    ]
    assert messages[0]["content"].prompt is prompt
    assert messages[0]["content"].variables["history"] == json.dumps(history)
    assert json.loads(prompt.text) == CHAT


def test_a_placeholder_takes_messages_only() -> None:
    with pytest.raises(UsageError) as raised:
        Prompt("c", CHAT, 1).format(persona="a", history="Hi", question="b", url="c")
    assert str(raised.value) == "prompt 'c' cannot be rendered: history takes a list of messages; it got str 'Hi'"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "prompt 'p' misses a, b; it takes the variables: a, b"),
        ({"a": 1}, "prompt 'p' misses b; it takes the variables: a, b"),
        ({"a": 1, "b": 2, "c": 3}, "prompt 'p' does not know c; it takes the variables: a, b"),
        ({"a": 1, "c": 3}, "prompt 'p' misses b and does not know c; it takes the variables: a, b"),
    ],
)
def test_variables_must_be_those_of_the_template(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        Prompt("p", "{a} {b}", 1).format(**variables)
    assert str(raised.value) == message


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


@pytest.mark.parametrize(
    "template",
    ['Answer as {{"name": "{name}"}}', "Übersetze „{name}“ → 日本語 🙂", "{name}\u202e\x00 {{}}", "a\n\tb {name} \\n"],
)
def test_braces_json_and_unicode_survive(template: str) -> None:
    rendered = Prompts().prompt("p", template).format(name='{"x": 1}')
    assert rendered == template.replace("{{", "{").replace("}}", "}").replace("{name}", '{"x": 1}')


def test_fields_inside_format_specifications_are_variables_too() -> None:
    prompt = Prompt("p", "{value:>{width}}", 1)
    assert prompt.fields == ("value", "width")
    assert prompt.format(value=1, width=3) == "  1"


def test_a_variable_may_have_any_name_and_must_fit_its_specification() -> None:
    assert Prompts().prompt("p", "I am {self}").format(self="me") == "I am me"
    with pytest.raises(UsageError, match=r"prompt 'p' cannot be rendered: Unknown format code 'd'"):
        Prompts().prompt("p", "{n:d}").format(n="x")


def test_jinja_is_rendered_in_its_sandbox() -> None:
    prompt = Prompts().prompt("p", "{% for one in items %}{{ one.name }};{% endfor %}{{ end }}\n", language="jinja2")
    assert prompt.fields == ("end", "items")
    assert prompt.format(items=[{"name": "a"}, {"name": "b"}], end="!") == "a;b;!\n"
    assert prompt.attributes({})["nbtrace.prompt.language"] == "jinja2"
    escape = Prompts().prompt("p", "{{ items.__class__.__mro__ }}", language="jinja2")
    with pytest.raises(UsageError, match="prompt 'p' cannot be rendered: access to attribute '__class__'"):
        escape.format(items=[])
    with pytest.raises(UsageError, match=r"template '\{% for %\}' is not valid: line 1: "):
        Prompts().prompt("p", "{% for %}", language="jinja2")


def test_the_same_text_in_another_language_is_another_version() -> None:
    prompts = Prompts()
    assert [prompts.prompt("p", "Hi", language=one).version for one in ("format", "jinja2", "format")] == [1, 2, 1]


def test_a_text_that_cannot_remember_is_rendered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> PromptText:
        message = "injected"
        raise RuntimeError(message)

    monkeypatch.setattr(PromptText, "of", fail)
    monkeypatch.setattr(_guard, "reraise", False)
    assert Prompt("p", "Hi {name}", 1).format(name="Ada") == "Hi Ada"
