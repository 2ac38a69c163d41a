"""A trace that goes on and on is shown to its last level, and nothing of a view is left once its output is cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from playwright.sync_api import expect

from nbtrace._store.store import Store
from nbtrace._trace.processor import SinkProcessor
from nbtrace._widgets.wire import PREVIEWED
from tests.browser.plain import open_plain
from tests.query.tables import chat, row, table
from tools.fixture_session import fill_session

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

LEVELS = 500

LISTENING = "[...globalThis.listeners.values()].reduce((sum, some) => sum + some.size, 0)"
CLEAR = """
() => {
  globalThis.shown = new WeakRef(globalThis.root.querySelector(".nbtrace"));
  globalThis.controller.abort();
  document.getElementById("host").replaceChildren();
  delete globalThis.root;
}
"""


def test_a_trace_of_five_hundred_levels_is_shown_to_its_last(chromium: Browser) -> None:
    store = Store()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(store))
    tracer = provider.get_tracer("deep")
    spans: list[trace.Span] = []
    for level in range(1, LEVELS + 1):
        above = trace.set_span_in_context(spans[-1]) if spans else None
        spans.append(tracer.start_span(f"step {level}", above))
    for span in reversed(spans):
        span.end()

    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    watch = open_plain(page, store)
    grid = page.get_by_role("treegrid", name="Spans")
    grid.focus()
    page.keyboard.press("End")
    last = grid.get_by_role("row").filter(has_text=f"step {LEVELS}")
    expect(last).to_be_in_viewport()
    expect(last).to_have_attribute("aria-level", str(LEVELS))
    expect(last.locator(".depth")).to_have_text(str(LEVELS))
    expect(last.locator(".label")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Selected span")).to_contain_text(f"step {LEVELS}")
    for _ in range(LEVELS - 1):
        page.keyboard.press("ArrowUp")
    first = grid.get_by_role("row").and_(page.locator("[aria-level='1']"))
    expect(first).to_have_attribute("aria-selected", "true")
    assert watch.done == []


def test_calls_of_a_large_trace_get_their_first_words_when_they_come_into_sight(chromium: Browser) -> None:
    text = '[{"role":"assistant","parts":[{"type":"text","content":"words of %d"}]}]'
    calls = [chat(number, 1, start=number, output_messages=text % number) for number in range(2, 2 * PREVIEWED)]
    store = Store()
    store.adopt(table(row(1, ms=5000, span_type="cell", name="cell [1]"), *calls))
    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    watch = open_plain(page, store)
    grid = page.get_by_role("treegrid", name="Spans")
    expect(grid.get_by_role("row").filter(has_text="words of 2")).to_have_count(1)
    grid.focus()
    page.keyboard.press("End")
    expect(grid.get_by_role("row").filter(has_text=f"words of {2 * PREVIEWED - 1}")).to_be_in_viewport()
    assert watch.harmless() == []


def test_a_cleared_output_leaves_neither_listeners_nor_elements(chromium: Browser) -> None:
    store = Store()
    fill_session(store)
    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    open_plain(page, store, _view="list")
    page.get_by_role("row").filter(has_text="report = research").click()
    page.get_by_role("treegrid", name="Spans").get_by_role("row").filter(has_text="chat").first.click()
    expect(page.locator(".role-answer").first).to_be_visible()
    assert page.evaluate(LISTENING) > 0

    page.evaluate(CLEAR)
    page.get_by_role("treegrid").wait_for(state="detached")
    assert page.evaluate(LISTENING) == 0
    # Chromium itself holds on to what was last clicked, until something else is.
    page.mouse.click(5, 790)
    session = page.context.new_cdp_session(page)
    for _ in range(100):
        page.evaluate("new Promise(requestAnimationFrame)")
        session.send("HeapProfiler.collectGarbage")
        if page.evaluate("globalThis.shown.deref() === undefined"):
            break
    else:
        pytest.fail("the view is still held by something")
