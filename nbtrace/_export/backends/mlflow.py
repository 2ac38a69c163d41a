"""MLflow 3: https://mlflow.org/docs/latest/genai/tracing/opentelemetry/ingest/.

It reads the conventions, and its own names win: types that the conventions have no operation for, inputs and outputs
of steps, a call's instructions before its messages, the cost. Its own are JSON, so a word is in quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from nbtrace._export.backends.backend import Address, Attributes, Backend, Variables, basic
from nbtrace._export.batch import Row
from nbtrace._export.facts import Facts
from nbtrace._export.judging import Request, metadata, score_id
from nbtrace._export.there import Question, There, span_id
from nbtrace._store.values import written

TYPES: Final = {
    "llm": "CHAT_MODEL",
    "embedding": "EMBEDDING",
    "tool": "TOOL",
    "retrieval": "RETRIEVER",
    "agent": "AGENT",
    "chain": "CHAIN",
    "cell": "CHAIN",
    "guardrail": "GUARDRAIL",
    "evaluation": "EVALUATOR",
}

SOURCES: Final = {"human": "HUMAN", "llm": "LLM_JUDGE", "code": "CODE"}


def address(variables: Variables) -> Address:
    """Give the tracking server, with the experiment that the spans go to."""
    base = variables.need("MLFLOW_TRACKING_URI", what="the address of a tracking server, http:// or https://")
    named = variables.get("MLFLOW_EXPERIMENT_NAME")
    experiment = (
        variables.need("MLFLOW_EXPERIMENT_ID", what=f"the number of the experiment {named!r}")
        if named
        else variables.get("MLFLOW_EXPERIMENT_ID", default="0")
    )
    headers = {"x-mlflow-experiment-id": experiment}
    if token := variables.get("MLFLOW_TRACKING_TOKEN"):
        headers["authorization"] = f"Bearer {token}"
    elif user := variables.get("MLFLOW_TRACKING_USERNAME"):
        headers["authorization"] = basic(user, variables.get("MLFLOW_TRACKING_PASSWORD"))
    if run := variables.get("MLFLOW_RUN_ID"):
        headers["x-mlflow-run-id"] = run
    return Address(base, headers)


def kind(span: Facts) -> Attributes:
    """Say what a span is, and for whom."""
    return {
        "mlflow.spanType": _json(TYPES.get(span.type)),
        "mlflow.traceTag.tags": ", ".join(span.tags) if span.tags else None,
        "session.id": span.session,
        "user.id": span.user,
    }


def content(span: Facts) -> Attributes:
    """Say what went in and came out."""
    own = span.type not in {"llm", "embedding", "tool"}  # whose messages and arguments it reads by itself
    is_instructed = bool(span.system_instructions)  # which it leaves out of what it reads
    return {
        "mlflow.spanInputs": _json(span.input) if own or is_instructed else None,
        "mlflow.spanOutputs": _json(span.output) if own else None,
    }


def cost(span: Facts) -> Attributes:
    """Say the cost."""
    return {"mlflow.llm.cost": None if span.cost_usd is None else _json({"total_cost": span.cost_usd})}


def _json(value: object) -> str | None:
    return None if value is None else written(value)


def scores(judged: Sequence[Row]) -> Iterator[Request]:
    """Make feedback: https://mlflow.org/docs/latest/genai/assessments/feedback/."""
    for score in judged:
        trace, number = f"tr-{score['trace_id'].hex()}", f"a-{score_id(score).replace('-', '')}"
        source = {"source_type": SOURCES.get(score["source"], "CODE"), "source_id": score["evaluator"] or "nbtrace"}
        assessment = {
            "assessment_id": number,
            "assessment_name": score["name"],
            "trace_id": trace,
            "span_id": score["span_id"].hex(),
            "source": source,
            "feedback": {"value": score["label"] if score["value"] is None else score["value"]},
            "rationale": score["explanation"],
            "metadata": {"nbtrace.score": score_id(score), **metadata(score)},
        }
        body = {"assessment": {key: value for key, value in assessment.items() if value is not None}}
        path = f"/api/3.0/mlflow/traces/{trace}/assessments"
        yield Request(path, body, there=f"{path}/{number}")


def read(question: Question) -> dict[bytes, There]:
    """Read spans, as the server's own pages do."""
    found = question.get(f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id=tr-{question.trace}")
    return {
        span_id(span["span_id"]): There(
            span.get("name"),
            span_id(span["parent_span_id"]) if "parent_span_id" in span else None,
            span.get("start_time_unix_nano"),
            span.get("end_time_unix_nano"),
        )
        for span in (found["spans"] if found is not None else ())
    }


BACKEND: Final = Backend("mlflow", address, (kind, content, cost), scores=scores, read=read)
