"""Somebody asks what the session used and how long it took, and finds the same on a page without plotly."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import ROOT, OpenLab
from tests.browser.notebook import Desk, write_notebook
from tools.jupyter import Theme

pytestmark = pytest.mark.browser

CELLS = [
    f"import sys; sys.path.insert(0, {str(ROOT)!r})\nimport nbtrace",
    "from tests.widgets.calls import day\nspans = day()",
    "from tools.fixture_session import fill_session\nopened = nbtrace.Session()\nfill_session(opened.store)",
    "opened.traces()",
    "opened.usage()",
    "nbtrace.usage(spans)",
    "nbtrace.latency(spans, every='1h')",
    "nbtrace.drift(spans[:45], spans[45:]).chart()",
    "opened.latency(every='2m')",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_are_drawn_without_a_network(open_lab: OpenLab, desk: Desk, tmp_path: Path, theme: Theme) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "charts.ipynb", CELLS)
    notebook = desk.open(open_lab(folder, theme=theme), "charts.ipynb")
    notebook.run_all()

    # A click on a bar leads to its calls.
    chart, traces = notebook.output("opened.usage"), notebook.output("opened.traces").last
    chart.scroll_into_view_if_needed()
    chart.locator(".barlayer .point path").first.click(force=True)
    expect(traces.get_by_role("searchbox")).to_have_value("model:gpt-4o-mini-2024-07-18")
    traces.scroll_into_view_if_needed()
    notebook.picture(f"charts-linked-{theme}")

    # Zooming to a stretch of time leads to what began in it, and zooming out to all.
    chart = notebook.output("opened.latency")
    chart.scroll_into_view_if_needed()
    chart.locator(".plot-container").wait_for()
    plot = chart.locator(".nsewdrag").first.bounding_box()
    assert plot is not None
    notebook.page.mouse.move(plot["x"] + plot["width"] * 0.75, plot["y"] + plot["height"] / 2)
    notebook.page.mouse.down()
    notebook.page.mouse.move(plot["x"] + plot["width"] * 0.97, plot["y"] + plot["height"] / 2, steps=5)
    notebook.page.mouse.up()
    field = traces.get_by_role("searchbox")
    expect(field).to_have_value(re.compile(r"^since:2026-09-21T[\d:.]+ until:2026-09-21T[\d:.]+$"))
    expect(traces.get_by_role("row").filter(has_text="summarize")).to_have_count(0)
    expect(traces.get_by_role("row").filter(has_text="nightly evaluation")).to_be_visible()
    for _ in range(5):  # plotly takes two clicks for one only where it hears them within 300 ms
        chart.locator(".nsewdrag").first.dblclick(force=True)
        with suppress(AssertionError):
            expect(field).to_have_value("", timeout=5_000)
            break
    expect(field).to_have_value("")

    usage = notebook.output("nbtrace.usage")
    expect(usage).to_contain_text("Tokens, cost and calls by model")
    expect(usage).to_contain_text("11 unpriced and not in the cost")
    expect(usage.locator(".ytick")).to_have_text(["smollm2-135m", "claude-sonnet-4-5", "gpt-5-mini"])
    expect(notebook.output("nbtrace.latency").locator(".scatter path.js-line")).to_have_count(12)
    drift = notebook.output("nbtrace.drift")
    expect(drift).to_contain_text("nothing moved beyond chance")
    expect(drift.locator(".boxlayer .trace.boxes")).to_have_count(10)
    usage.scroll_into_view_if_needed()
    notebook.picture(f"charts-{theme}")

    notebook.save()
    saved = json.loads((folder / "charts.ipynb").read_text())
    drawn = saved["cells"][5]["outputs"][0]["data"]
    # JupyterLab's renderer of plotly's may have put a picture of what it drew beside it.
    assert drawn.keys() - {"image/png"} == {"application/vnd.plotly.v1+json", "text/html", "text/plain"}
    figures = notebook.run("print(nbtrace.metrics(spans, by='model')['input_tokens'])")
    numbers = [f"{number:,}" for number in json.loads(figures)]
    assert [number in "".join(drawn["text/html"]) for number in numbers] == [True] * 3
