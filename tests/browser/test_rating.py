"""Somebody reads a trace and says by a key how good a call was; Python knows it, and who said so."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import OpenLab
from tests.browser.notebook import Desk, write_notebook

pytestmark = pytest.mark.browser

CELLS = [
    "%load_ext nbtrace\nimport os, nbtrace, openai\n%config NBTrace.auto_display = 'off'",
    "nbtrace.session().annotator = 'ada'",
    (
        "answer = openai.OpenAI().chat.completions.create(\n"
        "    model=os.environ['NBTRACE_DEMO_MODEL'], max_tokens=4,\n"
        "    messages=[{'role': 'user', 'content': 'Say yes.'}])"
    ),
    "nbtrace.trace()",
]
SCORES = "print(nbtrace.sql('SELECT s.name, value, evaluator, source, operation FROM scores s JOIN spans USING (span_id)').table.to_pylist())"  # noqa: E501


def test_a_call_is_rated_by_a_key(open_lab: OpenLab, desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "rating.ipynb", CELLS)
    notebook = desk.open(open_lab(folder), "rating.ipynb")
    notebook.run_all()

    view = notebook.output("nbtrace.trace")
    view.scroll_into_view_if_needed()
    view.locator("[aria-level]").last.click()
    notebook.page.keyboard.press("Escape")
    view.locator(".tree").focus()
    notebook.page.keyboard.press("4")
    expect(view.locator(".rated")).to_have_text("Rated 4")
    assert notebook.run(SCORES) == (
        "[{'name': 'rating', 'value': 4.0, 'evaluator': 'ada', 'source': 'human', 'operation': 'chat'}]"
    )
