"""`import nbtrace` is cheap: whoever imports it in a script pays for nothing that the script does not use."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ["IPython", "anywidget", "ipywidgets", "openai", "pandas", "plotly", "polars", "pyarrow"]
LATE = [f"nbtrace.{stage}" for stage in ("_evaluate", "_explain", "_read", "_sweep", "_trail", "_widgets")]
"""Stages of ours that are first needed when somebody asks for what they do."""


def heavy_modules_after(statement: str) -> list[str]:
    script = f"import sys\n{statement}\nprint(*[name for name in {HEAVY + LATE} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert heavy_modules_after("import nbtrace") == []


def test_the_check_sees_what_is_imported() -> None:
    assert heavy_modules_after("import pyarrow") == ["pyarrow"]
    assert heavy_modules_after("import nbtrace._sweep.caller") == ["nbtrace._sweep"]


def test_recording_a_span_imports_nothing_heavy() -> None:
    statement = "import nbtrace\nfrom opentelemetry import trace\nwith nbtrace.session() as session:\n    pass"
    assert heavy_modules_after(statement) == []
