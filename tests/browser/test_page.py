"""Somebody gets a session as a file by mail, opens it without nbtrace, Python or a network, and looks into a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from nbtrace import Session
from nbtrace._store.store import Store
from nbtrace._widgets.page import Page
from tests.browser.notebook import PICTURES
from tests.browser.plain import ADDRESS
from tests.browser.walk import BRIDGE, WALK
from tests.browser.watch import Watch
from tests.hostile import GROUPS, fill
from tools.fixture_session import fill_session

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_colleague_looks_into_a_session(chromium: Browser, tmp_path: Path, scheme: Any) -> None:
    session = Session()
    fill_session(session.store)
    file = tmp_path / "session.html"
    session.export(file)

    context = chromium.new_context(viewport={"width": 1200, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(file.as_uri())
    traces = page.get_by_role("treegrid").get_by_role("row")
    expect(traces.filter(has_text="nightly evaluation")).to_be_visible()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"page-{scheme}.png")

    traces.filter(has_text="report = research").click()
    spans = page.get_by_role("treegrid", name="Spans").get_by_role("row")
    spans.filter(has_text="chat").first.click()
    detail = page.get_by_role("region", name="Selected span")
    expect(detail.locator(".role-answer").first).to_be_visible()
    page.evaluate("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
    detail.get_by_label("Copy the span").click()
    page.screenshot(path=PICTURES / f"page-open-{scheme}.png")
    copy = detail.get_by_role("button", name="Copy to edit and run")
    copy.click()
    expect(copy).not_to_be_visible()
    assert "nbtrace.replay_span(" in page.evaluate("globalThis.copied")

    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    running = traces.filter(has_text="And in one sentence?")
    expect(running.locator(".time")).to_have_attribute("title", "was running when exported")
    expect(page.get_by_text("2 running when exported")).to_be_visible()
    expect(page.locator(".pulse")).to_have_count(0)
    page.get_by_role("searchbox").fill("umbrella")
    expect(traces.filter(has_text="nightly evaluation")).to_have_count(0)
    assert said == [file.as_uri()]
    context.close()


@pytest.mark.parametrize("group", GROUPS)
def test_every_payload_in_an_exported_page_does_nothing(chromium: Browser, group: str) -> None:
    store = Store()
    fill(store, GROUPS[group])
    html = b"".join(Page(store.snapshot()).parts()).decode()
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    watch = Watch(page, {"/": ("text/html", html)})
    page.goto(ADDRESS)
    page.get_by_role("treegrid").get_by_role("row").nth(1).click()
    page.get_by_role("treegrid", name="Spans").wait_for()
    page.locator("#view").evaluate(BRIDGE)
    done = page.evaluate(WALK, [*range(3, len(GROUPS[group]) + 3)])
    assert done["found"] == []
    assert watch.harmless() == []
    assert done["views"] > 5 * len(GROUPS[group])
