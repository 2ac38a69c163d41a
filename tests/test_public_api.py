"""The public names: few, sorted, all real, and all in the README."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

import nbtrace

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOOKS = {"load_ipython_extension", "unload_ipython_extension"}
"""What IPython calls; no user does."""


def bound_names() -> set[str]:
    """Name what the package's own file binds, seen from outside."""
    tree = ast.parse((ROOT / "nbtrace" / "__init__.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    within = (node.body for node in tree.body if isinstance(node, ast.With))
    for node in chain(tree.body, *within):
        if isinstance(node, ast.ImportFrom | ast.Import) and getattr(node, "module", None) != "__future__":
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return {name for name in found if not name.startswith("_")}


def test_all_is_sorted() -> None:
    assert nbtrace.__all__ == sorted(nbtrace.__all__)


def test_all_is_what_is_public() -> None:
    assert bound_names() - HOOKS - {"TYPE_CHECKING"} == set(nbtrace.__all__)
    assert [name for name in nbtrace.__all__ if not hasattr(nbtrace, name)] == []


def test_the_public_names_stay_few() -> None:
    assert len(nbtrace.__all__) <= 41


def test_every_public_name_has_a_docstring() -> None:
    assert [name for name in nbtrace.__all__ if not getattr(nbtrace, name).__doc__] == []


def test_every_public_name_is_in_the_readme() -> None:
    documented = {name for name in nbtrace.__all__ if f"nbtrace.{name}" in README or f"`{name}`" in README}
    assert set(nbtrace.__all__) - documented == set()
