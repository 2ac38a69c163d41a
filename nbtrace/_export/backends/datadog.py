"""Datadog LLM Observability: https://docs.datadoghq.com/llm_observability/instrumentation/otel_instrumentation/.

It reads the conventions' messages, models and counts; the finer counts by OpenInference's names, prompts and structured
metadata by its own (https://docs.datadoghq.com/llm_observability/monitoring/prompt_tracking/). A retrieval is one only
by OpenInference's kind, and only where no operation is named. A session is the conversation's id. Spans of more than 24
hours ago are not taken, others are shown 3 to 5 minutes later. Scores go by the API of evaluations, to the application
that the variable names, or else the service: https://docs.datadoghq.com/llm_observability/instrumentation/api/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from time import time_ns
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from nbtrace import semconv
from nbtrace._export.backends.backend import Absent, Address, Attributes, Backend, Limits, Variables
from nbtrace._export.batch import Row
from nbtrace._export.facts import Facts, as_json
from nbtrace._export.judging import Request, score_id
from nbtrace._export.there import MILLISECOND, Question, There, pages

if TYPE_CHECKING:
    from nbtrace._export.delivery import Receiver

PATH: Final = "/api/intake/llm-obs/v2/eval-metric"
SCORES: Final = 500
"""Evaluations in a request, so that it stays far below 5 MB."""
SPANS_PATH: Final = "/api/v2/llm-obs/v1/spans/events"
SPANS: Final = 5000
"""Most spans in an answer."""


def address(variables: Variables) -> Address:
    """Give the site's ingest."""
    headers = {"dd-api-key": variables.need("DD_API_KEY", what="an API key"), "dd-otlp-source": "llmobs"}
    if app := variables.get("DD_LLMOBS_ML_APP"):
        headers["dd-ml-app"] = app
    site = variables.get("DD_SITE", default="datadoghq.com")
    return Address(f"https://otlp.{site}", headers, api=f"https://api.{site}")


def kind(span: Facts) -> Attributes:
    """Say what a span is, and for whom."""
    is_retrieval = span.type == "retrieval"
    return {
        "dd_llmobs_enabled": True,
        semconv.OPERATION_NAME: Absent.ABSENT if is_retrieval else None,
        "openinference.span.kind": "RETRIEVER" if is_retrieval else None,
        semconv.CONVERSATION_ID: span.session,
        semconv.USER_ID: span.user,
    }


def content(span: Facts) -> Attributes:
    """Say what went in and came out."""
    if span.type in {"llm", "embedding", "tool"}:  # whose messages and arguments it reads by itself
        return {}
    return {semconv.INPUT_VALUE: as_json(span.input), semconv.OUTPUT_VALUE: as_json(span.output)}


def usage(span: Facts) -> Attributes:
    """Say tokens."""
    return {
        "gen_ai.usage.total_tokens": span.total_tokens,
        "llm.token_count.prompt_details.cache_read": span.cache_read_tokens,
        "llm.token_count.prompt_details.cache_write": span.cache_write_tokens,
        "llm.token_count.completion_details.reasoning": span.reasoning_tokens,
    }


def metadata(span: Facts) -> Attributes:
    """Say the cost, and what it has no field for."""
    more = {
        "time_to_first_chunk_s": span.time_to_first_chunk_s,
        "cost_usd": span.cost_usd,
        "tags": span.tags,
        "conversation_id": span.conversation_id,
    }
    known = {key: value for key, value in (span.remarks() | more).items() if value is not None}
    return {"gen_ai.cost.estimated_total": span.cost_usd, "_dd.ml_obs.metadata": as_json(known)}


def prompt(span: Facts) -> Attributes:
    """Say the prompt with its template, without which it is not tracked."""
    template = span.attributes.get(semconv.PROMPT_TEMPLATE)
    if not (span.prompt_name and template):
        return {}
    told = {"name": span.prompt_name, "version": span.prompt_version, "template": template, "variables": span.variables}
    return {"_dd.ml_obs.prompt_tracking": as_json({key: value for key, value in told.items() if value})}


def scores(judged: Sequence[Row]) -> Iterator[Request]:
    """Make evaluations: https://docs.datadoghq.com/llm_observability/instrumentation/api/#evaluations-api."""
    app = Variables("datadog").get("DD_LLMOBS_ML_APP")
    for start in range(0, len(judged), SCORES):
        some = judged[start : start + SCORES]
        metrics = [_evaluation(score, app or _service(score["resource"])) for score in some]
        yield Request(PATH, {"data": {"type": "evaluation_metric", "attributes": {"metrics": metrics}}}, len(some))


def _evaluation(score: Row, app: str) -> dict[str, Any]:
    is_number = score["value"] is not None
    tags = {"source": "otel", "evaluator": score["evaluator"], "evaluation_source": score["source"],
            "score_id": score_id(score)} | ({"label": score["label"]} if is_number else {})  # fmt: skip
    found = {
        "join_on": {"span": {name: str(int.from_bytes(score[name], "big")) for name in ("span_id", "trace_id")}},
        "ml_app": app,
        "timestamp_ms": (score["time_unix_nano"] or time_ns()) // 10**6,
        "metric_type": "score" if is_number else "categorical",
        "label": _label(score["name"]),
        "score_value" if is_number else "categorical_value": score["value"] if is_number else score["label"] or "",
        "reasoning": score["explanation"],
        "tags": [f"{name}:{value}" for name, value in tags.items() if value is not None],
    }
    return {key: value for key, value in found.items() if value is not None}


def _label(name: str) -> str:
    """Spell a score's name as labels are: letters, digits and underscores, a letter first, at most 200."""
    spelled = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return (spelled if spelled[:1].isalpha() else f"score_{spelled}")[:200]


def _service(resource: str | None) -> str:
    """Give the service's name in the OTLP JSON of a resource."""
    pairs = orjson.loads(resource or "{}").get("attributes", [])
    named = (value for one in pairs if one["key"] == "service.name" for value in (one.get("value") or {}).values())
    return str(next(named, "unknown_service"))


def read(question: Question) -> dict[bytes, There]:
    """List spans: https://docs.datadoghq.com/llm_observability/evaluations/export_api/#list-spans.

    Ids are numbers, a root's parent is `undefined`. How it names a span that came by OTLP is not documented, and its
    times are nanoseconds by the model and milliseconds in the example.
    """
    since, until = question.start // MILLISECOND - 1000, question.end // MILLISECOND + 1000
    asked = {"filter[trace_id]": question.trace, "filter[from]": since, "filter[to]": until, "page[limit]": SPANS}
    found: dict[bytes, There] = {}

    def ask(cursor: str) -> Any:
        after = {"page[cursor]": cursor} if cursor else {}
        return question.get(f"{SPANS_PATH}?{urlencode(asked | after)}")

    for page in pages(ask, lambda page: (page.get("meta", {}).get("page") or {}).get("after")):
        for span in page["data"]:
            parent = span["attributes"].get("parent_id", "")
            found[_span_id(span["attributes"]["span_id"])] = There(
                parent=_span_id(parent) if parent.isdecimal() else None
            )
    return found


def _span_id(number: str) -> bytes:
    return int(number).to_bytes(8, "big")


def read_at(variables: Variables, to: Receiver) -> Address:
    """Give the API, which takes a key that may read besides."""
    return Address(to.api, {"dd-application-key": variables.need("DD_APP_KEY", what="an application key")})


BACKEND: Final = Backend(
    "datadog",
    address,
    (kind, content, usage, metadata, prompt),
    limits=Limits(hours=24, request_bytes=5_000_000),
    scores=scores,
    read=read,
    read_at=read_at,
    read_after=300,
)
