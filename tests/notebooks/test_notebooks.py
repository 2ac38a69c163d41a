"""Every notebook runs from a fresh kernel on the real local model, and is tracked without its outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pyarrow.parquet as pq
import pytest

from tools.demo import NOTEBOOK, ROOT, execute

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the local model answer, even where a key is set."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def code_cells(notebook: Path) -> list[Any]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_tracked_notebook_has_no_outputs(notebook: Path) -> None:
    ran = [cell.source for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None]
    assert ran == []


@pytest.mark.notebook
def test_headless_demo_writes_the_session_and_prints_its_trees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    execute(NOTEBOOK, folder)

    assert sorted(path.name for path in folder.iterdir()) == [
        "01_quickstart.html",
        "01_quickstart.ipynb",
        "session.otlp.jsonl",
        "session.parquet",
    ]
    outputs = [output for cell in code_cells(folder / NOTEBOOK.name) for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    printed = capsys.readouterr().out
    assert printed.count("─ chat smollm2-135m") == 6
    assert chats_in(folder / "session.otlp.jsonl") == 6
    assert pq.read_table(folder / "session.parquet")["operation"].to_pylist().count("chat") == 6
    html = (folder / "01_quickstart.html").read_text(encoding="utf-8")
    assert "1 LLM call · smollm2-135m" in html


@pytest.mark.notebook
def test_a_regression_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "regression"
    notebook = ROOT / "notebooks" / "finding_a_regression.ipynb"
    execute(notebook, folder)
    cells = {cell.id: cell for cell in code_cells(folder / notebook.name)}
    assert [output for cell in cells.values() for output in cell.outputs if output.output_type == "error"] == []
    said = "".join(output.text for output in cells["verdict"].outputs)
    assert re.search(r"max_tokens 4 is .*cheaper by .*lower in score names the capital by", said), said


def chats_in(file: Path) -> int:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    spans = [
        span
        for line in lines
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    return sum(span["name"] == "chat smollm2-135m" for span in spans)
