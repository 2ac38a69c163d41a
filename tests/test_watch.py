"""Rules that are watched: they speak when they are broken and when they hold again, and what they say is data."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbtrace
from nbtrace import Session, semconv
from nbtrace._query.frame import Spans
from nbtrace._query.rules import Asked, Rule
from nbtrace._query.watching import Alert, Watching
from nbtrace._query.window import Window
from nbtrace._store.scores import Score
from nbtrace._watches import watched
from nbtrace._widgets.alert import alert_pictures
from nbtrace.errors import UsageError
from tests.hostile import PAYLOADS
from tests.query.drifting import period
from tests.query.tables import START, chat, table
from tests.widgets.test_static import ATTRIBUTES, STYLES, TAGS, Reader


class Calls:
    """A session to which calls are added, one a second."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.number = 0

    def add(self, count: int = 1, **columns: Any) -> None:
        """Add calls, each with these columns."""
        rows: list[dict[str, Any]] = []
        for _ in range(count):
            self.number += 1
            rows.append(chat(self.number, trace=self.number, start=self.number * 1000, **columns))
        self.session.store.adopt(table(*rows))

    def fail(self, count: int = 1, **columns: Any) -> None:
        """Add calls that failed."""
        self.add(count, status_code=2, error_type="RateLimitError", **columns)

    def judge(self, name: str, passes: list[bool]) -> None:
        """Judge the last calls."""
        spans = self.session.spans(kind="llm", last=len(passes))
        for span, is_passed in zip(spans, passes, strict=True):
            key = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
            self.session.rate(Score(*key, name, float(is_passed), "pass" if is_passed else "fail"))


@pytest.fixture
def calls(session: Session) -> Calls:
    return Calls(session)


def said(alerts: list[Alert]) -> list[str]:
    return [one.said for one in alerts]


def test_a_rule_speaks_once_when_it_is_broken_and_once_when_it_holds_again(calls: Calls) -> None:
    watch = watched(calls.session, "error_rate > 20%", window="10 calls")
    assert (watch.look(), repr(watch), watch.is_broken) == ([], "error_rate > 20%: not known yet", False)
    calls.add(3)
    assert (watch.look(), repr(watch)) == ([], "error_rate > 20%: holds, 0.0% in 3 calls")
    calls.fail(2)
    (alert,) = watch.look()
    assert alert.said == "error_rate > 20% is broken: 40.0% in 5 calls"
    assert (alert.is_broken, alert.figure, alert.value, alert.calls, alert.window) == (
        True, "error_rate", 2 / 5, 5, "the last 10 calls",
    )  # fmt: skip
    assert [span.error_type for span in alert.spans] == ["RateLimitError"] * 2
    assert watch.look() == []
    calls.add(7)
    assert said(watch.look()) == ["error_rate > 20% holds again: 20.0% in the last 10 calls"]
    calls.add(5)
    calls.fail(3)
    assert said(watch.look()) == ["error_rate > 20% is broken: 30.0% in the last 10 calls"]
    assert [one.is_broken for one in watch.alerts] == [True, False, True]
    watch.stop()
    assert (calls.session.watches, repr(watch)[-9:]) == ([], "(stopped)")


def test_an_alert_is_a_span_that_says_what_it_says(calls: Calls) -> None:
    watch = watched(calls.session, "cost > $1")
    calls.add(3)
    (alert,) = watch.look()
    (span,) = calls.session.spans(kind="evaluation")
    assert (span.name, span.status_code) == ("watch cost > $1", 0)
    attributes = span.attributes
    told = (semconv.EVALUATION_NAME, semconv.EVALUATION_VALUE, semconv.EVALUATION_LABEL)
    assert [attributes[key] for key in told] == ["cost > $1", 1.5, "fail"]
    assert attributes[semconv.EVALUATION_EXPLANATION] == alert.said == "cost > $1 is broken: $1.50 in 3 calls"
    assert attributes[semconv.WATCH_SPANS] == [one.span_id for one in alert.spans]
    calls.session.enabled = False
    calls.session.prices["m"] = {"input_mtok": 0}
    watched(calls.session, "cost > $1.2").look()
    assert len(calls.session.spans(kind="evaluation")) == 1


def test_groups_are_watched_each_for_itself(calls: Calls) -> None:
    watch = watched(calls.session, "error_rate > 20%", by="model", window="all")
    calls.add(4, response_model="a")
    calls.fail(2, response_model="b")
    (alert,) = watch.look()
    assert (alert.group, alert.said) == ({"model": "b"}, "error_rate > 20%, model b is broken: 100.0% in its 2 calls")
    assert {span.response_model for span in alert.spans} == {"b"}
    calls.fail(2, response_model="a")
    assert [one.group for one in watch.look()] == [{"model": "a"}]
    assert repr(watch).splitlines() == [
        "error_rate > 20%, model a: is broken, 33.3% in its 6 calls",
        "error_rate > 20%, model b: is broken, 100.0% in its 2 calls",
    ]


@pytest.mark.parametrize("by", [(), "model"])
def test_what_breaks_anew_after_it_was_not_known_is_said_anew(calls: Calls, by: Any) -> None:
    watch = watched(calls.session, "error_rate > 20%", window="5000d", by=by)
    calls.fail(2, response_model="a")
    assert [one.is_broken for one in watch.look()] == [True]
    calls.session.store.clear()
    assert (watch.look(), watch.is_broken) == ([], False)
    calls.fail(2, response_model="a")
    assert [one.is_broken for one in watch.look()] == [True]


def test_alerts_keep_no_spans_and_only_the_last_of_them(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbtrace._query.watching.MOST", 3)
    watch = watched(calls.session, "errors > 0", window="1 call")
    for _ in range(3):
        calls.fail()
        watch.look()
        calls.add()
        watch.look()
    assert ([one.is_broken for one in watch.alerts], watch.gone) == ([False, True, False], 3)
    assert repr(watch).splitlines()[1:] == ["3 older alerts are no longer in .alerts"]
    held, broken, _ = watch.alerts
    assert (len(held.spans), [span.error_type for span in broken.spans]) == (0, ["RateLimitError"])
    calls.session.store.clear()
    assert len(broken.spans) == 0


def test_growth_is_from_the_window_before_or_from_what_was_recorded(calls: Calls, tmp_path: Path) -> None:
    calls.add(4, duration_ns=10**9)
    calls.session.export(tmp_path / "before.parquet")
    before = calls.session.spans()
    previous = watched(calls.session, "latency_p95 > +50%", window="4 calls", baseline="previous")
    others = [
        watched(calls.session, "latency_p95 > +50%", window="4 calls", baseline=baseline, filters={"status": "ok"})
        for baseline in (tmp_path / "before.parquet", before)
    ]
    assert [one.look() for one in (previous, *others)] == [[], [], []]
    assert repr(previous) == "latency_p95 > +50%: not known yet"
    calls.add(4, duration_ns=2 * 10**9)
    told = "latency_p95 > +50% is broken: 1.00 s → 2.00 s in the last 4 calls"
    assert [said(one.look()) for one in (previous, *others)] == [[told]] * 3
    assert previous.alerts[0].before == 1
    calls.add(4, duration_ns=2 * 10**9)
    assert [len(one.look()) for one in (previous, *others)] == [1, 0, 0]
    with pytest.raises(UsageError, match="a baseline, from which it is a growth, such as 'previous'"):
        watched(calls.session, "cost > +10%")


@pytest.mark.parametrize(
    ("rule", "columns", "worst"),
    [
        ("ttft_p95 > 2s", "time_to_first_chunk_s", [9.0, 8.0, 7.0, 6.0, 5.0]),
        ("latency_p50 > 1ms", "duration_ns", [9e9, 8e9, 7e9, 6e9, 5e9]),
        ("output_tokens > 40", "output_tokens", [9, 8, 7, 6, 5]),
        ("tokens > 40", "output_tokens", [9, 8, 7, 6, 5]),
        ("cost_per_call_usd > 3", "cost_usd", [9.0, 8.0, 7.0, 6.0, 5.0]),
        ("cost_usd < 100", "cost_usd", [0.0, 1.0, 2.0, 3.0, 4.0]),
        ("retries > 3", "attempts", [9, 8, 7, 6, 5]),
    ],
)
def test_the_calls_to_look_at_are_those_that_make_the_figure(
    calls: Calls, rule: str, columns: str, worst: list[float]
) -> None:
    for value in np.random.default_rng(0).permutation(10).tolist():
        calls.add(**{columns: value * 10**9 if columns == "duration_ns" else value})
    watch = watched(calls.session, rule)
    (alert,) = watch.look()
    assert [span[columns] for span in alert.spans] == worst
    figures = calls.session.metrics()
    assert alert.figure not in figures.columns or alert.value == figures[alert.figure][0]


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("unpriced > 1", {"cost_usd": None, "cost_state": "unpriced"}),
        ("estimated > 1", {"cost_state": "estimated"}),
        ("priced < 9", {"cost_usd": None, "cost_state": "unpriced"}),
        ("estimated_usage > 1", {"usage_state": "estimated"}),
        ("unknown_usage > 1", {"input_tokens": None, "output_tokens": None}),
    ],
)
def test_the_calls_to_look_at_are_in_the_state_that_is_counted(
    calls: Calls, rule: str, columns: dict[str, Any]
) -> None:
    known = {"cost_state": "priced", "usage_state": "reported"}
    calls.add(2, **known)
    calls.add(2, **known | columns)
    calls.add(2, **known)
    calls.fail(cost_state="priced", response_model=None, input_tokens=None, output_tokens=None)
    (alert,) = watched(calls.session, rule).look()
    assert sorted(int(span.span_id, 16) for span in alert.spans) == [3, 4]


def test_counts_name_the_last_calls_and_totals_are_sums(calls: Calls) -> None:
    calls.add(6)
    (alert,) = watched(calls.session, "calls > 5").look()
    assert [span.span_id for span in alert.spans] == [one.span_id for one in calls.session.spans(kind="llm")][:0:-1]
    figures = calls.session.metrics()
    (tokens,) = watched(calls.session, "total_tokens > 1").look()
    assert tokens.value == figures["input_tokens"][0] + figures["output_tokens"][0]
    (each,) = watched(calls.session, "cost_per_call_usd > 0.1").look()
    assert each.value == figures["cost_usd"][0] / 6


def test_pass_rates_and_means_of_checks_are_watched(calls: Calls) -> None:
    passing = watched(calls.session, "check.is correct < 95%", window="4 calls")
    mean = watched(calls.session, "score.correct < 0.6", by=["kind", "model"], window="5000d")
    calls.add(4)
    assert (passing.look(), mean.look()) == ([], [])
    assert repr(passing) == "check.is correct < 95%: not known yet"
    for name in ("correct", "is correct"):
        calls.judge(name, [True, False, False, True])
    for span in calls.session.spans(kind="llm"):
        calls.session.rate(Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "tone", label="kind"))
    assert repr(watched(calls.session, "score.tone < 1")) == "score.tone < 1: not known yet"
    (alert,) = passing.look()
    assert alert.said == "check.is correct < 95% is broken: 50.0% in the last 4 calls"
    assert [span.span_id for span in alert.spans] == [calls.session.spans(kind="llm")[at].span_id for at in (1, 2)]
    assert said(mean.look()) == ["score.correct < 0.6, kind llm, model m-1 is broken: 0.5 in the last 5000d (4 calls)"]
    calls.add(2)
    told = "score.correct < 0.6, kind llm, model m-1: is broken, 0.5 of 4 judged, in the last 5000d (6 calls)"
    assert told in mean.status()


def test_what_has_no_price_is_said_and_does_not_hold(calls: Calls) -> None:
    calls.add(2, cost_usd=None, cost_state="unpriced")
    watch = watched(calls.session, "cost > $5")
    assert (watch.look(), repr(watch)) == ([], "cost > $5: not known yet")
    calls.add(1)
    assert said(watch.look()) == ["cost > $5 is broken: $0.50 in 3 calls, and of 2 calls there is no price"]
    (alert,) = watched(calls.session, "cost > $0.1").look()
    assert alert.told == "$0.50 in 3 calls, and of 2 calls there is no price"


def test_the_same_rule_takes_the_place_of_the_one_before(calls: Calls) -> None:
    first = watched(calls.session, "error_rate > 2%")
    again, other = (watched(calls.session, "error_rate > 2%", window=window) for window in ("50 calls", "1h"))
    assert calls.session.watches == [again, other]
    assert first not in calls.session.watches


def test_what_on_alert_raises_is_logged_and_goes_no_further(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Alert] = []

    def tell(alert: Alert) -> None:
        heard.append(alert)
        raise RuntimeError(alert.rule)

    watch = watched(calls.session, "calls > 1", on_alert=tell)
    calls.add(2)
    with caplog.at_level(logging.WARNING, "nbtrace"):
        assert watch.look() == heard == watch.alerts
    assert caplog.messages == ["on_alert of the watch 'calls > 1' raised RuntimeError"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "odd > 1"},
        {"rule": "cost"},
        {"rule": "cost > 5s"},
        {"rule": "latency > $5"},
        {"rule": "cost > 1", "window": "soon"},
        {"rule": "cost > 1", "window": "0 calls"},
        {"rule": "cost > 1", "window": "999999999w"},
        {"rule": "cost > 1", "window": "99999w"},
        {"rule": "cost > 1", "by": "odd"},
        {"rule": "check.x > 1", "by": "tags"},
        {"rule": "cost > 1", "filters": {"odd": 1}},
        {"rule": "cost > 1", "filters": {"last": 5}},
        {"rule": "cost > 1", "window": "1h", "filters": {"since": "1d"}},
        {"rule": "cost > +1", "window": "all", "baseline": "previous"},
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(calls: Calls, wrong: dict[str, Any]) -> None:
    calls.add(tags=["a"])
    calls.judge("x", [True])
    with pytest.raises(UsageError):
        watched(calls.session, **wrong)
    assert calls.session.watches == []


def test_a_window_and_the_one_before_it_share_no_call() -> None:
    spans = Spans(table(*(chat(at, trace=at, start=at * 1000) for at in range(1, 11)), chat(11, ms=None, start=20_000)))
    now = datetime.fromtimestamp(START / 1e9 + 10.5, UTC)

    def numbers(chosen: Spans | None) -> list[int]:
        return [] if chosen is None else sorted(int(span.span_id, 16) for span in chosen)

    for word in ("3 calls", "3s", "last 3s"):
        window = Window.of(word)
        until = {} if window.calls else {"until": now}
        assert numbers(window.among(spans.filter, until, now)) == [8, 9, 10]
        assert numbers(window.before(spans.filter, {}, now)) == [5, 6, 7]
    assert numbers(Window.of("8 calls").before(spans.filter, {})) == [1, 2]
    whole = Window.of("all")
    assert (whole.among(spans.filter, {}), numbers(whole.among(spans.filter, {"last": 2}))) == (None, [10, 11])


def test_the_line_below_a_cell_opens_to_the_calls_and_runs_nothing_of_theirs(calls: Calls) -> None:
    for payload in (*PAYLOADS[:6], "\u202ename", "two\nlines\x1b[31m"):
        calls.fail(response_model=payload[:200])
    watch = watched(calls.session, "error_rate > 1%", by="model")
    for alert in watch.look():
        page = Reader(alert_pictures(alert)["text/html"])
        assert (page.tags - TAGS, page.attributes - ATTRIBUTES, page.styles - STYLES) == (
            {"details", "summary"},
            set(),
            {"cursor"},
        )
        assert "RateLimitError" in "".join(page.cells)
        assert "\u202e" not in alert_pictures(alert)["text/plain"]
    assert ("\x1b" in repr(watch), "\u202e" in repr(watch), len(repr(watch).splitlines())) == (False, False, 8)
    calm = watched(calls.session, "error_rate > 50%", window="4 calls")
    calls.fail(4)
    (broken,) = calm.look()
    assert (
        alert_pictures(broken)["text/plain"]
        .splitlines()[0]
        .endswith("error_rate > 50% is broken: 100.0% in the last 4 calls · 4 calls to look at")
    )
    calls.add(4)
    (holds,) = calm.look()
    assert "<details" not in alert_pictures(holds)["text/html"]
    assert alert_pictures(holds)["text/plain"].endswith("error_rate > 50% holds again: 0.0% in the last 4 calls")


def test_the_line_tells_the_rule_from_the_figure_whatever_a_group_is_called(calls: Calls) -> None:
    calls.fail(2, response_model="ft: a")
    (alert,) = watched(calls.session, "error_rate > 20%", by="model").look()
    assert (alert.title, alert.told) == ("error_rate > 20%, model ft: a is broken", "100.0% in its 2 calls")
    assert alert.said == f"{alert.title}: {alert.told}"
    assert (
        "<b>error_rate &gt; 20%, model ft: a is broken</b>: 100.0% in its 2 calls" in alert_pictures(alert)["text/html"]
    )


def test_the_calls_to_look_at_are_of_the_window_that_the_figure_is_of(session: Session) -> None:
    begins: list[datetime] = []

    def spans(**filters: Any) -> Spans:
        begins.append(filters["since"])
        return session.spans(**filters)

    def metrics(chosen: Any, *, by: Any) -> Any:
        return session.metrics(chosen, by=by)

    watch = Watching(Rule.of({"when": "calls > 0", "window": "5000d"}), Asked(spans, metrics), None)
    session.store.adopt(table(chat(1)))
    begins.clear()
    assert [alert.is_broken for alert in watch.look()] == [True]
    assert (len(begins), len(set(begins))) == (2, 1)


def test_the_public_function_watches_the_default_session() -> None:
    session = nbtrace.session()
    try:
        session.store.adopt(table(*period(1, 30, failed=0.5)))
        heard: list[Alert] = []
        watch = nbtrace.watch("error_rate > 2%", window="20 calls", on_alert=heard.append, model=["m-1", "m"])
        assert session.watches == [watch]
        assert watch.look() == heard
        assert heard[0].value == session.metrics(session.spans(kind="llm", last=20))["error_rate"][0]
    finally:
        session.stop()
