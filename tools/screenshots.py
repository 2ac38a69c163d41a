"""Take the documentation's pictures, each in light and dark, into docs/images/: `make screenshots`.

Widgets are drawn on a plain page, over sessions whose times and ids are fixed, so that a picture changes only where its
view does; what notebooks show without a kernel is drawn by nbconvert. What a stream and the quickstart look like comes
from the tests that drive JupyterLab. Chromium itself packs the pictures.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import nbtrace
from nbtrace import Session
from tests.browser.notebook import PICTURES, ROOT
from tests.browser.plain import open_comparison, open_traces
from tests.widgets.calls import day
from tools.fixture_session import fill_session
from tools.fixture_versions import PROMPT, fill_replies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

IMAGES: Final = ROOT / "docs" / "images"
DRIVEN: Final = ("quickstart", "live")
"""Pictures that tests of JupyterLab have left in build/screenshots/."""
SCALE: Final = 1.5
QUALITY: Final = 0.75
DRIVEN_SHRINK: Final = 0.6
"""Of the pictures that tests take, which have two pixels for one."""
PAPER: Final = {"light": "#fff", "dark": "#111418"}
MARGIN: Final = 12

Scheme = Literal["light", "dark"]

PACK: Final = """
async ([png, quality, shrink]) => {
  const picture = new Image();
  picture.src = `data:image/png;base64,${png}`;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width * shrink, picture.height * shrink);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp", quality })).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
"""


BOX: Final = """
(element) => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return { x: x + scrollX, y: y + scrollY, width, height };
}
"""

UNRINGED: Final = """
() => {
  const style = document.createElement("style");
  style.textContent = ".nbtrace :is(.tree, .matrix):focus-visible { box-shadow: none }";
  globalThis.root?.append(style);
}
"""
"""Takes off the ring around what the keys act on, which the reader of a picture has no use for."""


def ended() -> Session:
    """Give the session of the fixtures without what still runs in it, whose time is today's."""
    import pyarrow.compute as pc

    session, made = Session(), Session()
    fill_session(session.store)
    spans = session.snapshot()
    made.store.adopt(spans.filter(pc.is_valid(spans["duration_ns"])))
    return made


class Studio:
    """Takes pictures of pages in one of the two colour schemes."""

    def __init__(self, context: BrowserContext, scheme: Scheme) -> None:
        self._context = context
        self._scheme: Scheme = scheme
        self._darkroom = context.new_page()

    def page(self, width: int = 1000, height: int = 720) -> Page:
        """Open an empty page."""
        page = self._context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        return page

    def keep(self, name: str, png: bytes, shrink: float = 1) -> None:
        """Pack a picture and write it."""
        packed = self._darkroom.evaluate(PACK, [base64.b64encode(png).decode(), QUALITY, shrink])
        (IMAGES / f"{name}-{self._scheme}.webp").write_bytes(base64.b64decode(packed))

    def take(self, page: Page, name: str, selector: str = "#host", *, tallest: int = 700, margin: int = MARGIN) -> None:
        """Take the picture of an element, with some of the page around it."""
        page.add_style_tag(content=f"body {{ background: {PAPER[self._scheme]} }}")
        page.mouse.move(0, 0)
        page.evaluate(UNRINGED)
        page.wait_for_timeout(150)  # what fades has faded
        box = page.locator(selector).first.evaluate(BOX)
        clip: Any = {
            "x": max(0, box["x"] - margin), "y": max(0, box["y"] - margin),
            "width": box["width"] + 2 * margin, "height": min(tallest, box["height"] + 2 * margin),
        }  # fmt: skip
        self.keep(name, page.screenshot(clip=clip, full_page=True))


def explorer(studio: Studio, session: Session) -> None:
    """Look through a session as a reader does."""
    session.labels = {"tone": ["kind", "neutral", "rude"]}
    page = studio.page()
    open_traces(page, session, height=580)
    rows = page.get_by_role("treegrid").get_by_role("row")
    page.locator(".caret .icon").last.click()
    studio.take(page, "list")

    rows.filter(has_text="report = research").click()
    page.get_by_role("treegrid", name="Spans").wait_for()
    studio.take(page, "tree")
    page.keyboard.press("/")
    page.get_by_role("button", name="Critical path").click()
    studio.take(page, "critical-path")
    page.get_by_role("button", name="Critical path").click()
    page.get_by_role("searchbox").fill("attention")
    page.get_by_text("in messages").wait_for()
    studio.take(page, "search")
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Search and filter").click()

    rows.filter(has_text="chat").first.click()
    page.locator(".detail .message").nth(2).wait_for()
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.get_by_role("textbox", name="Note").fill("Cites what it has read.")
    page.keyboard.press("Enter")
    page.locator(".judging .note").wait_for()
    studio.take(page, "messages")
    page.get_by_role("tab", name="Raw").click()
    studio.take(page, "raw")


def details(studio: Studio, session: Session) -> None:
    """Read a call's details, with the arithmetic of its cost."""
    page = studio.page()
    open_traces(page, session, height=580)
    page.get_by_role("treegrid").get_by_role("row").nth(1).click()
    page.get_by_role("treegrid", name="Spans").get_by_role("row").filter(has_text="chat").first.click()
    page.get_by_role("tab", name="Details").click()
    page.get_by_role("heading", name="Response").evaluate("(heading) => heading.scrollIntoView()")
    studio.take(page, "details")


def side_by_side(studio: Studio, session: Session) -> None:
    """Compare versions as a reader does."""
    page = studio.page(1100, 900)
    open_comparison(page, session, PROMPT)
    page.locator("td.answer").nth(2).click()
    page.keyboard.press("5")
    page.locator(".star.on").nth(4).wait_for()
    studio.take(page, "compare")
    page.keyboard.press("t")
    page.keyboard.press("d")
    page.locator(".templates ins").first.wait_for()
    studio.take(page, "compare-diff")
    page.keyboard.press("t")
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    page.locator(".opened .message").first.wait_for()
    studio.take(page, "compare-trace", ".opened")


def charts(studio: Studio) -> None:
    """Draw a day's charts."""
    spans = day()
    for name, figure in (("usage", nbtrace.usage(spans)), ("latency", nbtrace.latency(spans, every="1h"))):
        page = studio.page(1000, 480)
        page.set_content(f"<div id=host>{figure.to_html(include_plotlyjs=True, full_html=False)}</div>")
        page.locator(".plot-container").wait_for()
        studio.take(page, name)


def exported(studio: Studio, session: Session, folder: Path) -> None:
    """Open an exported page."""
    session.export(folder / "session.html")
    page = studio.page(1000, 640)
    page.goto((folder / "session.html").as_uri())
    page.get_by_role("row").filter(has_text="report = research").click()
    page.get_by_role("treegrid", name="Spans").get_by_role("row").filter(has_text="chat").first.click()
    page.locator(".detail .message").first.wait_for()
    studio.keep("page", page.screenshot())


def cells(session: Session, replies: Session) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the cells of a notebook without a kernel: a picture's name, the source, what the cell shows."""
    from nbtrace._query.totals import summarize
    from nbtrace._query.tree import tree
    from nbtrace._widgets import static
    from nbtrace._widgets.summary import summary_html

    def html(one: Any) -> dict[str, Any]:
        bundle = one._repr_mimebundle_() if hasattr(one, "_repr_mimebundle_") else {"text/html": one._repr_html_()}
        return {"text/html": dict(bundle[0] if isinstance(bundle, tuple) else bundle)["text/html"]}

    run = session.trace_table(session.spans(text="research(").table["trace_id"][0].as_py().hex())
    line = summary_html(tree(run, summaries=static.ROWS), summarize(run)).replace("<details", "<details open", 1)
    yield "summary", 'report = research("Which of these papers should I read first, and why?")', {"text/html": line}
    yield "static", "nbtrace.traces()", html(session.traces())
    before, after = (replies.spans(prompt=PROMPT).filter(text=word) for word in ("customer:", "in one sentence:"))
    yield "diff", 'nbtrace.diff("before.parquet", "after.parquet")', html(nbtrace.diff(before, after))
    told = html(session.explain(session.spans(kind="llm")[0]))["text/html"].replace("<details", "<details open", 1)
    yield "explain", "nbtrace.explain(call)", {"text/html": told}
    checks = [nbtrace.checks.length(at_most=100), nbtrace.checks.contains("sorry"), nbtrace.checks.latency(0.8)]
    found = nbtrace.evaluate(replies.spans(kind="llm"), checks, progress=False)
    yield "evaluation", "found.summary()", html(found)


def notebook(studio: Studio, shown: list[tuple[str, str, dict[str, Any]]], scheme: Scheme, folder: Path) -> None:
    """Draw a saved notebook's cells."""
    import nbformat
    from nbconvert import HTMLExporter

    made = nbformat.v4.new_notebook()
    for number, (_, source, data) in enumerate(shown, 1):
        output = nbformat.v4.new_output("display_data", data=data)
        made.cells.append(nbformat.v4.new_code_cell(source, execution_count=number, outputs=[output]))
    html, _ = HTMLExporter(theme=scheme).from_notebook_node(made)
    (folder / "saved.html").write_text(html)
    page = studio.page(1000, 800)
    page.route("http**", lambda route: route.abort())
    page.goto((folder / "saved.html").as_uri())
    for number, (name, _, _) in enumerate(shown):
        studio.take(page, name, f".jp-Cell >> nth={number}", margin=0)


def take(browser: Browser, scheme: Scheme) -> None:
    """Take all pictures in one colour scheme."""
    context = browser.new_context(color_scheme=scheme, device_scale_factor=SCALE)
    studio = Studio(context, scheme)
    session, replies = ended(), Session()
    fill_replies(replies.store)
    with tempfile.TemporaryDirectory() as at:
        steps: list[Callable[[], None]] = [
            lambda: explorer(studio, ended()),
            lambda: details(studio, replies),
            lambda: charts(studio),
            lambda: exported(studio, session, Path(at)),
            lambda: notebook(studio, list(cells(session, replies)), scheme, Path(at)),
            lambda: side_by_side(studio, replies),
        ]
        for step in steps:
            step()
    for name in DRIVEN:
        picture = PICTURES / f"{name}-{scheme}.png"
        if picture.exists():
            studio.keep(name, picture.read_bytes(), DRIVEN_SHRINK)
    context.close()


def main() -> None:
    """Take the pictures, and say how large they are."""
    from playwright.sync_api import sync_playwright

    found = subprocess.run([ROOT / "tools" / "chromium"], capture_output=True, text=True, check=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.stdout.strip(), args=["--no-sandbox", "--disable-gpu"]
        )
        for scheme in ("light", "dark"):
            take(browser, scheme)
        browser.close()
    sizes = {path.name: path.stat().st_size for path in sorted(IMAGES.iterdir())}
    sys.stdout.write(json.dumps(sizes, indent=1) + f"\n{sum(sizes.values()) / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
