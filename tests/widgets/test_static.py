"""The static pictures: whole values, hostile text, size, and what JupyterLab's sanitizer lets through."""

from __future__ import annotations

from html.parser import HTMLParser

import pyarrow as pa
import pytest
from inline_snapshot import snapshot

from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import static
from nbtrace._widgets.markup import clip, escape, visible
from tests.query.tables import chat as query_chat
from tests.query.tables import table
from tools.make_fixtures import HOSTILE, Clock, chat, said, usage

TAGS = {"div", "table", "thead", "tbody", "tr", "th", "td", "span", "b", "br", "small", "code"}
ATTRIBUTES = {"class", "style", "align", "colspan", "cellpadding"}
STYLES = {
    "padding", "margin", "border", "border-collapse", "font-size", "font-weight", "text-align", "vertical-align",
    "white-space", "opacity", "background", "table-layout",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.styles: set[str] = set()
        self.cells: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "style":
                self.styles |= {rule.split(":")[0] for rule in (value or "").split(";")}
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_the_text_is_a_tree_with_its_figures(rows: pa.Table) -> None:
    assert static.tree_text(rows.slice(0, 9)) == snapshot("""\
9 spans · 5 LLM calls · 4.14 s · 965 → 162 tokens · $0.00023 · 1 unpriced · 1 error
cell [3]                                  4.14 s  ∑ 965 → 162   ∑ $0.00023  “question = "What is the weather in Paris, and should I take an umbrella…”
├─ invoke_agent weather                   2.90 s  ∑ 928 → 153   ∑ $0.00023
│  ├─ embeddings text-embedding-3-small   142 ms       18 → 0  $0.00000036
│  ├─ retrieval notes                    54.0 ms
│  ├─ chat gpt-4o-mini                    770 ms     412 → 31    $0.000080  “get_weather({"city":"Paris","days":1})”
│  ├─ execute_tool get_weather            320 ms
│  └─ chat gpt-4o-mini                    1.57 s    498 → 122     $0.00015  “It is **14 °C** and raining in Paris, so *do* take an umbrella. | hour…”
├─ chat smollm2-135m-instruct             660 ms       37 → 9     unpriced  “Rainy Paris: take an umbrella.”
└─ chat gpt-4o                           82.0 ms                            ✕ RateLimitError  “And tomorrow?”\
""")  # noqa: E501


def test_the_html_is_one_table(rows: pa.Table) -> None:
    assert static.tree_html(rows.slice(7, 2)).replace("><", ">\n<") == snapshot("""\
<div class="mathjax_ignore tex2jax_ignore">
<div style="padding:4px 0">2 spans · 2 LLM calls · 752 ms · 37 → 9 tokens · unpriced · 1 error</div>
<table cellpadding="4" style="border-collapse:collapse;margin:4px 0;font-size:12px">
<thead>
<tr>
<th align="left" style="text-align:left;vertical-align:top">
<span style="opacity:.6;font-weight:normal">span</span>
</th>
<th align="right" style="text-align:right;vertical-align:top">
<span style="opacity:.6;font-weight:normal">time</span>
</th>
<th align="right" style="text-align:right;vertical-align:top">
<span style="opacity:.6;font-weight:normal">tokens</span>
</th>
<th align="right" style="text-align:right;vertical-align:top">
<span style="opacity:.6;font-weight:normal">cost</span>
</th>
<th align="left" style="text-align:left;vertical-align:top">
<span style="opacity:.6;font-weight:normal">over 752 ms</span>
</th>
</tr>
</thead>
<tbody>
<tr>
<td align="left" style="text-align:left;vertical-align:top">
<b>chat smollm2-135m-instruct</b>
<br>
<small style="opacity:.6">Rainy Paris: take an umbrella.</small>
</td>
<td align="right" style="text-align:right;vertical-align:top">660\xa0ms</td>
<td align="right" style="text-align:right;vertical-align:top">37\xa0→\xa09</td>
<td align="right" style="text-align:right;vertical-align:top">unpriced</td>
<td align="left" style="text-align:left;vertical-align:top">
<code style="background:none;padding:0;opacity:.7">━━━━━━━━━━━━━━</code>
</td>
</tr>
<tr>
<td align="left" style="text-align:left;vertical-align:top">
<b>chat gpt-4o</b> <b>✕ RateLimitError</b>
<br>
<small style="opacity:.6">And tomorrow?</small>
</td>
<td align="right" style="text-align:right;vertical-align:top">82.0\xa0ms</td>
<td align="right" style="text-align:right;vertical-align:top">
</td>
<td align="right" style="text-align:right;vertical-align:top">
</td>
<td align="left" style="text-align:left;vertical-align:top">
<code style="background:none;padding:0;opacity:.7">\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0━━</code>
</td>
</tr>
</tbody>
</table>
</div>\
""")


def test_the_html_says_what_the_text_says(rows: pa.Table) -> None:
    cells = Reader(static.tree_html(rows)).cells
    read = [cell.replace("\xa0", ".") for cell in cells]
    assert [read[row * 5 : row * 5 + 5] for row in (0, 1, 5, 9)] == snapshot(
        [
            ["span", "time", "tokens", "cost", "over 4.14 s"],
            [
                'cell [3]question = "What is the weather in Paris, and should I take an umbrella…',
                "4.14.s",
                "∑.1,055.→.222",
                "∑.~$0.00028",
                "━━━━━━━━━━━━━━━━",
            ],
            [
                '........chat gpt-4o-mini........get_weather({"city":"Paris","days":1})',
                "770.ms",
                "412.→.31",
                "$0.000080",
                "╺━━━",
            ],
            [
                "....chat gpt-4o ✕ RateLimitError....And tomorrow?",
                "82.0.ms",
                "",
                "",
                ".............╺╸",
            ],
        ]
    )


def test_only_what_survives_the_untrusted_sanitizer_is_used(rows: pa.Table) -> None:
    page = Reader(static.tree_html(rows))
    assert (page.tags - TAGS, page.attributes - ATTRIBUTES, page.styles - STYLES) == (set(), set(), set())


def test_hostile_text_is_text(rows: pa.Table) -> None:
    page = static.tree_html(rows)
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    shown = Reader(page).cells
    assert any("<script>globalThis.pwned = 1</script>" in cell for cell in shown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<a b='c'>&", "&lt;a b=&#x27;c&#x27;&gt;&amp;"),
        ("$5 and $6", "<span>$</span>5 and <span>$</span>6"),
        ("\\(x\\)", "<span>\\</span>(x<span>\\</span>)"),
        ("two\n  lines\t", "two lines"),
        ("a\u202eb\u2066c\x00d\x1b", "a\ufffdb\ufffdc\ufffdd\ufffd"),
    ],
)
def test_escaped_text_is_one_line_without_markup_or_math(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_clipping_counts_the_ellipsis() -> None:
    assert [clip("abcdef", 6), clip("abcdefg", 6), clip("abcd efg", 6)] == ["abcdef", "abcde…", "abcd…"]
    assert visible("plain") == "plain"


def test_rows_beyond_the_limit_are_counted() -> None:
    store = Store()
    clock = Clock(store)
    for start in range(static.ROWS + 3):
        clock.span("step", start, start + 1)
    rows = tree(store.snapshot(), summaries=static.ROWS)
    assert static.tree_text(rows).splitlines()[-1] == "… 3 more spans"
    assert Reader(static.tree_html(rows)).cells[-1] == "… 3 more spans"
    assert static.tree_text(rows).count("step") == static.ROWS


def test_the_largest_html_is_within_20_kb() -> None:
    store = Store()
    clock = Clock(store)
    parent = None
    for start in range(static.ROWS + 1):
        parent = clock.span(
            f"chat {HOSTILE}", start, None, parent, gen_ai__operation__name="chat", gen_ai__request__model="m" * 80,
            error__type="E" * 80, gen_ai__output__messages=f"{HOSTILE}" * 3,
            **usage(10**9, 10**9, 123.456, "estimated"),
        )  # fmt: skip
        clock.end(parent, start + 10**6, "failed")
    assert len(static.tree_html(tree(store.snapshot(), summaries=static.ROWS)).encode()) <= 20_000


def test_thirty_ordinary_calls_are_all_shown() -> None:
    store = Store()
    clock = Clock(store)
    for start in range(0, 3000, 100):
        answer = said("assistant", "Photosynthesis is how plants make sugar from light, water and carbon dioxide. " * 9)
        clock.span(
            "chat smollm2-135m-instruct", start, start + 90,
            **chat("smollm2-135m-instruct", [said("user", "?")], [answer], **usage(1234, 567, None, "unpriced")),
        )  # fmt: skip
    page = static.tree_html(tree(store.snapshot(), summaries=static.ROWS))
    assert page.count("<tr>") == 1 + static.ROWS
    assert len(page.encode()) <= 20_000


def test_depth_has_a_limit_on_the_page_and_none_in_the_tree() -> None:
    store = Store()
    clock = Clock(store)
    parent = None
    for start in range(20):
        parent = clock.span(f"level {start}", start, 100, parent)
    lines = static.tree_text(tree(store.snapshot(), summaries=static.ROWS)).splitlines()
    assert lines[20].index("└") == lines[15].index("└")


def test_no_spans_are_no_error() -> None:
    empty = tree(Store().snapshot())
    assert static.tree_text(empty) == "0 spans"
    assert static.tree_html(empty) == snapshot(
        '<div class="mathjax_ignore tex2jax_ignore"><div style="padding:4px 0">0 spans</div></div>'
    )


def test_bars_are_within_the_axis_and_never_empty() -> None:
    drawn = [
        static.bar(*times) for times in ((0, 10, 10), (5, 10, 10), (0, 0, 10), (10, 10, 10), (0.4, 1.1, 10), (0, 0, 0))
    ]
    assert [line.replace("\xa0", ".") for line in drawn] == snapshot(
        ["━━━━━━━━━━━━━━━━", "........━━━━━━━━", "╸", "...............╺", "╺━", "╸"]
    )


def test_refusals_are_told_and_no_errors() -> None:
    said_who = ["model", "prompt", "<b>x</b>"]
    rows = tree(table(*(query_chat(number + 1, start=number, refusal=who) for number, who in enumerate(said_who))))
    assert [line.rpartition("⊘ ")[2] for line in static.tree_text(rows).splitlines()[1:]] == [
        "refused (by the model)", "refused (by a filter of the prompt)", "refused (<b>x</b>)",
    ]  # fmt: skip
    page = static.tree_html(rows)
    assert "⊘ refused (by the model)</span>" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "error" not in static.headline(rows)
