"""The rich session in real servers, read back by their own APIs; `make test-servers` has them installed.

What they show is the table in docs/backends.md: the test draws it anew and compares.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nbtrace._export.destination import export
from tests.export import shown
from tests.export.loopback import free_port
from tests.export.rich import session
from tests.export.test_otlp import listens
from tools.course import lessons, player

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / ".venv-servers/bin"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAMS.exists(), reason="only `make test-servers` has the servers"),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start both, and give their addresses."""
    folder = tmp_path_factory.mktemp("servers")
    ports = {name: free_port() for name in ("phoenix", "mlflow", "grpc")}
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(ports["phoenix"]),
        "PHOENIX_GRPC_PORT": str(ports["grpc"]),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    commands = {
        "phoenix": ["phoenix", "serve"],
        "mlflow": [
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(ports["mlflow"]),
            "--workers",
            "1",
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            str(folder / "artifacts"),
        ],
    }
    with ExitStack() as stack:
        running: dict[str, subprocess.Popen[bytes]] = {}
        for name, (program, *arguments) in commands.items():
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            command = [str(PROGRAMS / program), *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
            running[name] = stack.enter_context(process)
            stack.callback(process.terminate)
        deadline = time.monotonic() + 600
        for name, process in running.items():
            while not listens(ports[name]):
                assert process.poll() is None, (folder / f"{name}.log").read_text()
                assert time.monotonic() < deadline, (folder / f"{name}.log").read_text()
                time.sleep(0.1)
        yield {name: f"http://127.0.0.1:{ports[name]}" for name in running}


def test_the_servers_show_what_the_table_says(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", servers["phoenix"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers["mlflow"])
    for name in servers:
        report = export(session(), name, timeout=60)
        assert (report.spans, report.scores, report.left_out) == (9, 2, ())
    found = {"Phoenix": _settled(servers["phoenix"]), "MLflow": shown.mlflow(servers["mlflow"])}
    document = shown.DOCUMENT.read_text(encoding="utf-8")
    assert shown.with_part(document, shown.SERVERS, shown.servers(found)) == document


def test_the_lesson_hands_over_and_reads_back(tmp_path: Path) -> None:
    (lesson,) = (path for path in lessons() if path.name.startswith("10"))
    with player(tmp_path, {"NBTRACE_SERVERS": str(PROGRAMS)}) as running:
        played = running.play(lesson)
    assert played.shown["servers"] == "'phoenix, mlflow'"
    assert played.shown["send"].count("All 6 spans were read back") == 2
    answers = "['The library is closed on Mondays.', 'The library is closed on Mondays.']"
    assert played.shown["frames"].count(answers) == 2


def _settled(url: str) -> dict[str, str]:
    """Read Phoenix once it has put away what it took; it answers before that."""
    deadline = time.monotonic() + 60
    while True:
        try:
            found = shown.phoenix(url)
        except (KeyError, ValueError):
            found = {"": "**no**"}
        if "**no**" not in found.values() or time.monotonic() > deadline:
            return found
        time.sleep(0.2)
