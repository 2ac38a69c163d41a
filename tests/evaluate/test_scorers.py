"""Real scorers of autoevals, deepeval and ragas as checks; real guards and validators of guardrails-ai as guards."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUntypedClassDecorator=false
from __future__ import annotations

import json
import os
from typing import Any

import openai
import pytest

import nbtrace
from nbtrace import Session, _api, semconv
from nbtrace._evaluating import evaluated
from nbtrace._query.frame import Spans
from nbtrace.errors import GuardrailError
from tests.capture.loopback import Loopback, Reply, completion
from tests.evaluate.judging import QUIET, asked, said
from tests.query.tables import chat, table

autoevals = pytest.importorskip("autoevals", reason="only `make test-evaluators` has scorers of others")

os.environ |= {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "RAGAS_DO_NOT_TRACK": "true", "GUARDRAILS_RUN_SYNC": "true"}

import guardrails  # noqa: E402
from deepeval.metrics import BaseMetric, ExactMatchMetric, PatternMatchMetric  # noqa: E402
from guardrails.utils.hub_telemetry_utils import HubTelemetry  # noqa: E402
from guardrails.validators import FailResult, PassResult, Validator, register_validator  # noqa: E402
from ragas.metrics.collections import ExactMatch, NonLLMStringSimilarity  # noqa: E402

HubTelemetry()._processor.shutdown()  # which reports even where it is told not to

SPANS = Spans(
    table(
        chat(1, output_messages=said("Paris"), input_messages=asked("Capital of France?")),
        chat(2, trace=2, output_messages=said("Barcelona"), input_messages=asked("Capital of Spain?")),
        chat(3, trace=3, status_code=2),
    )
)
REFERENCES = ["Paris", "Madrid", None]
"""The third has no answer, and so nothing to judge."""


@pytest.mark.parametrize(
    ("made", "values", "labels"),
    [
        (autoevals.Levenshtein, [1.0, pytest.approx(1 / 9)], [None, None]),
        (ExactMatchMetric, [1.0, 0.0], ["pass", "fail"]),
        (lambda: PatternMatchMetric(pattern="P.*s"), [1.0, 0.0], ["pass", "fail"]),
        (ExactMatch, [1.0, 0.0], [None, None]),
        (NonLLMStringSimilarity, [1.0, pytest.approx(1 / 9)], [None, None]),
    ],
    ids=["autoevals", "deepeval", "deepeval pattern", "ragas", "ragas similarity"],
)
def test_a_scorer_of_others_is_a_check(session: Session, made: Any, values: Any, labels: Any) -> None:
    found = evaluated(session, SPANS, [made()], references=REFERENCES, **QUIET)
    rows = sorted(found.table.to_pylist(), key=lambda row: row["span_id"])
    assert ([row["value"] for row in rows], [row["label"] for row in rows]) == (values, labels)
    assert found.summary().table.to_pylist()[0]["nothing"] == 1
    assert nbtrace.checks.scorer(made()).version == nbtrace.checks.scorer(made()).version


def test_how_a_scorer_is_set_is_its_version() -> None:
    versions = [nbtrace.checks.scorer(PatternMatchMetric(pattern=pattern)).version for pattern in ("a", "b", "a")]
    assert (versions[0] == versions[2], versions[0] == versions[1]) == (True, False)
    assert nbtrace.checks.scorer(autoevals.Levenshtein(), name="near", version="7").full_version == "7"


class Called(BaseMetric):
    """Says which tools were called, and which documents were found."""

    threshold = 1

    async def a_measure(self, test_case: Any, *args: Any, **kwargs: Any) -> float:
        self.score = len(test_case.tools_called)
        self.reason = f"{[(one.name, one.input_parameters) for one in test_case.tools_called]} {test_case.context}"
        return self.score

    def measure(self, test_case: Any, *args: Any, **kwargs: Any) -> float:
        raise NotImplementedError


def test_deepeval_is_told_which_tools_were_called_and_what_else_is_given(session: Session) -> None:
    call = {"type": "tool_call", "id": "1", "name": "look_up", "arguments": {"city": "Rome"}}
    spans = Spans(table(chat(1, output_messages=json.dumps([{"role": "assistant", "parts": [call]}]))))
    found = evaluated(session, spans, [nbtrace.checks.scorer(Called(), context=["Italy"])], **QUIET).to_pandas()
    assert found[["check", "value", "label", "explanation"]].to_numpy().tolist() == [
        ["Called", 1.0, "pass", "[('look_up', {'city': 'Rome'})] ['Italy']"]
    ]


def test_a_model_that_judges_for_autoevals_is_seen(session: Session) -> None:
    call = {"name": "select_choice", "arguments": json.dumps({"reasons": "It is the capital.", "choice": "Yes"})}
    reply = completion(None)
    reply["choices"][0]["message"]["tool_calls"] = [{"id": "1", "type": "function", "function": call}]
    with Loopback(Reply(reply)) as server, openai.OpenAI(base_url=server.url, api_key="local") as client:
        judge = autoevals.LLMClassifier(
            "right", "Is {{output}} right for {{input}}?", {"Yes": 1, "No": 0}, model="gpt-4o-mini", client=client
        )
        found = evaluated(session, SPANS, [judge], references=REFERENCES, **QUIET)
    assert (
        found.to_pandas()[["value", "label", "explanation"]].to_numpy().tolist()
        == [[1.0, "Yes", "It is the capital."]] * 2
    )
    assert any("Is Paris right for Capital of France?" in one.body.decode() for one in server.received)
    calls = session.spans(operation="chat")
    assert [one.attributes[semconv.EVALUATION_NAME] for one in calls] == ["right", "right"]
    (score, _) = session.snapshot().scores.to_pylist()
    assert (score["source"], score["evaluator"]) == ("llm", "gpt-4o-mini")


@register_validator(name="no_badge", data_type="string")
class NoBadge(Validator):
    def validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        if "ACME" in value:
            return FailResult(error_message="it names a badge", fix_value=value.replace("ACME", "…"))
        return PassResult()


@pytest.mark.parametrize("made", [NoBadge, lambda: guardrails.Guard().use(NoBadge(on_fail="noop"))])
def test_a_guard_of_guardrails_blocks_and_is_a_span(session: Session, made: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(_api, "_default", session)
    rule = nbtrace.guard(made(), name="badge")
    assert rule("I am Ada") == "I am Ada"
    with pytest.raises(GuardrailError, match="it names a badge"):
        rule("I am ACME-1")
    verdicts = [one.attributes[semconv.GUARDRAIL_VERDICT] for one in session.spans(kind="guardrail")]
    assert verdicts == ["pass", "block"]


def test_a_validator_of_guardrails_fixes(session: Session, monkeypatch: Any) -> None:
    monkeypatch.setattr(_api, "_default", session)
    for one in (NoBadge(), guardrails.Guard().use(NoBadge(on_fail="fix"))):
        assert nbtrace.guard(action="fix")(one)("I am ACME-1") == "I am …-1"
    assert session.spans(kind="guardrail")[0].name == "no_badge"


def test_a_guard_of_guardrails_that_raises_blocks(session: Session, monkeypatch: Any) -> None:
    monkeypatch.setattr(_api, "_default", session)
    rule = nbtrace.guard(guardrails.Guard().use(NoBadge(on_fail="exception")))
    with pytest.raises(GuardrailError, match="it names a badge"):
        rule("I am ACME-1")
