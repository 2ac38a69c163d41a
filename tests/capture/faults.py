"""Has any function of the package fail as it begins, by the interpreter's own tracing: no list of them is needed."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from linecache import getline
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import nbtrace

_PACKAGE = str(Path(nbtrace.__file__).parent)
_NOT_OURS = re.compile(r"_guard\.py$|errors\.py$|semconv\.py$")
"""The guard itself, and what only holds words."""
_BLOCK = re.compile(r"\s*(try:|with (_guarded|guard\())")
"""A line that begins what is guarded; what fails fails after it."""


class Injected(Exception):  # noqa: N818 - it is no error of anybody's
    """What no code expects."""


class Reached:
    """Takes note of the functions of the package that are called."""

    def __init__(self) -> None:
        self.functions: dict[CodeType, None] = {}

    def __call__(self, frame: FrameType, event: str, given: Any) -> None:
        code = frame.f_code
        if code.co_filename.startswith(_PACKAGE) and not _NOT_OURS.search(code.co_filename):
            self.functions[code] = None


class Fault:
    """Has one function raise on its first line that does anything, once."""

    def __init__(self, function: CodeType, kind: type[BaseException]) -> None:
        self._function = function
        self._kind = kind
        self.happened = False

    def __call__(self, frame: FrameType, event: str, given: Any) -> Any:
        return self._line if frame.f_code is self._function and not self.happened else None

    def _line(self, frame: FrameType, event: str, given: Any) -> Any:
        if event != "line" or self.happened or _BLOCK.match(getline(self._function.co_filename, frame.f_lineno)):
            return self._line
        self.happened = True
        raise self._kind("injected")


@contextmanager
def traced(by: Reached | Fault) -> Generator[None]:
    """Have the calls in the block traced, in threads that it starts as well."""
    before = sys.gettrace()
    threading.settrace(by)
    sys.settrace(by)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(before)  # pyright: ignore[reportArgumentType] - none, as most often, is taken


def name_of(function: CodeType) -> str:
    """Name a function by its module and qualified name."""
    return f"{Path(function.co_filename).stem}.{function.co_qualname}"
