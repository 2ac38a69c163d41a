"""Datadog LLM Observability: https://docs.datadoghq.com/llm_observability/instrumentation/otel_instrumentation/.

It reads the conventions' messages, models and counts; the finer counts by OpenInference's names, prompts and structured
metadata by its own (https://docs.datadoghq.com/llm_observability/monitoring/prompt_tracking/). A retrieval is one only
by OpenInference's kind, and only where no operation is named. Spans of more than 24 hours ago are not taken:
https://docs.datadoghq.com/llm_observability/instrumentation/api/.
"""

from __future__ import annotations

from typing import Final

from nbtrace import semconv
from nbtrace._export.backends.backend import Absent, Address, Attributes, Backend, Limits, Variables
from nbtrace._export.facts import Facts, as_json


def address(variables: Variables) -> Address:
    """Give the site's ingest."""
    headers = {"dd-api-key": variables.need("DD_API_KEY", what="an API key"), "dd-otlp-source": "llmobs"}
    if app := variables.get("DD_LLMOBS_ML_APP"):
        headers["dd-ml-app"] = app
    return Address(f"https://otlp.{variables.get('DD_SITE', default='datadoghq.com')}", headers)


def overlay(span: Facts) -> Attributes:
    """Say a span in the names that Datadog reads."""
    is_retrieval = span.type == "retrieval"
    own = span.type not in {"llm", "embedding", "tool"}  # whose messages and arguments it reads by itself
    more = {"time_to_first_chunk_s": span.time_to_first_chunk_s, "cost_usd": span.cost_usd, "tags": span.tags}
    metadata = {key: value for key, value in (span.remarks() | more).items() if value is not None}
    return {
        "dd_llmobs_enabled": True,
        semconv.OPERATION_NAME: Absent.ABSENT if is_retrieval else None,
        "openinference.span.kind": "RETRIEVER" if is_retrieval else None,
        semconv.INPUT_VALUE: as_json(span.input) if own else None,
        semconv.OUTPUT_VALUE: as_json(span.output) if own else None,
        semconv.CONVERSATION_ID: span.conversation_id or span.session,
        semconv.USER_ID: span.user,
        "gen_ai.usage.total_tokens": span.total_tokens,
        "gen_ai.cost.estimated_total": span.cost_usd,
        "llm.token_count.prompt_details.cache_read": span.cache_read_tokens,
        "llm.token_count.prompt_details.cache_write": span.cache_write_tokens,
        "llm.token_count.completion_details.reasoning": span.reasoning_tokens,
        "_dd.ml_obs.prompt_tracking": _prompt(span),
        "_dd.ml_obs.metadata": as_json(metadata),
    }


def _prompt(span: Facts) -> str | None:
    """Give the prompt with its template, without which it is not tracked."""
    template = span.attributes.get(semconv.PROMPT_TEMPLATE)
    if not (span.prompt_name and template):
        return None
    told = {"name": span.prompt_name, "version": span.prompt_version, "template": template, "variables": span.variables}
    return as_json({key: value for key, value in told.items() if value})


BACKEND: Final = Backend("datadog", address, overlay, limits=Limits(hours=24, request_bytes=5_000_000))
