# ruff: noqa: E501 - JavaScript
"""Whatever a model, a tool or a file says is shown in every view, runs nothing and asks no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nbtrace._query.totals import summarize
from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import listing, static
from nbtrace._widgets.summary import summary_html
from tests.browser.plain import ADDRESS, open_plain
from tests.browser.watch import INVARIANTS, Watch
from tests.hostile import GROUPS, PAYLOADS, fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

WALK = (
    r"""
async (asked) => {
  const { root, model } = globalThis;
  const copied = [];
  Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (text) => { copied.push(text); } } });
  const invariants = """
    + INVARIANTS.strip()
    + r""";
  const found = [];
  const frame = () => new Promise(requestAnimationFrame);
  const until = async (holds) => { for (let turn = 0; turn < 3600 && !holds(); turn++) await frame(); return holds(); };
  let views = 0;
  const look = (span, view) => { views += 1; for (const one of invariants()) found.push(`${span} ${view}: ${one}`); };
  for (const span of asked) {
    model.set("selected_span", null);
    await until(() => !root.querySelector(".detail"));
    model.set("selected_span", span);
    if (!(await until(() => root.querySelector(".detail [role=tab]")))) { found.push(`${span} is not shown`); continue; }
    for (const tab of [...root.querySelectorAll("[role=tab]")]) {
      tab.click();
      await frame();
      for (const node of root.querySelectorAll(".detail details:not(.menu)")) node.open = true;
      await frame();
      look(span, tab.textContent);
      if (tab.id === "tab-messages") {
        root.querySelector(".tabs .toggle").click();
        await frame();
        look(span, "rendered");
        root.querySelector(".tabs .toggle").click();
      }
    }
    for (const button of root.querySelectorAll(".menu-items .button")) button.click();
    await frame();
  }
  const unseen = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
  for (const text of copied) if (unseen.test(text)) found.push(`copied as is: ${text.slice(0, 80)}`);
  return { found, views, copied: copied.length };
}
"""
)


@pytest.fixture(scope="module")
def store() -> Store:
    """Give a store with a span for each payload."""
    filled = Store()
    fill(filled)
    return filled


@pytest.mark.parametrize("group", GROUPS)
def test_every_payload_in_every_view_of_a_span_does_nothing(chromium: Browser, group: str) -> None:
    store = Store()
    fill(store, GROUPS[group])
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    watch = open_plain(page, store)
    ids: list[Any] = store.snapshot()["span_id"].to_pylist()
    done = page.evaluate(WALK, [span_id.hex() for span_id in ids])
    assert done["found"] == []
    assert watch.harmless() == []
    assert done["views"] > 5 * len(GROUPS[group])
    assert done["copied"] > 2 * len(GROUPS[group])


@pytest.mark.parametrize("view", ["tree", "list"])
def test_every_payload_in_the_rows_and_in_the_search_does_nothing(store: Store, chromium: Browser, view: str) -> None:
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    watch = open_plain(page, store, _view=view, height=30 * len(PAYLOADS))
    assert watch.harmless() == []
    page.keyboard.press("Tab")
    page.keyboard.press("/")
    for payload in PAYLOADS[::7]:
        field = page.locator("input[type=search]")
        if not field.count():
            page.get_by_role("button", name="Search and filter").click()
        field.fill(payload[:300])
        assert watch.harmless() == [], payload[:80]


@pytest.mark.parametrize("drawn", ["tree", "list", "line"])
def test_every_payload_in_static_html_does_nothing(store: Store, chromium: Browser, drawn: str) -> None:
    page = chromium.new_page()
    for first in range(0, len(PAYLOADS), 10):
        some = store.snapshot().slice(first, 10)
        rows = tree(some, summaries=static.ROWS)
        draw = {
            "tree": lambda rows=rows: static.tree_html(rows),
            "list": lambda rows=rows: listing.list_html(rows),
            "line": lambda rows=rows, some=some: summary_html(rows, summarize(some)),
        }[drawn]
        html = f"<!doctype html><meta charset=utf-8><body><div data-host>{draw()}</div><p id=after>after</p>"
        watch = Watch(page, {"/": ("text/html", html)})
        page.goto(ADDRESS)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert watch.harmless() == []
        assert page.locator("body > #after").inner_text() == "after"
        page.unroute_all()


def test_the_corpus_is_large_and_each_payload_is_its_own() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 200
