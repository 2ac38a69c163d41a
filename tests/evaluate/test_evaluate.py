"""Checks over spans: what they are given, what becomes of what they say, what is asked again, what stops nothing."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

import openai
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

import nbtrace
from nbtrace import Session, check, checks
from nbtrace._evaluate.result import wilson
from nbtrace._evaluating import evaluated
from nbtrace._opened import read_back
from nbtrace._query.frame import Spans
from nbtrace.checks import Verdict
from nbtrace.errors import UsageError
from tests.capture.loopback import Loopback, Received, Reply, completion
from tests.evaluate.judging import QUIET, SPANS, rows, said
from tests.query.tables import chat, row, table


def echo(received: Received) -> Reply:
    return Reply(completion(json.loads(received.body)["messages"][-1]["content"]))


@pytest.fixture
def server() -> Any:
    with Loopback(echo) as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Any:
    with openai.OpenAI(base_url=server.url, api_key="local", max_retries=0, timeout=20) as made:
        yield made


def ask(client: openai.OpenAI, *texts: str) -> None:
    for text in texts:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])


@pytest.fixture
def interruptible() -> Any:
    """Have SIGINT raise, as in a kernel: the processes of xdist ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_check_says_a_bool_a_number_a_label_or_a_verdict_with_an_explanation(session: Session) -> None:
    @check
    def is_short(answer: str | None) -> Any:
        return None if answer is None else len(answer) < 5

    @check(name="size")
    async def length(answer: str | None) -> Any:
        return None if answer is None else (len(answer), "characters")

    @check
    def first(span: Any) -> Any:
        return span.answer and span.answer[0]

    @check
    def whole(span: Any, reference: str) -> Any:
        return Verdict(0.25, "partly", f"{span.question}: {reference}") if span["span_id"].endswith("1") else None

    found = evaluated(session, SPANS, [is_short, length, first, whole], references=["a", "b", "c", "d"], **QUIET)
    assert rows(found) == [
        ("is_short", 1, 1.0, "pass", None, None),
        ("is_short", 2, 0.0, "fail", None, None),
        ("is_short", 3, 1.0, "pass", None, None),
        ("size", 1, 4.0, None, "characters", None),
        ("size", 2, 13.0, None, "characters", None),
        ("size", 3, 4.0, None, "characters", None),
        ("first", 1, None, "R", None, None),
        ("first", 2, None, "O", None, None),
        ("first", 3, None, "L", None, None),
        ("whole", 1, 0.25, "partly", "question 0: a", None),
    ]
    summary = found.summary()
    assert summary["check"] == ["is_short", "size", "first", "whole"]
    assert summary["judged"] == [3, 3, 3, 1]
    assert summary["nothing"] == [1, 1, 1, 3]
    assert summary["passed"] == [2, None, None, None]
    assert summary["pass_rate"] == [pytest.approx(2 / 3), None, None, None]
    assert summary["mean"] == [pytest.approx(2 / 3), 7.0, None, 0.25]
    assert summary["labels"] == ["pass 2, fail 1", None, "R 1, O 1, L 1", "partly 1"]


@pytest.mark.parametrize(("passed", "of"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 9), (123, 4567)])
def test_the_interval_of_a_pass_rate_is_wilsons_as_scipy_has_it(passed: int, of: int) -> None:
    low, high = binomtest(passed, of).proportion_ci(0.95, method="wilson")
    assert wilson(passed, of) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def test_a_check_that_raises_is_a_failed_evaluation_with_its_traceback(session: Session) -> None:
    @check
    def broken(answer: str | None) -> bool:
        return {"Rome": True}[str(answer)]

    @check
    async def also(answer: str | None) -> object:
        return object()

    found = evaluated(session, SPANS, [broken, also], **QUIET)
    assert [(one[1], one[3], one[5]) for one in rows(found)[:3]] == [
        (1, "pass", None), (2, None, "KeyError"), (3, None, "KeyError"),
    ]  # fmt: skip
    assert set(found.failures["error"]) == {"KeyError", "TypeError"}
    traceback = found.failures["explanation"][0]
    assert traceback.startswith("Traceback (most recent call last):")
    assert 'return {"Rome": True}[str(answer)]' in traceback
    assert traceback.endswith("KeyError: 'Oslo, as ever'\n")
    assert "running.py" not in traceback
    assert (found.summary()["raised"], found.summary()["nothing"]) == ([2, 3], [1, 1])
    assert "broken raised for span 0000000000000002" in repr(found)
    assert "and 2 more; .failures has all of them" in repr(found)
    assert "KeyError: &#x27;Oslo" in found._repr_html_()


def test_what_did_not_pass_is_told_from_what_raised(session: Session) -> None:
    @check
    def is_rome(answer: str | None) -> bool:
        return {"Rome": True, "Oslo, as ever": False}[str(answer)]

    found = evaluated(session, SPANS, is_rome, **QUIET)
    assert (found.not_passed["span_id"], found.not_passed["error"]) == (["0000000000000002"], [None])
    assert (found.failures["span_id"], found.failures["label"]) == (["0000000000000003"], [None])


def test_a_check_that_takes_a_reference_says_so_where_there_is_none(session: Session) -> None:
    made = [checks.exact(), checks.numeric(), checks.contains("Rome")]
    message = (
        "left out: 4 spans by exact: it takes a reference, and no span has one; evaluate(..., references=[...]) gives "
    )
    for references in (None, "nobody.has.this"):
        found = evaluated(session, SPANS, made, references=references, cache=False, **QUIET)
        assert message in repr(found)
        assert [one.partition(":")[0] for one in found.left_out] == ["4 spans by exact", "4 spans by numeric"]
    assert evaluated(session, SPANS, made[0], references=["Rome", None, None, None], **QUIET).left_out == ()


def test_scores_are_of_the_session_and_what_was_judged_is_not_judged_again(
    session: Session, client: openai.OpenAI, tmp_path: Any
) -> None:
    ask(client, "one", "two")
    judged: list[str] = []

    @check(version="1")
    def good(answer: str, expected: str | None = None, mark: str = "!") -> Any:
        judged.append(answer)
        if answer == "two" and len(judged) < 3:
            raise ValueError(answer)
        return 1.0, f"{answer}{mark} {expected}"

    found = [evaluated(session, None, good, **QUIET) for _ in range(3)][-1]
    assert sorted(judged) == ["one", "two", "two"]  # what had failed is judged again, and only that
    assert found["cached"] == [True, True]
    evaluated(session, session, good.using(mark="?"), **QUIET)
    evaluated(session, session, good, references=["1", "2"], **QUIET)
    evaluated(session, session, good, references=["1", "3"], **QUIET)
    evaluated(session, session, good, cache=False, **QUIET)
    assert len(judged) == 3 + 2 + 2 + 1 + 2
    scores = session.sql(
        "SELECT name, value, explanation, evaluator_version, source, error_type FROM scores "
        "WHERE error_type IS NULL AND explanation LIKE 'one%' ORDER BY time_unix_nano, explanation"
    ).table.to_pylist()
    assert [(one["explanation"], one["evaluator_version"][:2], one["source"]) for one in scores] == [
        ("one! None", "1", "code"), ("one? None", "1+", "code"), ("one! 1", "1", "code"), ("one! None", "1", "code"),
    ]  # fmt: skip
    assert session.sql("SELECT error_type FROM scores WHERE error_type IS NOT NULL")["error_type"] == ["ValueError"]
    path = tmp_path / "session.parquet"
    session.export(path)
    again = pq.read_table(path)
    kept = [one for row in again["scores"].to_pylist() for one in row or ()]
    assert {one["key"] for one in kept} == set(session.snapshot().scores["key"].to_pylist())


def test_calls_of_a_check_are_below_its_span_and_are_not_judged_themselves(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    ask(client, "one", "two")

    @check(traced=True)
    def judge(answer: str) -> Any:
        made = client.chat.completions.create(model="m", messages=[{"role": "user", "content": f"good: {answer}"}])
        return True, made.choices[0].message.content

    found = [evaluated(session, session.spans(kind="llm"), judge, cache=False, **QUIET) for _ in range(2)][-1]
    assert [one[4] for one in rows(found)] == ["good: one", "good: two"]
    assert found.left_out == ("2 spans made by checks themselves",)
    assert len(server.received) == 6
    spans = session.spans().table.to_pylist()
    evaluations = {one["span_id"]: one for one in spans if one["span_type"] == "evaluation"}
    asking = [one for one in spans if one["operation"] == "chat" and one["parent_span_id"] in evaluations]
    assert len(evaluations) == len(asking) == 4
    one = session.spans(kind="evaluation")[0]
    assert one.name == "evaluate judge"
    assert one.answer in ("good: one", "good: two")
    assert one.attributes["gen_ai.evaluation.score.label"] == "pass"
    assert one.attributes["nbtrace.evaluation.span"] in {row["span_id"].hex() for row in spans}


def test_the_matrix_of_a_comparison_is_judged_with_a_reference_for_each_input(
    session: Session, client: openai.OpenAI
) -> None:
    for template in ("Say {word}", "Please say {word}"):
        made = session.prompt("say", template)
        for word in ("ab", "cd"):
            ask(client, made.format(word=word))
    widget = session.compare("say")
    found = evaluated(session, widget, checks.exact(), references=["Say ab", "Please say cd"], **QUIET)
    assert sorted((one["expected"], one["label"]) for one in found.table.to_pylist()) == [
        ("Please say cd", "fail"), ("Please say cd", "pass"), ("Say ab", "fail"), ("Say ab", "pass"),
    ]  # fmt: skip
    assert sorted(widget.to_pandas()["score.exact"]) == [0.0, 0.0, 1.0, 1.0]
    with pytest.raises(UsageError, match="cannot use 1 reference for 2 inputs; expected one for each"):
        evaluated(session, widget, checks.exact(), references=["a"], **QUIET)


def test_references_are_a_dict_a_function_or_an_attribute(session: Session) -> None:
    spans = Spans(
        table(
            chat(1, output_messages=said("a"), attributes=[{"key": "want", "string": "a"}]),
            chat(2, trace=2, output_messages=said("b"), attributes=[{"key": "want", "string": "a"}]),
        )
    )

    def labels(references: Any) -> list[str]:
        return evaluated(session, spans, checks.exact(), references=references, **QUIET)["label"]

    assert labels("want") == ["pass", "fail"]
    assert labels({"0000000000000002": "b"}) == ["pass"]
    assert labels(lambda span: span.answer) == ["pass", "pass"]
    with pytest.raises(UsageError, match="cannot use 1 reference for 2 spans; expected one for each"):
        labels(["a"])
    with pytest.raises(UsageError, match="references is int 7"):
        labels(7)


def test_what_runs_is_left_out_and_spans_of_nobody_are_judged_without_a_session(session: Session) -> None:
    spans = Spans(table(row(1, ms=None), chat(2, output_messages=said("a"))))
    found = evaluated(session, spans, checks.length(at_most=3), **QUIET)
    assert rows(found) == [("length", 2, 1.0, "pass", None, None)]
    assert found.left_out == ("1 span not over yet",)
    assert len(session.snapshot().scores) == 0
    assert rows(evaluated(session, spans.table, checks.length(at_most=3), **QUIET)) == rows(found)


def test_an_interrupt_keeps_what_is_there_and_says_how_to_go_on(
    session: Session, client: openai.OpenAI, capsys: pytest.CaptureFixture[str], interruptible: None
) -> None:
    ask(client, "one", "two", "three")
    both, held = threading.Event(), threading.Event()

    @check
    def slow(answer: str) -> bool:
        if answer == "one":
            both.wait(20)
        if answer == "two":
            both.set()
            for other in threading.enumerate():
                if other.name == "nbtrace-evaluate" and other is not threading.current_thread():
                    other.join()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            held.wait(20)
        return True

    with pytest.raises(KeyboardInterrupt):
        evaluated(session, None, slow, width=2, **QUIET)
    held.set()
    assert "evaluate: interrupted; 2 evaluations are there and kept; the same call again" in capsys.readouterr().out
    assert session.sql("SELECT count(*) AS n FROM scores")["n"] == [2]


def test_a_budget_stops_the_checks_and_keeps_what_they_said(session: Session, client: openai.OpenAI) -> None:
    ask(client, "one", "two", "three")
    session.budget("100 tokens")

    @check
    def judge(answer: str) -> bool:
        ask(client, f"good: {answer}")
        return True

    with pytest.raises(nbtrace.BudgetError, match="evaluations are there and kept; the same call again"):
        for _ in range(30):
            evaluated(session, None, judge, width=1, cache=False, **QUIET)


def test_what_a_check_says_in_words_is_masked_like_everything(session: Session, client: openai.OpenAI) -> None:
    ask(client, "one")

    @check
    def tells(answer: str) -> Any:
        return False, f"{answer}: password=hunter2-and-more"

    evaluated(session, None, tells, **QUIET)
    assert "hunter2" not in session.sql("SELECT explanation FROM scores")["explanation"][0]
    session.policy.content = "metadata"
    evaluated(session, None, tells, cache=False, **QUIET)
    assert session.sql("SELECT explanation FROM scores ORDER BY time_unix_nano")["explanation"][1] is None


def test_scores_of_an_earlier_nbtrace_are_read(session: Session, client: openai.OpenAI, tmp_path: Any) -> None:
    ask(client, "one")
    evaluated(session, None, checks.length(at_most=3), **QUIET)
    path = tmp_path / "session.parquet"
    session.export(path)
    table = pq.read_table(path)
    rows = [
        [{name: value for name, value in one.items() if name not in ("error_type", "key")} for one in row or ()]
        for row in table["scores"].to_pylist()
    ]
    at = table.column_names.index("scores")
    kind = table.schema.field("scores").type.value_type
    fields = [field for field in kind if field.name not in ("error_type", "key")]
    older = table.set_column(at, "scores", pa.array(rows, pa.list_(pa.struct(fields))))
    pq.write_table(older, path)
    opened = read_back(str(path), session)
    scores = opened.snapshot().scores.to_pylist()
    assert [(one["name"], one["label"], one["key"]) for one in scores] == [("length", "pass", None)]


def test_what_is_said_of_opened_spans_is_kept_with_them_and_handed_on(session: Session, tmp_path: Any) -> None:
    given = Spans(table(chat(1, output_messages=said("Rome")), chat(2, trace=2, output_messages=said("Oslo"))))
    opened = read_back(given, session)
    secret = "key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    found = evaluated(session, opened, lambda answer: (answer == "Rome", secret), **QUIET)
    assert found.to_pandas()["cached"].tolist() == [False, False]
    assert evaluated(session, opened, nbtrace.checks.contains("Rome"), **QUIET).to_pandas()["cached"].sum() == 0
    again = evaluated(session, opened, nbtrace.checks.contains("Rome"), **QUIET)
    assert again.to_pandas()["cached"].tolist() == [True, True]
    opened.export(tmp_path / "judged.otlp.jsonl")
    scores = nbtrace.open(tmp_path / "judged.otlp.jsonl").snapshot().scores.to_pylist()
    assert sorted((one["name"], one["value"]) for one in scores) == [
        ("<lambda>", 0.0), ("<lambda>", 1.0), ("contains", 0.0), ("contains", 1.0),
    ]  # fmt: skip
    assert "sk-proj" not in str(scores)
    assert len(session.snapshot().scores) == 0
