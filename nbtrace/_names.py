"""What functions are called, and which of some names somebody meant who has misspelt it."""

from __future__ import annotations

from collections.abc import Sequence


def name_of(function: object) -> str:
    """Give what a function is called, or if it has no name, what its type is called.

    Examples:
        >>> name_of(len)
        'len'
    """
    return str(getattr(function, "__name__", type(function).__name__))


def meant(got: object, names: Sequence[str]) -> str:
    """Ask for the name that was probably meant; nothing if none is like it.

    Examples:
        >>> meant("langfuze", ["jaeger", "langfuse"])
        "did you mean 'langfuse'? "
    """
    from difflib import get_close_matches

    close = get_close_matches(str(got).lower(), names, 1)
    return f"did you mean {close[0]!r}? " if close else ""
