"""Whatever a model, a tool or a file says is shown in every view, runs nothing and asks no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import Session
from nbtrace._query.totals import summarize
from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import listing, static
from nbtrace._widgets.summary import summary_html
from tests.browser.plain import ADDRESS, open_comparison, open_plain
from tests.browser.walk import SIDE_BY_SIDE, WALK
from tests.browser.watch import Watch
from tests.hostile import GROUPS, PAYLOADS, fill, fill_versions

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


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


def test_every_payload_side_by_side_does_nothing(chromium: Browser) -> None:
    session = Session()
    fill_versions(session.store)
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    watch = open_comparison(page, session, "hostile", height=10**6)
    done = page.evaluate(SIDE_BY_SIDE, page.evaluate_handle("globalThis.root"))
    assert done["found"] == []
    assert watch.harmless() == []
    assert done["answers"] == 2 * len(PAYLOADS)
    assert min(done["drawn"], done["notes"]) > 0
    page.keyboard.press("Escape")
    page.locator("td.answer").first.click()
    page.keyboard.press("Enter")
    page.locator(".opened .detail .message").first.wait_for()
    assert watch.harmless() == []


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


def test_payloads_that_are_explained_do_nothing(chromium: Browser) -> None:
    session = Session()
    fill(session.store, PAYLOADS[::16])
    page = chromium.new_page()
    drawn = [session.explain(span)._repr_mimebundle_()["text/html"] for span in session.spans()]
    for first in range(0, len(drawn), 10):
        some = "".join(drawn[first : first + 10])
        html = f"<!doctype html><meta charset=utf-8><body><div data-host>{some}</div><p id=after>after</p>"
        watch = Watch(page, {"/": ("text/html", html)})
        page.goto(ADDRESS)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert watch.harmless() == []
        assert page.locator("body > #after").inner_text() == "after"
        page.unroute_all()


def test_the_corpus_is_large_and_each_payload_is_its_own() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 200
