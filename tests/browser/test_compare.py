"""Somebody changes a template and a setting, runs ten inputs through each, and finds out what that did."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import OpenLab
from tests.browser.notebook import Desk, write_notebook
from tools.jupyter import Theme

pytestmark = pytest.mark.browser

CELLS = [
    "%load_ext nbtrace\nimport os, nbtrace, openai\n%config NBTrace.auto_display = 'off'",
    (
        "model = os.environ['NBTRACE_DEMO_MODEL']\n"
        "nbtrace.prices[model] = {'input_mtok': 0.2, 'output_mtok': 0.8}\n"
        "client = openai.OpenAI()\n"
        "def ask(template, temperature):\n"
        "    prompt = nbtrace.prompt('describe', template)\n"
        "    for word in WORDS:\n"
        "        client.chat.completions.create(\n"
        "            model=model, temperature=temperature, max_tokens=24, seed=1,\n"
        "            messages=[{'role': 'user', 'content': prompt.format(word=word)}])"
    ),
    (
        "for temperature in (0.0, 0.9):\n"
        "    ask('Describe the {word}.', temperature)\n"
        "    ask('In one short sentence, say what the {word} looks like.', temperature)"
    ),
    "view = nbtrace.compare('describe')\nview",
]
SWEEP = [
    "%load_ext nbtrace\nimport os, nbtrace, openai\n%nbtrace budget 100000 tokens",
    (
        "model = os.environ['NBTRACE_DEMO_MODEL']\n"
        "before = nbtrace.prompt('describe', 'Describe the {word}.')\n"
        "after = nbtrace.prompt('describe', 'In one short sentence, say what the {word} looks like.')"
    ),
    (
        "nbtrace.compare([before, after], inputs=[{'word': word} for word in WORDS], call=openai.OpenAI(),\n"
        "                models=model, settings=[{'temperature': 0.0}, {'temperature': 0.9}], max_tokens=12, seed=1)"
    ),
]
WORDS = ["sea", "rain", "tree", "bird", "stone", "fire", "wind", "moon", "road", "salt"]


@pytest.mark.parametrize(("theme", "words"), [("light", WORDS), ("dark", WORDS[:3])])
def test_versions_and_settings_are_compared_and_rated(
    open_lab: OpenLab, desk: Desk, tmp_path: Path, theme: Theme, words: list[str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "compare.ipynb", [f"WORDS = {words}", *CELLS])
    notebook = desk.open(open_lab(folder, theme=theme), "compare.ipynb")
    notebook.run_all()

    view = notebook.output("nbtrace.compare")
    view.scroll_into_view_if_needed()
    expect(view.locator(".matrix thead th")).to_have_count(5)
    expect(view.locator(".matrix tbody tr")).to_have_count(len(words))
    expect(view.locator(".verdict li")).to_have_count(3)
    expect(view.locator("td.answer").first).not_to_be_empty()
    notebook.picture(f"compare-{theme}")

    view.get_by_role("button", name="Diff answers").click()
    view.get_by_role("button", name="Diff templates").click()
    expect(view.locator(".templates ins").first).to_be_visible()
    notebook.picture(f"compare-diff-{theme}")
    view.get_by_role("button", name="Diff templates").click()
    view.get_by_role("button", name="Diff answers").click()

    view.locator("td.answer").nth(1).click()
    notebook.page.keyboard.press("4")
    expect(view.locator("td.answer").nth(1).locator(".star.on")).to_have_count(4)
    expect(view.locator(".matrix thead")).to_contain_text("rating 4")
    notebook.page.keyboard.press("Enter")
    expect(view.locator(".opened .detail")).to_contain_text("Describe the sea.")
    expect(view.locator(".opened [aria-level]")).not_to_have_count(0)
    notebook.picture(f"compare-trace-{theme}")
    notebook.page.keyboard.press("Escape")

    assert notebook.run("print(view.to_pandas()['score.rating'].dropna().tolist())") == "[4.0]"
    assert (
        notebook.run("print(len(view.comparison.inputs), len(view.comparison.runs))")
        == f"{len(words)} {4 * len(words)}"
    )
    saved = notebook.run("print(len(view.to_html()), view.to_html().count('<tr>'))")
    assert re.fullmatch(rf"\d{{4,5}} {len(words) + 1}", saved)
    assert int(saved.split()[0]) < 20_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_cell_that_asks_something_else_says_so(open_lab: OpenLab, desk: Desk, tmp_path: Path, theme: Theme) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    model = "%load_ext nbtrace\nimport os, nbtrace, openai\nclient = openai.OpenAI()"
    call = (
        "answer = client.chat.completions.create(model=os.environ['NBTRACE_DEMO_MODEL'], max_tokens=24,\n"
        "    messages=[{'role': 'user', 'content': 'Describe the sea in one sentence.'}])"
    )
    write_notebook(folder / "changed.ipynb", [model, call])
    notebook = desk.open(open_lab(folder, theme=theme), "changed.ipynb")
    notebook.run_all()
    cell = notebook.cell("answer =")
    expect(cell.locator("details summary")).not_to_contain_text("changed")
    cell.locator(".jp-InputArea-editor").click()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.insert_text(call.replace("the sea in one", "a <b>stormy</b> sea in one short"))
    notebook.page.keyboard.press("Control+Enter")
    line = cell.locator("details")
    expect(line.locator("summary")).to_contain_text("changed since the last run")
    line.locator("summary").click()
    expect(line.locator("ins").first).to_be_visible()
    expect(line.locator("ins b")).to_have_count(0)
    notebook.picture(f"changed-{theme}")
    assert notebook.run("print(nbtrace.compare().comparison.labels)") == "('run 1', 'run 2')"


@pytest.mark.parametrize(("theme", "words"), [("light", WORDS), ("dark", WORDS[:3])])
def test_a_sweep_makes_the_calls_once_and_shows_them(
    open_lab: OpenLab, desk: Desk, tmp_path: Path, theme: Theme, words: list[str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "sweep.ipynb", [f"WORDS = {words}", *SWEEP])
    notebook = desk.open(open_lab(folder, theme=theme), "sweep.ipynb")
    notebook.run_all()

    view = notebook.output("nbtrace.compare").filter(has=notebook.page.locator(".matrix"))
    view.scroll_into_view_if_needed()
    expect(view.locator(".matrix thead th")).to_have_count(5)
    expect(view.locator(".matrix tbody tr")).to_have_count(len(words))
    expect(view.locator("td.answer").first).not_to_be_empty()
    notebook.picture(f"sweep-{theme}")
    calls = "print(len(nbtrace.spans(kind='llm')))"
    assert notebook.run(calls) == str(4 * len(words))
