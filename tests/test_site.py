"""The site's own tools: documents become pages, and what is wrong with a built site is named."""

from __future__ import annotations

from pathlib import Path

from tools import check_site, docs_site


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
