"""Check a built site: every link and anchor leads somewhere in it, and no page has anything loaded from elsewhere.

Run: `python -m tools.check_site build/site`; exits with 1 and names what is wrong.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADS = {"script", "img", "iframe", "source", "video", "audio", "embed", "track", "object", "input"}
"""Elements whose `src`, `srcset` or `data` a browser fetches by itself; of links it does the `href`."""
IN_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)")
NAMES_ONLY = {"canonical", "next", "prev", "alternate"}
"""Relations of `<link>` that only say something."""


class Page(HTMLParser):
    """What a page links to, what it has loaded, and what it can be reached by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = IN_STYLE.findall(text)
        self.anchors: set[str] = {"", "__skip"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take from an element what leads elsewhere, and what leads to it."""
        said = {name: value for name, value in attrs if value is not None}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        elif tag == "link" and not set(said.get("rel", "").split()) & NAMES_ONLY:
            self.loads.append(said.get("href", ""))
        elif tag in LOADS:
            sets = (one.split()[0] for one in said.get("srcset", "").split(",") if one.strip())
            self.loads += [said[name] for name in ("src", "data") if name in said] + list(sets)


def wrong(site: Path) -> Iterator[str]:
    """Name each link that leads nowhere and each thing that is loaded from another host or is not there."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for style in sorted(site.rglob("*.css")):
        yield from (f"{style.relative_to(site)} loads {url}" for url in IN_STYLE.findall(style.read_text("utf-8")))
    for path, page in pages.items():
        here = path.relative_to(site)
        for link in page.links + page.loads:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.loads and url.scheme != "data":
                    yield f"{here} loads {link}"
            elif path.name != "404.html":  # is shown at any address, so its links begin at the root
                to = (path.parent / unquote(url.path)).resolve() if url.path else path
                to = to / "index.html" if to.is_dir() else to
                if not to.is_file():
                    yield f"{here} links to {link}, which is not there"
                elif to in pages and unquote(url.fragment) not in pages[to].anchors:
                    yield f"{here} links to {link}, which has no such anchor"


def main(site: Path) -> int:
    """Print what is wrong with a site."""
    found = list(dict.fromkeys(wrong(site.resolve())))
    print(*found or [f"{site}: links lead somewhere, nothing is loaded from elsewhere"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
