"""The documentation says what is true: its tables are those of the code, its examples run, its links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
from pathlib import Path

import pytest

import nbtrace
from nbtrace import _api, semconv
from nbtrace._explain.named import NAMED
from nbtrace._explain.own import OWN
from tools import docs_site, glossary_table, schema_table

ROOT = docs_site.ROOT
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
}
NAVIGATION = re.findall(r"^ +- (?:\w+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
MODULES = sorted(module.name for module in pkgutil.walk_packages(nbtrace.__path__, "nbtrace."))


def test_the_schema_table_is_the_schema() -> None:
    document = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert schema_table.with_table(document) == document, "run: python -m tools.schema_table"


def test_the_document_of_the_conventions_is_the_glossary() -> None:
    document = (ROOT / "docs/conventions.md").read_text(encoding="utf-8")
    assert glossary_table.document() == document, "run: python -m tools.glossary_table"


def test_the_glossary_has_every_attribute_and_no_other() -> None:
    constants = [value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)]
    attributes = {value for value in constants if re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)+\.?", value)}
    said = {entry.name for entry in (*NAMED, *OWN)}
    assert (attributes - said, said - attributes) == (set(), set()), "nbtrace/_explain/named.py, own.py"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_widget_knows_which_attributes_are_seconds() -> None:
    source = (ROOT / "js/src/model/detail.ts").read_text(encoding="utf-8")
    (listed,) = re.findall(r"SECONDS = new Set\(\[(.+?)\]\)", source, re.DOTALL)
    seconds = {entry.name for entry in (*NAMED, *OWN) if entry.unit == "seconds"}
    assert set(re.findall(r'"(.+?)"', listed)) == {name for name in seconds if not name.endswith("_seconds")}


def test_the_tour_of_the_widgets_lists_their_keys() -> None:
    keys = (ROOT / "js/src/views/keys.ts").read_text(encoding="utf-8")
    compared = (ROOT / "js/src/views/compare/keys.ts").read_text(encoding="utf-8")
    bindings = re.findall(r'binding\(\[.*?\], "(.+?)", "(.+?)",', keys)
    bindings += re.findall(r'described\("(.+?)", "(.+?)"\)', compared)
    listed = re.findall(r"\| `(.+?)` \| (.+?) \|", (ROOT / "docs/widgets.md").read_text(encoding="utf-8"))
    assert len(bindings) > 30
    assert listed == bindings


def test_every_picture_is_there_in_light_and_dark_and_on_a_page() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = set(re.findall(r"images/([\w-]+\.\w+)\"", "".join(page.read_text(encoding="utf-8") for page in pages)))
    images = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert shown == set(images)
    assert {name.replace("-dark.", "-light.") for name in images if "-dark." in name} == {
        name for name in images if "-light." in name
    }
    assert sum(images.values()) < 3_000_000


def test_the_further_sdk_of_the_document_is_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/instrumenting.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with nbtrace.Session() as session:
        monkeypatch.setattr(_api, "_default", session)
        monkeypatch.setattr(nbtrace, "prices", session.prices)
        exec(compile(example, "instrumenting.md", "exec"), {})
    (told,) = re.findall(r"# (<.*>)", example)
    assert re.sub(r"[\d.]+ .?s>", "", capsys.readouterr().out.strip()) == re.sub(r"[\d.]+ .?s>", "", told)


def test_what_the_document_names_in_the_package_is_there() -> None:
    text = (ROOT / "docs/instrumenting.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:nbtrace|tests)/[\w/]+\.py)`", text)
    assert len(named) == 3
    assert [name for name in named if not (ROOT / name).exists()] == []


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
