"""Who may import whom: the layer table of ARCHITECTURE.md, enforced.

The table is about every import, wherever it stands: one that is put off into a function still ties two stages together.
What is heavy must be put off, so that `import nbtrace` and `%load_ext nbtrace` stay quick.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "nbtrace"

GROUND = {"errors", "semconv", "_guard", "_imports", "_money", "_names", "_traceback"}
STAGES = {
    "_prompts",
    "_capture",
    "_trace",
    "_store",
    "_query",
    "_sweep",
    "_evaluate",
    "_widgets",
    "_export",
    "_read",
    "_replay",
    "_explain",
}

LAYERS: dict[str, set[str]] = {
    "errors": {"_names", "_traceback"},
    "_names": set(),
    "_traceback": set(),
    "semconv": set(),
    "_guard": set(),
    "_imports": set(),
    "_money": set(),
    "_trace": GROUND,
    "_prompts": GROUND,
    "_capture": GROUND | {"_trace", "_prompts"},
    "_store": GROUND,
    "_query": GROUND | {"_store", "_prompts"},
    "_sweep": GROUND | {"_trace", "_store", "_query", "_prompts"},
    "_evaluate": GROUND | {"_trace", "_store", "_query", "_sweep"},
    "_replay": GROUND | {"_trace", "_capture", "_store", "_query", "_prompts"},
    "_widgets": GROUND | {"_store", "_query", "_prompts"},
    "_export": GROUND | {"_store", "_query"},
    "_notebook": GROUND,
    "_audit": GROUND | {"_trace", "_store", "_query", "_notebook"},
    "_read": GROUND | {"_store"},
    "_exports": GROUND | STAGES,
    "_answers": GROUND | STAGES | {"_exports"},
    "_session": GROUND | STAGES | {"_answers", "_audit"},
    "_opened": GROUND | STAGES | {"_answers", "_session", "_api"},
    "_api": {"_session", "_answers", "_capture", "_trace", "_query", "_widgets", "_export"},
    "_sweeps": GROUND | STAGES | {"_session"},
    "_evaluating": GROUND | STAGES | {"_answers", "_opened", "_session"},
    "_evaluations": {"_api", "_evaluate", "_evaluating", "_query"},
    "checks": {"_evaluate"},
    "_exercises": {"_answers", "_query", "_session"},
    "_exercise": {"_api", "_guard", "_exercises", "_widgets"},
    "_testing": {"_replays"},
    "_replay_one": GROUND | STAGES | {"_session", "_api"},
    "_replays": GROUND | STAGES | {"_session", "_api", "_opened"},
    "_pictures": GROUND | {"_api", "_widgets", "_sweep", "_sweeps"},
    "_trail": GROUND | {"_store", "_query", "_export", "_widgets"},
    "_explain": GROUND | {"_store", "_query", "_widgets", "_export"},
    "_review": {"_api", "_opened", "_query", "_widgets", "_trail", "_explain"},
    "_declare": {"_api", "_prompts", "_trace", "_capture", "_query", "_watches"},
    "_autodisplay": GROUND | STAGES | {"_session"},
    "_watches": GROUND | STAGES | {"_session", "_answers", "_opened"},
    "_magic_line": set(),
    "_earlier": GROUND | {"_store", "_query", "_widgets"},
    "_settings": GROUND | {"_store", "_trace", "_session"},
    "_status": GROUND | {"_capture", "_query", "_widgets", "_session"},
    "_extension": GROUND
    | STAGES
    | {
        "_session",
        "_api",
        "_autodisplay",
        "_earlier",
        "_magic_line",
        "_settings",
        "_status",
        "_sweeps",
        "_replays",
        "_watches",
    },
    "_cli": GROUND | STAGES | {"__init__", "_earlier", "_opened"},
    "__main__": {"_cli"},
    "__init__": {
        "errors",
        "_imports",
        "_session",
        "_api",
        "_declare",
        "_evaluations",
        "_exercise",
        "_opened",
        "_pictures",
        "_replays",
        "_replay_one",
        "_review",
        "_extension",
        "checks",
    },
}
"""What each module or stage may import of the package, besides itself."""

OUTSIDE: dict[str, set[str]] = {
    "errors": set(),
    "_names": set(),
    "_traceback": set(),
    "semconv": set(),
    "_guard": set(),
    "_imports": set(),
    "_money": set(),
    "_trace": {"opentelemetry", "genai_prices", "presidio_analyzer", "spacy"},
    "_prompts": {"opentelemetry", "jinja2"},
    "_capture": {"opentelemetry", "IPython", "openai", "orjson", "tiktoken"},
    "_store": {"opentelemetry", "numpy", "platformdirs", "pyarrow", "orjson", "fsspec"},
    "_query": {"pyarrow", "narwhals", "numpy", "pandas", "polars", "duckdb", "orjson"},
    "_sweep": {"opentelemetry", "narwhals", "orjson", "pyarrow"},
    "_evaluate": {"opentelemetry", "jsonschema", "numpy", "orjson", "pyarrow"},
    "_replay": {"anyio", "orjson", "pyarrow"},
    "_widgets": {"numpy", "pandas", "pyarrow", "anywidget", "traitlets", "orjson", "plotly", "IPython"},
    "_export": {"pyarrow", "numpy", "opentelemetry.proto", "google.protobuf", "grpc", "orjson", "tqdm"},
    "_read": {"opentelemetry", "google.protobuf", "numpy", "orjson", "pyarrow"},
    "_exports": set(),
    "_answers": set(),
    "_notebook": set(),
    "_audit": {"pyarrow"},
    "_session": {"opentelemetry", "pyarrow", "IPython"},
    "_opened": set(),
    "_api": {"opentelemetry"},
    "_sweeps": {"opentelemetry", "tqdm"},
    "_evaluating": {"pyarrow", "tqdm"},
    "_evaluations": set(),
    "checks": set(),
    "_exercises": set(),
    "_exercise": set(),
    "_testing": {"pytest"},
    "_replay_one": {"pyarrow"},
    "_replays": {"opentelemetry", "pyarrow"},
    "_pictures": set(),
    "_trail": {"numpy", "orjson", "pandas", "pyarrow"},
    "_explain": {"orjson", "pyarrow"},
    "_review": set(),
    "_declare": set(),
    "_autodisplay": {"opentelemetry", "IPython"},
    "_watches": {"opentelemetry"},
    "_magic_line": set(),
    "_earlier": set(),
    "_settings": {"IPython", "traitlets"},
    "_status": set(),
    "_extension": {"IPython", "traitlets"},
    "_cli": {"click", "orjson"},
    "__main__": set(),
    "__init__": {"IPython"},
}
"""What each may import of other distributions. OpenTelemetry stays left of the store and Arrow right of it."""

HEAVY = {
    "IPython", "anywidget", "click", "duckdb", "fsspec", "grpc", "ipywidgets", "jinja2", "narwhals", "numpy", "openai",
    "pandas", "plotly", "polars", "presidio_analyzer", "pyarrow", "spacy", "tiktoken", "tqdm",
}  # fmt: skip

LAZY: dict[str, str] = {
    "__main__": "only the command imports it",
    "_cli": "only the command imports it",
    "_extension": "IPython itself imports it, on %load_ext",
    "_settings": "only the extension imports it",
    "_store.call_rows": "imported with the first snapshot",
    "_store.calls": "imported with the first snapshot",
    "_store.columns": "imported with the first snapshot",
    "_store.encode": "imported with the first snapshot",
    "_store.expand": "imported with the first snapshot",
    "_store.folding": "imported with the first snapshot",
    "_store.forms": "imported with the first snapshot",
    "_store.merging": "imported with the first snapshot",
    "_store.repeats": "imported with the first snapshot",
    "_store.keep": "imported with the first file that is read",
    "_store.migrate": "imported with the first file that is read",
    "_store.nested": "imported with the first snapshot",
    "_store.parquet": "imported with the first file that is written or read",
    "_export.attributes": "imported with the first spans that are sent",
    "_export.codes": "imported with the first spans that are sent",
    "_export.columns": "imported with the first spans that are sent",
    "_export.cut": "imported with the first spans that are sent",
    "_export.messages": "imported with the first spans that are sent",
    "_export.overlaid": "imported with the first spans that are sent",
    "_export.read": "imported with the first spans that are sent",
    "_export.sizes": "imported with the first spans that are sent",
    "_export.traces": "imported with the first spans that are sent",
    "_export.values": "imported with the first spans that are sent",
    "_export.wire": "imported with the first spans that are sent",
    "_read.again": "imported with the first file that is read",
    "_read.rows": "imported with the first file that is read",
    "_read.source": "imported with the first file that is read",
    "_store.interrupted": "imported when a session is resumed",
    "_store.recovery": "imported when a session is resumed",
    "_store.remap": "imported when a session is resumed",
    "_trail.file": "imported with the first audit that is written",
    "_trail.verify": "imported with the first audit that is verified",
    "_widgets.base": "imported with the first widget",
    "_widgets.drift_chart": "imported with the first chart",
    "_widgets.figure": "imported with the first chart",
    "_widgets.panels": "imported with the first chart",
    "_widgets.rating": "imported with the first widget",
    "_widgets.compare": "imported with the first comparison",
    "_widgets.trace": "imported with the first widget",
    "_widgets.traces": "imported with the first list of traces",
}
"""Modules that may import something heavy at the top, because nobody imports them before it is needed."""


class Import(NamedTuple):
    importer: str
    imported: str
    is_eager: bool
    """Whether it happens as soon as the importer is imported."""
    is_typing: bool
    """Whether only the type checker sees it."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(module: str) -> Iterator[Import]:
    def walk(node: ast.AST, *, eager: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module} has a relative import"
                # `from package import name` may import a module of that name.
                names = [f"{child.module}.{alias.name}" for alias in child.names]
            else:
                names = []
            yield from (Import(module, name, is_eager=eager, is_typing=typing) for name in names)
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from walk(child, eager=eager and not in_function and not for_typing, typing=typing or for_typing)

    yield from walk(ast.parse(MODULES[module].read_text(encoding="utf-8")), eager=True, typing=False)


IMPORTS = [found for module in MODULES for found in imports_of(module)]


def unit(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def inside(name: str) -> str | None:
    """Name the module of ours that an import means, if it is ours."""
    if name.split(".", maxsplit=1)[0] != "nbtrace":
        return None
    rest = name.removeprefix("nbtrace").removeprefix(".")
    while rest and rest not in MODULES:
        rest = rest.rpartition(".")[0]
    return rest or "__init__"


def test_every_module_has_its_place_in_the_table() -> None:
    units = {unit(module) for module in MODULES}
    assert units == set(LAYERS)
    assert units == set(OUTSIDE)


def test_nothing_imports_forward() -> None:
    wrong = [
        f"{found.importer} imports {target}"
        for found in IMPORTS
        if (target := inside(found.imported))
        and unit(target) not in {unit(found.importer), *LAYERS[unit(found.importer)]}
    ]
    assert wrong == []


def test_only_known_distributions_are_imported_where_they_belong() -> None:
    def allowed(found: Import) -> bool:
        top = found.imported.split(".")[0]
        names = OUTSIDE[unit(found.importer)]
        return (
            top in sys.stdlib_module_names
            or inside(found.imported) is not None
            or any(found.imported == name or found.imported.startswith(f"{name}.") for name in names)
        )

    assert [f"{found.importer} imports {found.imported}" for found in IMPORTS if not allowed(found)] == []


def test_the_store_meets_opentelemetry_only_in_its_annotations() -> None:
    met = [
        found for found in IMPORTS if unit(found.importer) == "_store" and found.imported.startswith("opentelemetry")
    ]
    assert [found for found in met if not found.is_typing] == []


def test_heavy_imports_wait_until_they_are_needed() -> None:
    early = [
        f"{found.importer} imports {found.imported} at the top"
        for found in IMPORTS
        if found.is_eager and found.imported.split(".")[0] in HEAVY and found.importer not in LAZY
    ]
    assert early == []


def test_modules_with_heavy_imports_are_imported_late() -> None:
    early = [
        f"{found.importer} imports {target} at the top"
        for found in IMPORTS
        if found.is_eager and found.importer not in LAZY and (target := inside(found.imported)) in LAZY
    ]
    assert early == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_enough_to_be_read_in_one_go(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 400
