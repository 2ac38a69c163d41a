"""What a text column is compared with: an exact text, a pattern with wildcards, a compiled regular expression.

A text with `*`, `?` or `[...]` in it is a pattern for the whole value, as in a shell; any other is exact. A compiled
`re.Pattern` is searched for anywhere in the value. Several of these in a list mean any of them. Columns are compared as
a whole, each distinct value once; Arrow's regular expressions are RE2, whose time no pattern can make explode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from nbtrace._query import arrays
from nbtrace.errors import UsageError

Array = Any
"""What the stubs of pyarrow do not know the half of."""

Match = str | re.Pattern[str] | Iterable[str | re.Pattern[str]]

EXPECTED: Final = "a text, a pattern such as 'gpt-4*', a compiled regular expression, or a list of these"

WILDCARDS: Final = re.compile(r"[*?\[]")


def matches(column: Array, wanted: object, *, name: str, literal: bool = False) -> Array:
    """Say for each row whether its text is wanted; no text never is.

    Args:
        column: The texts.
        wanted: A `Match`.
        name: The filter, for the error.
        literal: A text is exact whatever it has in it.

    Raises:
        UsageError: It is no `Match`, or RE2 cannot read it.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    exact, patterns = ([wanted], []) if literal and isinstance(wanted, str) else _sorted(wanted, name)
    if not patterns and not pa.types.is_dictionary(column.type):
        return pc.is_in(column, value_set=pa.array(exact, column.type))
    places, words = arrays.codes(column)
    fits = np.append(arrays.booleans(pa.chunked_array([_fits(words, exact, patterns, name)])), [False])
    return pa.chunked_array([arrays.column(pa.bool_(), fits[places])])  # no text is at -1, the last one


def _fits(values: Array, exact: list[str], patterns: list[tuple[str, bool]], name: str) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    fits = pc.is_in(values, value_set=pa.array(exact, values.type))
    for pattern, ignore_case in patterns:
        try:
            fits = pc.or_(fits, pc.match_substring_regex(values, pattern, ignore_case=ignore_case))
        except pa.ArrowInvalid as error:
            reason = str(error).partition("\n")[0]
            raise UsageError.argument(name, f"a regular expression that RE2 can read ({reason})", pattern) from None
    return fits


def _sorted(wanted: object, name: str) -> tuple[list[str], list[tuple[str, bool]]]:
    """Tell exact texts from patterns; of those say whether case matters."""
    several = [wanted] if isinstance(wanted, str | re.Pattern) or not isinstance(wanted, Iterable) else list(wanted)
    exact: list[str] = []
    patterns: list[tuple[str, bool]] = []
    for one in several:
        if isinstance(one, re.Pattern) and isinstance(one.pattern, str):
            patterns.append((_flagged(one), bool(one.flags & re.IGNORECASE)))
        elif isinstance(one, str) and WILDCARDS.search(one):
            patterns.append((wildcard(one), False))
        elif isinstance(one, str):
            exact.append(one)
        else:
            raise UsageError.argument(name, EXPECTED, wanted)
    return exact, patterns


def _flagged(pattern: re.Pattern[str]) -> str:
    flags = "".join(letter for letter, flag in (("s", re.DOTALL), ("m", re.MULTILINE)) if pattern.flags & flag)
    return f"(?{flags}){pattern.pattern}" if flags else pattern.pattern


def in_lists(lists: Array, elements: Array) -> Array:
    """Say which lists of an array have a chosen element, given which elements of all of them are chosen."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.list_parent_indices(lists).filter(elements).unique()
    return pc.is_in(pa.array(np.arange(len(lists))).cast(found.type), value_set=found)


def wildcard(pattern: str) -> str:
    r"""Translate a shell pattern to a regular expression of RE2's.

    Examples:
        >>> wildcard("gpt-4*"), wildcard("o[13]?")
        ('(?s)\\Agpt\\-4.*\\z', '(?s)\\Ao[13].\\z')
    """
    translated = ""
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        close = pattern.find("]", at + 2)
        if letter == "*":
            translated += ".*"
        elif letter == "?":
            translated += "."
        elif letter == "[" and close > 0:
            body = pattern[at + 1 : close].replace("\\", "\\\\").replace("[", "\\[")
            translated += f"[^{body[1:]}]" if body.startswith("!") else f"[{body}]"
            at = close
        else:
            translated += re.escape(letter)
        at += 1
    return rf"(?s)\A{translated}\z"
