"""Waits for modules that somebody else will import, also for those that are imported again.

A notebook reloads: `importlib.reload`, autoreload, `del sys.modules[...]`. Each time the module's classes are new ones.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType


class Finder(importlib.abc.MetaPathFinder):
    """Calls back each time a module has been imported, while it is on `sys.meta_path`.

    Args:
        modules: their full names, and whom to call with a module, right after its code has run.
    """

    def __init__(self, modules: Mapping[str, Callable[[ModuleType], None]]) -> None:
        self._modules = modules
        self._looking: set[tuple[int, str]] = set()
        """By thread, what is looked for: another finder may ask all of them again."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        imported, looking = self._modules.get(fullname), (threading.get_ident(), fullname)
        if imported is None or looking in self._looking:
            return None
        self._looking.add(looking)
        try:
            spec = self._spec(fullname, path, target)
        finally:
            self._looking.discard(looking)
        if spec is not None and spec.loader is not None:
            loader, execute = spec.loader, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                vars(loader).pop("exec_module", None)
                execute(module)
                if self in sys.meta_path:
                    imported(module)

            loader.exec_module = exec_module
        return spec

    def _spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> importlib.machinery.ModuleSpec | None:
        """Ask the other finders. `importlib.util.find_spec` gives the spec of the module that is loaded, if one is."""
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                return spec
        return None
