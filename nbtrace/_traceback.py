"""What IPython shows of an error of nbtrace's: the user's own lines and the message, not the way through packages."""

from __future__ import annotations

import os
import traceback
from typing import Any, Final

OURS: Final = f"{os.path.dirname(__file__)}{os.sep}"  # noqa: PTH120 - frames have their files as texts
_STANDARD: Final = f"{os.path.dirname(os.__file__)}{os.sep}"  # noqa: PTH120
_INSTALLED: Final = tuple(f"{os.sep}{folder}{os.sep}" for folder in ("site-packages", "dist-packages"))


def is_users(file: str) -> bool:
    """Say whether the code of a file is the user's: neither nbtrace's, nor Python's, nor of an installed package.

    Examples:
        >>> is_users(__file__), is_users(os.__file__), is_users("/home/ada/nbtrace_demo.py")
        (False, False, True)
    """
    return not file.startswith((OURS, _STANDARD, "<frozen ")) and not any(one in file for one in _INSTALLED)


def lines(error: BaseException) -> list[str]:
    """Write an error for a notebook; all of it where no line is the user's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if is_users(one.filename)]
    if not own:
        return traceback.format_exception(error)
    told = [f"{_place(one.filename)}, line {one.lineno}\n----> {one.line}" for one in own]
    cause = error.__cause__
    because = [f"Because of {type(cause).__name__}: {cause}"] if cause is not None else []
    return [*told, *because, f"{type(error).__name__}: {error}"]


def _place(filename: str) -> str:
    import sys

    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    named = shell.compile.format_code_name(filename) if shell is not None else None
    return " ".join(named) if named else filename
