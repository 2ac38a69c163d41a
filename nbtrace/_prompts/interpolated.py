"""Template strings of Python 3.14 (PEP 750): `t"Hello {name}"` knows its text and its values."""

from __future__ import annotations

import keyword
from typing import Any


def read(template: Any) -> tuple[str, dict[str, object]]:
    """Give the template as text with named fields, and the values of these.

    What is no name, such as `{user.name}`, is named after itself: `user_name`. A conversion is done here.

    Args:
        template: a `string.templatelib.Template`: `strings`, and `interpolations` with `value`, `expression`,
            `conversion` and `format_spec`.
    """
    text = _literal(template.strings[0])
    values: dict[str, object] = {}
    for part, after in zip(template.interpolations, template.strings[1:], strict=True):
        value = {"r": repr, "s": str, "a": ascii}.get(part.conversion, lambda same: same)(part.value)
        name = _name(part.expression, value, values)
        values[name] = value
        text += "{" + name + (f":{part.format_spec}" if part.format_spec else "") + "}" + _literal(after)
    return text, values


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _name(expression: str, value: object, taken: dict[str, object]) -> str:
    bare = "".join(sign if sign.isalnum() else "_" for sign in expression.strip()).strip("_") or "value"
    bare = f"value_{bare}" if not bare.isidentifier() or keyword.iskeyword(bare) else bare
    name, number = bare, 1
    while name in taken and taken[name] is not value:
        number += 1
        name = f"{bare}_{number}"
    return name
