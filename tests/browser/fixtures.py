"""What tests in a browser share: a JupyterLab, a Chromium, and a window that listens for trouble.

A plugin, loaded by tests/conftest.py, because the wheel's test opens a browser too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.notebook import Desk, Notebook
from tools.jupyter import App, Lab, Theme, jupyter_lab

ROOT = Path(__file__).parents[2]

FLAGS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PATIENCE = 60_000
"""Milliseconds for a page to become what is expected, which is slow while other jobs want the processor."""

OpenLab = Callable[..., Lab]
OpenNotebook = Callable[[Lab, str], Notebook]


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    """Start the system's Chromium, with a home of its own.

    For one test only: as long as Playwright runs, so does its event loop, in which no other test could call
    `asyncio.run`.
    """
    found = subprocess.run([ROOT / "tools" / "chromium"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.fail(f"{found.stderr}`make setup-browser` has apt install it.", pytrace=False)
    home = {**os.environ, "HOME": str(tmp_path / "home")}
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=FLAGS, env={**home})
        yield browser
        browser.close()


@pytest.fixture
def open_lab(tmp_path: Path, local_model: dict[str, str]) -> Iterator[OpenLab]:
    """Serve JupyterLab, or Notebook 7, on a folder; its notebooks find the local model."""
    with ExitStack() as running:

        def start(
            folder: Path,
            *,
            theme: Theme = "light",
            app: App = "lab",
            python: Path | None = None,
            settings: Mapping[str, object] | None = None,
        ) -> Lab:
            home = tmp_path / "jupyter"
            lab = jupyter_lab(
                folder, home=home, theme=theme, app=app, python=python, extra=local_model, settings=settings
            )
            return running.enter_context(lab)

        yield start


@pytest.fixture
def desk(chromium: Browser, request: pytest.FixtureRequest) -> Generator[Desk]:
    """Open notebooks in a browser window, and fail the test if the page complains or asks for anything elsewhere."""
    desk = Desk(chromium)
    yield desk
    desk.last_look(request.node.name)
    desk.close()
    assert desk.errors == []
    assert desk.outside == []
