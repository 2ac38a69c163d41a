"""The pytest plugin and notebooks: a suite and a notebook run from their cassette, with nothing to call."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import openai
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import nbtrace
from tests.capture.conftest import OPTIONS
from tests.capture.loopback import HELLO, Loopback, Reply
from tools.jupyter import kernel_sockets

if TYPE_CHECKING:
    from pathlib import Path

ASK = """
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0)

def ask(text):
    stream = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": text}], stream=True
    )
    return "".join(one.choices[0].delta.content or "" for one in stream if one.choices)
"""
TESTS = f"""{ASK}
import nbtrace

def test_asked():
    assert ask("Hi") == "Hello!"
    assert ask("Hi") == "Bye!"

def test_asked_again():
    assert ask("Hi") == "Hello!"

def test_not_asked():
    ask("Ho")
"""


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Record two equal calls that were answered differently."""
    path = tmp_path / "cassette.parquet"
    bye = [{**one, "choices": [{**c, "delta": {**c["delta"], **({"content": "Bye!"} if n == 1 else {})}}
            for c in one["choices"]]} for n, one in enumerate(HELLO) if n != 2]  # fmt: skip
    replies = iter([Reply(chunks=HELLO), Reply(chunks=bye)])
    with Loopback(lambda _: next(replies)) as server, nbtrace.Session() as session:
        with openai.OpenAI(base_url=server.url, **OPTIONS) as client:
            for _ in range(2):
                list(
                    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True)
                )
        session.export(path)
    return path


def test_a_suite_runs_from_its_cassette(tmp_path: Path, cassette: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "nbtrace._testing", "-p", "no:cacheprovider", "--tb=line"]
    found = subprocess.run(
        [*command, f"--nbtrace-replay={cassette}", str(tmp_path / "test_it.py")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert "2 passed" in found.stdout, found.stdout + found.stderr
    assert "1 failed" in found.stdout
    assert "ReplayMiss: no recording answers this call (chat m); cassette.parquet has 2" in found.stdout


def test_a_notebook_runs_from_its_cassette(tmp_path: Path, cassette: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `pytest --nbtrace-replay` tells the kernels that tests start."""
    monkeypatch.setenv("NBTRACE_REPLAY", str(cassette))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cells = [
        "%load_ext nbtrace",
        ASK,
        "print(ask('Hi'))",
        "import nbtrace\nprint(nbtrace.spans(kind='llm')[-1].cost_state)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    with kernel_sockets() as sockets:
        manager = AsyncKernelManager(**sockets)
        NotebookClient(notebook, km=manager, resources={"metadata": {"path": str(tmp_path)}}).execute(cleanup_kc=True)
    said = [
        "".join(output["text"] for output in cell.outputs if output.output_type == "stream") for cell in notebook.cells
    ]
    assert said[0].startswith("<nbtrace replay, on: cassette.parquet has 2 calls to answer from; ")
    assert said[2:] == ["Hello!\n", "replayed\n"]
