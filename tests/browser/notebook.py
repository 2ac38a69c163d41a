"""Drive a notebook in JupyterLab or Notebook 7 as a person does: by its menus, its cells and what is on the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Locator, Page, Request, expect

if TYPE_CHECKING:
    from tools.jupyter import Lab

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "screenshots"

START = 180_000
"""Milliseconds for JupyterLab to show a notebook, which is slow while other jobs want the processor."""
RUN = 300_000
"""Milliseconds for a whole notebook to run on the local model."""

RAN = re.compile(r"^\[\d+\]:$")
ERROR = "application/vnd.jupyter.stderr"


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook with these code cells."""
    code = [
        {
            "cell_type": "code",
            "id": f"cell-{at}",
            "source": source,
            "outputs": [],
            "metadata": {},
            "execution_count": None,
        }
        for at, source in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": code}
    path.write_text(json.dumps(made))


class Desk:
    """One browser window; takes note of errors, of dialogs, and of requests to any host but this one."""

    def __init__(self, browser: Browser) -> None:
        self.errors: list[str] = []
        self.outside: list[str] = []
        self._context = browser.new_context(viewport={"width": 1280, "height": 1000}, device_scale_factor=2)

    def open(self, lab: Lab, notebook: str) -> Notebook:
        """Open a notebook and wait until its kernel is idle."""
        page = self.listening()
        page.goto(lab.page(notebook))
        opened = Notebook(page)
        opened.wait_for_kernel()
        return opened

    def listening(self) -> Page:
        """Open a page that is listened to."""
        page = self._context.new_page()
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self.errors.append(f"opened {popup.url}"))
        page.on("request", self._request)
        return page

    def last_look(self, test: str) -> None:
        """Keep a picture of each page as the test left it: what one wants to see first when it failed."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(self._context.pages):
            page.screenshot(path=PICTURES / f"last-{test}-{number}.png")

    def close(self) -> None:
        """Close the window with all its pages."""
        self._context.close()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _error(self, error: Error) -> None:
        # Notebook 7.6 itself throws one when it opens a notebook; nothing of ours is on its page by then.
        if "notebook_core" not in (error.stack or ""):
            self.errors.append(str(error))

    def _dialog(self, dialog: Dialog) -> None:
        self.errors.append(f"said {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.hostname != "127.0.0.1":
            self.outside.append(request.url)


class Notebook:
    """An open notebook."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")

    def wait_for_kernel(self) -> None:
        """Wait until the page says that a kernel is there and has nothing to do."""
        lab = self.page.get_by_text(re.compile(r"\(ipykernel\) \| Idle$"))
        named = "[data-notebook=notebooks]:has(.jp-NotebookKernelLogo img[title])"  # without a kernel it is idle too
        notebook = self.page.locator(f"{named} .jp-Notebook-ExecutionIndicator[data-status=idle]")
        lab.or_(notebook).first.wait_for(timeout=START, state="attached")

    def run_all(self) -> None:
        """Run every cell by the menu and wait until each has its number."""
        self.menu("Run", "Run All Cells")
        not_run = self.cells.locator(".jp-InputArea-prompt").filter(has_not_text=RAN)
        expect(not_run).to_have_count(0, timeout=RUN)
        expect(self.page.locator(f".jp-OutputArea-output[data-mime-type='{ERROR}']")).to_have_count(0)
        self.wait_for_kernel()

    def cell(self, source: str) -> Locator:
        """Find the one code cell whose source contains the text."""
        return self.cells.filter(has=self.page.locator(".jp-InputArea", has_text=source))

    def output(self, source: str) -> Locator:
        """Find what the cell with this source shows below it."""
        return self.cell(source).locator(".jp-OutputArea-output")

    def run(self, source: str) -> str:
        """Run a line of Python in a new last cell and return the text it prints: the kernel's side of the story."""
        self.cells.last.locator(".jp-InputArea-editor").click()
        count = self.cells.count()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        expect(self.cells).to_have_count(count + 1)
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")
        last = self.cells.nth(count)
        expect(last.locator(".jp-InputArea-prompt")).to_have_text(RAN, timeout=RUN)
        return last.locator(".jp-OutputArea-output").inner_text().strip()

    def change(self, source: str, written: str) -> None:
        """Write something else into the code cell whose source contains the text, and run it."""
        self.cell(source).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(written)
        self.page.keyboard.press("Control+Enter")
        self.wait_for_kernel()

    def rerun(self, source: str) -> None:
        """Run the code cell again whose source contains the text."""
        self.cell(source).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")
        self.wait_for_kernel()

    def menu(self, *path: str) -> None:
        """Choose an entry of the menu bar."""
        menu, entry = path
        self.page.get_by_role("menubar").get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(re.compile(f"^{entry}…?$")).click()

    def save(self) -> None:
        """Save the notebook and wait until it is on disk."""
        with self.page.expect_response(
            lambda answer: "/api/contents/" in answer.url and answer.request.method == "PUT"
        ):
            self.menu("File", "Save Notebook")

    def close_and_shut_down(self) -> None:
        """Close the notebook together with its kernel, as one does at the end of the day."""
        self.menu("File", "Close and Shut Down Notebook")
        self.page.get_by_role("button", name=re.compile("^(Ok|Shut Down)$")).click()
        expect(self.page.locator(".jp-Notebook")).to_have_count(0)
        self.page.close()

    def picture(self, name: str) -> None:
        """Take a picture of the window for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")
