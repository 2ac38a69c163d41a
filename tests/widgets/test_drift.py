"""Drift: its figures are those of scipy and statsmodels, its sentence says what they do, and all views say the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats as scipys
from statsmodels.stats.multitest import multipletests

import nbtrace
from nbtrace._query.frame import Spans
from nbtrace._store.scores import Score, encode_scores
from nbtrace.errors import UsageError
from tests.hostile import PAYLOADS
from tests.query.drifting import calls, period
from tests.widgets.test_static import ATTRIBUTES, STYLES, TAGS, Reader

stats: Any = scipys  # its stubs leave results open
BEFORE = calls(period(1, 120))
AFTER = calls(period(2, 95, length=0.7, refused=0.2))


def rows_of(drift: Any, figure: str) -> Any:
    frame = drift.to_pandas()
    return frame[frame["figure"] == figure].set_index("test")


def known(spans: Spans, column: str) -> Any:
    return pd.Series(spans.table[column].to_pylist(), dtype=float).dropna().to_numpy()


def test_the_figures_are_scipys_and_corrected_as_statsmodels_does() -> None:
    drift = nbtrace.drift(BEFORE, AFTER)
    for figure, column, unit in [("output_tokens", "output_tokens", 1), ("latency_s", "duration_ns", 1e9)]:
        before, after = known(BEFORE, column) / unit, known(AFTER, column) / unit
        found = rows_of(drift, figure)
        theirs = stats.mannwhitneyu(after, before, method="asymptotic"), stats.ks_2samp(before, after, method="exact")
        assert found["p"].tolist() == pytest.approx([one.pvalue for one in theirs], abs=1e-12)
        larger = np.sign(np.subtract.outer(after, before)).mean()
        assert found["effect"].tolist() == pytest.approx([larger, theirs[1].statistic])
    refusals = pd.crosstab(
        [0] * 120 + [1] * 95, [row is None for s in (BEFORE, AFTER) for row in s.table["refusal"].to_pylist()]
    )
    assert rows_of(drift, "refusal")["p"].tolist() == pytest.approx([stats.fisher_exact(refusals).pvalue])

    frame = drift.to_pandas().dropna(subset=["p"])
    assert frame["p_corrected"].tolist() == pytest.approx(multipletests(frame["p"], method="holm")[1])
    assert drift.moved == frame[frame["moved"]]["figure"].unique().tolist()


def test_the_sentence_says_what_moved_and_that_nothing_else_did() -> None:
    drift = nbtrace.drift(BEFORE, AFTER)
    assert set(drift.moved) == {"output_tokens", "latency_s", "cost_usd", "refusal"}
    medians = [f"{np.median(known(spans, 'output_tokens')):,.0f}" for spans in (BEFORE, AFTER)]
    assert f"output got shorter: median {' → '.join(medians)} tokens (Cliff's delta \N{MINUS SIGN}" in drift.sentence
    assert "refusals changed: model 0% → " in drift.sentence
    assert drift.sentence.count("after correction for 13 tests") == 1
    assert drift.sentence.endswith("nothing else moved beyond chance")

    same = nbtrace.drift(BEFORE, calls(period(3, 100)))
    assert (bool(drift), bool(same), same.moved) == (True, False, [])
    assert same.sentence == f"nothing moved beyond chance ({same.to_pandas()['p'].count()} tests, 120 → 100 calls)"


def test_a_figure_that_is_only_spread_otherwise_has_moved_too() -> None:
    narrow, wide = (
        calls(
            [row | {"duration_ns": 10**10 + (at - 75) * spread} for at, row in enumerate(period(seed, 150, failed=0))]
        )
        for seed, spread in ((1, 10**6), (2, 10**8))
    )
    drift = nbtrace.drift(narrow, wide)
    assert drift.moved == ["latency_s"]
    assert rows_of(drift, "latency_s")["moved"].to_dict() == {
        "Mann\N{EN DASH}Whitney": False,
        "Kolmogorov\N{EN DASH}Smirnov": True,
    }
    assert drift.sentence.startswith("latency is spread otherwise: middle half ")


def test_a_difference_that_is_only_beyond_chance_because_there_are_many_calls_is_said_to_be_negligible() -> None:
    random = np.random.default_rng(0)
    one, other = (
        calls([row | {"duration_ns": int(1e9 * random.normal(mean, 1))} for row in period(seed, 6000, failed=0)])
        for seed, mean in ((5, 10), (6, 10.1))
    )
    drift = nbtrace.drift(one, other)
    assert (drift.moved, bool(drift)) == ([], False)
    assert "beyond chance, but negligibly: latency" in drift.sentence
    assert str(drift).count("  negligible") == 1


def test_what_is_too_few_is_said_and_not_tested() -> None:
    few = nbtrace.drift(BEFORE, calls(period(2, 5, length=9)))
    assert few.sentence == "too few calls to compare: 120 and 5, 8 are needed of each"
    assert few.to_pandas()["p"].isna().all()
    some = [row | {"time_to_first_chunk_s": None} for row in period(3, 60)]
    drift = nbtrace.drift(calls(some[:20], period(3, 60)[20:24], some[24:]), calls(period(4, 60)))
    assert drift.sentence.endswith("; too few to test: time to the first chunk (4 and 58)")
    assert (
        "too few to test: embeddings (3 and 9)"
        in nbtrace.drift(BEFORE, AFTER, embeddings=([[1]] * 3, [[2]] * 9)).sentence
    )
    assert nbtrace.drift(calls(some), BEFORE).sentence.endswith("; time to the first chunk known only after")


def judged(seed: int, value: float) -> Spans:
    """Give steps that are no calls, each judged by a number and a word, and some by what says nothing."""
    spans = calls(period(seed, 40, operation="invoke_workflow"))
    ids: list[tuple[bytes, bytes]] = list(
        zip(*(spans.table[name].to_pylist() for name in ("trace_id", "span_id")), strict=True)
    )
    scores = [
        *(Score(trace, span, "tone", value + at / 100) for at, (trace, span) in enumerate(ids)),
        *(Score(*one, "tone", bad, time_unix_nano=9) for one in ids[:9] for bad in (np.nan, np.inf)),
        *(Score(*one, "word", label="yes") for one in ids[:30]),
        *(Score(*one, "word", explanation="a note", time_unix_nano=9) for one in ids[25:]),
    ]
    return Spans(spans.snapshot.judged(pa.Table.from_batches([encode_scores(scores)])))


def test_scores_of_what_is_no_call_are_told_and_only_what_says_something_counts() -> None:
    drift = nbtrace.drift(judged(1, 0), judged(2, 1))
    assert (bool(drift), drift.moved) == (True, ["score.tone"])
    assert drift.sentence.startswith("score tone rose: median ")
    (tone, word) = (next(one for one in drift.found.pairs[0].figures if one.figure == f"score.{name}")
                    for name in ("tone", "word"))  # fmt: skip
    assert (tone.n, word.n, word.before) == ((40, 40), (30, 30), {"yes": 30})


def test_groups_are_compared_with_the_one_that_began_first() -> None:
    spans = calls(period(1, 80, model="new", length=0.6, start_s=60), period(2, 90, model="old"))
    drift = nbtrace.drift(spans, by="response_model")
    (pair,) = drift.found.pairs
    assert (pair.before, pair.after) == ("old", "new")
    assert sum(pair.calls) == sum(row is not None for row in spans.table["response_model"].to_pylist())
    assert drift.sentences[0].startswith("old → new: output got shorter")
    assert "response_model" not in drift["figure"]
    unnamed = 170 - sum(pair.calls)
    assert drift.sentences[1] == f"not compared: {unnamed} calls without response_model"

    within = nbtrace.drift(spans, calls(period(3, 80, model="new", length=0.6)), by="model")
    assert (within.moved, {pair.before for pair in within.found.pairs}) == ([], {"new before", "m before"})
    assert within.sentences[-1].startswith("not compared: old")
    many = calls(*(period(at, 10, model=f"m-{at}", start_s=at) for at in range(1, 12)))
    among = nbtrace.drift(many, by="response_model")
    assert len(among.found.pairs) == 7
    assert among._repr_html_().count("… 6 more figures") == 7
    assert len(among._repr_html_().encode()) < 20_000


def test_verdicts_and_numbers_of_checks_drift() -> None:
    sessions: list[nbtrace.Session] = []
    for seed, passes in ((1, 30), (2, 12)):
        session = nbtrace.Session()
        session.store.adopt(calls(period(seed, 40)).snapshot)
        for at, span in enumerate(session.spans()):
            key = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
            label = "pass" if at < passes else "fail"
            session.rate(Score(*key, "correct", float(label == "pass"), label))
            session.rate(Score(*key, "grade_s", float(at % 5) + 2 * (seed == 2)))
            session.rate(Score(*key, "broken", error_type="ValueError"))
        sessions.append(session)
    drift = nbtrace.drift(*sessions)
    assert rows_of(drift, "score.correct")["p"].tolist() == pytest.approx(
        [stats.fisher_exact([[30, 10], [12, 28]]).pvalue]
    )
    assert set(drift.moved) == {"score.correct", "score.grade_s"}
    assert "correct changed: pass 75% → 30%" in drift.sentence or "correct changed: fail 25% → 70%" in drift.sentence
    assert "grade_s rose: median 2 → 4" in drift.sentence


def test_embeddings_are_arrays_attributes_or_made_of_answers(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 3)), random.normal(1, 1, (30, 3))
    drift = nbtrace.drift(BEFORE, AFTER, embeddings=vectors)
    assert "embeddings" in drift.moved
    assert "embeddings moved (energy 0." in drift.sentence

    def attributed(seed: int, each: Any) -> list[dict[str, Any]]:
        stored = [[{"key": "vector", "json": _json(vector)}] for vector in each]
        return [row | {"attributes": one} for row, one in zip(period(seed, len(each)), stored, strict=True)]

    named = nbtrace.drift(calls(attributed(1, vectors[0])), calls(attributed(2, vectors[1])), embeddings="vector")
    assert rows_of(named, "embeddings")["p"].tolist() == rows_of(drift, "embeddings")["p"].tolist()

    said = '[{"role":"assistant","parts":[{"type":"text","content":"%s"}]}]'
    short, long = (
        calls(period(seed, 20, output_messages=said % word, failed=0)) for seed, word in ((1, "a"), (2, "ab"))
    )
    made = nbtrace.drift(short, long, embeddings=lambda answers: [[float(len(answer))] for answer in answers])
    assert rows_of(made, "embeddings")["effect"].tolist() == [1.0]
    by_model = nbtrace.drift(
        calls(period(1, 9, model="a"), period(2, 9, model="b")), by="model", embeddings=lambda _: []
    )
    assert "embeddings" not in by_model["figure"]


def _json(vector: Any) -> str:
    import orjson

    return orjson.dumps({"arrayValue": {"values": [{"doubleValue": value} for value in vector.tolist()]}}).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"by": "odd"},
        {"by": "tags"},
        {"after": AFTER, "embeddings": [1.0]},
        {"after": AFTER, "embeddings": ([[1.0], [2.0, 3.0]], [[1.0]])},
        {"after": AFTER, "embeddings": ([[1.0]] * 9, [[1.0, 2.0]] * 9)},
        {"by": "model", "embeddings": ([[1.0]], [[1.0]])},
    ],
)
def test_what_cannot_be_compared_is_refused(wrong: dict[str, Any]) -> None:
    tagged = calls([row | {"tags": ["a"]} for row in period(1, 9)])
    with pytest.raises(UsageError):
        nbtrace.drift(tagged, wrong.pop("after", None), **wrong)


def test_files_and_sessions_are_compared_as_spans_are(tmp_path: Path) -> None:
    session = nbtrace.Session()
    session.store.adopt(BEFORE.snapshot)
    session.export(tmp_path / "before.parquet")
    assert nbtrace.drift(tmp_path / "before.parquet", AFTER).sentence == nbtrace.drift(session, AFTER).sentence
    assert nbtrace.drift(nbtrace.Session(), by="model").sentence == "there are no two groups of calls to compare"


def test_every_view_says_the_same() -> None:
    drift = nbtrace.drift(BEFORE, AFTER)
    page = Reader(drift._repr_html_())
    assert (page.tags <= TAGS, page.attributes <= ATTRIBUTES, page.styles <= STYLES) == (True, True, True)
    lines = str(drift).splitlines()
    assert (lines[0], len(lines)) == (drift.sentence, 2 + 9)
    assert "before (120 calls)" in page.cells
    assert [name for name in ("output", "models that answered") if name in page.cells] == [
        "output",
        "models that answered",
    ]
    markdown = drift.to_markdown().splitlines()
    assert (markdown[2].count("|"), len(markdown)) == (7, 4 + 9)
    assert "the same in all calls" in lines[-1]


def test_the_chart_has_a_panel_a_figure_and_what_moved_comes_first() -> None:
    drift = nbtrace.drift(BEFORE, AFTER)
    figure: Any = drift.chart()
    titles = [note.text for note in figure.layout.annotations]
    assert all("<b>" in title for title in titles[: len(drift.moved)])
    assert len(titles) == 8  # the model that answered is the same in all calls
    box = next(one for one in figure.data if one.type == "box")
    quarters = np.quantile(known(BEFORE, "output_tokens"), [0.05, 0.25, 0.5, 0.75, 0.95])
    assert [one[0] for one in (box.lowerfence, box.q1, box.median, box.q3, box.upperfence)] == pytest.approx(quarters)
    refused = [one for one in figure.data if one.type == "bar" and one.customdata[1].startswith("model ")]
    assert refused[0].x[1] == pytest.approx(sum(row is not None for row in AFTER.table["refusal"].to_pylist()) / 95)
    assert figure.pictures == (drift._repr_html_(), str(drift))
    spread: Any = nbtrace.drift(BEFORE, calls([row | {"duration_ns": 10**12} for row in period(3, 30)])).chart()
    assert [axis.type for axis in (spread.layout.xaxis, spread.layout.xaxis2)] == ["log", None]
    nothing: Any = nbtrace.drift(nbtrace.Session(), by="model").chart()
    assert len(nothing.data) == 0


def test_a_score_that_is_numbers_in_one_pair_and_words_in_another_is_drawn_as_both() -> None:
    spans = calls(*(period(at, 30, model=model, start_s=at, failed=0) for at, model in ((1, "a"), (2, "b"), (3, "c"))))
    ids = zip(*(spans.table[name].to_pylist() for name in ("trace_id", "span_id", "response_model")), strict=True)
    scores = [
        Score(trace, span, "tone", label=f"word {at % 2}") if model == "b" else Score(trace, span, "tone", at % 7)
        for at, (trace, span, model) in enumerate(ids)
    ]
    judged_calls = Spans(spans.snapshot.judged(pa.Table.from_batches([encode_scores(scores)])))
    figure: Any = nbtrace.drift(judged_calls, by="model").chart()
    panels = [one.text.removeprefix("<b>").partition("<")[0] for one in figure.layout.annotations]
    assert panels.count("score tone") == 2
    assert {"word 0 50.0%", "word 1 50.0%"} <= {
        told for bar in figure.data if bar.type == "bar" for told in bar.customdata
    }


def test_without_plotly_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = ("nbtrace._widgets.drift_chart", "nbtrace._widgets.panels", "nbtrace._widgets.figure")
    for name in [name for name in sys.modules if name in drawing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("nbtrace._widgets.drift_chart", raising=False)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(UsageError, match=r'needs plotly, .* pip install "nbtrace\[charts\]"'):
        nbtrace.drift(BEFORE, AFTER).chart()


def test_names_that_others_made_up_run_nowhere() -> None:
    names = [payload[:200].encode(errors="replace").decode() for payload in PAYLOADS[:40]]
    rows = [row | {"response_model": names[at % 40]} for at, row in enumerate(period(1, 80))]
    for drift in (nbtrace.drift(calls(rows), BEFORE), nbtrace.drift(calls(rows), by="response_model")):
        page = Reader(drift._repr_html_())
        assert (page.tags <= TAGS, page.attributes <= ATTRIBUTES) == (True, True)
        written = str(drift.chart().to_dict()["layout"]) + drift.to_markdown()
        assert ("<script" in written, "<img" in written, "\u202e" in written) == (False, False, False)
