"""Scores go by a backend's own API, once, and one that is not taken is said."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from nbtrace import Session
from nbtrace._export.judging import score_id
from nbtrace._store.scores import Score
from tests.export import rich
from tests.export.golden import VARIABLES
from tests.export.loopback import OK, Reply, Scripted
from tests.query.tables import chat, table

Server = Callable[..., Scripted]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that has the rich one's spans and scores, and records no more."""
    for name in ("langfuse", "datadog", "honeycomb"):
        for variable, value in VARIABLES[name].items():
            monkeypatch.setenv(variable, value)
    session = Session()
    session.store.adopt(rich.session())
    return session


def paths(server: Scripted) -> list[str]:
    return [one.path for one in server.received]


def test_a_score_that_comes_later_goes_alone(scripted: Server, recorded: Session) -> None:
    server = scripted()
    first = recorded.export("langfuse", endpoint=server.url)
    assert (first.spans, first.scores, first.left_out) == (9, 2, ())
    again = recorded.export("langfuse", endpoint=server.url)
    assert (again.spans, again.scores) == (0, 0)
    recorded.rate(Score(rich.TRACE.to_bytes(16, "big"), (6).to_bytes(8, "big"), "helpful", 0.0, source="human"))
    later = recorded.export("langfuse", endpoint=server.url)
    assert repr(later) == (
        f"0 spans and 1 score → langfuse at {server.url} (OTLP, 0 B). Left out: 9 spans that had arrived before."
    )
    assert paths(server) == ["/v1/traces", *["/api/public/scores"] * 3]
    ids = [one.body for one in server.received[1:]]
    recorded.export("langfuse", endpoint=server.url, again="all")
    assert [one.body for one in server.received[-3:]] == ids


def test_a_score_that_is_not_taken_keeps_no_other_away(scripted: Server, recorded: Session) -> None:
    def answer(body: bytes) -> Reply:
        return (400, {"content-type": "text/plain"}, b"no such name") if b"relevance" in body[:400] else OK

    server = scripted(OK, answer=answer)
    report = recorded.export("langfuse", endpoint=server.url)
    assert (report.spans, report.scores) == (9, 1)
    assert report.left_out == ("1 score not taken (HTTP 400 Bad Request: no such name)",)
    assert recorded.export("langfuse", endpoint=scripted().url).scores == 2
    assert recorded.export("langfuse", endpoint=server.url).left_out[-1] == report.left_out[0]


def test_without_an_api_a_late_score_is_said(scripted: Server, recorded: Session) -> None:
    server = scripted()
    assert recorded.export("honeycomb", endpoint=server.url).left_out == ()
    recorded.rate(Score(rich.TRACE.to_bytes(16, "big"), (6).to_bytes(8, "big"), "helpful", 0.0))
    assert recorded.export("honeycomb", endpoint=server.url).left_out == (
        "9 spans that had arrived before",
        "1 score of spans that had arrived before: there is no API for them",
    )


def test_datadog_gets_labels_as_it_spells_them_and_the_services_name(
    scripted: Server, recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DD_LLMOBS_ML_APP")
    trace, span = rich.TRACE.to_bytes(16, "big"), (6).to_bytes(8, "big")
    recorded.rate(Score(trace, span, "7 Höflichkeit!", label="kühl", time_unix_nano=rich.START))
    server = scripted()
    assert recorded.export("datadog", endpoint=server.url).scores == 3
    sent = json.loads(server.received[-1].body)["data"]["attributes"]["metrics"][-1]
    assert {name: sent[name] for name in ("ml_app", "label", "metric_type", "categorical_value", "join_on")} == {
        "ml_app": "notebook",
        "label": "score_7_H_flichkeit_",
        "metric_type": "categorical",
        "categorical_value": "kühl",
        "join_on": {"span": {"span_id": "6", "trace_id": str(rich.TRACE)}},
    }


def test_logfire_says_what_of_its_scores_is_rejected(
    scripted: Server, recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGFIRE_TOKEN", VARIABLES["logfire"]["LOGFIRE_TOKEN"])
    refusal = b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too late"}}'
    server = scripted(OK, (200, {"content-type": "application/json"}, refusal))
    report = recorded.export("logfire", endpoint=server.url)
    assert (report.spans, report.scores) == (9, 0)
    assert report.left_out == ("2 scores not taken (rejected by the receiver: too late)",)
    assert recorded.export("logfire", endpoint=server.url).scores == 2


@pytest.mark.parametrize("name", ["datadog", "langfuse", "langsmith", "logfire", "mlflow", "phoenix"])
def test_whoever_judged_whatever_goes_unless_json_cannot_say_it(
    name: str, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in VARIABLES[name].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("DD_LLMOBS_ML_APP", raising=False)
    span = chat(1, resource='{"attributes":[{"key":"service.name","value":{"intValue":"7"}},{"key":"service.name"}]}')
    session = Session()
    session.store.adopt(table(span))
    judged = ((None, 0.1), ("agent", 0.2), ("human", 0.3), ("human", 0.4), ("code", math.nan), ("code", math.inf))
    for source, value in judged:
        session.rate(Score(span["trace_id"], span["span_id"], "good", value, source=source))  # type: ignore[arg-type]
    server = scripted()
    report = session.export(name, endpoint=server.url)
    told = "2 scores of a value that JSON has no number for (NaN or infinity)"
    assert (report.spans, report.scores, report.left_out) == (1, 4, (told,))
    assert len(session.export(name, endpoint=server.url).left_out) == 2
    assert session.export(name, endpoint=server.url, again="all").scores == 4


def test_scores_without_a_time_are_told_apart_by_what_was_judged() -> None:
    score = {"trace_id": b"t", "span_id": b"s", "name": "good", "evaluator": None, "source": "human", "label": None}
    known = {score_id({**score, "value": value, "time_unix_nano": at}) for value in (0.1, 0.9) for at in (None, 5)}
    assert len(known) == 3


@pytest.mark.parametrize(("there", "scores"), [(b"{}", 2), (None, 0)])
def test_a_score_that_is_refused_because_it_is_there_has_arrived(
    there: bytes | None, scores: int, scripted: Server, recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in VARIABLES["mlflow"].items():
        monkeypatch.setenv(variable, value)
    server = scripted(OK, answer=lambda _: (500, {}, b"constraint violation"))
    server.found = iter([there, there])
    report = recorded.export("mlflow", endpoint=server.url)
    assert (report.spans, report.scores, len(report.left_out)) == (9, scores, int(not scores))


def test_an_api_of_scores_that_is_not_there_is_not_asked_for_each(
    scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in VARIABLES["langfuse"].items():
        monkeypatch.setenv(variable, value)
    session = Session()
    session.store.adopt(rich.session())
    for number in range(20):
        session.rate(Score(rich.TRACE.to_bytes(16, "big"), (6).to_bytes(8, "big"), f"s{number}", 1.0, source="human"))
    server = scripted(OK, answer=lambda _: (404, {"content-type": "text/plain"}, b"no such path"))
    report = session.export("langfuse", endpoint=server.url)
    assert report.left_out == ("22 scores not taken (HTTP 404 Not Found: no such path)",)
    assert len(server.received) < 6
