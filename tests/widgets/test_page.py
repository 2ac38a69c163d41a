"""The exported page: what is in it, what is not and says so, and that its policy allows its own parts and no others."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nbtrace import Session
from nbtrace._store.store import Store
from nbtrace._widgets import assets, page
from nbtrace._widgets.page import Page
from nbtrace._widgets.reading import reading
from nbtrace.errors import ExportError
from tests.hostile import fill as fill_hostile
from tests.query.tables import chat, table
from tools.fixture_session import fill_session

DATA = re.compile(r'<script type="text/plain" data-(start|spans)="([^"]*)"(?: data-now="\d+")?>([^<]*)</script>')


@pytest.fixture
def store() -> Store:
    filled = Store()
    fill_session(filled)
    return filled


def written(made: Page) -> str:
    return b"".join(made.parts()).decode()


def values(table: Any, name: str) -> list[Any]:
    return table[name].to_pylist()


def unpacked(text: str) -> pa.Table:
    return pa.ipc.open_stream(gzip.decompress(base64.b64decode(text))).read_all()


def test_every_span_is_in_the_page_with_its_content(store: Store) -> None:
    snapshot = store.snapshot()
    (kind, start, tree), *pieces = DATA.findall(written(Page(snapshot)))
    assert (kind, int(start)) == ("start", min(values(snapshot, "start_time_unix_nano")) // 10**6)
    assert sorted(one.hex() for one in values(unpacked(tree), "span_id")) == sorted(
        one.hex() for one in values(snapshot, "span_id")
    )
    contents = pa.concat_tables([unpacked(stream) for _, _, stream in pieces])
    assert contents.sort_by("span_id").equals(reading(snapshot).sort_by("span_id"))
    assert [span for _, spans, _ in pieces for span in spans.split(",")] == values(contents, "span_id")


def test_the_policy_allows_the_pages_own_parts_and_no_others(store: Store) -> None:
    html = written(Page(store.snapshot()))
    policy = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', html)
    own = html[html.rindex("<script>") + len("<script>") : html.rindex("</script>")]
    styles = re.findall(r"<style>(.*?)</style>", html[: html.index("</head>")], re.DOTALL)
    sheet = (assets.STATIC / "style.css").read_text()
    script, views, own_style = (f"'sha256-{digest(part)}'" for part in (own, sheet, *styles))
    allowed = f"script-src {script}; style-src {views} {own_style}; img-src data:"
    assert policy == [f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"]


def digest(part: str) -> str:
    return base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()


def test_hostile_content_is_not_markup() -> None:
    store = Store()
    fill_hostile(store)
    html = written(Page(store.snapshot()))
    outside = DATA.sub("", html[: html.rindex("<script>")])
    assert re.findall(r"<(?:script|img|iframe|svg|object|link|form|base)\b", outside) == []
    assert re.findall(r"\son\w+=", re.sub(r"&[#\w]+;", "", re.sub(r">[^<]*<", "><", outside))) == []


def test_a_session_exports_it_and_says_how_large_it_is(tmp_path: Path) -> None:
    session = Session()
    fill_session(session.store)
    report = session.export(tmp_path / "session.html")
    size = (tmp_path / "session.html").stat().st_size
    assert (report.spans, report.bytes, report.left_out) == (len(session.store), size, ())
    assert repr(report) == f"71 spans → {tmp_path / 'session.html'} (HTML, {size / 1000:.1f} KB)."


def test_a_large_session_says_what_is_not_in_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_SPANS", 200)
    monkeypatch.setattr(page, "CONTENT_BYTES", 80_000)
    many = table(*(chat(number, output_messages="x" * 500) for number in range(1, 301)))
    made = Page(many)
    html = written(made)
    (_, _, tree), *pieces = DATA.findall(html)
    held = sum(spans.count(",") + 1 for _, spans, _ in pieces)
    assert (unpacked(tree).num_rows, held) == (200, 64)
    assert made.left_out == (
        "100 earlier spans: a page holds 200",
        "the contents of 136 spans: a page holds 0 MiB of them",
    )
    assert "Not in this page: 100 earlier spans: a page holds 200." in html


def test_without_its_javascript_the_error_says_how_to_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    with pytest.raises(ExportError, match="not built: run `npm ci && npm run build` in js/"):
        Session().export(tmp_path / "session.html")
    assert list(tmp_path.iterdir()) == []


def test_no_spans_are_no_error() -> None:
    made = Page(Store().snapshot())
    assert (made.spans, DATA.findall(written(made))[1:]) == (0, [])
