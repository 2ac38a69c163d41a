"""What is released: both distributions are whole, and the wheel works in an empty environment.

They are built from a copy of the checkout as git knows it, so without a bundle, and without Node on PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tests.browser.fixtures import ROOT, OpenLab
from tests.browser.notebook import Desk

pytestmark = pytest.mark.wheel

BUNDLE = "nbtrace/_widgets/static/trace.js"
OTHERS = {f"nbtrace/_widgets/static/{name}" for name in ("compare.js", "page.js", "style.css")}
"""The other widget's bundle, and what an exported page is made of."""
UV = ROOT / "tools" / "uv"


class Distributions(NamedTuple):
    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    copy_what_git_knows(source)
    path = path_without_node(tmp_path_factory.mktemp("bin"))
    assert shutil.which("npm", path=str(path)) is None
    environment = {name: value for name, value in os.environ.items() if name != "NBTRACE_SKIP_JS"}
    run(UV, "build", "--quiet", "--out-dir", out, source, env={**environment, "PATH": str(path)})
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="module")
def python(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment that has nothing else and give its interpreter."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    interpreter = folder / "bin" / "python"
    run(UV, "venv", "--quiet", "--no-project", "--python", ROOT / ".venv" / "bin" / "python", folder)
    run(UV, "pip", "install", "--quiet", "--python", interpreter, distributions.wheel)
    return interpreter


def test_wheel_has_the_package_with_its_bundle_and_nothing_else(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        bundle = wheel.read(BUNDLE)
    expected = {str(path.relative_to(ROOT)) for path in (ROOT / "nbtrace").rglob("*.py")}
    assert names == expected | OTHERS | {"nbtrace/py.typed", BUNDLE}
    assert b"export" in bundle
    assert len(bundle) > 50_000


def test_sdist_has_the_bundle_and_what_it_is_built_from(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = {
        BUNDLE,
        *OTHERS,
        "pyproject.toml",
        "hatch_build.py",
        "LICENSE",
        "README.md",
        "js/package-lock.json",
        "js/build.mjs",
    }
    assert wanted - names == set()
    assert [name for name in names if "node_modules" in name or name.startswith("tests/")] == []


def test_metadata_says_what_a_user_needs_to_know(distributions: Distributions) -> None:
    metadata = read_metadata(distributions.wheel)
    needed = [line.split(">=") for line in metadata.get_all("Requires-Dist", [])]
    assert {name: metadata[name] for name in ("Name", "License-Expression", "Requires-Python", "License-File")} == {
        "Name": "nbtrace",
        "License-Expression": "Apache-2.0",
        "Requires-Python": ">=3.11",
        "License-File": "LICENSE",
    }
    assert {name for name, rest in needed if "extra" not in rest} == {
        *("anywidget", "click", "genai-prices", "ipython", "narwhals", "numpy", "opentelemetry-proto"),
        *("opentelemetry-sdk", "orjson", "pandas", "platformdirs", "pyarrow", "tqdm"),
    }
    assert {name: rest.partition("extra == ")[2].strip("'\"") for name, rest in needed if "extra" in rest} == {
        "duckdb": "sql",
        "grpcio": "grpc",
        "jinja2": "jinja",
        "jsonschema": "jsonschema",
        "plotly": "charts",
        "presidio-analyzer": "presidio",
    }


def test_installed_package_imports_and_finds_its_bundle(python: Path, tmp_path: Path) -> None:
    script = (
        "import json, nbtrace\n"
        "from nbtrace._widgets.trace import TraceWidget\n"
        "print(json.dumps([nbtrace.__file__, len(str(TraceWidget._esm))]))"
    )
    module, size = json.loads(run(python, "-c", script, cwd=tmp_path))
    assert Path(module).is_relative_to(python.parents[1])
    assert size > 50_000


def test_the_command_is_installed_with_it(python: Path, tmp_path: Path) -> None:
    assert run(python.with_name("nbtrace"), "--version", cwd=tmp_path).startswith("nbtrace ")


@pytest.mark.browser
def test_widget_opens_in_a_jupyterlab_of_that_environment(
    python: Path, open_lab: OpenLab, desk: Desk, tmp_path: Path
) -> None:
    run(UV, "pip", "install", "--quiet", "--python", python, "jupyterlab", "ipykernel", "openai>=3,<4")
    folder = tmp_path / "work"
    folder.mkdir()
    call = (
        "import os\n"
        "from openai import OpenAI\n"
        "messages = [{'role': 'user', 'content': 'Say hello.'}]\n"
        "OpenAI().chat.completions.create(model=os.environ['NBTRACE_DEMO_MODEL'], messages=messages, max_tokens=8);"
    )
    cells = ["%load_ext nbtrace", call, "import nbtrace\nnbtrace.trace()"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    written = new_notebook(cells=[new_code_cell(source) for source in cells], metadata={"kernelspec": kernel})
    nbformat.write(written, folder / "installed.ipynb")

    notebook = desk.open(open_lab(folder, python=python), "installed.ipynb")
    notebook.run_all()
    rows = notebook.output("nbtrace.trace()").get_by_role("treegrid", name="Spans").get_by_role("row")
    expect(rows.filter(has_text="chat smollm2-135m")).to_have_count(1)
    assert notebook.run("print(nbtrace.__file__)").startswith(str(python.parents[1]))


def copy_what_git_knows(target: Path) -> None:
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def path_without_node(folder: Path) -> Path:
    """Make a folder that stands for PATH and has every program of it except Node's."""
    for directory in map(Path, reversed(os.environ["PATH"].split(os.pathsep))):
        for program in directory.glob("*") if directory.is_dir() else ():
            if program.name not in ("node", "nodejs", "npm", "npx", "corepack"):
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    return folder


def read_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as files:
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(files.read(name).decode())


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
