"""Take the pictures of the course: of each lesson what one of its cells shows in JupyterLab, into notebooks/images/."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.course import COURSE, ENVIRONMENT, ROOT, answered, lessons, python_of
from tools.jupyter import jupyter_lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = COURSE / "images"
SHOWN = {
    "01": ("trace", 200),
    "02": ("step-trace", 250),
    "03": ("async-trace", 250),
    "04": ("retries-trace", 300),
    "05": ("chart", 300),
    "06": ("sweep", 440),
    "07": ("agent-trace", 300),
    "08": ("guard-trace", 250),
    "09": ("check-own", 200),
    "10": ("back", 250),
    "11": ("ask", 200),
}
"""The cell whose output is the picture, and the most pixels of its height, by lesson."""
SECONDS = 120


def take(numbers: list[str]) -> None:
    """Take the pictures of some lessons, or of all."""
    from playwright.sync_api import sync_playwright

    found = subprocess.run([ROOT / "tools" / "chromium"], capture_output=True, text=True, check=True)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as at, sync_playwright() as playwright:
        folder = Path(at) / "course"
        shutil.copytree(COURSE, folder)
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=["--no-sandbox"])
        window = browser.new_context(viewport={"width": 1400, "height": 1600}, device_scale_factor=1.25)
        chosen = [lesson for lesson in lessons() if not numbers or lesson.name[:2] in numbers]
        for python, several in groupby(chosen, python_of):
            with jupyter_lab(folder, home=Path(at) / "jupyter", python=python, extra=ENVIRONMENT) as lab:
                for lesson in several:
                    page = window.new_page()
                    page.set_default_timeout(SECONDS * 1000)
                    page.goto(f"{lab.page(prepared(folder / lesson.name))}&reset")  # without the one before
                    picture(page, folder / lesson.name)
                    page.close()
        browser.close()


def prepared(notebook: Path) -> str:
    """Have a copy of a notebook answered from its cassette even where a model is meant to, and give its name."""
    import nbformat

    document = nbformat.read(notebook, as_version=4)
    for cell in document.cells:
        cell.source = answered(cell.source) if cell.cell_type == "code" else cell.source
    nbformat.write(document, notebook)
    return notebook.name


def picture(page: Page, notebook: Path) -> None:
    """Run an open notebook and take the picture of its cell."""
    import nbformat

    page.get_by_text(re.compile(r"\(ipykernel\) \| Idle$")).wait_for(state="attached")
    page.get_by_role("menubar").get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(re.compile("^Run All Cells…?$")).click()
    names = [cell.id for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    ran = page.locator(".jp-InputArea-prompt").filter(has_text=re.compile(r"^\[\d+\]:$"))
    ran.nth(len(names) - 1).wait_for(state="attached")
    number = notebook.name[:2]
    name, height = SHOWN[number]
    shown = cells.nth(names.index(name)).locator(".jp-OutputArea-output").first
    shown.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # widgets draw when they are seen
    box = shown.bounding_box()
    assert box is not None, f"{name} shows nothing"  # noqa: S101 - a tool's own mistake
    clip: Any = {**box, "height": min(box["height"], height)}
    page.screenshot(path=IMAGES / f"{number}.png", clip=clip)


if __name__ == "__main__":
    take(sys.argv[1:])
