"""What has changed between two recordings, as data and as each of its readers sees it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span

import nbtrace
from nbtrace import Session, semconv
from nbtrace._cli import main
from nbtrace._query.changes import PIECE
from nbtrace._store.scores import Score
from nbtrace._trace.processor import SinkProcessor
from nbtrace.errors import UsageError
from tests.conftest import CountingIds
from tests.read.making import START

SECOND = 1_000_000_000


def said(role: str, content: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}])


def call(question: str, answer: str, **more: Any) -> dict[str, Any]:
    """Give the attributes of a call."""
    return {
        semconv.OPERATION_NAME: "chat",
        semconv.REQUEST_MODEL: "m",
        semconv.REQUEST_TEMPERATURE: 0.0,
        semconv.USAGE_INPUT_TOKENS: 10,
        semconv.USAGE_OUTPUT_TOKENS: 2,
        semconv.USAGE_COST: 0.5,
        semconv.COST_STATE: "priced",
        semconv.INPUT_MESSAGES: said("user", question),
        semconv.OUTPUT_MESSAGES: said("assistant", answer),
    } | more


def recording(*calls: dict[str, Any] | str, seconds: int = 1, scores: dict[int, float] | None = None) -> Session:
    """Make a session with a root and below it calls, one after the other; a text is a tool of that name."""
    session = Session()
    provider = TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(session.store))
    tracer = provider.get_tracer("test")
    root = tracer.start_span("root", start_time=START)
    with use_span(root, end_on_exit=False):
        for at, one in enumerate(calls):
            begin = START + at * 10 * SECOND
            attributes = {semconv.OPERATION_NAME: "execute_tool"} if isinstance(one, str) else one
            name = one if isinstance(one, str) else f"chat {one[semconv.REQUEST_MODEL]}"
            tracer.start_span(name, start_time=begin, attributes=attributes).end(begin + seconds * SECOND)
    root.end(START + 100 * SECOND)
    for at, value in (scores or {}).items():
        span = session.spans(operation="chat")[at]
        session.rate(Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "correct", value))
    return session


BEFORE = (call("Capital of France?", "Paris"), call("Capital of Spain?", "Madrid"), "search")
AFTER = (
    call(
        "Capital of France?",
        "Lyon",
        **{semconv.REQUEST_MODEL: "n", semconv.REQUEST_TEMPERATURE: 1.0, semconv.USAGE_COST: 0.75},
    ),
    call("Capital of Italy?", "Rome"),
    call("Capital of Spain?", "Madrid"),
)


def test_added_removed_and_changed_spans_are_told_with_what_has_changed() -> None:
    diff = nbtrace.diff(recording(*BEFORE, scores={0: 1.0}), recording(*AFTER, seconds=2, scores={0: 0.0}).spans())
    assert diff.counts == {"added": 1, "removed": 1, "changed": 1, "same": 2}
    assert str(diff) == (
        "4 spans → 4 spans: 1 added, 1 removed, 1 changed, 2 the same\n"
        "               before   after\n"
        "spans               4       4\n"
        "calls               2       3   +50%\n"
        "errors              0       0\n"
        "error_rate       0.0%    0.0%\n"
        "input_tokens       20      30   +50%\n"
        "output_tokens       4       6   +50%\n"
        "cost_usd        $1.00   $1.75   +75%\n"
        "unpriced            0       0\n"
        "latency_p50_s  1.00 s  2.00 s  +100%\n"
        "latency_p95_s  1.00 s  2.00 s  +100%\n"
        "score.correct       1       0  -100%\n"
        "  ~ chat n (llm) · 1.00 s → 2.00 s\n"
        "      name: chat m → chat n\n"
        "      model: m → n\n"
        "      temperature: 0 → 1\n"
        "      cost_usd: $0.50 → $0.75 (+50%)\n"
        "      score.correct: 1 → 0 (-100%)\n"
        "      output: assistant: [-Paris-]{+Lyon+}\n"
        "  + chat m (llm) · 2.00 s\n"
        "  - search (tool) · 1.00 s"
    )
    frame = diff.to_pandas()
    assert list(frame.columns[:2]) == ["change", "name"]
    assert frame[["change", "field", "before", "after"]].to_numpy().tolist()[1] == ["changed", "model", "m", "n"]
    assert frame["change"].tolist() == ["changed"] * 6 + ["added", "removed"]


def test_a_pull_request_gets_a_table_and_a_list() -> None:
    markdown = nbtrace.diff(recording(*BEFORE), recording(*AFTER)).to_markdown()
    assert markdown.splitlines()[:5] == [
        "**4 spans → 4 spans: 1 added, 1 removed, 1 changed, 2 the same**",
        "",
        "| | before | after | |",
        "|---|--:|--:|--:|",
        "| spans | 4 | 4 |  |",
    ]
    assert markdown.partition("latency\\_p95\\_s")[2].splitlines()[1:] == [
        "",
        "- **changed** chat n \\(llm\\) · 1.00 s → 1.00 s",
        "  - name: chat m → chat n",
        "  - model: m → n",
        "  - temperature: 0 → 1",
        "  - cost\\_usd: \\$0.50 → \\$0.75 \\(+50%\\)",
        "  - output: assistant: <del>Paris</del><ins>Lyon</ins>",
        "- **added** chat m \\(llm\\) · 1.00 s",
        "- **removed** search \\(tool\\) · 1.00 s",
    ]


def test_the_same_recording_has_no_difference_however_long_it_took() -> None:
    diff = nbtrace.diff(recording(*BEFORE), recording(*BEFORE, seconds=5))
    assert (bool(diff), diff.counts["same"]) == (False, 4)
    assert "- **" not in diff.to_markdown()


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ("added", "added: added is 1"),
        ("removed > 1", None),
        ("cost > +10%", "cost > +10%: cost_usd is 1 → 1.75"),
        ("cost > +75%", None),
        ("cost_usd > 1.5", "cost_usd > 1.5: cost_usd is 1.75"),
        ("calls > +1", None),
        ("calls >= +1", "calls >= +1: calls is 2 → 3"),
        ("error_rate > 2%", None),
        ("latency < -10%", None),
        ("score.correct < -0.1", "score.correct < -0.1: score.correct is 1 → 0"),
    ],
)
def test_thresholds_say_what_breaks_them(threshold: str, said: str | None) -> None:
    diff = nbtrace.diff(recording(*BEFORE, scores={0: 1.0}), recording(*AFTER, scores={0: 0.0}))
    assert diff.broken(threshold) == ([said] if said else [])


def test_what_is_not_known_breaks_a_threshold_and_nonsense_is_refused() -> None:
    unpriced = call("a", "b")
    del unpriced[semconv.USAGE_COST]
    diff = nbtrace.diff(recording(*BEFORE), recording(unpriced))
    assert diff.broken("cost > +10%") == ["cost > +10%: cost_usd is not known"]
    for nonsense in ("costs > 1", "cost", "cost > ten", "cost = 1"):
        with pytest.raises(UsageError):
            diff.broken(nonsense)


def test_what_is_hostile_is_text_for_every_reader() -> None:
    evil = "<img src=x onerror=alert(1)> ![p](http://e.vil/x) @ada | `c` \x1b[31m\u202e\n# head"
    diff = nbtrace.diff(recording(call("a", "b")), recording(call(evil, "b"), evil))
    html, markdown, text = diff._repr_html_(), diff.to_markdown(), str(diff)
    assert "<img" not in html + markdown + diff.to_html()
    assert "\x1b" not in html + markdown + text
    assert "\u202e" not in html + markdown + text
    assert not re.search(r"(?<!\\)!\[|@ada|http://|\n# ", markdown)
    assert set(re.findall(r"</?([a-z]+)", markdown)) == {"del", "ins"}


def test_many_spans_in_a_row_may_be_on_one_side_only() -> None:
    many = recording(*(call(f"question {number}", "answer") for number in range(PIECE + 1)))
    few = recording("search")
    assert nbtrace.diff(few, many).counts == {"added": PIECE + 1, "removed": 1, "changed": 0, "same": 1}
    assert nbtrace.diff(many, few).counts == {"added": 1, "removed": PIECE + 1, "changed": 0, "same": 1}


def test_a_large_diff_is_small_in_a_notebook_and_says_what_it_leaves_out() -> None:
    diff = nbtrace.diff(recording(), recording(*(call("question " * 100, "answer " * 100) for _ in range(300))))
    assert len(diff._repr_html_()) < 22_000
    assert len(diff.to_markdown()) < 60_000
    assert str(diff).splitlines()[-1] == "… 100 more spans that are not the same"


def test_the_command_tells_all_readers_and_its_status(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("before.parquet", "after.parquet")]
    sessions = (recording(*BEFORE), recording(*AFTER))
    for session, path in zip(sessions, paths, strict=True):
        session.export(path)
    diff = nbtrace.diff(*sessions)
    run = CliRunner().invoke
    assert run(main, ["diff", *paths]).output == f"{diff}\n"
    assert run(main, ["diff", *paths, "--markdown"]).output == f"{diff.to_markdown()}\n"
    page = tmp_path / "diff.html"
    ran = run(main, ["diff", *paths, "--json", "--html", str(page), "--fail-on", "removed", "--fail-on", "cost > 9"])
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["counts"], told["broken"]) == (1, diff.counts, ["removed: removed is 1"])
    assert told["figures"]["cost_usd"] == {"before": 1.0, "after": 1.75}
    assert page.read_text("utf-8") == diff.to_html()
    assert run(main, ["diff", *paths, "--fail-on", "cost > 9"]).exit_code == 0
    wrong = run(main, ["diff", *paths, "--fail-on", "odd > 9"])
    assert (wrong.exit_code, wrong.stderr.startswith("nbtrace: unknown figure 'odd'")) == (2, True)
