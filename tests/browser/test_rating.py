"""Somebody reads a trace and says by keys how a call was, and why; Python knows it, and who said so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import OpenLab
from tests.browser.notebook import Desk, write_notebook

pytestmark = pytest.mark.browser

CELLS = [
    "%load_ext nbtrace\nimport os, nbtrace, openai\n%config NBTrace.auto_display = 'off'",
    "%config NBTrace.annotator = 'ada'",
    (
        "answer = openai.OpenAI().chat.completions.create(\n"
        "    model=os.environ['NBTRACE_DEMO_MODEL'], max_tokens=4,\n"
        "    messages=[{'role': 'user', 'content': 'Say yes.'}])"
    ),
    "nbtrace.trace()",
    "%config NBTrace.labels = {'tone': ['kind', 'neutral', 'rude']}\nnbtrace.traces()",
]
SCORES = "print(nbtrace.sql('SELECT s.name, label, value, explanation, evaluator, source, operation FROM scores s JOIN spans USING (span_id) ORDER BY s.time_unix_nano').table.to_pylist())"  # noqa: E501


def test_a_call_is_rated_and_labelled_by_keys(open_lab: OpenLab, desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "rating.ipynb", CELLS)
    notebook = desk.open(open_lab(folder), "rating.ipynb")
    notebook.run_all()

    view = notebook.output("nbtrace.trace()")
    view.scroll_into_view_if_needed()
    view.locator("[aria-level]").last.click()
    notebook.page.keyboard.press("Escape")
    view.locator(".tree").focus()
    notebook.page.keyboard.press("4")
    expect(view.locator(".rated")).to_have_text("Rated 4")

    view = notebook.output("nbtrace.traces()")
    view.get_by_role("treegrid", name="Traces").get_by_role("row").filter(has_text="answer =").click()
    view.get_by_role("treegrid", name="Spans").get_by_role("row").last.click()
    tone = view.get_by_role("group", name="tone")
    expect(tone.get_by_role("button")).to_have_text(["kind", "neutral", "rude"])
    notebook.page.keyboard.press("2")
    expect(view.get_by_role("status").filter(has_text="tone: neutral")).to_be_visible()
    notebook.page.keyboard.press("n")
    expect(view.get_by_role("textbox", name="Note")).to_be_focused()
    notebook.page.keyboard.insert_text("Too short to tell.")
    view.scroll_into_view_if_needed()
    notebook.picture("labels")
    notebook.page.keyboard.press("Enter")
    expect(view.locator(".judging .note")).to_have_text("Too short to tell.")
    expect(tone.get_by_role("button", pressed=True)).to_have_text("neutral")
    rated, _, labelled = ast.literal_eval(notebook.run(SCORES))
    who = {"evaluator": "ada", "source": "human", "operation": "chat"}
    assert rated == {"name": "rating", "label": None, "value": 4.0, "explanation": None, **who}
    assert labelled == {
        "name": "tone", "label": "neutral", "value": None, "explanation": "Too short to tell.", **who
    }  # fmt: skip
