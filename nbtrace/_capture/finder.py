"""Waits for a module that somebody else will import."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


class Finder(importlib.abc.MetaPathFinder):
    """Calls back when a module has been imported, and takes itself off `sys.meta_path`.

    Args:
        module: its full name.
        imported: called with the module, right after its code has run.
    """

    def __init__(self, module: str, imported: Callable[[ModuleType], None]) -> None:
        self._module = module
        self._imported = imported
        self._looking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            loader, execute = spec.loader, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                vars(loader).pop("exec_module", None)
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    self._imported(module)

            loader.exec_module = exec_module
        return spec
