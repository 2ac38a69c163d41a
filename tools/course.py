"""Play the course in notebooks/: from its cassettes, or on the local model to record these anew.

Each notebook is played as a learner would: its cells in order, the check of its exercise before the work is done, then
the solution that the notebook itself shows, and the check again. All share one kernel, which forgets everything in
between, so that what is heavy is imported once.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.faults import faulty
from tools.jupyter import environment, kernel_sockets
from tools.local_model import local_model

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "notebooks"
CASSETTES = COURSE / "cassettes"
CELL_SECONDS = 300
ENVIRONMENT = {"NBTRACE_JOURNAL": "off"}
"""What a kernel is given in which calls are answered from cassettes: no key and no model, as many learners have."""

SPARK = "11"
"""The lesson that needs PySpark."""
REPLAYS = re.compile(r"^#? ?(%nbtrace replay cassettes/\w+\.parquet(?: --timing original)?).*$", re.MULTILINE)
"""Where a notebook says what answers its calls; in a comment where it is made to run on a model."""
SETTINGS = re.compile(r"^# (%env \w+=\S+)$", re.MULTILINE)
"""What is to be uncommented besides where calls are answered from a cassette."""
SOLUTION = re.compile(r"```python\n(.*?)```", re.DOTALL)
FORGET = """\
%unload_ext nbtrace
get_ipython().reset(new_session=True)
import sys
for _name in [name for name in sys.modules if name.partition(".")[0] == "nbtrace"]:
    del sys.modules[_name]
del sys, _name
"""
"""Makes the kernel as good as new; what is not nbtrace stays imported."""


@dataclass
class Played:
    """What came of a notebook."""

    shown: dict[str, str] = field(default_factory=dict[str, str])
    """What the cells showed as text, by their ids."""
    unsolved: str = ""
    """What the check said before the exercise was done."""
    solved: str = ""
    """What it said afterwards."""
    replay: str = ""
    """How its replay went."""


def lessons() -> list[Path]:
    """List the notebooks that are answered from cassettes, in their order."""
    return sorted(
        path for path in COURSE.glob("[0-9]*.ipynb") if "%nbtrace replay cassettes/" in path.read_text("utf-8")
    )


def answered(source: str, mode: str = "replay") -> str:
    """Uncomment in a cell what has its notebook's calls answered from the cassette, or recorded on it."""
    replaying = REPLAYS.sub(rf"\1 --mode {mode}", source)
    return SETTINGS.sub(r"\1", replaying) if mode == "replay" else replaying


def python_of(lesson: Path) -> Path:
    """Say which environment's Python a lesson is played by: Spark is not in this one."""
    return ROOT / ".venv-engines/bin/python" if lesson.name[:2] == SPARK else Path(sys.executable)


class Player:
    """A kernel in a copy of the course.

    Args:
        client: whose kernel runs.
    """

    def __init__(self, client: NotebookClient) -> None:
        self._client = client

    def run(self, source: str) -> str:
        """Run a cell and give what it shows as text.

        Raises:
            CellExecutionError: it failed.
        """
        from nbformat.v4 import new_code_cell

        cell = new_code_cell(source)
        self._client.nb.cells.append(cell)
        self._client.execute_cell(cell, len(self._client.nb.cells) - 1)
        return "\n".join(filter(None, map(_text, cell.outputs)))

    def play(self, notebook: Path, *, mode: str = "replay", afterwards: str = "") -> Played:
        """Play a notebook.

        Args:
            notebook: its file.
            mode: that of its replay.
            afterwards: a cell to run when all others have.
        """
        import nbformat

        played = Played()
        cells = {cell.id: cell for cell in nbformat.read(notebook, as_version=4).cells}
        for name, cell in cells.items():
            if cell.cell_type == "code":
                if mode != "replay" and 'nbtrace.open("cassettes/' in cell.source:
                    self.run("%nbtrace replay off")  # which writes what is opened
                played.shown[name] = self.run(answered(cell.source, mode))
        played.unsolved = played.shown["check"]
        solution = SOLUTION.search(cells["solution"].source)
        assert solution is not None, f"{notebook.name} has no solution"  # noqa: S101 - a tool's own mistake
        self.run(solution[1])
        played.solved = self.run(cells["check"].source)
        if afterwards:
            self.run(afterwards)
        played.replay = self.run("%nbtrace replay off")
        self.run(FORGET)
        return played


def _text(output: Any) -> str:
    return output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")


@contextmanager
def player(
    folder: Path, variables: Mapping[str, str] | None = None, *, python: Path = Path(sys.executable)
) -> Generator[Player]:
    """Start a kernel of an environment in a copy of the course below a folder."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbformat.v4 import new_notebook

    shutil.copytree(COURSE, folder, dirs_exist_ok=True)
    launch = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
    given = environment(ROOT / "build" / "jupyter", {**ENVIRONMENT, **(variables or {})})
    with kernel_sockets() as sockets:
        manager = AsyncKernelManager(**sockets)
        manager._kernel_spec = KernelSpec(argv=launch)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - there is no other way
        client = NotebookClient(
            new_notebook(), km=manager, timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}}
        )
        with client.setup_kernel(env=given, cleanup_kc=True):
            yield Player(client)


def record(numbers: list[str]) -> None:
    """Record the cassettes of some lessons anew, or of all, on the local model with the faults of lesson 04."""
    CASSETTES.mkdir(exist_ok=True)
    chosen = [lesson for lesson in lessons() if not numbers or lesson.name[:2] in numbers]
    with local_model() as variables, faulty(variables["OPENAI_BASE_URL"]) as address:
        given = {**variables, "OPENAI_BASE_URL": address}
        for python, several in groupby(chosen, python_of):
            with tempfile.TemporaryDirectory() as folder, player(Path(folder), given, python=python) as running:
                for lesson in several:
                    played = running.play(lesson, mode="refresh")
                    assert played.solved.startswith("✓"), f"{lesson.name}: {played.solved}"  # noqa: S101 - as above
                    cassette = shutil.copy(Path(folder) / "cassettes" / f"{lesson.name[:2]}.parquet", CASSETTES)
                    print(f"==> {lesson.name}: {Path(cassette).stat().st_size:,} bytes\n    {played.solved}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Record the cassettes of the course on the local model.")
    parser.add_argument("lessons", nargs="*", help="numbers such as 04; all of them by default")
    record(parser.parse_args().lessons)
