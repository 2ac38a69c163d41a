"""The checks that are built in: what each says of what it should know, and of what is nothing to judge."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrace import Session, checks
from nbtrace._evaluate.check import Check
from nbtrace._evaluate.verdict import Verdict
from nbtrace._evaluating import evaluated
from nbtrace._query.frame import Spans
from nbtrace.errors import NotFoundError, UsageError
from tests.evaluate.judging import QUIET, said
from tests.query.tables import chat, row, table


def label(check: Check, span: dict[str, Any], reference: object = None) -> tuple[str | None, str | None]:
    """Judge one span and give the label with the explanation."""
    outcome = Verdict.of(check(Spans(table(span))[0], reference) if check.reference else check(Spans(table(span))[0]))
    return (None, None) if outcome is None else (outcome.label, outcome.explanation)


def answered(text: str, **columns: Any) -> dict[str, Any]:
    return chat(1, output_messages=said(text), **columns)


@pytest.mark.parametrize(
    ("check", "text", "reference", "expected"),
    [
        (checks.exact(), " Rome\n", "Rome", ("pass", None)),
        (checks.exact(strip=False), " Rome", "Rome", ("fail", None)),
        (checks.exact(), "rome", "Rome", ("fail", None)),
        (checks.exact(ignore_case=True), "STRASSE", "straße", ("pass", None)),
        (checks.exact(), "Rome", None, (None, None)),
        (checks.contains("Rome"), "It is Rome.", None, ("pass", None)),
        (checks.contains(["Rome", "Oslo", "Lima"]), "Rome", None, ("fail", "without 'Oslo', 'Lima'")),
        (checks.contains(["Rome", "Oslo"], any_of=True), "Rome", None, ("pass", None)),
        (checks.contains(["Rome", "Oslo"], any_of=True), "Lima", None, ("fail", "without 'Rome', 'Oslo'")),
        (checks.contains(ignore_case=True), "it is ROME", "rome", ("pass", None)),
        (checks.regex(r"^\d{4}$"), "1969", None, ("pass", None)),
        (checks.regex(r"^\d{4}$"), "in 1969", None, ("fail", None)),
        (checks.json_schema(), '{"a": 1}', None, ("pass", None)),
        (checks.json_schema(), "a: 1", None, ("fail", "no JSON from character 0 on")),
        (checks.json_schema(), '```json\n{"a": 1}\n```', None,
         ("fail", "no JSON from character 0 on")),
        (checks.json_schema(fenced=True), 'Here:\n```json\n{"a": 1}\n```', None, ("pass", None)),
        (checks.json_schema({"required": ["b"]}), '{"a": 1}', None, ("fail", "$: 'b' is a required property")),
        (checks.json_schema({"properties": {"a": {"type": "string"}}}), '{"a": 1}', None,
         ("fail", "$.a: 1 is not of type 'string'")),
        (checks.json_schema({"properties": {"a": {"type": "string"}}}), '{"a": "1"}', None, ("pass", None)),
        (checks.numeric(), "It is 42", 42, ("pass", None)),
        (checks.numeric(), "6 times 7 is 42.", "42", ("pass", None)),
        (checks.numeric(), "\u22121,204.5", -1204.5, ("pass", None)),
        (checks.numeric(), "1.5e3", 1500, ("pass", None)),
        (checks.numeric(tolerance=0.5), "41.4", 42, ("fail", "41.4, not 42")),
        (checks.numeric(tolerance=0.02, relative=True), "41.4", 42, ("pass", None)),
        (checks.numeric(), "none", 42, ("fail", "no number in the answer")),
        (checks.length(at_least=2, at_most=4), "abc", None, ("pass", None)),
        (checks.length(at_least=2), "a", None, ("fail", "1 characters, fewer than 2")),
        (checks.length(at_most=4), "abcde", None, ("fail", "5 characters, more than 4")),
        (checks.refusal(), "Rome.", None, ("answered", None)),
        (checks.refusal(), "I'm sorry, I can't.", None, ("refused", "it says \"I'm sorry\"")),
    ],
)  # fmt: skip
def test_what_was_said(check: Check, text: str, reference: object, expected: tuple[str | None, str | None]) -> None:
    assert label(check, answered(text), reference) == expected


@pytest.mark.parametrize(
    ("check", "span", "expected"),
    [
        (checks.latency(2), answered("a", ms=1999), ("pass", None)),
        (checks.latency(2), answered("a", ms=2500), ("fail", "2.5 s, more than 2")),
        (checks.latency(0.5, first_chunk=True), answered("a", time_to_first_chunk_s=0.6),
         ("fail", "0.6 s, more than 0.5")),
        (checks.latency(0.5, first_chunk=True), answered("a"), (None, None)),
        (checks.cost(0.5), answered("a"), ("pass", None)),
        (checks.cost(0.4), answered("a"), ("fail", "0.5 US dollars, more than 0.4")),
        (checks.cost(0.4), answered("a", cost_usd=None, cost_state="unpriced"), (None, None)),
        (checks.refusal(), chat(1, refusal="content_filter"), ("refused", "by the content_filter")),
        (checks.refusal(expected=True), chat(1, refusal="model"), ("refused", "by the model")),
        (checks.refusal(), chat(1, status_code=2), (None, None)),
        (checks.contains("a"), chat(1, status_code=2), (None, None)),
    ],
)  # fmt: skip
def test_what_it_took(check: Check, span: dict[str, Any], expected: tuple[str | None, str | None]) -> None:
    assert label(check, span) == expected


CALLS = [
    {"type": "tool_call", "id": "1", "name": "weather", "arguments": {"city": "Oslo", "days": 3}},
    {"type": "tool_call", "id": "2", "name": "time", "arguments": '{"zone": "CET"}'},
]
CALLING = chat(1, output_messages=json.dumps([{"role": "assistant", "parts": CALLS}]))


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (checks.tools(["weather", "time"]), ("pass", None)),
        (checks.tools(["time", "weather"]), ("pass", None)),
        (checks.tools(["time", "weather"], ordered=True), ("fail", "weather is not called; called was weather, time")),
        (checks.tools("weather"), ("fail", "called besides: time")),
        (checks.tools("weather", more=True), ("pass", None)),
        (checks.tools([]), ("fail", "called besides: weather, time")),
        (checks.tools({"name": "weather", "arguments": {"city": "Rome"}}, more=True),
         ("fail", "weather: city is 'Oslo', not 'Rome'")),
        (checks.tools({"name": "time", "arguments": {"zone": "CET"}}, more=True), ("pass", None)),
        (checks.tools({"name": "time", "arguments": {"at": 1}}, more=True), ("fail", "time: at is missing")),
        (checks.tools("search", more=True), ("fail", "search is not called; called was weather, time")),
    ],
)  # fmt: skip
def test_the_calls_of_tools(check: Check, expected: tuple[str | None, str | None]) -> None:
    assert label(check, CALLING) == expected


def test_a_call_is_matched_with_the_arguments_that_fit() -> None:
    twice = [{"type": "tool_call", "name": "weather", "arguments": {"city": city}} for city in ("Rome", "Oslo")]
    span = chat(1, output_messages=json.dumps([{"role": "assistant", "parts": twice}]))
    wanted = [{"name": "weather", "arguments": {"city": city}} for city in ("Oslo", "Rome")]
    assert label(checks.tools(), span, wanted) == ("pass", None)
    ordered = checks.tools(ordered=True)
    assert label(ordered, span, wanted) == ("fail", "weather is not called; called was weather, weather")
    assert label(ordered, span, wanted[::-1]) == ("pass", None)


def test_what_a_retrieval_found() -> None:
    found = json.dumps([{"id": "7", "content": "Ada wrote it"}, {"id": "8", "content": "Bo"}])
    span = row(1, operation="retrieval", attributes=[{"key": "gen_ai.retrieval.documents", "string": found}])
    one = Spans(table(span))[0]
    assert one.documents[0]["id"] == "7"
    assert checks.retrieved(["8", "9"])(one) == Verdict(0.5, "pass", "not found: 9")
    assert checks.retrieved(["8", "9"], all_of=True)(one) == Verdict(0.5, "fail", "not found: 9")
    assert checks.retrieved(["8"], k=1)(one) == Verdict(0.0, "fail", "not found: 8")
    assert checks.retrieved()(one, "Ada wrote") == Verdict(1.0, "pass")
    assert checks.retrieved("7")(Spans(table(answered("a")))[0]) is None


def test_a_labelled_set_has_an_accuracy_and_a_confusion_table(session: Session) -> None:
    rng = np.random.default_rng(1)
    labels = ["spam", "ham", "not spam"]
    wanted = [labels[at] for at in rng.integers(0, 3, 60)]
    given = [labels[at] for at in rng.integers(0, 3, 60)]
    forms = ("{}", "It is {}.", "**{}**", "{}, I think")
    spans = Spans(
        table(
            *(
                chat(n + 1, output_messages=said(forms[n % 4].format(text.upper() if n % 3 else text)))
                for n, text in enumerate(given)
            ),
            chat(61, output_messages=said("spam or ham")),
        )
    )
    found = evaluated(session, spans, checks.accuracy(labels), references=[*wanted, "ham"], **QUIET)
    right = sum(one == other for one, other in zip(given, wanted, strict=True))
    assert found.summary()["mean"] == [pytest.approx(right / 61)]
    theirs = pd.crosstab(pd.Series([*wanted, "ham"]), pd.Series([*given, "none of them"]))
    ours = found.confusion().to_pandas().set_index("expected")
    assert {(row, column): ours.loc[row, column] for row in theirs.index for column in theirs} == {
        (row, column): theirs.loc[row, column] for row in theirs.index for column in theirs
    }
    assert ours.to_numpy().sum() == 61
    with pytest.raises(NotFoundError, match="no check 'other' gave labels where others were expected"):
        found.confusion("other")
    wrong = evaluated(session, spans[:1], checks.accuracy(labels), references=["eggs"], **QUIET)
    assert wrong["error"] == ["ValueError"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: checks.regex("("), "a regular expression"),
        (checks.length, "a bound"),
        (lambda: checks.cost("1"), "numbers as bounds"),  # pyright: ignore[reportArgumentType]
        (lambda: checks.accuracy(["a"]), "two labels or more"),
        (lambda: checks.tools(7), "a name, or a dict with name and arguments"),
        (lambda: checks.retrieved("a", k=0), "a number of documents, from 1"),
        (lambda: checks.json_schema({"type": 7}), "a JSON Schema"),
    ],
)
def test_what_makes_no_check_is_refused_when_it_is_made(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_a_step_is_judged_by_what_it_gave() -> None:
    span = row(1, span_type="chain", attributes=[{"key": "output.value", "string": "Rome"}])
    assert label(checks.exact(), span, "Rome") == ("pass", None)
