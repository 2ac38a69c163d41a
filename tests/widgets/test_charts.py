"""The charts: their figures are those of the metrics, their static form says the same, and both bear hostile names."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
import pytest
from inline_snapshot import snapshot

import nbtrace
from nbtrace._query.frame import Spans
from tests.hostile import PAYLOADS
from tests.query.tables import chat, table
from tests.widgets.calls import day
from tests.widgets.test_static import ATTRIBUTES, STYLES, TAGS, Reader

MIME = "application/vnd.plotly.v1+json"
CHARTS: list[Callable[..., Any]] = [nbtrace.usage, nbtrace.latency]


@pytest.fixture(autouse=True)
def mimetype() -> Iterator[None]:
    """Let plotly render as it does in Jupyter."""
    before = pio.renderers.default
    pio.renderers.default = "plotly_mimetype"
    yield
    pio.renderers.default = before


def text(figure: Any) -> str:
    return figure._repr_mimebundle_()["text/plain"]


def layout(figure: Any) -> Any:
    return figure.layout


def drawn(figure: Any) -> Any:
    return figure.data


def bars(figure: Any, at: int) -> dict[str, list[float]]:
    """Give the two parts of each bar of a panel."""
    axis = "x" if at == 1 else f"x{at}"
    plain, hatched = (one for one in figure.data if one.type == "bar" and one.xaxis == axis)
    return {name: [one, other] for name, one, other in zip(plain.y, plain.x, hatched.x, strict=True)}


def test_usage_says_what_calls_used() -> None:
    assert text(nbtrace.usage(day())) == snapshot("""\
Tokens, cost and calls by model · 90 calls · 6 failed · 11 unpriced and not in the cost · 4 priced by an estimate (~) · 4 with estimated tokens
model                      calls               tokens in                tokens out      cost
gpt-5-mini         47 (2 failed)  79,255 (26,999 cached)  18,472 (3,940 reasoning)    ~$0.31  ━━━━━━━━━━━━━━━━
claude-sonnet-4-5  31 (3 failed)  62,621 (28,837 cached)                    12,815    ~$1.02  ━━━━━━━━━━━━╸
smollm2-135m       12 (1 failed)                  25,586                     5,140  unpriced  ━━━━━\
""")  # noqa: E501


def test_latency_says_how_long_they_took() -> None:
    assert text(nbtrace.latency(day(), by="provider")) == snapshot("""\
Latency and errors by provider · 90 calls · 6 failed · box: middle half, line: median, whiskers: 5th to 95th percentile, diamond: 99th
provider  calls  failed     p50     p95     p99  first chunk p50     p95
openai       90       6  1.75 s  4.86 s  6.77 s           541 ms  1.50 s       ╺━━━━━━━━━━\
""")  # noqa: E501


def test_over_time_each_bucket_is_a_row() -> None:
    assert text(nbtrace.usage(day(12), by=(), every="2h")) == snapshot("""\
Tokens, cost and calls over time · 12 calls · 1 unpriced and not in the cost · 1 priced by an estimate (~) · 1 with estimated tokens
all calls             calls             tokens in             tokens out                  cost
2023-11-14 22:00 UTC      3    9,469 (301 cached)   1,282 (34 reasoning)  ~$0.048 + 1 unpriced  ━━━━━━━━━━━━━━━━
2023-11-15 00:00 UTC      3  4,331 (2,665 cached)  1,281 (389 reasoning)                $0.052  ━━━━━━━━╸
2023-11-15 02:00 UTC      1    1,082 (440 cached)     189 (19 reasoning)               $0.0037  ━━
2023-11-15 04:00 UTC      3  8,738 (2,697 cached)   1,140 (23 reasoning)                $0.065  ━━━━━━━━━━━━━━╸
2023-11-15 06:00 UTC      2  4,780 (2,228 cached)     684 (88 reasoning)                $0.029  ━━━━━━━━\
""")  # noqa: E501


def test_the_bars_are_the_figures_of_the_metrics() -> None:
    spans = day()
    figure = nbtrace.usage(spans)
    rows = {row["model"]: row for row in nbtrace.metrics(spans, by="model").table.to_pylist()}
    assert [bars(figure, at) for at in (1, 2, 4)] == [
        {model: [row[whole] - (row[some] or 0), row[some] or 0] for model, row in by_calls(rows)}
        for whole, some in (
            ("input_tokens", "cache_read_tokens"),
            ("output_tokens", "reasoning_tokens"),
            ("calls", "errors"),
        )
    ]
    assert bars(figure, 3) == {
        model: [0, row["cost_usd"]] if row["estimated"] else [row["cost_usd"] or 0, 0] for model, row in by_calls(rows)
    }


def by_calls(rows: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(rows.items(), key=lambda pair: -pair[1]["calls"])


def test_the_boxes_are_the_quantiles_of_the_metrics() -> None:
    spans = day()
    box, *_ = (one for one in drawn(nbtrace.latency(spans)) if one.type == "box")
    found = dict(zip(box.y, zip(box.median, box.upperfence, strict=True), strict=True))
    rows = nbtrace.metrics(spans, by="model").table.to_pylist()
    assert found == {row["model"]: (row["latency_p50_s"], row["latency_p95_s"]) for row in rows}


def test_groups_are_named_as_people_know_them() -> None:
    spans = Spans(
        table(
            chat(1, cell_id="a", execution_count=7, prompt_name="sum", prompt_version="2"),
            chat(2, cell_id="a", execution_count=9),
            chat(3, cell_id="b", execution_count=3, provider="openai"),
            chat(4),
        )
    )
    names = {by: list(drawn(nbtrace.usage(spans, by=by))[0].y) for by in ("cell", "prompt_version", "provider")}
    assert names == {
        "cell": ["outside of cells", "[3]", "[9]"],
        "prompt_version": ["no prompt", "sum · 2"],
        "provider": ["no provider", "openai"],
    }


def test_groups_beyond_the_first_are_counted() -> None:
    spans = Spans(table(*(chat(number, response_model=f"m{number:02}") for number in range(20))))
    figure = nbtrace.usage(spans)
    assert (len(drawn(figure)[0].y), layout(figure).title.subtitle.text) == (12, "20 calls · 8 more not shown")
    assert text(figure).splitlines()[0] == "Tokens, cost and calls by model · 20 calls · 8 more not shown"


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("every", [None, "1h"])
def test_no_calls_are_no_error(chart: Callable[..., Any], every: str | None) -> None:
    assert text(chart(Spans(table()), every=every)).splitlines()[0].endswith("no LLM calls")


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("every", [None, "1h"])
def test_the_output_is_small_and_has_no_script(chart: Callable[..., Any], every: str | None) -> None:
    bundle = chart(day(2000), every=every)._repr_mimebundle_()
    page = Reader(bundle["text/html"])
    assert (page.tags - TAGS, page.attributes - ATTRIBUTES, page.styles - STYLES) == (set(), set(), set())
    assert (sorted(bundle), len(bundle["text/html"].encode()) <= 20_000) == ([MIME, "text/html", "text/plain"], True)
    assert len(str(bundle[MIME])) < 60_000


@pytest.mark.parametrize("chart", CHARTS)
def test_hostile_names_are_words(chart: Callable[..., Any]) -> None:
    names = [payload[:300].encode(errors="replace").decode() for payload in PAYLOADS]
    spans = Spans(table(*(chat(number, response_model=name) for number, name in enumerate(names))))
    for first in range(0, len(spans), 12):
        figure = chart(spans[first : first + 12])
        words = str(figure.to_dict())
        assert ("<script" in words, "<img" in words, "<a " in words, "$x" in words) == (False, False, False, False)
        assert "\u202e" not in words


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_an_ordinary_figure(chart: Callable[..., Any]) -> None:
    figure = chart(day(5)).update_layout(title_text="Mine")
    assert isinstance(figure, go.Figure)
    assert [layout(one).title.text for one in (copy.deepcopy(figure), pickle.loads(pickle.dumps(figure)))] == [
        "Mine"
    ] * 2
    assert "text/html" in figure._repr_mimebundle_()
    assert go.Figure(figure).to_dict() == figure.to_dict()


def test_a_template_of_the_users_has_precedence() -> None:
    ours = layout(nbtrace.usage(day(5))).template.layout.paper_bgcolor
    pio.templates.default = "plotly_dark"
    try:
        theirs = layout(nbtrace.usage(day(5))).template.layout.paper_bgcolor
    finally:
        pio.templates.default = "plotly"
    assert (ours, theirs) == ("rgba(0,0,0,0)", layout(pio.templates["plotly_dark"]).paper_bgcolor)


@pytest.mark.parametrize("chart", CHARTS)
def test_without_plotly_the_error_says_how_to_get_it(chart: Callable[..., Any], monkeypatch: Any) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("nbtrace._widgets.panels", "nbtrace._widgets.figure"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("nbtrace._widgets.panels", raising=False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(nbtrace.NbtraceError, match=r'needs plotly, .* pip install "nbtrace\[charts\]"'):
        chart(day(5))
