"""Show the quickstart: in JupyterLab, or executed from a fresh kernel into files.

Both run a copy below build/, so that running the notebook never changes the tracked one. Without `OPENAI_API_KEY` in
the environment the local model answers; with it the same notebook asks the user's own provider.
"""

from __future__ import annotations

import argparse
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.jupyter import environment, jupyter_lab, kernel_sockets
from tools.local_model import MODEL, local_model

if TYPE_CHECKING:
    from collections.abc import Generator

    from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "01_quickstart.ipynb"
BUILD = ROOT / "build"
PORT = 8888
CELL_SECONDS = 300

AFTERWARDS = """
import nbtrace

print(nbtrace.export("session.otlp.jsonl"))
for _trace_id in nbtrace.spans().trace_ids():
    _tree = nbtrace.trace(_trace_id)._repr_mimebundle_()[0]["text/plain"]
    if "LLM call" in _tree:
        print(_tree, end="\\n\\n")
"""
"""What the demo asks of the notebook's kernel once its cells have run."""


def main() -> None:
    """Run the demo that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headless", action="store_true", help="execute the notebook into build/demo/ instead")
    if parser.parse_args().headless:
        execute(NOTEBOOK, BUILD / "demo")
    else:
        show(NOTEBOOK, BUILD / "demo-lab")


@contextmanager
def provider() -> Generator[dict[str, str]]:
    """Yield the environment of whoever answers: the user's provider, or the local model."""
    if os.environ.get("OPENAI_API_KEY"):
        step("Model: your own provider, because OPENAI_API_KEY is set")
        yield {}
        return
    step(f"Model: starting {MODEL} on this machine (OPENAI_API_KEY is not set)")
    with local_model() as variables:
        yield variables


def show(notebook: Path, folder: Path) -> None:
    """Serve JupyterLab on a copy of the course, opened at the notebook, until it is stopped."""
    for file in (path for path in notebook.parent.rglob("*") if path.is_file()):
        copy = folder / file.relative_to(notebook.parent)
        if not copy.exists() or copy.stat().st_mtime < file.stat().st_mtime:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    with provider() as variables:
        step("JupyterLab: starting")
        with jupyter_lab(folder, home=BUILD / "jupyter", port=PORT, extra=variables) as lab:
            print(f"\n    Open  {lab.page(notebook.name)}\n\n    Ctrl-C here stops it.", flush=True)
            try:
                lab.process.wait()
            except KeyboardInterrupt:
                print()


def execute(notebook: Path, folder: Path) -> None:
    """Execute the notebook in a fresh kernel and write what it made into the folder."""
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    executed = nbformat.read(notebook, as_version=4)
    with provider() as variables, kernel_sockets() as sockets:
        client = NotebookClient(
            executed,
            km=AsyncKernelManager(**sockets),
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--log-level=ERROR"],
        )
        step(f"Notebook: executing {notebook.relative_to(ROOT)} in a fresh kernel")
        try:
            client.execute(cleanup_kc=False, env=environment(BUILD / "jupyter", variables))
        finally:
            nbformat.write(executed, folder / notebook.name)
        trees = ask(client, AFTERWARDS)
    html, _ = HTMLExporter().from_notebook_node(executed)
    (folder / notebook.with_suffix(".html").name).write_text(html, encoding="utf-8")
    step("Trace")
    print(trees)
    step(f"Written to {folder}/")
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        print(f"    {file.name:<28}{file.stat().st_size:>10,} bytes")


def ask(client: NotebookClient, source: str) -> str:
    """Run a snippet in the notebook's kernel, outside its history, shut the kernel down, and return what it printed."""
    from nbformat.v4 import new_code_cell

    cell = new_code_cell(source)
    client.nb.cells.append(cell)
    with client.setup_kernel(cleanup_kc=True):
        client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def step(message: str) -> None:
    """Say what happens now."""
    print(f"==> {message}", flush=True)


if __name__ == "__main__":
    main()
