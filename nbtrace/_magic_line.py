"""What is written after a magic, read as people write it: with quotes, and with a comment behind it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_SAID: Final = re.compile(r"""(?:"[^"]*"|'[^']*'|(?<=\S)\#|[^#])*""")
"""All up to a comment: a `#` at the start of a word that is not in quotes."""
_QUOTED: Final = re.compile(r"""(["'])(.*)\1""", re.DOTALL)


def read(parse: Callable[[str], Any], line: str) -> Any:
    """Read the arguments of a magic; IPython leaves quotes and comments in them.

    Args:
        parse: reads a line without a comment.
        line: the line.
    """
    said = _SAID.match(line)
    given = parse(said[0] if said is not None else line)
    for name, value in vars(given).items():
        if isinstance(value, str):
            setattr(given, name, _unquoted(value))
        elif isinstance(value, list):
            setattr(given, name, [_unquoted(str(one)) for one in value])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return given


def _unquoted(word: str) -> str:
    found = _QUOTED.fullmatch(word)
    return found[2] if found is not None else word
