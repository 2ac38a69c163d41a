"""Versions of prompts: how they come about, what they are called, how they are compared."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nbtrace._prompts.difference import Difference
from nbtrace._prompts.prompt import Prompt
from nbtrace._prompts.registry import Prompts
from nbtrace.errors import NotFoundError, UsageError


def test_a_changed_text_is_the_next_version_and_an_old_one_its_own() -> None:
    prompts = Prompts()
    first, second = prompts.prompt("a", "one"), prompts.prompt("a", "two", cell=("c1", 7))
    assert (first.version, second.version, prompts.prompt("b", "one").version) == (1, 2, 1)
    assert prompts.prompt("a") is second
    assert prompts.prompt("a", "one") is first
    assert prompts.prompt("a") is first
    assert (second.origin.cell_id, second.origin.execution_count) == ("c1", 7)
    assert (repr(second), repr(second.diff())) == ("Prompt('a', version=2, 'two')", "a v1 -> v2: [-one-]{+two+}")
    assert (len(prompts), list(prompts), "a" in prompts, repr(prompts)) == (
        2,
        ["a", "b"],
        True,
        "<prompts: a (2), b (1)>",
    )


def test_versions_are_named_gone_back_to_and_compared() -> None:
    prompts = Prompts()
    for text in ("Be brief", "Be kind", "Be kind and brief"):
        prompts.prompt("p", text)
    history = prompts["p"]
    assert repr(history.diff(1, 3)) == "p v1 -> v3: Be {+kind and +}brief"
    assert repr(history.diff()) == "p v2 -> v3: Be kind{+ and brief+}"
    assert repr(history[2].diff(history[2])) == "p v2 -> v2: no change"
    assert history.tag("production", 2) is history["production"]
    with pytest.raises(UsageError, match="another name: 'current' is the version in use"):
        history.tag("current", 1)
    assert history.rollback("production").version == 2
    assert (history.current.version, history.format(), prompts.prompt("p").version) == (2, "Be kind", 2)
    assert [prompt.version for prompt in history.versions] == [1, 2, 3]
    assert repr(history) == (
        "prompt 'p', 3 versions\n  v1 'Be brief'\n  v2 (current, production) 'Be kind'\n  v3 'Be kind and brief'"
    )
    history.untag("production")
    assert dict(history.tags) == {}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda prompts: prompts["q"], "there is no prompt 'q'; there are: 'p'"),
        (lambda prompts: prompts.prompt("q"), "there is no prompt 'q'; there are: 'p'"),
        (lambda prompts: prompts["p"][3], "the prompt 'p' has no version 3; there are: 1, 'live'"),
        (lambda prompts: prompts["p"]["dev"], "the prompt 'p' has no version 'dev'; there are: 1, 'live'"),
        (lambda prompts: prompts["p"].diff(1, 9), "the prompt 'p' has no version 9; there are: 1, 'live'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(ask: Any, message: str) -> None:
    prompts = Prompts()
    prompts.prompt("p", "x")
    prompts["p"].tag("live")
    with pytest.raises(NotFoundError, match=f"^{re.escape(message)}$"):
        ask(prompts)


@pytest.mark.parametrize(
    ("name", "template", "message"),
    [
        (
            "p",
            5,
            "the template is int 5; expected text, such as prompt('greet', 'Hello {name}'), or messages with role",
        ),
        ("p", [], "the template is list []; expected text"),
        ("p", [{"content": "x"}], "a message of the template is dict {'content': 'x'}; expected a dict with role"),
        (7, "Hi", "the prompt's name is int 7; expected text, such as prompt('greet', 'Hello {name}')"),
        ("", "Hi", "the prompt's name is str ''; expected text, such as prompt('greet', 'Hello {name}')"),
    ],
)
def test_a_prompt_is_made_of_texts(name: Any, template: Any, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        Prompts().prompt(name, template)


def test_the_language_is_one_of_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="unknown template language 'go'; expected one of: format, jinja2"):
        Prompts().prompt("p", "x", language="go")  # pyright: ignore[reportArgumentType] - what is tested


def test_a_version_from_elsewhere_keeps_its_number_if_it_is_free() -> None:
    prompts = Prompts()
    prompts.prompt("p", "here")
    taken, free, known = (
        prompts.adopt(Prompt("p", text, number)) for text, number in (("b", 1), ("c", 5), ("here", 9))
    )
    assert [(prompt.version, prompt.template) for prompt in (taken, free, known)] == [(2, "b"), (5, "c"), (1, "here")]
    assert prompts.prompt("p", "next").version == 6


def test_a_difference_is_drawn_for_the_eye_and_holds_no_markup_of_the_texts() -> None:
    made = Difference("t", "a <b>x</b>", "a <i>x</i> <script>")
    assert [(part.kind, part.text) for part in made.parts if part.kind != "same"]
    assert "".join(part.text for part in made.parts if part.kind != "removed") == "a <i>x</i> <script>"
    assert "".join(part.text for part in made.parts if part.kind != "added") == "a <b>x</b>"
    drawn = made._repr_html_()
    assert "<script>" not in drawn
    assert "&lt;" in drawn
    assert not Difference("t", "a b", "a b")
