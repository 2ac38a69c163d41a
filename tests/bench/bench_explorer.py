# ruff: noqa: E402 - run as a script, it looks for the project first
"""What the explorer takes for many spans and for a deep trace, in Chromium, with the kernel in this process.

    python tests/bench/bench_explorer.py                 # 100,000 and 1,000,000 spans
    python tests/bench/bench_explorer.py --spans 100000

The bundle that is released runs on a page of a server on this machine, which answers as a kernel does. Frames are not
held to the screen's sixty a second, so that one is as long as its work. The heap is what V8 counts after a collection,
by the DevTools protocol. Prints a row a number of spans, as it stands in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from nbtrace._query.search import search
from nbtrace._query.tree import tree
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace._widgets.assets import STATIC
from nbtrace._widgets.packing import packed
from nbtrace._widgets.wire import Wire, ipc
from tests.browser.fixtures import FLAGS
from tests.browser.plain import EXPLORER, MODEL, PAGE
from tools.make_fixtures import fill

if TYPE_CHECKING:
    from collections.abc import Generator

SPANS: Final = (100_000, 1_000_000)
LEVELS: Final = 500
ROUNDS: Final = 5

UNLIMITED: Final = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]

DISPLAY: Final = """
async () => {
  const before = performance.now();
  await import("/model.js");
  const frame = () => new Promise(requestAnimationFrame);
  while (!globalThis.root?.querySelector("[role=treegrid] [role=row][aria-level]")) await frame();
  await frame();
  return performance.now() - before;
}
"""
SCROLL: Final = """
async () => {
  const grid = globalThis.root.querySelector("[role=treegrid]");
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < 600; step++) {
    grid.scrollTop += step % 40 === 0 ? grid.scrollHeight / 16 : 120;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return [times[300], times[570]];
}
"""
SEARCH: Final = """
async (text) => {
  const { root } = globalThis;
  const frame = () => new Promise(requestAnimationFrame);
  if (!root.querySelector("input[type=search]")) root.querySelector(".tools .toggle").click();
  await frame();
  const field = root.querySelector("input[type=search]");
  field.value = "";
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await frame();
  const before = performance.now();
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await frame();
  await new Promise((done) => setTimeout(done));
  return performance.now() - before;
}
"""
CLEAR: Final = """
async () => {
  globalThis.controller.abort();
  document.getElementById("host").replaceChildren();
  delete globalThis.model;
  delete globalThis.root;
  await new Promise((done) => setTimeout(done, 4000));  // a feed that pauses between two trees ends by then
}
"""


class Held:
    """A store of so many spans, a thousand a trace, each below one of the thirty before it; or one below the other."""

    def __init__(self, count: int, *, is_chain: bool = False) -> None:
        small = Store()
        fill(small)
        few = small.snapshot()
        rows: Any = pa.array(np.arange(count) % len(few))
        kept = few.kept.take(rows)
        rng = np.random.default_rng(1)
        own = np.arange(1, count + 1, dtype=">u8")
        place = np.arange(count) % 1000
        back = np.ones(count, "u8") if is_chain else np.minimum(place, rng.integers(1, 30, count)).astype("u8")
        above = (own.astype("u8") - back).astype(">u8")
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


@contextmanager
def served(held: Held) -> Generator[str]:
    """Serve the page, the bundle and a kernel's answers."""
    files = {
        "/": ("text/html", PAGE),
        "/widget.js": ("text/javascript", (STATIC / "trace.js").read_text()),
        "/model.js": ("text/javascript", MODEL.replace("TRAITS", json.dumps(EXPLORER))),
    }

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path, ("text/plain", ""))
            self._answer(kind, body.encode())

        def do_POST(self) -> None:
            sent: queue.Queue[tuple[Any, Any]] = queue.Queue()
            wire = Wire(held.snapshot, lambda _changed: lambda: None, lambda *message: sent.put(message))
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            wire.handle(request)
            if request["kind"] == "cancel":
                self.send_response(204)
                self.end_headers()
                return
            content, buffers = sent.get(timeout=600)
            self._answer("application/octet-stream", bytes(buffers[0]) if buffers else b"", json.dumps(content))

        def _answer(self, kind: str, body: bytes, content: str = "") -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("x-content", content)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()


def milliseconds(run: Any) -> float:
    """Time a call: the median of a few."""
    times: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def in_browser(browser: Browser, held: Held) -> dict[str, float]:
    """Display, scroll, search and clear."""
    with served(held) as address:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.set_default_timeout(600_000)
        page.goto(address)
        tools = page.context.new_cdp_session(page)

        def heap() -> float:
            tools.send("HeapProfiler.collectGarbage")
            found: Any = tools.send("Runtime.getHeapUsage")
            return (found["usedSize"] + found.get("backingStorageSize", 0)) / 1e6

        before = heap()
        measured = {"display": page.evaluate(DISPLAY)}
        shown = heap()
        measured["frame"], measured["frame_p95"] = page.evaluate(SCROLL)
        measured["search"] = statistics.median(page.evaluate(SEARCH, "get_weather") for _ in range(ROUNDS))
        page.evaluate(CLEAR)
        measured |= {"heap_before": before, "heap_shown": shown, "heap_after": heap()}
        page.close()
    return measured


def row(browser: Browser, name: str, held: Held, rounds: int) -> str:
    """Measure one number of spans."""
    spans = held.snapshot()
    pages = [in_browser(browser, held) for _ in range(rounds)]
    found = {key: statistics.median(one[key] for one in pages) for key in pages[0]}
    kernel = milliseconds(lambda: ipc(packed(tree(spans))))
    wire = len(ipc(packed(tree(spans)))) / 1e6
    return (
        f"| {name} | {found['display']:,.0f} | {kernel:,.0f} | {wire:.1f} "
        f"| {found['frame']:.1f} | {found['frame_p95']:.1f} "
        f"| {found['search']:.0f} | {milliseconds(lambda: search(spans, 'umbrella')):,.0f} "
        f"| {found['heap_before']:.1f} | {found['heap_shown']:.1f} | {found['heap_after']:.1f} |"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, nargs="+", default=SPANS)
    parser.add_argument("--rounds", type=int, default=3, help="pages of each, of whose figures the medians are taken")
    asked = parser.parse_args()
    chromium = subprocess.check_output([ROOT / "tools" / "chromium"], text=True).strip()
    print("| spans | display to first rows, ms | of it the kernel, ms | over the wire, MB | a frame of scrolling, ms "
          "| its 95th percentile, ms | search in names, ms | in all else, in the kernel, ms "
          "| heap before, MB | shown, MB | cleared, MB |")  # fmt: skip
    print("|---" * 11 + "|")
    print("| aim | 1,000 | | | | 16 | 100 | 100 | | | as before |")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *UNLIMITED])
        print(row(browser, f"{LEVELS} levels", Held(LEVELS, is_chain=True), asked.rounds), flush=True)
        for count in asked.spans:
            print(row(browser, f"{count:,}", Held(count), asked.rounds), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
