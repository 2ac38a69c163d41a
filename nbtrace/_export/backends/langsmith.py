"""LangSmith: https://docs.langchain.com/langsmith/trace-with-opentelemetry#supported-opentelemetry-attribute-mapping.

A span whose parent never comes is dropped there without a word, so spans without their parents become roots before they
go out. Its run id of a span is eight zero bytes and the span's id, as its SDK makes it too:
https://github.com/langchain-ai/langsmith-sdk/blob/main/js/src/experimental/otel/utils.ts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from nbtrace import semconv
from nbtrace._export.backends.backend import Address, Attributes, Backend, Limits, Value, Variables
from nbtrace._export.batch import Row
from nbtrace._export.facts import Facts, as_json
from nbtrace._export.judging import Request, metadata, score_id
from nbtrace._export.there import MILLISECOND, ROOT, Question, There, moment

KINDS: Final = {"llm": "llm", "embedding": "embedding", "tool": "tool", "retrieval": "retriever"}
RUNS: Final = 100
"""Most runs in an answer."""


def address(variables: Variables) -> Address:
    """Give the project's ingest."""
    base = variables.get("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT", default="https://api.smith.langchain.com")
    key = variables.need("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY", what="an API key")
    project = variables.get("LANGSMITH_PROJECT", "LANGCHAIN_PROJECT", default="default")
    return Address(f"{base.rstrip('/')}/otel", {"x-api-key": key, "langsmith-project": project}, api=base)


def kind(span: Facts) -> Attributes:
    """Say what a span is, for whom, and by which prompt."""
    return {
        "langsmith.span.kind": KINDS.get(span.type, "chain"),
        "langsmith.span.tags": ", ".join(span.tags) if span.tags else None,
        "langsmith.trace.session_id": span.session,
        "gen_ai.system": span.provider,
        **_metadata(
            {
                "user_id": span.user,
                "session_id": span.session,
                "prompt_name": span.prompt_name,
                "prompt_version": span.prompt_version,
            }
        ),
    }


def remarks(span: Facts) -> Attributes:
    """Say what it has no field for."""
    return _metadata(span.remarks())


def usage(span: Facts) -> Attributes:
    """Say tokens."""
    cached = {"cache_read_tokens": span.cache_read_tokens, "cache_write_tokens": span.cache_write_tokens}
    return {
        "gen_ai.usage.total_tokens": span.total_tokens,
        "gen_ai.usage.details.reasoning_tokens": span.reasoning_tokens,
        **_metadata(cached),
    }


def cost(span: Facts) -> Attributes:
    """Say the cost."""
    return _metadata({"cost_usd": span.cost_usd})


def pace(span: Facts) -> Attributes:
    """Say when the first chunk came."""
    return _metadata({"time_to_first_chunk_s": span.time_to_first_chunk_s})


def content(span: Facts) -> Attributes:
    """Say what went in and came out."""
    if span.type in {"llm", "embedding"}:  # whose messages it reads by itself
        return {}
    said_out = None if span.documents else as_json(span.output)
    return {semconv.INPUT_VALUE: as_json(span.input), semconv.OUTPUT_VALUE: said_out}


def retrieved(span: Facts) -> Attributes:
    """Say what a retrieval found: the text, and all else as metadata, which is what it reads of a document."""
    found: dict[str, Value] = {}
    for number, document in enumerate(span.documents):
        base = f"retrieval.documents.{number}.document"
        found[f"{base}.content"] = as_json(document.get("content", ""))
        found[f"{base}.metadata"] = as_json({key: value for key, value in document.items() if key != "content"})
    return found


def _metadata(said: Mapping[str, object]) -> Attributes:
    return {f"langsmith.metadata.{key}": as_json(value) for key, value in said.items()}


def scores(judged: Sequence[Row]) -> Iterator[Request]:
    """Make feedback: https://docs.langchain.com/langsmith/attach-user-feedback."""
    for score in judged:
        body = {
            "id": score_id(score),
            "run_id": _run_id(score["span_id"]),
            "key": score["name"],
            "score": None if score["value"] is None else round(score["value"], 4),
            "value": score["label"],
            "comment": score["explanation"],
            "feedback_source": {"type": "model" if score["source"] == "llm" else "api", "metadata": metadata(score)},
        }
        told = {key: value for key, value in body.items() if value is not None}
        yield Request("/feedback", told, there=f"/feedback/{body['id']}")


def read(question: Question) -> dict[bytes, There]:
    """Read runs by their ids: https://docs.langchain.com/langsmith/export-traces, `POST /runs/query`.

    Which fields there are is in https://docs.langchain.com/langsmith/run-data-format. How it names a run that came by
    OTLP is not documented.
    """
    found: dict[bytes, There] = {}
    for some in question.some(RUNS):
        ids = [_run_id(bytes.fromhex(one)) for one in some]
        select = ["id", "parent_run_id", "start_time", "end_time"]
        page = question.post("/runs/query", {"id": ids, "select": select, "limit": RUNS})
        for run in page["runs"]:
            found[_span_id(run["id"])] = There(
                parent=_span_id(run["parent_run_id"]) if "parent_run_id" in run else None,
                start=moment(run.get("start_time")),
                end=moment(run.get("end_time")),
                precision=MILLISECOND,
            )
    return found


def _run_id(span: bytes) -> str:
    return str(uuid.UUID(bytes=bytes(8) + span))


def _span_id(run: str | None) -> bytes:
    return uuid.UUID(run).bytes[8:] if run else ROOT


BACKEND: Final = Backend(
    "langsmith",
    address,
    (kind, remarks, usage, cost, pace, content, retrieved),
    limits=Limits(drops_orphans=True, request_bytes=20_000_000),
    scores=scores,
    read=read,
)
