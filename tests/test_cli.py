"""The command `nbtrace`, by click's runner, and once as the program that users start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import nbtrace
from nbtrace import Session
from nbtrace._cli import main
from tests.read.making import recorded


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "session.parquet"
    recorded().export(file)
    return file


def test_a_file_is_shown_as_a_tree(path: Path) -> None:
    ran = run("view", path)
    assert ran.exit_code == 0
    assert ran.output.splitlines() == [
        "3 spans · 1 LLM call · 2.00 s · 12 → 1 tokens · $0.50 · 1 error",
        "root       2.00 s  ∑ 12 → 1  ∑ $0.50",
        "├─ chat m  1.00 s    12 → 1    $0.50  “Paris”",
        "└─ lookup    1 ns                     ✕ error",
    ]


def test_filters_choose_what_is_shown_and_rows_are_counted(path: Path) -> None:
    assert run("view", path, "--kind", "llm").output.splitlines()[0].startswith("1 span · 1 LLM call")
    assert run("view", path, "--rows", 1).output.splitlines()[-1] == "… 2 more spans"
    assert run("view", path, "--user", "nobody").output == "0 spans\n"


def test_a_page_is_written(path: Path, tmp_path: Path) -> None:
    ran = run("view", path, "--html", tmp_path / "page.html")
    assert ran.output.startswith(f"3 spans → {tmp_path / 'page.html'} (HTML")
    assert b"Content-Security-Policy" in (tmp_path / "page.html").read_bytes()
    refused = run("view", path, "--html", tmp_path / "page.txt")
    assert (refused.exit_code, "expected a path ending in .html" in refused.stderr) == (2, True)


def test_a_file_is_exported_without_content_and_only_looked_at_by_a_dry_run(path: Path, tmp_path: Path) -> None:
    to = tmp_path / "out.parquet"
    looked = json.loads(run("export", path, to, "--dry-run", "--json").output)
    assert (looked["spans"], looked["format"], to.exists()) == (3, "Parquet", False)
    assert run("export", path, to, "--no-content", "--kind", "llm").output.startswith(f"1 span → {to} (Parquet")
    (call,) = nbtrace.open(to).spans()
    assert (call.name, call.input_messages, call.input_tokens) == ("chat m", None, 12)


def test_sessions_are_listed(tmp_path: Path) -> None:
    with Session() as session:
        session.open_journal(tmp_path, notebook="a\x1b[31m.ipynb")
        with session.span("step"):
            pass
        session.close_journal()
    (listed,) = json.loads(run("sessions", "--directory", tmp_path, "--json").output)
    assert (listed["notebook"], listed["spans"], listed["state"]) == ("a\x1b[31m.ipynb", 1, "closed")
    said = run("sessions", "--directory", tmp_path).output
    assert said.startswith(listed["id"])
    assert "\x1b" not in said
    assert run("view", listed["path"]).output.startswith("1 span")
    assert run("sessions", "--directory", tmp_path / "none").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["view", "nowhere.parquet"], "nbtrace: there is no file or directory 'nowhere.parquet'"),
        (["export", "{path}", "somewhere"], "nbtrace: cannot export to 'somewhere': expected a path ending in"),
        (["view", "{path}", "--status", "odd"], "nbtrace: "),
        (["view", "{path}", "--since", "odd"], "nbtrace: cannot use since='odd'; expected a datetime"),
        (["odd"], "Usage: "),
    ],
)
def test_what_is_wrong_is_a_sentence_and_status_2(arguments: list[str], said: str, path: Path) -> None:
    ran = run(*(one.format(path=path) for one in arguments))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith(said)


def test_the_program_starts_without_what_is_heavy_and_is_the_module_too(path: Path) -> None:
    heavy = "import sys, nbtrace._cli; print([one for one in ('pandas', 'pyarrow', 'IPython') if one in sys.modules])"
    assert started(sys.executable, "-c", heavy) == "[]\n"
    assert started(sys.executable, "-m", "nbtrace", "view", path) == run("view", path).output
    assert started(Path(sys.executable).with_name("nbtrace"), "--version").startswith("nbtrace ")


def started(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
