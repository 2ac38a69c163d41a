# ruff: noqa: E501 - JavaScript
"""Somebody reads with the system's own few colours, or on a phone: nothing is told by colour alone, nothing sticks out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from nbtrace import Session
from tests.browser.notebook import PICTURES
from tests.browser.plain import open_comparison, open_traces
from tools.fixture_session import fill_session
from tools.fixture_versions import PROMPT, fill_replies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

STYLES = """
(names) => {
  const probe = document.body.appendChild(document.createElement("i"));
  const system = (name) => { probe.style.color = name; return getComputedStyle(probe).color; };
  const [text, paper] = [system("CanvasText"), system("Canvas")];
  const named = (color) => color === text ? "text" : color === paper ? "paper" : color;
  return Object.fromEntries(Object.entries(names).map(([name, [selector, property]]) => {
    const style = getComputedStyle(globalThis.root.querySelector(selector));
    return [name, named(style[property])];
  }));
}
"""
"""Styles of elements, colours by what they are in the system's."""

STICKS_OUT = """
() => {
  const found = [];
  const scrolls = (element) => element && (element.matches(".matrix, .tree, .scroll, .toolbar, .track") || scrolls(element.parentElement));
  for (const element of globalThis.root.querySelectorAll("*")) {
    const { left, right, width } = element.getBoundingClientRect();
    if (width && (right > innerWidth || left < 0) && !scrolls(element)) found.push(`${element.className}: ${left} to ${right}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return found;
}
"""
"""Elements that stick out of the window, but for what is in a part that scrolls."""


@pytest.fixture(scope="module")
def session() -> Session:
    """Give a session with labels of its own."""
    made = Session()
    fill_session(made.store)
    made.labels = {"tone": ["kind", "neutral", "rude"]}
    return made


@pytest.fixture(scope="module")
def replies() -> Session:
    """Give a session in which three versions of a prompt were asked the same."""
    made = Session()
    fill_replies(made.store)
    return made


def open_call(page: Page) -> None:
    """Open the trace of the agent, then its first call, as a reader does."""
    page.get_by_role("treegrid", name="Traces").get_by_role("row").filter(has_text="report = research").click()
    page.get_by_role("treegrid", name="Spans").get_by_role("row").filter(has_text="chat").first.click()
    expect(page.get_by_role("region", name="Selected span").locator(".message").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_keep_what_bars_marks_and_differences_say(
    chromium: Browser, session: Session, replies: Session, scheme: Any
) -> None:
    context = chromium.new_context(viewport={"width": 1000, "height": 640}, forced_colors="active", color_scheme=scheme)
    page = context.new_page()
    open_traces(page, session)
    open_call(page)
    page.get_by_role("treegrid", name="Spans").focus()
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="tone: neutral", pressed=True)).to_be_visible()
    page.screenshot(path=PICTURES / f"forced-{scheme}.png")
    asked: dict[str, tuple[str, str]] = {
        "bar": (".span-bar.kind-llm", "backgroundColor"),
        "icon": (".kind-llm", "color"),
        "selected row": (".row.selected", "outlineStyle"),
        "chosen label": (".choice[aria-pressed=true]", "outlineStyle"),
        "other label": (".choice[aria-pressed=false]", "outlineStyle"),
        "chosen tab": (".tab[aria-selected=true]", "outlineStyle"),
        "other tab": (".tab[aria-selected=false]", "borderBottomStyle"),
        "mark of an error below": (".mark i", "borderTopColor"),
    }
    assert page.evaluate(STYLES, asked) == {
        "bar": "text", "icon": "text", "selected row": "solid", "chosen label": "solid", "other label": "none",
        "chosen tab": "solid", "other tab": "none", "mark of an error below": "text",
    }  # fmt: skip
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(STYLES, {"cursor": (".row.cursor", "outlineStyle")}) == {"cursor": "dashed"}

    page = context.new_page()
    open_comparison(page, replies, PROMPT)
    page.locator("td.answer").nth(1).click()
    page.keyboard.press("d")
    page.locator("ins").first.wait_for()
    page.screenshot(path=PICTURES / f"forced-compare-{scheme}.png")
    lines = {
        "added": ("ins", "textDecorationLine"),
        "removed": ("del", "textDecorationLine"),
        "cursor": ("td.answer.cursor", "outlineStyle"),
    }
    assert page.evaluate(STYLES, lines) == {"added": "underline", "removed": "line-through", "cursor": "solid"}
    context.close()


def test_at_320_pixels_nothing_sticks_out_and_what_is_left_out_is_named(
    chromium: Browser, session: Session, replies: Session
) -> None:
    context = chromium.new_context(viewport={"width": 320, "height": 800})
    page = context.new_page()
    open_traces(page, session)
    assert page.evaluate(STICKS_OUT) == []
    expect(page.get_by_text("When, calls, tokens and cost need more room.")).to_be_visible()
    page.get_by_role("treegrid", name="Traces").get_by_role("row").filter(has_text="report = research").click()
    expect(page.get_by_text("Tokens, cost and the bars need more room")).to_be_visible()
    assert page.evaluate(STICKS_OUT) == []
    page.get_by_role("treegrid", name="Spans").get_by_role("row").filter(has_text="chat").first.click()
    for tab in ("Messages", "Details", "Raw"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate(STICKS_OUT) == [], tab
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    assert page.evaluate(STICKS_OUT) == []
    page.screenshot(path=PICTURES / "narrow.png")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert page.evaluate(STICKS_OUT) == []

    page = context.new_page()
    open_comparison(page, replies, PROMPT)
    page.locator("td.answer").first.click()
    for key in ("ArrowRight", "d", "t", "n", "Escape", "Enter"):
        page.keyboard.press(key)
        assert page.evaluate(STICKS_OUT) == [], key
    page.screenshot(path=PICTURES / "narrow-compare.png")
    context.close()
