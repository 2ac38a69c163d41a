"""W&B Weave's Agents view: https://docs.wandb.ai/weave/guides/tracking/trace-agents-otel.

It reads the conventions. A turn is a root span whose operation is `invoke_agent`, so a root that has no operation, such
as a cell, is said to be one. Entity and project of the resource route the spans; without them they are dropped.
"""

from __future__ import annotations

from typing import Final

from nbtrace import semconv
from nbtrace._export.backends.backend import Address, Attributes, Backend, Variables
from nbtrace._export.facts import Facts, as_json
from nbtrace._export.there import MILLISECOND, Question, There, moment, span_id

SPANS: Final = 1000
"""Spans that are asked for at a time."""
MOST: Final = 10_000
"""Most spans in an answer; one that was sent twice may be there twice."""


def address(variables: Variables) -> Address:
    """Give the ingest of the Agents view."""
    base = variables.get("WF_TRACE_SERVER_URL", default="https://trace.wandb.ai").rstrip("/")
    return Address(
        f"{base}/agents/otel",
        {"wandb-api-key": variables.need("WANDB_API_KEY", what="an API key")},
        {
            "wandb.entity": variables.need("WANDB_ENTITY", what="a team or user"),
            "wandb.project": variables.need("WANDB_PROJECT", what="a project"),
        },
        api=base,
    )


def turn(span: Facts) -> Attributes:
    """Say a turn."""
    if span.operation or not span.is_root:
        return {}
    return {
        semconv.OPERATION_NAME: "invoke_agent",
        semconv.AGENT_NAME: span.row["name"],
        semconv.INPUT_MESSAGES: _message("user", span.input),
        semconv.OUTPUT_MESSAGES: _message("assistant", span.output),
    }


def conversation(span: Facts) -> Attributes:
    """Say which conversation it is of."""
    return {semconv.CONVERSATION_ID: span.conversation}


def usage(span: Facts) -> Attributes:
    """Say tokens."""
    return {"gen_ai.usage.total_tokens": span.total_tokens}


def _message(role: str, said: object) -> str | None:
    if said is None:
        return None
    return as_json([{"role": role, "parts": [{"type": "text", "content": as_json(said)}]}])


def read(question: Question) -> dict[bytes, There]:
    """Read agent spans, as https://docs.wandb.ai/weave/reference/typescript-sdk/interfaces/weaveclient does.

    Request and answer are in https://github.com/wandb/weave/blob/master/weave/trace_server/agents/types.py,
    `AgentSpansQueryReq` and `AgentSpanSchema`.
    """
    found: dict[bytes, There] = {}
    project = f"{question.resource['wandb.entity']}/{question.resource['wandb.project']}"
    for some in question.some(SPANS):
        is_of_trace = {"$eq": [{"$getField": "trace_id"}, {"$literal": question.trace}]}
        is_wanted = {"$in": [{"$getField": "span_id"}, [{"$literal": one} for one in some]]}
        query = {"$expr": {"$and": [is_of_trace, is_wanted]}}
        page = question.post("/agents/spans/query", {"project_id": project, "query": query, "limit": MOST})
        for span in page["spans"]:
            found[span_id(span["span_id"])] = There(
                span.get("span_name"),
                span_id(span["parent_span_id"]) if "parent_span_id" in span else None,
                moment(span.get("started_at")),
                moment(span.get("ended_at")),
                MILLISECOND,
            )
    return found


BACKEND: Final = Backend("weave", address, (turn, conversation, usage), read=read)
