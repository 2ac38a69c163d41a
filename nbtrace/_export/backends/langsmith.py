"""LangSmith: https://docs.langchain.com/langsmith/trace-with-opentelemetry#supported-opentelemetry-attribute-mapping.

A span whose parent never comes is dropped there without a word, so spans without their parents become roots before they
go out. Its run id of a span is eight zero bytes and the span's id.
"""

from __future__ import annotations

from typing import Final

from nbtrace import semconv
from nbtrace._export.backends.backend import Address, Attributes, Backend, Limits, Variables
from nbtrace._export.facts import Facts, as_json

KINDS: Final = {"llm": "llm", "embedding": "embedding", "tool": "tool", "retrieval": "retriever"}


def address(variables: Variables) -> Address:
    """Give the project's ingest."""
    base = variables.get("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT", default="https://api.smith.langchain.com")
    key = variables.need("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY", what="an API key")
    project = variables.get("LANGSMITH_PROJECT", "LANGCHAIN_PROJECT", default="default")
    return Address(f"{base.rstrip('/')}/otel", {"x-api-key": key, "langsmith-project": project})


def overlay(span: Facts) -> Attributes:
    """Say a span in LangSmith's names."""
    metadata = span.remarks() | {
        "user_id": span.user,
        "session_id": span.session,
        "prompt_name": span.prompt_name,
        "prompt_version": span.prompt_version,
        "cost_usd": span.cost_usd,
        "time_to_first_chunk_s": span.time_to_first_chunk_s,
        "cache_read_tokens": span.cache_read_tokens,
        "cache_write_tokens": span.cache_write_tokens,
    }
    own = span.type not in {"llm", "embedding"}  # whose messages it reads by itself
    return {
        "langsmith.span.kind": KINDS.get(span.type, "chain"),
        "langsmith.span.tags": ", ".join(span.tags) if span.tags else None,
        "langsmith.trace.session_id": span.session,
        **{f"langsmith.metadata.{key}": as_json(value) for key, value in metadata.items()},
        "gen_ai.system": span.provider,
        "gen_ai.usage.total_tokens": span.total_tokens,
        "gen_ai.usage.details.reasoning_tokens": span.reasoning_tokens,
        semconv.INPUT_VALUE: as_json(span.input) if own else None,
        semconv.OUTPUT_VALUE: as_json(span.output) if own else None,
    }


BACKEND: Final = Backend("langsmith", address, overlay, limits=Limits(drops_orphans=True, request_bytes=20_000_000))
