"""The same session in other hosts: somebody looks into a call, and whatever is hostile does nothing in any view.

A host is started once, for all of it. JupyterLab's own stories are in the files beside this one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

import nbtrace
from nbtrace import Session
from tests.browser.fixtures import ROOT, OpenLab
from tests.browser.notebook import PICTURES, Desk, write_notebook
from tests.browser.walk import BRIDGE, SIDE_BY_SIDE, WALK
from tests.browser.watch import INVARIANTS
from tests.hostile import PAYLOADS, fill, fill_versions
from tools.fixture_session import fill_session
from tools.jupyter import START_SECONDS, environment
from tools.ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tools.jupyter import App

pytestmark = pytest.mark.browser

SETUP = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
import nbtrace
from tests.hostile import fill, fill_versions, PAYLOADS
from tools.fixture_session import fill_session
afternoon, hostile, versions = nbtrace.Session(), nbtrace.Session(), nbtrace.Session()
fill_session(afternoon.store)
fill(hostile.store, is_brief=True)
fill_versions(versions.store)
traces, corpus, listed = afternoon.traces(), hostile.trace(), hostile.traces()
compared = versions.compare("hostile")
compared.height = 10**6
changed = nbtrace.diff(versions.spans(), hostile.spans())
moved = nbtrace.drift(versions.spans(), hostile.spans())
judged = nbtrace.evaluate(hostile.spans(), lambda answer: (answer[:200], answer), progress=False)
explained = hostile.explain(hostile.spans()[1])
"""
STATIC = ["changed", "moved", "judged", "explained"]
SHOWN = ["traces", "listed", "hostile.usage()", "hostile.latency(by='name')", *STATIC, "compared", "corpus"]

SLIT: Final[ViewportSize] = {"width": 900, "height": 160}
"""A window in which there is little to paint, which takes most of the time where nobody looks."""

OURS = "[class*=nbtrace-], marimo-anywidget, .output_html"

HARMLESS = f"""
(ours) => {{
  for (const one of document.querySelectorAll(ours)) one.dataset.host = "";
  return ({INVARIANTS.strip()})();
}}
"""


def look_into_a_call(page: Page) -> None:
    """Open a trace, then a call, as a reader does."""
    page.get_by_role("treegrid", name="Traces").get_by_role("row").filter(has_text="nightly evaluation").first.click()
    spans = page.get_by_role("treegrid", name="Spans").get_by_role("row")
    spans.filter(has_text="chat gpt-4o-mini").first.click()
    detail = page.get_by_role("region", name="Selected span")
    expect(detail.locator(".role-answer pre").first).to_have_text("yes")


def walk_through_the_corpus(page: Page, corpus: Locator) -> None:
    """Look at every payload in its row and in every view of its span, and search for some."""
    expect(corpus.get_by_role("treegrid", name="Spans").get_by_role("row").nth(2)).to_be_visible()
    page.set_viewport_size(SLIT)
    corpus.evaluate(BRIDGE)
    done: Any = page.evaluate(WALK, [*range(3, len(PAYLOADS) + 3)])
    assert done["found"] == []
    assert done["views"] > 5 * len(PAYLOADS)
    field = corpus.get_by_role("searchbox")
    for payload in PAYLOADS[::40]:
        field.fill(payload[:300])
    assert page.evaluate(HARMLESS, OURS) == []


def look_side_by_side(page: Page) -> None:
    """Look at versions of a hostile prompt in every way that the comparison has."""
    compared = page.get_by_role("grid", name="Answers by input and variant")
    expect(compared).to_be_visible()
    done = compared.evaluate(f"(grid) => ({SIDE_BY_SIDE})(grid.getRootNode())")
    assert done["found"] == []
    assert done["answers"] == 2 * len(PAYLOADS)
    assert page.evaluate(HARMLESS, OURS) == []


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_jupyter_shows_a_session_and_a_hostile_one(open_lab: OpenLab, desk: Desk, tmp_path: Path, app: App) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "hosts.ipynb", [SETUP, *SHOWN])
    whole = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
    notebook = desk.open(open_lab(folder, app=app, settings=whole), "hosts.ipynb")
    notebook.run_all()
    look_into_a_call(notebook.page)
    notebook.picture(f"host-{app}")
    asked = "print(*(s.response_model for s in afternoon.spans() if s.span_id == traces.selected_span))"
    assert notebook.run(asked) == "gpt-4o-mini-2024-07-18"

    for chart in ("hostile.usage", "hostile.latency"):
        notebook.cell(chart).scroll_into_view_if_needed()
        expect(notebook.output(chart).locator(".plot-container")).to_be_visible()
    look_side_by_side(notebook.page)
    walk_through_the_corpus(notebook.page, notebook.output("corpus").last)


MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax-full@"
"""What marimo itself loads to draw a chart; refused here."""
APP = """\
import marimo
app = marimo.App()
"""
CELL = """
@app.cell
def _({needs}):
{source}
    return {gives}
"""


def write_app(path: Path, chosen: Path) -> None:
    """Write the session as a marimo app, which writes down the span that is selected."""
    watch = f"traces.observe(lambda change: open({str(chosen)!r}, 'w').write(change['new'] or ''), 'selected_span')"
    begin = "".join(f"    {line}\n" for line in [*SETUP.splitlines(), watch])
    cells = [
        CELL.format(
            needs="",
            source=begin,
            gives=", ".join(["afternoon", "compared", "corpus", "hostile", "listed", "traces", *STATIC]),
        )
    ]
    cells += [CELL.format(needs=one.partition(".")[0], source=f"    {one}", gives="") for one in SHOWN]
    path.write_text("".join([APP, *cells]))


@contextmanager
def marimo(app: Path, home: Path) -> Generator[str]:
    """Serve a marimo app on loopback."""
    command = [sys.executable, "-m", "marimo", "run", str(app), "--headless", "--no-token", "--host=127.0.0.1"]
    variables = {**environment(home), "HOME": str(home), "MARIMO_SKIP_UPDATE_CHECK": "1"}
    log = home / "marimo.log"
    with (
        reserved_port() as port,
        log.open("wb") as output,
        subprocess.Popen(
            [*command, f"--port={port}"], env=variables, cwd=home, stdout=output, stderr=output
        ) as process,
    ):
        try:
            until = time.monotonic() + START_SECONDS
            while not _answers(f"http://127.0.0.1:{port}/health"):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address).close()
    except OSError:
        return False
    return True


def test_marimo_shows_a_session_and_a_hostile_one(desk: Desk, tmp_path: Path) -> None:
    app, chosen = tmp_path / "app.py", tmp_path / "chosen"
    write_app(app, chosen)
    with marimo(app, tmp_path) as address:
        page = desk.listening()
        page.route(f"{MATHJAX}*/**", lambda route: route.abort())
        page.goto(address)
        expect(page.get_by_role("treegrid")).to_have_count(3, timeout=120_000)
        look_into_a_call(page)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "host-marimo.png")
        afternoon = Session()
        fill_session(afternoon.store)
        ids = {span.span_id: span.response_model for span in afternoon.spans()}
        assert ids[chosen.read_text()] == "gpt-4o-mini-2024-07-18"

        expect(page.locator(".js-plotly-plot")).to_have_count(2)
        look_side_by_side(page)
        walk_through_the_corpus(page, page.locator("marimo-anywidget").last)
        page.close()
    assert [url for url in desk.outside if not url.startswith(MATHJAX)] == []
    assert [error for error in desk.errors if error != "Failed to load resource: net::ERR_FAILED"] == []
    desk.outside.clear()
    desk.errors.clear()


def test_nbconvert_shows_a_session_and_a_hostile_one(desk: Desk, tmp_path: Path) -> None:
    from nbconvert import HTMLExporter

    afternoon, hostile, versions = Session(), Session(), Session()
    fill_session(afternoon.store)
    fill(hostile.store, is_brief=True)
    fill_versions(versions.store)
    shown: list[Any] = [afternoon.traces(), hostile.trace(), hostile.traces(), hostile.usage(), hostile.latency()]
    shown += [nbtrace.diff(versions.spans(), hostile.spans()), nbtrace.drift(versions.spans(), hostile.spans())]
    shown += [hostile.explain(hostile.spans()[1]), versions.compare("hostile")]
    path = tmp_path / "saved.ipynb"
    write_notebook(path, [""] * len(shown))
    empty, _ = HTMLExporter().from_filename(str(path))
    saved = json.loads(path.read_text())
    for cell, one in zip(saved["cells"], shown, strict=True):
        bundle: Any = one._repr_mimebundle_() if hasattr(one, "_repr_mimebundle_") else {"text/html": one._repr_html_()}
        data: dict[str, Any] = dict(bundle[0] if isinstance(bundle, tuple) else bundle)
        cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    path.write_text(json.dumps(saved))
    html, _ = HTMLExporter().from_filename(str(path))

    page = desk.listening()
    asked: list[str] = []
    page.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))
    page.set_content(empty)
    own, complaints = set(asked), {error for error in desk.errors if "net::ERR_FAILED" not in error}
    page.set_content(html)
    expect(page.locator("table").first).to_contain_text("nightly evaluation")
    assert page.locator(".jp-OutputArea-output").count() == len(shown)
    page.screenshot(path=PICTURES / "host-nbconvert.png")
    assert page.evaluate(HARMLESS, OURS) == []
    assert set(asked) == own
    assert html.count("<script") == empty.count("<script")
    assert {error for error in desk.errors if "net::ERR_FAILED" not in error} == complaints
    desk.errors.clear()
    desk.outside.clear()
