"""An explanation in a browser: what belongs together lights up together, wherever there is room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbtrace._explain.explained import explained
from nbtrace._explain.explanation import Explanation
from tests.browser.plain import ADDRESS
from tests.browser.watch import Watch
from tests.export import rich

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

LIT = "one => getComputedStyle(one.closest('[class*=k]')).backgroundColor"
BESIDE = """
() => new Set([...document.querySelector(".two").children].map((one) => one.getBoundingClientRect().top)).size === 1
"""


def test_both_sides_light_up_and_lead_to_each_other_at_every_width(chromium: Browser) -> None:
    found = explained(rich.session(), f"{rich.TRACE:032x}", f"{3:016x}")
    assert found is not None
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    watch = Watch(page, {"/": ("text/html", Explanation(found).to_html())})
    page.goto(ADDRESS)
    sides = page.get_by_role("link").filter(has_text="gen_ai.request.model")
    dark = [one.evaluate(LIT) for one in sides.all()]
    sides.first.hover()
    lit = [one.evaluate(LIT) for one in sides.all()]
    assert len(lit) == 2
    assert lit[0] == lit[1] not in dark
    sides.first.click()
    assert page.locator(":target").inner_text().startswith('{"key": "gen_ai.request.model"')
    assert page.evaluate(BESIDE)
    for width in (1200, 600, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert not page.evaluate(BESIDE)
    assert watch.harmless() == []
