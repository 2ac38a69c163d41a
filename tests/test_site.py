"""The documentation hangs together: links and anchors lead somewhere, and every page is in the site's navigation."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbtrace
from tools import check_site, docs_site

ROOT = docs_site.ROOT
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
}
NAVIGATION = re.findall(r"^ +- (?:\w+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)


def test_links_and_anchors_of_the_documents_lead_somewhere() -> None:
    lost: list[str] = []
    linked = 0
    for document, text in DOCUMENTS.items():
        for link in docs_site.links(text):
            path, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            linked += 1
            file = os.path.normpath(Path(document).parent / path) if path else document
            known = docs_site.anchors(DOCUMENTS[file]) if file in DOCUMENTS else []
            if not (ROOT / file).exists() or (anchor and anchor not in known):
                lost.append(f"{document}: {link}")
    assert linked > 30
    assert lost == []


def test_every_page_is_in_the_navigation_once() -> None:
    made = {page for page in docs_site.pages() if not page.startswith("notebooks/")}
    pages = made | {name.removeprefix("docs/") for name in DOCUMENTS if name.startswith("docs/")}
    assert sorted(NAVIGATION) == sorted(pages), "mkdocs.yml names each page once; notebooks come by themselves"


def test_every_public_name_is_in_the_reference_once() -> None:
    texts = [text for name, text in DOCUMENTS.items() if name.startswith("docs/reference/")]
    shown = [name for text in texts for name in re.findall(r"^::: nbtrace\.(\w+)$", text, re.MULTILINE)]
    assert sorted(shown) == sorted(nbtrace.__all__), "docs/reference/ has a line `::: nbtrace.name` for each"


def test_links_are_turned_to_the_pages_of_the_site() -> None:
    text = (
        "[a](docs/howto/see.md#x) [b](ARCHITECTURE.md#the-span-table) [c](ARCHITECTURE.md) [d](notebooks/a.ipynb) "
        "[e](https://example.org/README.md) [f](#here)\n```\n[g](README.md)\n```\n"
    )
    assert docs_site.turned(text, "reference/index.md") == (
        "[a](../howto/see.md#x) [b](../schema.md#the-span-table) [c](../architecture.md) [d](../notebooks/a.md) "
        "[e](https://example.org/README.md) [f](#here)\n```\n[g](README.md)\n```\n"
    )
    assert docs_site.turned("[a](../ARCHITECTURE.md)", "scale.md") == "[a](architecture.md)"


def test_a_long_section_is_a_page_and_leaves_a_link_behind() -> None:
    made = docs_site.pages()
    assert made["schema.md"].startswith("# The span table\n")
    assert "\n## How it is kept\n" in made["schema.md"]
    assert "[The span table](schema.md)" in made["architecture.md"]
    assert "trace_state" not in made["architecture.md"]


def test_what_is_wrong_with_a_site_is_named(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="below/b.html#there">b</a><a href="#nowhere">c</a><a href="gone.html">d</a>'
        '<a href="https://example.org">e</a><img src="data:image/png;base64,AA==">'
        '<script src="//cdn.test/x.js"></script>'
        '<link rel="canonical" href="https://example.org/a"><link rel="stylesheet" href="https://fonts.test/f.css">'
    )
    (tmp_path / "below" / "b.html").write_text('<p id="there"><a href="../a.html#top">a</a></p>')
    (tmp_path / "s.css").write_text("a { background: url(https://pictures.test/p.png) }")
    assert list(check_site.wrong(tmp_path)) == [
        "s.css loads https://pictures.test/p.png",
        "a.html links to #nowhere, which has no such anchor",
        "a.html links to gone.html, which is not there",
        "a.html loads //cdn.test/x.js",
        "a.html loads https://fonts.test/f.css",
    ]
