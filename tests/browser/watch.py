# ruff: noqa: E501 - JavaScript and HTML
"""A page on which hostile content is shown, and what it must not get done there: the same for every host.

A host is whatever draws our views: the bundle on a plain page, static HTML, JupyterLab, an exported file. It is given a
page to draw on; `Watch` notes everything that hostile content did, and `harmless` asks whether that was nothing.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Dialog, Page, Route

INVARIANTS = r"""
() => {
  const found = [];
  const note = (element, why) => found.push(`${why}: ${element.outerHTML.slice(0, 120)}`);
  const RUNS = new Set(["SCRIPT", "IFRAME", "FRAME", "OBJECT", "EMBED", "LINK", "META", "BASE", "FORM", "PORTAL", "AUDIO", "VIDEO"]);
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (RUNS.has(element.tagName.toUpperCase())) note(element, "runs or loads");
      for (const { name, value } of element.attributes) {
        if (/^on/i.test(name)) note(element, "handler");
        const isWords = ["title", "aria-label", "placeholder", "alt"].includes(name);
        if (!isWords && /^\s*(javascript|vbscript|data:text)/i.test(value)) note(element, "address that runs");
        if (["src", "srcset", "poster", "background", "ping", "action"].includes(name) && !value.startsWith("data:image/"))
          note(element, "loads");
        if (name === "style" && /url|expression|@import/i.test(value)) note(element, "style that loads");
      }
      if (element.shadowRoot) look(element.shadowRoot);
    }
    if (HIDDEN.test((root.querySelector(".nbtrace") ?? root).textContent ?? "")) found.push("hidden characters are shown as nothing");
  };
  for (const root of document.querySelectorAll("[data-host]")) look(root);
  if (globalThis.pwned !== undefined) found.push("a script ran");
  if ({}.polluted !== undefined || {}.toString !== Object.prototype.toString) found.push("a prototype was changed");
  return found;
}
"""
"""What must be true of whatever stands below an element marked `data-host`, through every shadow root."""


class Watch:
    """Serves a host its own files and notes whatever else happens on the page."""

    def __init__(self, page: Page, files: dict[str, tuple[str, str]]) -> None:
        self.done: list[str] = []
        """What hostile content got done."""
        self._page = page
        self._files = files
        page.route("**/*", self._serve)
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self.done.append(f"opened {popup.url}"))
        page.on("pageerror", lambda error: self.done.append(f"threw {error}"))
        page.on("download", lambda download: self.done.append(f"downloaded {download.url}"))

    def harmless(self) -> list[str]:
        """List what was done or could be; nothing, if all is well."""
        return [*self.done, *self._page.evaluate(INVARIANTS)]

    def _serve(self, route: Route) -> None:
        found = self._files.get(urlsplit(route.request.url).path)
        if found is None or urlsplit(route.request.url).hostname != "nbtrace.test":
            self.done.append(f"asked {route.request.url}")
            route.abort()
        else:
            kind, body = found
            route.fulfill(body=body, content_type=kind)

    def _dialog(self, dialog: Dialog) -> None:
        self.done.append(f"said {dialog.message}")
        dialog.dismiss()
