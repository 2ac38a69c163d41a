"""A newcomer opens the quickstart in JupyterLab, runs it, looks into a call, does the exercise, and comes back."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import ROOT, OpenLab
from tests.browser.notebook import Desk
from tools.course import SOLUTION
from tools.jupyter import Theme

pytestmark = pytest.mark.browser

NAME = "01_quickstart.ipynb"
QUESTION = "What is a trace in distributed systems?"
LINE = re.compile(r"^1 LLM call · smollm2-135m · \d+ → \d+ tokens · unpriced · [\d.]+ m?s$")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_quickstart_from_first_run_to_reopening(open_lab: OpenLab, desk: Desk, tmp_path: Path, theme: Theme) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / NAME, folder)
    shutil.copytree(ROOT / "notebooks" / "images", folder / "images")
    lab = open_lab(folder, theme=theme)

    notebook = desk.open(lab, NAME)
    notebook.run_all()
    line = notebook.output("What is a trace").locator("summary")
    expect(line).to_have_text(LINE)

    widget = notebook.output("nbtrace.trace()")
    rows = widget.get_by_role("treegrid", name="Spans").get_by_role("row")
    expect(rows.filter(has_text="chat smollm2-135m")).to_have_count(2)
    rows.filter(has_text="chat smollm2-135m").first.click()
    detail = widget.get_by_role("region", name="Selected span")
    expect(detail.locator(".role-user")).to_contain_text("Name three aspects of coffee, separated by commas.")
    answer = detail.locator(".role-answer pre").inner_text()
    stored = notebook.run(
        "import json; s = nbtrace.spans().table.to_pylist(); "
        "print([json.loads(r['output_messages'])[0]['parts'][0]['content'] for r in s if r['operation'] == 'chat'][2])"
    )
    assert answer.strip() == stored

    widget.scroll_into_view_if_needed()
    notebook.picture(f"quickstart-{theme}")
    line.click()
    expect(notebook.output("What is a trace").locator("table")).to_contain_text("chat smollm2-135m")
    line.scroll_into_view_if_needed()
    notebook.picture(f"summary-{theme}")

    checked = notebook.output("nbtrace.exercise")
    expect(checked).to_contain_text(
        "○ Exercise 01: not yet. Expected: the span of the longest call. There is: no answer."
    )
    cells = {cell.id: cell.source for cell in nbformat.read(folder / NAME, as_version=4).cells}
    found = SOLUTION.search(cells["solution"])
    assert found is not None
    notebook.change("slowest = ...", found[1].strip())
    notebook.rerun("nbtrace.exercise")
    expect(checked).to_contain_text("✓ Exercise 01: it took")
    checked.scroll_into_view_if_needed()
    notebook.picture(f"exercise-{theme}")

    notebook.save()
    notebook.close_and_shut_down()
    reopened = desk.open(lab, NAME)
    expect(reopened.output("What is a trace").locator("summary")).to_have_text(LINE)
    static = reopened.output("nbtrace.trace()").locator("table")
    expect(static).to_contain_text("chat smollm2-135m")
    static.scroll_into_view_if_needed()
    reopened.picture(f"reopened-{theme}")
