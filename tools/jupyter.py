"""Run Jupyter for the demo and the tests without reading or writing the user's own Jupyter.

Settings, history, runtime files and caches live in a folder that the caller names, and kernels come from this
environment only.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from tools.ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

START_SECONDS = 180
SOCKETS_LENGTH = 45
"""Characters that the path of a folder may have for JupyterLab's kernels to listen in it: a socket's has 103 at most,
fifty of them for its name. A folder for temporary files on macOS has more."""

Theme = Literal["light", "dark"]
App = Literal["lab", "notebook"]


class Lab(NamedTuple):
    """A running JupyterLab or Notebook 7."""

    process: subprocess.Popen[bytes]
    address: str
    token: str
    app: App = "lab"

    def page(self, notebook: str) -> str:
        """Return the address that opens a notebook."""
        path = {"lab": "lab/tree", "notebook": "notebooks"}[self.app]
        return f"{self.address}/{path}/{notebook}?token={self.token}"


def environment(home: Path, extra: Mapping[str, str] | None = None, *, python: Path | None = None) -> dict[str, str]:
    """Return this process's environment with everything of Jupyter's kept below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    return {
        **inherited,
        **{f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")},
        "IPYTHONDIR": str(home / "ipython"),
        # `!pip` and the like in a cell mean this environment's, whichever is active.
        "PATH": f"{(python or Path(sys.executable)).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        **(extra or {}),
    }


@contextmanager
def jupyter_lab(
    root: Path,
    *,
    home: Path,
    port: int = 0,
    theme: Theme = "light",
    app: App = "lab",
    python: Path | None = None,
    extra: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
) -> Generator[Lab]:
    """Serve JupyterLab, or Notebook 7, on loopback with `root` as its top folder.

    Args:
        root: The folder it shows.
        home: Where its settings, history and log go.
        port: A wish; another one is taken if it is not free.
        theme: Its colours.
        app: Which of the two it is.
        python: The interpreter of the environment it comes from; this one's by default.
        extra: Environment variables for its kernels.
        settings: Settings of its plugins, by their ids.
    """
    python = python or Path(sys.executable)
    _write_settings(home / "config", theme, settings or {})
    log, variables = home / "lab.log", environment(home, extra, python=python)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as sockets,
        reserved_port(port) as its_port,
        log.open("wb") as output,
    ):
        token = secrets.token_hex(16)
        command = [
            *(str(python), "-m", {"lab": "jupyterlab", "notebook": "notebook"}[app]),
            *("--no-browser", "--allow-root", "--ip=127.0.0.1"),
            *(f"--port={its_port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"),
            f"--IdentityProvider.token={token}",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        if len(sockets) <= SOCKETS_LENGTH:  # as `kernel_sockets`, named after each connection's file
            command.append("--KernelManager.transport=ipc")
            variables["JUPYTER_RUNTIME_DIR"] = sockets
        with subprocess.Popen(
            command, env=variables, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        ) as process:
            try:
                lab = Lab(process, f"http://127.0.0.1:{its_port}", token, app)
                _wait_until_it_answers(lab, log)
                yield lab
            finally:
                process.terminate()


@contextmanager
def kernel_sockets() -> Generator[dict[str, str]]:
    """Give options of a kernel's manager that have the kernel listen on files.

    The ports that a manager finds free may be another program's by the time the kernel wants them. The folder's path is
    short, as that of a socket must be.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield {"transport": "ipc", "ip": str(Path(folder, "kernel"))}


def _write_settings(config: Path, theme: Theme, more: Mapping[str, object]) -> None:
    settings = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/apputils-extension:themes": {"theme": f"JupyterLab {theme.capitalize()}"},
        **more,
    }
    folder = config / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "default_setting_overrides.json").write_text(json.dumps(settings))


def _wait_until_it_answers(lab: Lab, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while lab.process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{lab.address}/api/status?token={lab.token}"):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    message = f"JupyterLab did not start:\n{log.read_text()}"
    raise RuntimeError(message)
