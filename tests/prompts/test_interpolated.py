"""Template strings (PEP 750), stood in for where Python has none yet."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import pytest

from nbtrace._prompts.registry import Prompts


class Interpolation(NamedTuple):
    value: object
    expression: str
    conversion: str | None = None
    format_spec: str = ""


class Template:
    """What `t"..."` makes: texts, and between them interpolations."""

    def __init__(self, *parts: str | Interpolation) -> None:
        strings, self.interpolations = [""], tuple(part for part in parts if isinstance(part, Interpolation))
        for part in parts:
            if isinstance(part, str):
                strings[-1] += part
            else:
                strings.append("")
        self.strings = tuple(strings)


def test_a_template_string_is_rendered_at_once_and_its_version_is_its_text() -> None:
    prompts = Prompts()
    texts = [
        prompts.prompt("p", Template("{", Interpolation(name, "user.name"), "}: ", Interpolation(n, "n", None, ">3")))
        for name, n in (("Ada", 1), ("Bob", 22))
    ]
    assert texts == ["{Ada}:   1", "{Bob}:  22"]
    assert [(text.prompt.version, text.prompt.template, dict(text.variables)) for text in texts] == [
        (1, "{{{user_name}}}: {n:>3}", {"user_name": "Ada", "n": "1"}),
        (1, "{{{user_name}}}: {n:>3}", {"user_name": "Bob", "n": "22"}),
    ]


def test_names_are_told_apart_and_conversions_are_done() -> None:
    text = Prompts().prompt(
        "p", Template(Interpolation("é", "f(x)", "a"), Interpolation(2, "f(x)"), Interpolation(3, "class"))
    )
    assert (text, text.prompt.fields) == ("'\\xe9'23", ("f_x", "f_x_2", "value_class"))


@pytest.mark.skipif(sys.version_info < (3, 14), reason="t-strings came with Python 3.14")
def test_pythons_own() -> None:
    made: dict[str, Any] = {"name": "Ada"}
    exec('text = t"Hello {name}"', made)
    assert Prompts().prompt("p", made["text"]) == "Hello Ada"
