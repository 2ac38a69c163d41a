"""The code of the documents runs: each page from above to below, in a shell as its reader's, answered by a server here.

A block is a cell. What `# →` at its end says is what it gives. One whose first line is a comment with the name of a
file is that file. Of a shell's lines `nbtrace` and `pytest` are run; YAML is read. What needs what nobody has here says
so in a comment above it, `<!-- not run: why -->`.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from click.testing import CliRunner

import nbtrace
from nbtrace import Session, _api
from nbtrace._cli import main
from tests.capture.loopback import JSON, Loopback, Received, Reply, chunk, completion
from tests.export.loopback import Scripted
from tests.read.making import recorded

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>.+?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
FILE = re.compile(r"# (?P<name>[\w.-]+\.\w+)\n")
GIVES = re.compile(r"# → (?P<value>.+)\n\Z")
FIRST = ROOT / "docs/howto/index.md"
"""What all other pages go on from."""
RECEIVER = "http://127.0.0.1:4318"
"""Where documents say that a collector listens."""
NOT_OURS = ("pip ", "make ", "#", ".venv/bin/python tests/bench/")
"""What other lines of a shell begin with: they set up, and have targets of their own."""


class Block(NamedTuple):
    """A piece of code of a document, and where it begins."""

    language: str
    code: str
    line: int


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    found = [match for match in BLOCK.finditer(text) if not match["why"]]
    return [Block(one["language"], one["code"], text.count("\n", 0, one.start()) + 1) for one in found]


PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if any(block.language != "text" for block in blocks(page))
]


class Provider(Loopback):
    """Answers as a provider does: the first request is one too many, and a judge says why and which label."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self._numbers = itertools.count(1)

    def _reply(self, received: Received) -> Reply:
        body: JSON = json.loads(received.body)
        number = next(self._numbers)
        if number == 1:
            return Reply({"error": {"message": "too many"}}, status=429, headers={"retry-after-ms": "1"})
        schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema", {})
        said = {name: (field.get("enum") or ["because"])[0] for name, field in schema.get("properties", {}).items()}
        words = str(body["messages"][-1]["content"]).split()
        text = json.dumps(said) if said else "A span is a step with a beginning and an end, " + " ".join(words[-3:])
        headers = {"x-request-id": f"req-{number}"}
        if body.get("stream"):
            pieces = [chunk({"content": word + " "}) for word in text.split()]
            return Reply(chunks=[*pieces, chunk({}, finish_reason="stop")], headers=headers)
        usage = {"prompt_tokens": len(words), "completion_tokens": 9, "total_tokens": len(words) + 9}
        whole = completion(text, id=f"chatcmpl-{number}", model=body["model"], usage=usage)
        return Reply(whole, headers=headers)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """Give a shell in an empty folder, where a provider, backends and files of earlier are."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    recorded().export(tmp_path / "production.otlp.jsonl")
    for name in ("yesterday", "monday", "tuesday"):
        recorded().export(tmp_path / f"{name}.parquet")
    with Provider() as provider, Session() as session:
        backend = Scripted()
        for name, value in {
            "OPENAI_BASE_URL": provider.url,
            "OPENAI_API_KEY": "local",
            "LANGFUSE_BASE_URL": backend.url,
            "LANGFUSE_PUBLIC_KEY": "local",
            "LANGFUSE_SECRET_KEY": "local",
            "PHOENIX_COLLECTOR_ENDPOINT": backend.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": backend.url,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(_api, "_default", session)
        monkeypatch.setattr(nbtrace, "prompts", session.prompts)
        monkeypatch.setattr(nbtrace, "prices", session.prices)
        made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
        made.user_ns["_there"] = backend.url
        yield made
        nbtrace.freeze()  # what the page has drawn lives no longer than its shell
        made.run_line_magic("unload_ext", "nbtrace")
        backend.close()


def run(block: Block, shell: InteractiveShell, here: Path) -> None:
    """Do with a block what its reader would."""
    file = FILE.match(block.code)
    if file:
        (here / file["name"]).write_text(block.code, encoding="utf-8")
    elif block.language in {"python", "ipython"}:
        ran = shell.run_cell(block.code.replace(RECEIVER, shell.user_ns["_there"]), store_history=True)
        ran.raise_error()
        told = GIVES.search(block.code)
        assert not told or repr(ran.result) == told["value"]
    elif block.language == "yaml":
        yaml.safe_load(block.code)
    elif block.language == "bash":
        for line in block.code.splitlines():
            command(line)
    else:
        assert block.language == "text", f"a block of {block.language} is neither run nor named a file"


def command(line: str) -> None:
    """Run a line of a shell; a comment at its end says the exit status, if it is another than 0."""
    program, *arguments = shlex.split(line, comments=True) or [""]
    status = int((re.findall(r"# exit status (\d)", line) or ["0"])[0])
    if program == "nbtrace":
        ran = CliRunner().invoke(main, arguments)
        assert ran.exit_code == status, (line, ran.output)
    elif program == "pytest":
        started = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "nbtrace._testing", *arguments]
        alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # no other plugin need be imported
        done = subprocess.run(started, capture_output=True, text=True, check=False, env=alone)
        assert done.returncode == status, (line, done.stdout)
    else:
        assert not line or line.startswith(NOT_OURS), f"nobody runs {line!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, shell: InteractiveShell, tmp_path: Path, capsys: Any) -> None:
    first = () if page in {FIRST, ROOT / "README.md"} else blocks(FIRST)
    for block in (*first, *blocks(page)):
        try:
            run(block, shell, tmp_path)
        except BaseException as error:
            error.add_note(f"in {page.relative_to(ROOT)}, line {block.line}")
            raise


def test_every_block_says_what_it_is() -> None:
    assert len(PAGES) > 5
    for page in PAGES:
        fences = re.findall(r"^```(\w*)$", page.read_text(encoding="utf-8"), re.MULTILINE)[::2]
        assert "" not in fences, f"{page.name}: a block without a language; text is one"
