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
"""Opens each span that `model.set` can select, each of its tabs and folds, and copies it every way.

Asks for `globalThis.root` and `globalThis.model`, and says what hostile content did meanwhile or could do.
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
    const height = grid.querySelector("[aria-level]").offsetHeight;
    for (let turn = 0; turn < 600 && !row(); turn++) {
      grid.scrollTop = (number - 2) * height;
      await new Promise(requestAnimationFrame);
    }
    row()?.click();
  };
  globalThis.model = { set: (_name, number) => {
    if (number) void open(number);
    else root.querySelector("[aria-label=Close]")?.click();
  } };
}
"""
"""Lets the walk go through a view that stands in a host's element, by numbers of rows as ARIA counts them, from 2: a reader clicks."""
