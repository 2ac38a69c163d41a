# ruff: noqa: E501 - JavaScript
"""A walk through every view of hostile spans, as the scripts that a page evaluates: the same in every host."""

from __future__ import annotations

from tests.browser.watch import INVARIANTS

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
  // No frame for each view: they come sixty a second at best, and far fewer where a host draws a lot.
  const task = () => new Promise((done) => setTimeout(done));
  const drawn = async () => { for (let turn = 0; turn < 20; turn++) await null; }; // the views draw in microtasks
  const until = async (holds) => {
    const end = performance.now() + 60_000;
    while (!holds() && performance.now() < end) await task();
    return holds();
  };
  const unfold = async () => {
    const closed = [...root.querySelectorAll(".detail details:not(.menu, [open])")];
    const last = closed.at(-1);
    const isTold = last && new Promise((done) => last.addEventListener("toggle", done, { once: true }));
    for (const node of closed) node.open = true;
    await isTold;
    await drawn();
  };
  let views = 0;
  const look = (span, view) => {
    views += 1;
    getComputedStyle([...root.querySelectorAll(".detail *")].at(-1)).color; // what styles ask for is asked for now
    for (const one of invariants()) found.push(`${span} ${view}: ${one}`);
  };
  for (const span of asked) {
    const before = root.querySelector("#tab-panel");
    const isShown = () => { const panel = root.querySelector("#tab-panel"); return panel && panel !== before; };
    model.set("selected_span", span);
    if (!(await until(isShown))) { found.push(`${span} is not shown`); continue; }
    for (const tab of [...root.querySelectorAll("[role=tab]")]) {
      tab.click();
      await drawn();
      await unfold();
      look(span, tab.textContent);
      if (tab.id === "tab-messages") {
        root.querySelector(".tabs .toggle").click();
        await drawn();
        look(span, "rendered");
        root.querySelector(".tabs .toggle").click();
      }
    }
    for (const button of root.querySelectorAll(".menu-items .button")) button.click();
    await new Promise(requestAnimationFrame); // what is loaded only when it is drawn has been
  }
  const unseen = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
  for (const text of copied) if (unseen.test(text)) found.push(`copied as is: ${text.slice(0, 80)}`);
  return { found, views, copied: copied.length };
}
"""
)
"""Opens each span that `model.set` can select, each of its tabs and folds, and copies it every way.

Asks for `globalThis.root` and `globalThis.model`, and says what hostile content did meanwhile or could do.
"""

SIDE_BY_SIDE = (
    r"""
async (root) => {
  const invariants = """
    + INVARIANTS.strip()
    + r""";
  const found = [];
  const look = async (view) => {
    await new Promise(requestAnimationFrame);
    await new Promise((done) => setTimeout(done));
    for (const one of invariants()) found.push(`${view}: ${one}`);
  };
  const matrix = root.querySelector(".matrix");
  const press = (key) => matrix.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
  const cells = () => [...root.querySelectorAll("td.answer")];
  const all = 2 * root.querySelectorAll(".matrix tbody tr").length;
  for (let turn = 0; turn < 600 && cells().length < all; turn++) await new Promise(requestAnimationFrame);
  const answers = cells().length;
  for (const cell of cells()) {
    cell.click();
    press(" ");
  }
  for (const key of ["", "d", "t", "s", "n"]) {
    press(key);
    await look(`key ${key}`);
  }
  const drawn = root.querySelectorAll("td.answer :is(ins, del), .templates :is(ins, del)").length;
  return { found, answers, drawn, notes: root.querySelectorAll(".note").length };
}
"""
)
"""Opens every answer of a comparison of two variants, and each way to show them.

Asks for its root, in which every row is drawn: the view is as tall as it needs to be.
"""

BRIDGE = """
(host) => {
  host.dataset.host = "";
  const rootIn = (element) => {
    const own = element.shadowRoot;
    if (own?.querySelector("[role=treegrid]")) return own;
    for (const below of [...(own?.querySelectorAll("*") ?? []), ...element.children]) {
      const found = rootIn(below);
      if (found) return found;
    }
    return null;
  };
  const root = (globalThis.root = rootIn(host));
  const open = async (number) => {
    const grid = root.querySelector("[role=treegrid]");
    const row = () => grid.querySelector(`[aria-rowindex="${number}"]`);
    for (let turn = 0; turn < 600 && !row(); turn++) {
      grid.scrollTop = (number - 2) * grid.querySelector("[aria-level]").offsetHeight;
      await new Promise(requestAnimationFrame);
    }
    row()?.click();
  };
  globalThis.model = { set: (_name, number) => void open(number) };
}
"""
"""Lets the walk go through a view that stands in a host's element, by numbers of rows as ARIA counts them, from 2: a reader clicks."""
