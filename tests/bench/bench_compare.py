# ruff: noqa: E402 - run as a script, it looks for the project first
"""What a comparison of ten versions by a hundred inputs takes, in Chromium with the kernel in this process.

Prints milliseconds, beside those of 2 by 10: until the first answers are drawn, a frame while scrolling (median and
95th percentile), and until the differences of all answers that are in sight are drawn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import openai
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import nbtrace
from nbtrace._widgets.compare import CompareWire
from tests.browser.fixtures import FLAGS
from tests.browser.plain import open_widget
from tests.capture.loopback import completion

SCROLL = """
async () => {
  const grid = globalThis.root.querySelector(".matrix");
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < 240; step++) {
    grid.scrollTop += step % 40 === 39 ? grid.scrollHeight / 9 : 60;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return { p50: times[120], p95: times[228] };
}
"""
DIFFER = """
async () => {
  const { root } = globalThis;
  root.querySelector(".matrix").scrollTop = 0;
  const before = performance.now();
  root.querySelector(".matrix").dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true }));
  await new Promise(requestAnimationFrame);
  while (!root.querySelector("ins, del")) await new Promise(requestAnimationFrame);
  return performance.now() - before;
}
"""


def compared(versions: int, inputs: int) -> Any:
    """Make so many calls, answered in this process, and compare them."""
    nbtrace.session()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)["messages"][-1]["content"]
        return httpx2.Response(200, json=completion(f"{asked} A span is one step. " * 12))

    client = openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    for version in range(versions):
        prompt = nbtrace.prompt(f"explain {inputs}", f"Say what {{topic}} is, as the {version}th would.")
        for number in range(inputs):
            text = prompt.format(topic=f"span number {number}")
            client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])
    return nbtrace.compare(f"explain {inputs}")


def measure(page: Page, versions: int, inputs: int) -> None:
    """Print what a comparison of so many calls takes."""
    widget = compared(versions, inputs)
    began = time.perf_counter()
    look, by_hand = lambda: widget.comparison, nbtrace.session().by_hand()
    open_widget(
        page,
        "compare",
        lambda send: CompareWire(look, by_hand, nbtrace.session().snapshot, lambda _: lambda: None, send),
        baseline=0,
        _labels=by_hand.trait(),
    )
    page.wait_for_function("globalThis.root?.querySelector('td.answer')")
    shown = (time.perf_counter() - began) * 1e3
    frames = page.evaluate(SCROLL)
    print(
        f"{versions:3} versions by {inputs:3} inputs: first answers {shown:6.0f} ms, "
        f"a frame {frames['p50']:5.1f} ms median, {frames['p95']:5.1f} 95th percentile, "
        f"differences {page.evaluate(DIFFER):5.0f} ms"
    )


def main() -> None:
    """Measure."""
    chromium = subprocess.check_output([ROOT / "tools" / "chromium"], text=True).strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for versions, inputs in ((2, 10), (10, 100)):
            measure(browser.new_page(viewport={"width": 1200, "height": 800}), versions, inputs)
        browser.close()


if __name__ == "__main__":
    main()
