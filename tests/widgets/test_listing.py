"""The static list of traces: whole values, nothing left out without a word."""

from __future__ import annotations

import pyarrow as pa
import pytest
from inline_snapshot import snapshot

from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import listing, static
from tests.hostile import PAYLOADS, fill
from tests.query.tables import row, table
from tests.widgets.test_static import ATTRIBUTES, STYLES, TAGS, Reader
from tools.fixture_session import fill_session


@pytest.fixture
def rows() -> pa.Table:
    store = Store()
    fill_session(store)
    return tree(store.snapshot(), summaries=static.ROWS)


def test_the_text_is_a_row_a_trace_latest_first_and_runs_as_one(rows: pa.Table) -> None:
    assert listing.list_text(rows) == snapshot("""\
7 traces · 71 spans · 35 LLM calls · 10 min 01 s · 7,887 → 865 tokens · $0.0017 · 3 errors · 2 running
cell [8]                   running       ∑ 20 → 4  ∑ $0.0000054  “for chunk in ask_streaming('And in one sentence?'):”
nightly evaluation          2.30 s      ∑ 630 → 3   ∑ $0.000096
cell [7]                    10.8 s  ∑ 4,675 → 470    ∑ $0.00098  “report = research("Which of these papers should I read first, and why?")”
cell [6]                    1.50 s   ∑ 1,105 → 41    ∑ $0.00019  “describe(plot) # does the figure show what the text says?”
cell [5] · 2 earlier runs   3.77 s    ∑ 519 → 123    ∑ $0.00015  “summarize = nbtrace.prompt("summarize", "Summarize the abstract of {tit…”\
""")  # noqa: E501


def test_the_html_says_what_the_text_says_and_survives_the_sanitizer(rows: pa.Table) -> None:
    page = Reader(listing.list_html(rows))
    assert [cell.replace("\xa0", ".") for cell in page.cells[10:15]] == snapshot(
        ["nightly evaluation", "2.30.s", "∑.630.→.3", "∑.$0.000096", "━━━╸"]
    )
    assert (page.tags - TAGS, page.attributes - ATTRIBUTES, page.styles - STYLES) == (set(), set(), set())


def test_the_largest_list_is_within_20_kb_and_counts_what_it_leaves_out() -> None:
    store = Store()
    for payload in PAYLOADS:
        fill(store, (payload,))
    page = listing.list_html(tree(store.snapshot(), summaries=static.ROWS))
    wide = tree(table(*(row(number, trace=number, name="<&\"'$\\" * 20) for number in range(1, 101))))
    widest = listing.list_html(wide)
    assert max(len(page.encode()), len(widest.encode())) <= 20_000
    shown = len(Reader(widest).cells[5:]) // 5
    assert Reader(widest).cells[-1] == f"… {100 - shown} more traces"
    assert Reader(page).cells[-1] == f"… {len(PAYLOADS) - static.ROWS} more traces"


def test_traces_beyond_the_limit_are_counted() -> None:
    many = tree(table(*(row(number, trace=number) for number in range(1, static.ROWS + 4))))
    assert listing.list_text(many).splitlines()[-1] == "… 3 more traces"
    assert Reader(listing.list_html(many)).cells[-1] == "… 3 more traces"
    assert len(listing.list_html(many).encode()) <= 20_000


def test_of_runs_that_came_in_any_order_the_latest_is_shown() -> None:
    runs = [
        row(number, trace=number, span_type="cell", cell_id="a", cell_run=run)
        for number, run in ((1, 2), (2, 3), (3, 1))
    ]
    assert listing.list_text(tree(table(*runs))).splitlines()[1:] == snapshot(["span 2 · 2 earlier runs  1.00 ms"])


def test_no_traces_are_no_error() -> None:
    empty = tree(Store().snapshot())
    assert listing.list_text(empty) == "0 traces · 0 spans"
    assert "<table" not in listing.list_html(empty)
