# ruff: noqa: E402 - run as a script, it looks for the project first
"""What the explorer takes for a hundred thousand or a million spans, in Chromium with the kernel in this process.

    python tests/bench/bench_widgets.py             # 100,000 spans
    python tests/bench/bench_widgets.py 1000000

Prints milliseconds: until the first rows are drawn, a frame while scrolling (median and 95th percentile), a search in
names and in messages, and the bytes that went over the wire and that the page holds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from nbtrace._query.search import search
from nbtrace._query.tree import tree
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace._widgets.packing import packed
from nbtrace._widgets.wire import ipc
from tests.browser.fixtures import FLAGS
from tests.browser.plain import open_plain
from tools.make_fixtures import fill

SCROLL = """
async () => {
  const grid = globalThis.root.querySelector("[role=treegrid]");
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < 240; step++) {
    grid.scrollTop += step % 40 === 0 ? grid.scrollHeight / 9 : 120;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return { p50: times[120], p95: times[228] };
}
"""
FIND = """
async (text) => {
  const { root } = globalThis;
  if (!root.querySelector("input[type=search]")) root.querySelector(".tools .toggle").click();
  await new Promise(requestAnimationFrame);
  const field = root.querySelector("input[type=search]");
  const before = performance.now();
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await new Promise(requestAnimationFrame);
  await new Promise((done) => setTimeout(done));
  return performance.now() - before;
}
"""


class Held:
    """A store of so many spans, a thousand a trace, each below one of the thirty before it."""

    def __init__(self, count: int) -> None:
        small = Store()
        fill(small)
        few = small.snapshot()
        rows: Any = pa.array(np.arange(count) % len(few))
        kept = few.kept.take(rows)
        rng = np.random.default_rng(1)
        own = np.arange(1, count + 1, dtype=">u8")
        place = np.arange(count) % 1000
        above = (own.astype("u8") - np.minimum(place, rng.integers(1, 30, count)).astype("u8")).astype(">u8")
        trace = np.zeros((count, 2), ">u8")
        trace[:, 1] = np.arange(count) // 1000
        known = np.packbits(place != 0, bitorder="little")
        for name, width, values, mask in (
            ("span_id", 8, own, None),
            ("trace_id", 16, trace, None),
            ("parent_span_id", 8, above, known),
        ):
            bits: Any = None if mask is None else pa.py_buffer(mask.tobytes())
            column = pa.Array.from_buffers(pa.binary(width), count, [bits, pa.py_buffer(values.tobytes())])
            kept = kept.set_column(kept.schema.get_field_index(name), name, column)
        self._spans = Snapshot(kept, few.texts)

    def snapshot(self) -> Snapshot:
        """Give the spans."""
        return self._spans


def milliseconds(run: Any) -> float:
    """Time a call."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def measure(page: Page, count: int) -> None:
    """Print what an explorer of so many spans takes."""
    held: Any = Held(count)
    spans = held.snapshot()
    print(f"{count:,} spans")
    print(f"  kernel: tree           {milliseconds(lambda: tree(spans)):9.0f} ms")
    print(f"  kernel: search         {milliseconds(lambda: search(spans, 'umbrella')):9.0f} ms")
    print(f"  wire                   {len(ipc(packed(tree(spans)))) / 1e6:9.1f} MB")
    page.set_default_timeout(300_000)
    print(
        f"  display to first rows  {milliseconds(lambda: open_plain(page, held)):9.0f} ms, the page's own load included"
    )
    frames = page.evaluate(SCROLL)
    print(f"  scroll, a frame        {frames['p50']:9.1f} ms median, {frames['p95']:.1f} ms 95th percentile")
    print(f"  search in names        {page.evaluate(FIND, 'get_weather'):9.0f} ms")
    memory = page.evaluate("performance.memory?.usedJSHeapSize ?? 0")
    print(f"  heap of the page       {memory / 1e6:9.1f} MB")
    page.evaluate("globalThis.controller.abort(); globalThis.model = globalThis.root = undefined; globalThis.gc?.()")
    page.wait_for_timeout(500)
    page.evaluate("globalThis.gc?.()")
    print(f"  heap once cleared      {page.evaluate('performance.memory?.usedJSHeapSize ?? 0') / 1e6:9.1f} MB")


def main() -> None:
    """Measure."""
    counts = [int(argument) for argument in sys.argv[1:]] or [100_000]
    chromium = subprocess.check_output([ROOT / "tools" / "chromium"], text=True).strip()
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--js-flags=--expose-gc", "--enable-precise-memory-info"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for count in counts:
            measure(browser.new_page(viewport={"width": 1200, "height": 800}), count)
        browser.close()


if __name__ == "__main__":
    main()
