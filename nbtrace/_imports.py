"""Imports of ours that nobody is kept up by, and that other threads never see half made.

A module is in `sys.modules` before its code has run. Whoever imports it waits; whoever only looks whether it is there,
as openai 2 does for `httpx2` with every request, finds a module without attributes, and the user's call fails. So what
our threads import lets others wait for an attribute until the module is whole.
"""

from __future__ import annotations

import gc
import importlib.abc
import re
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

_VERSION: Final = re.compile(r"^Version: *(\S+)", re.MULTILINE)
_changing = threading.Lock()
"""Held while a finder comes or goes, or one that goes would be put back by another that goes at the same time."""


@contextmanager
def uncollected() -> Generator[None]:
    """Keep the garbage collector from running while much is made that is none, as by imports.

    With openai loaded a full collection, which our imports would bring about, takes longer than they do.

    Examples:
        >>> with uncollected():
        ...     gc.isenabled()
        False
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


def version(package: str) -> str:
    """Give the version of an installed package, as `importlib.metadata` does, but without parsing its description.

    Raises:
        PackageNotFoundError: it is not installed.

    Examples:
        >>> version("nbtrace") == importlib.metadata.version("nbtrace")
        True
    """
    from importlib.metadata import distribution

    found = distribution(package)
    told = _VERSION.search(found.read_text("METADATA") or "")
    return told[1] if told is not None else found.version


def load(name: str) -> None:
    """Import a module, whole for every other thread, and so whatever it imports; no effect if that is done.

    Raises:
        ImportError: it cannot be.

    Examples:
        >>> load("json")
    """
    if name in sys.modules:
        return
    finder = _Whole(threading.get_ident())
    with _changing:
        sys.meta_path.insert(0, finder)
    try:
        import_module(name)
    finally:
        with _changing:
            # A new list: somebody who goes through the old one would miss a finder.
            sys.meta_path = [known for known in sys.meta_path if known is not finder]


class _Whole(importlib.abc.MetaPathFinder):
    """Finds what the others find, for one thread."""

    def __init__(self, thread: int) -> None:
        self._thread = thread

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if threading.get_ident() != self._thread or path is not None:
            return None
        others = (finder for finder in sys.meta_path if not isinstance(finder, _Whole))
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((one for one in found if one is not None), None)
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):  # a built-in one
            loader, execute = spec.loader, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                vars(loader).pop("exec_module", None)
                waiting = _waiting(module)
                vars(module)["__getattr__"] = waiting
                try:
                    execute(module)
                finally:
                    if vars(module).get("__getattr__") is waiting:  # a module may have one of its own
                        del vars(module)["__getattr__"]

            loader.exec_module = exec_module
        return spec


def _waiting(module: ModuleType) -> Any:
    def __getattr__(name: str) -> Any:  # noqa: N807 - what Python asks for an attribute that a module has not
        import_module(module.__name__)  # which returns when the module is whole, and at once to who makes it
        try:
            return vars(module)[name]
        except KeyError:
            message = f"module {module.__name__!r} has no attribute {name!r}"
            raise AttributeError(message) from None

    return __getattr__
