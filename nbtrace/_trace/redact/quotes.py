"""Where a quoted text ends, also one that is quoted in a quoted text, as in a JSON text within JSON."""

from __future__ import annotations

from typing import Final

LIMIT: Final = 8192
"""Characters in which the end is looked for."""
_DEEPEST: Final = 128


def end_of(text: str, start: int, quote: str) -> int:
    r"""Give where a quoted text ends that begins at `start`.

    Args:
        text: all of it.
        start: right after the opening quote.
        quote: the opening quote: as many backslashes as it stands behind, and one or three quotes.

    Returns:
        Where the closing quote begins, with its backslashes. If there is none, the end of the line: the text was cut.

    Examples:
        >>> text = r'password="a\"b" # c'
        >>> text[10 : end_of(text, 10, '"')]
        'a\\"b'
    """
    bare = quote.lstrip("\\")
    depth, end = len(quote) - len(bare), min(len(text), start + LIMIT)
    at = text.find(bare, start, end)
    while at >= 0:
        over = _backslashes(text, start, at) - depth
        if over < 0:  # of the text around: the quoted one was cut
            end = at
            break
        # One level down each backslash is two, and the quote has one more of its own.
        if over % (depth + 1) or (over // (depth + 1)) % 2 == 0:
            return at - depth
        at = text.find(bare, at + 1, end)
    line_ends = [line_end for sign in ("\n", "\\n") if (line_end := text.find(sign, start, end)) >= 0]
    end = min(line_ends, default=end)
    return end - _backslashes(text, start, end)


def _backslashes(text: str, start: int, end: int) -> int:
    """Count the backslashes right before `end`, up to more than any text is nested."""
    before = text[max(start, end - _DEEPEST) : end]
    return len(before) - len(before.rstrip("\\"))
