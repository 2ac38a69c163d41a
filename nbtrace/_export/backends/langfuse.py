"""Langfuse: https://langfuse.com/integrations/native/opentelemetry#property-mapping.

Its own names win over all others. Every `gen_ai.usage.*` it does not know becomes a kind of usage of its own, counted
and priced beside input and output; so the counts go out as `usage_details`, in parts that do not overlap, and the
conventions' finer ones as metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from nbtrace import semconv
from nbtrace._export.backends.backend import Address, Attributes, Backend, Variables, basic
from nbtrace._export.batch import Row
from nbtrace._export.facts import Facts, as_json
from nbtrace._export.judging import Request, metadata, score_id
from nbtrace._export.there import MILLISECOND, Question, There, moment, span_id

TYPES: Final = {
    "llm": "generation",
    "embedding": "embedding",
    "tool": "tool",
    "retrieval": "retriever",
    "agent": "agent",
    "chain": "chain",
    "guardrail": "guardrail",
    "evaluation": "evaluator",
}
DIGITS: Final = 18
"""Of the longest version that is surely a number of 64 bits."""
MODALITIES: Final = (
    semconv.USAGE_TEXT_INPUT, semconv.USAGE_TEXT_OUTPUT, semconv.USAGE_AUDIO_INPUT, semconv.USAGE_AUDIO_OUTPUT,
    semconv.USAGE_AUDIO_CACHE_READ, semconv.USAGE_IMAGE_INPUT, semconv.USAGE_IMAGE_OUTPUT,
    semconv.USAGE_IMAGE_CACHE_READ,
)  # fmt: skip


def address(variables: Variables) -> Address:
    """Give the project's ingest."""
    base = variables.get("LANGFUSE_BASE_URL", "LANGFUSE_HOST", default="https://cloud.langfuse.com")
    public = variables.need("LANGFUSE_PUBLIC_KEY", what="the project's public key")
    secret = variables.need("LANGFUSE_SECRET_KEY", what="the project's secret key")
    headers = {"authorization": basic(public, secret), "x-langfuse-ingestion-version": "4"}
    return Address(f"{base.rstrip('/')}/api/public/otel", headers, api=base)


def kind(span: Facts) -> Attributes:
    """Say what a span is, by which prompt, and how it went."""
    version = span.prompt_version or ""
    is_number = version.isdecimal() and len(version) <= DIGITS  # as versions are there
    is_linkable = bool(span.prompt_name and is_number)
    return {
        "langfuse.observation.type": TYPES.get(span.type, "span"),
        "langfuse.observation.level": "ERROR" if span.failed else "WARNING" if span.refusal else None,
        "langfuse.observation.status_message": span.status_message,
        "langfuse.observation.prompt.name": span.prompt_name if is_linkable else None,
        "langfuse.observation.prompt.version": int(version) if is_linkable else None,
    }


def content(span: Facts) -> Attributes:
    """Say what went in and came out."""
    if span.type in {"llm", "embedding", "tool"}:  # whose messages and arguments it reads by itself
        return {}
    return {
        "langfuse.observation.input": as_json(span.input),
        "langfuse.observation.output": as_json(span.output),
    }


def usage(span: Facts) -> Attributes:
    """Say the tokens in parts, as the server itself cuts `gen_ai.usage.*`."""
    read, write, reasoning = span.cache_read_tokens or 0, span.cache_write_tokens or 0, span.reasoning_tokens or 0
    parts = {
        "input": None if span.input_tokens is None else max(span.input_tokens - read - write, 0),
        "output": None if span.output_tokens is None else max(span.output_tokens - reasoning, 0),
        "input_cached_tokens": read or None,
        "input_cache_creation": write or None,
        "output_reasoning_tokens": reasoning or None,
        "total": span.total_tokens,
    }
    known = {name: count for name, count in parts.items() if count is not None}
    return {"langfuse.observation.usage_details": as_json(known)}


def cost(span: Facts) -> Attributes:
    """Say the cost."""
    return {"langfuse.observation.cost_details": None if span.cost_usd is None else as_json({"total": span.cost_usd})}


def pace(span: Facts) -> Attributes:
    """Say when the first chunk came."""
    return {"langfuse.observation.completion_start_time": span.first_chunk_time}


def remarks(span: Facts) -> Attributes:
    """Say what it has no field for."""
    finer = {key.removeprefix("gen_ai."): span.attributes[key] for key in MODALITIES if key in span.attributes}
    said = span.remarks() | finer
    return {f"langfuse.observation.metadata.{key}": as_json(value) for key, value in said.items()}


def whose(span: Facts) -> Attributes:
    """Say whose trace it is in."""
    return {
        "langfuse.trace.name": span.around.root_name,
        "langfuse.trace.tags": span.tags,
        "langfuse.user.id": span.user,
        "langfuse.session.id": span.session,
    }


def common(variables: Variables) -> Attributes:
    """Say where the session was made."""
    return {
        "langfuse.environment": variables.get("LANGFUSE_TRACING_ENVIRONMENT") or None,
        "langfuse.release": variables.get("LANGFUSE_RELEASE") or None,
    }


def scores(judged: Sequence[Row]) -> Iterator[Request]:
    """Make scores: https://api.reference.langfuse.com/#tag/score/post/api/public/scores."""
    for score in judged:
        numeric = score["value"] is not None
        body = {
            "id": score_id(score),
            "traceId": score["trace_id"].hex(),
            "observationId": score["span_id"].hex(),
            "name": score["name"],
            "value": score["value"] if numeric else score["label"] or "",
            "dataType": "NUMERIC" if numeric else "CATEGORICAL",
            "comment": score["explanation"],
            "metadata": metadata(score),
        }
        yield Request("/api/public/scores", {key: value for key, value in body.items() if value is not None})


def read(question: Question) -> dict[bytes, There]:
    """Read observations: https://api.reference.langfuse.com/#tag/trace/get/api/public/traces/{traceId}.

    Their names are no evidence: it gives tools, and spans of some instrumentations, names of its own
    (https://github.com/langfuse/langfuse/blob/main/packages/shared/src/server/otel/OtelIngestionProcessor.ts).
    """
    found, wanted = question.get(f"/api/public/traces/{question.trace}"), set(question.spans)
    return {
        span_id(one["id"]): There(
            parent=span_id(one["parentObservationId"]) if "parentObservationId" in one else None,
            start=moment(one.get("startTime")),
            end=moment(one.get("endTime")),
            precision=MILLISECOND,
        )
        for one in (found["observations"] if found is not None else ())
        if one["id"] in wanted  # those that did not come by OTLP have ids of any form
    }


BACKEND: Final = Backend(
    "langfuse",
    address,
    (kind, content, usage, cost, pace, remarks, whose),
    common,
    without=frozenset({semconv.USAGE_CACHE_WRITE, *MODALITIES}),
    scores=scores,
    read=read,
)
