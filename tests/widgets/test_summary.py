"""The line under a cell."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from inline_snapshot import snapshot

from nbtrace._prompts.difference import Difference
from nbtrace._query.totals import Summary, summarize
from nbtrace._store.snapshot import Snapshot
from nbtrace._widgets.static import table_html
from nbtrace._widgets.summary import summary_html, summary_text


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        (
            Summary(3, 3, ("smollm2-135m",), 412, 96, None, unpriced=3, duration_ns=1_240_000_000),
            "3 LLM calls · smollm2-135m · 412 → 96 tokens · unpriced · 1.24 s",
        ),
        (
            Summary(2, 1, ("gpt-4o",), 10, 5, 0.0031, priced=1, errors=1, refused=1, duration_ns=310_000_000),
            "1 LLM call · gpt-4o · 10 → 5 tokens · $0.0031 · 310 ms · 1 refused · 1 error",
        ),
        (
            Summary(
                5, 4, ("a", "b", "c"), 10, None, 0.5, priced=1, estimated=1, unpriced=2, running=2, unknown_usage=1
            ),
            "4 LLM calls · a, b +1 · 10 → ? tokens (1 unknown) · ~$0.50 · 2 unpriced · 2 running",
        ),
        (Summary(1, 1, running=1), "1 LLM call · 1 running"),
    ],
)
def test_the_line_says_what_the_calls_were(summary: Summary, line: str) -> None:
    assert summary_text(summary) == line


def test_the_line_opens_to_the_tree(spans: Snapshot, rows: pa.Table) -> None:
    page = summary_html(rows, summarize(spans))
    assert page.replace(table_html(rows), "TREE").replace("><", ">\n<") == snapshot("""\
<details class="mathjax_ignore tex2jax_ignore" style="font-size:12px;margin:0">
<summary style="opacity:.65;cursor:pointer">7 LLM calls · text-embedding-3-small, gpt-4o-mini +2 · 1,055 → 222 tokens · ~<span>$</span>0.00028 · 1 unpriced · 4.11 s · <b>1 error</b> · 1 running</summary>
<div style="padding:4px 0 4px 16px">TREE</div>
</details>\
""")  # noqa: E501


def test_hostile_model_names_are_text(rows: pa.Table) -> None:
    page = summary_html(rows, Summary(1, 1, ("<script>$x$</script>\u202e",)))
    line = page.split("</summary>")[0].split('pointer">')[1]
    assert line == snapshot("1 LLM call · &lt;script&gt;<span>$</span>x<span>$</span>&lt;/script&gt;�")


def test_what_changed_stands_above_the_tree_line_by_line(rows: pa.Table, spans: Snapshot) -> None:
    before, after = "m\nuser: Name the bird", "m\nuser: Name a <b>bird</b>"
    html = summary_html(rows, summarize(spans), Difference("changed", before, after))
    drawn = html[html.index("padding-bottom:4px") :].partition(">")[2].partition("</div>")[0]
    words = re.sub(r"</?(del|ins)\b[^>]*>", "|", drawn)
    assert words == "m<br>user: Name |the|\N{THIN SPACE}|a| |&lt;b&gt;|bird|&lt;/b&gt;|"


def test_a_line_with_much_that_changed_is_no_larger(rows: pa.Table, spans: Snapshot) -> None:
    much = Difference("changed", "$" * 5000, "<" * 5000)
    many = pa.concat_tables([rows] * 20)
    assert len(summary_html(many, summarize(spans), much).encode()) <= 20_000
