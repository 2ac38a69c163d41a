# ruff: noqa: E501 - JavaScript and HTML
"""The widget on a plain page, with the kernel's side in this process: the bundle and `Wire`, and nothing between them."""

from __future__ import annotations

import json
from queue import Queue
from typing import TYPE_CHECKING, Any

from nbtrace._query.comparison import Comparing, Comparison, calls_of
from nbtrace._widgets.assets import STATIC
from nbtrace._widgets.compare import CompareWire
from nbtrace._widgets.rating import RatingWire
from nbtrace._widgets.wire import Wire
from tests.browser.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from nbtrace import Session
    from nbtrace._store.store import Store

ADDRESS = "http://nbtrace.test/"

PAGE = (
    """<!doctype html><meta charset=utf-8><title>plain</title><body style="margin:16px"><div data-host id=host></div>"""
)

MODEL = """
import widget from "/widget.js";
const traits = { height: 480, _slot: "none", ...TRAITS };
const listeners = (globalThis.listeners = new Map());
const emit = (event, ...values) => { for (const one of [...(listeners.get(event) ?? [])]) one(...values); };
globalThis.model = {
  get: (name) => traits[name],
  set: (name, value) => { traits[name] = value; emit(`change:${name}`); },
  save_changes: () => {},
  on: (event, listener) => listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
  off: (event, listener) => listeners.get(event)?.delete(listener),
  send: async (content) => {
    const answer = await fetch("/ask", { method: "POST", body: JSON.stringify(content) });
    if (answer.status === 204) return;
    const bytes = await answer.arrayBuffer();
    emit("msg:custom", JSON.parse(answer.headers.get("x-content")), bytes.byteLength ? [new DataView(bytes)] : []);
    if (content.kind === "rate" || content.kind === "note")
      emit("msg:custom", { kind: "changed", version: content.version, revision: 1e9 }, []);
  },
};
globalThis.controller = new AbortController();
widget.render({ model: globalThis.model, el: document.getElementById("host"), signal: globalThis.controller.signal });
globalThis.root = document.querySelector("#host > div").shadowRoot;
"""

EXPLORER = {"selected_span": None, "selected_trace": None, "_view": "tree"}
"""Traits of the explorer that shows a tree."""


def unheard(_changed: Callable[[], None]) -> Callable[[], None]:
    """Subscribe to no changes: of those that the page asks for, the model tells it itself."""
    return lambda: None


def open_plain(page: Page, store: Store, **traits: Any) -> Watch:
    """Draw a store's spans on a page."""
    traits = {**EXPLORER, **traits}
    watch = open_widget(page, "trace", lambda send: Wire(store.snapshot, unheard, send), **traits)
    # A handle of the row itself would keep the view alive.
    page.wait_for_function("!!globalThis.root?.querySelector('[role=treegrid] [role=row][aria-level]')")
    return watch


def open_traces(page: Page, session: Session, **traits: Any) -> Watch:
    """Draw the list of a session's traces, each of which opens."""
    by_hand = session.by_hand()

    def make(send: Any) -> Wire:
        return RatingWire(by_hand, session.snapshot, unheard, send)

    watch = open_widget(page, "trace", make, **EXPLORER | {"_view": "list", "_labels": by_hand.trait()} | traits)
    page.get_by_role("treegrid", name="Traces").wait_for()
    return watch


def open_comparison(page: Page, session: Session, prompt: str, *, height: int = 560) -> Watch:
    """Draw the versions of a prompt side by side."""
    by_hand = session.by_hand()
    look = Comparing(lambda: calls_of(session.spans(), [prompt]), Comparison.of)

    def make(send: Any) -> Wire:
        return CompareWire(look, by_hand, session.snapshot, unheard, send)

    watch = open_widget(page, "compare", make, height=height, baseline=0, _labels=by_hand.trait())
    page.wait_for_function("!!globalThis.root?.querySelector('td.answer .said')")
    return watch


def open_widget(page: Page, name: str, make: Callable[[Any], Wire], **traits: Any) -> Watch:
    """Draw a widget on a page; `make` gives the kernel's end of it, told how to send."""
    sent: Queue[tuple[Any, Any]] = Queue()
    wire = make(lambda content, buffers: sent.put((content, buffers)))

    def ask(route: Route) -> None:
        request = json.loads(route.request.post_data or "null")
        wire.handle(request)
        if request["kind"] == "cancel":
            route.fulfill(status=204)
            return
        content, buffers = sent.get(timeout=60)
        route.fulfill(body=bytes(buffers[0]) if buffers else b"", headers={"x-content": json.dumps(content)})

    script = MODEL.replace("TRAITS", json.dumps(traits))
    bundle = (STATIC / f"{name}.js").read_text()
    js = "text/javascript"
    watch = Watch(page, {"/": ("text/html", PAGE), "/widget.js": (js, bundle), "/model.js": (js, script)})
    page.route(f"{ADDRESS}ask", ask)
    page.goto(ADDRESS)
    page.evaluate("import('/model.js')")
    return watch
