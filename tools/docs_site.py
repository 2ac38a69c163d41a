"""What mkdocs lets us do while it builds the site: pages out of files that are elsewhere, and links that fit them.

README.md, ARCHITECTURE.md, CONTRIBUTING.md and CHANGELOG.md are pages too, and so is each notebook, in the order of the
names. A long section of a document can be a page of its own. All links are written as they hold in the repository; here
they are turned to where their files are on the site. `mkdocs.yml` names this module.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"`{3,}|~{3,}")
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))|(?<=src=\")([^\"]+)(?=\")")
HEADING = re.compile(r"^(#{1,6}) +(.+?) *$")
PICTURE = re.compile(
    r"<picture>.*?srcset=\"(?P<dark>[^\"]+)\".*?alt=\"(?P<alt>[^\"]*)\" src=\"(?P<light>[^\"]+)\".*?</picture>",
    re.DOTALL,
)
FIRST_CELL = re.compile(r"^\|.*?\|", re.MULTILINE)
NAME = re.compile(r"`nbtrace\.(\w+)[^`]*`")


class Cut(NamedTuple):
    """A section of a document that is a page of its own."""

    page: str
    document: str
    heading: str


DOCUMENTS = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
CUTS = (
    Cut("reference/index.md", "README.md", "All names"),
    Cut("schema.md", "ARCHITECTURE.md", "The span table"),
)
WITHOUT_SIDEBAR = "---\nhide: [navigation]\n---\n"
"""Begins a page whose section has no other."""


def notebooks() -> list[Path]:
    """Give the notebooks in the order of the course."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def pages() -> dict[str, str]:
    """Give the pages that are not below docs/, as they are on the site but for their links, by their place there."""
    made: dict[str, str] = {}
    for document, page in DOCUMENTS.items():
        text = (ROOT / document).read_text(encoding="utf-8")
        for cut in CUTS:
            if cut.document == document:
                before, section, after = cut_out(text, cut.heading)
                there = os.path.relpath(cut.page, PurePosixPath(page).parent)
                text = f"{before}## {cut.heading}\n\n[{cut.heading}]({there}) has a page of its own.\n\n{after}"
                made[cut.page] = raised(section)
        made[page] = WITHOUT_SIDEBAR + text if page == "index.md" else text
    for notebook in notebooks():
        made[f"notebooks/{notebook.stem}.md"] = as_markdown(notebook)
    return made


def cut_out(text: str, heading: str) -> tuple[str, str, str]:
    """Divide a document into what is before a section of the second level, the section, and what is after it."""
    before, found, rest = text.partition(f"\n## {heading}\n")
    if not found:
        message = f"there is no section {heading!r} any more; name the one that is a page now in tools/docs_site.py"
        raise ValueError(message)
    section, _, after = rest.partition("\n## ")
    return before + "\n", f"## {heading}\n{section}\n", f"## {after}" if after else ""


def raised(section: str) -> str:
    """Make the headings of a section those of a page."""
    return "".join(
        line[1:] if not fenced and line.startswith("##") else line for line, fenced in lines(section, keepends=True)
    )


def lines(text: str, *, keepends: bool = False) -> Iterator[tuple[str, bool]]:
    """Give each line, and whether it is code."""
    fence = ""
    for line in text.splitlines(keepends=keepends):
        mark = FENCE.match(line)
        yield line, bool(fence or mark)
        if not fence:
            fence = mark[0] if mark else ""
        elif line.startswith(fence):
            fence = ""


def as_markdown(notebook: Path) -> str:
    """Write a notebook's cells as Markdown: notebooks are tracked without their outputs."""
    parts: list[str] = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(f"````python\n{source}\n````" if cell["cell_type"] == "code" else source)
    return "\n\n".join(parts) + "\n"


def source_of(page: str) -> str:
    """Say which file of the repository a page of the site comes from."""
    for document, made in DOCUMENTS.items():
        if made == page:
            return document
    for cut in CUTS:
        if cut.page == page:
            return cut.document
    if page.startswith("notebooks/"):
        return page.removesuffix(".md") + ".ipynb"
    return f"docs/{page}"


def page_of(file: str, anchor: str) -> str | None:
    """Say where a file of the repository is on the site; nowhere if it is not documentation."""
    for cut in CUTS:
        if cut.document == file and anchor in anchors(cut_out((ROOT / file).read_text("utf-8"), cut.heading)[1]):
            return cut.page
    if file in DOCUMENTS:
        return DOCUMENTS[file]
    if file.startswith("notebooks/") and file.endswith(".ipynb"):
        return file.removesuffix(".ipynb") + ".md"
    return file.removeprefix("docs/") if file.startswith("docs/") else None


def anchors(text: str) -> list[str]:
    """Name what the headings of a document can be reached by, as GitHub does."""
    found = (HEADING.match(line) for line, fenced in lines(text) if not fenced)
    return [slug(match[2]) for match in found if match]


def slug(heading: str, separator: str = "-") -> str:
    """Make an anchor of a heading, as GitHub does."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", separator)


def links(text: str) -> Iterator[str]:
    """Give what a document links to or shows, as it is written, but not in code."""
    for line, fenced in lines(text):
        if not fenced:
            yield from (match[0] for match in LINK.finditer(line))


def turned(text: str, page: str) -> str:
    """Turn a page's links from files of the repository to pages of the site."""
    here = PurePosixPath(source_of(page)).parent

    def turn(match: re.Match[str]) -> str:
        path, mark, anchor = match[0].partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match[0]
        file = os.path.normpath(here / path)
        there = page_of(file, anchor)
        return match[0] if there is None else os.path.relpath(there, PurePosixPath(page).parent) + mark + anchor

    return "".join(line if fenced else LINK.sub(turn, line) for line, fenced in lines(text, keepends=True))


def on_config(config: Any) -> Any:
    """Put the notebooks into the navigation, and name anchors as GitHub does."""
    for entry in config.nav:
        if "Course" in entry:
            entry["Course"] = [f"notebooks/{notebook.stem}.md" for notebook in notebooks()]
    config.mdx_configs["toc"]["slugify"] = slug
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not below docs/, and the notebooks to take along."""
    from mkdocs.structure.files import File  # pyright: ignore[reportMissingImports] - in an environment of its own

    made = pages()
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    for notebook in notebooks():
        files.append(File.generated(config, f"notebooks/{notebook.name}", abs_src_path=str(notebook)))
    for image in sorted((ROOT / "notebooks" / "images").glob("*.png")):
        files.append(File.generated(config, f"notebooks/images/{image.name}", abs_src_path=str(image)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn the links, and what only GitHub understands."""
    uri = page.file.src_uri
    markdown = PICTURE.sub(r"![\g<alt>](\g<light>#only-light)\n![\g<alt>](\g<dark>#only-dark)", markdown)
    if uri == "reference/index.md":
        markdown = FIRST_CELL.sub(lambda cell: NAME.sub(r"[\g<0>][nbtrace.\g<1>]", cell[0]), markdown)
    markdown = re.sub(r"^```ipython$", "```python", markdown, flags=re.MULTILINE)
    if uri.startswith("notebooks/"):
        name = PurePosixPath(uri).stem + ".ipynb"
        markdown = markdown.replace("<details>", "<details markdown>")  # or the code in it would be none
        return turned(markdown, uri) + f"\nThis page is a notebook without its outputs: [{name}]({name}).\n"
    return turned(markdown, uri)
