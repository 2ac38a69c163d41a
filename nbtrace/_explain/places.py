"""Where the users of each backend meet a span, and what its names are read as: by the vendors' documentation.

The documents are those that the backends' modules and `docs/backends.md` name. What is under a name of the conventions
alone is found by that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Place(NamedTuple):
    """One backend."""

    seen: str
    """Where its users meet the span."""
    names: Mapping[str, str] = {}
    """What the attributes of its own are read as, by the longest beginning of their names."""


_OPENINFERENCE: Final = {
    "openinference.span.kind": "its kind",
    "input.": "what went in",
    "output.": "what came out",
    "llm.input_messages": "the messages that were sent",
    "llm.output_messages": "the messages that came back",
    "llm.tools": "the tools that were offered",
    "llm.token_count": "its tokens",
    "llm.cost": "its cost",
    "llm.model_name": "the model",
    "llm.provider": "the provider",
    "llm.system": "the provider",
    "llm.invocation_parameters": "the settings",
    "llm.finish_reason": "why the answer ended",
    "llm.prompt_template": "the prompt's template",
    "prompt.id": "the prompt",
    "embedding.": "the embedding",
    "retrieval.documents": "the documents that were found",
    "tool.": "the tool",
    "agent.": "the agent",
    "annotations.": "a judgement",
    "metadata": "its metadata",
    "tag.tags": "its tags",
    "session.id": "the session",
    "user.id": "the user",
}

PLACES: Final = {
    "arize": Place("Among the traces of the project, in OpenInference's words.", _OPENINFERENCE),
    "datadog": Place(
        "Among the traces of LLM Observability, under the name of the app. Other names become tags, cut at 256 "
        "characters.",
        {
            "dd_llmobs_enabled": "that the trace belongs to LLM Observability",
            "openinference.span.kind": "its kind, where the conventions' has no counterpart",
            "input.value": "its input",
            "output.value": "its output",
            "gen_ai.conversation.id": "the session",
            "user.id": "the user",
            "gen_ai.usage.total_tokens": "all tokens",
            "gen_ai.cost.estimated_total": "its cost",
            "llm.token_count": "the finer counts of tokens",
            "_dd.ml_obs.prompt_tracking": "the prompt, with version and template",
            "_dd.ml_obs.metadata": "its metadata",
        },
    ),
    "grafana": Place('In Tempo, found by TraceQL such as `{ span.gen_ai.request.model = "gpt-5" }`.'),
    "honeycomb": Place("As an event of the dataset that is named after the service; every attribute is a field."),
    "jaeger": Place("In the trace's timeline; every attribute is a tag of the span, to be searched by."),
    "langfuse": Place(
        "As an observation of its trace.",
        {
            "langfuse.observation.type": "the type of the observation",
            "langfuse.observation.level": "its level",
            "langfuse.observation.status_message": "what went wrong",
            "langfuse.observation.input": "its input",
            "langfuse.observation.output": "its output",
            "langfuse.observation.usage_details": "its usage, in parts that do not overlap",
            "langfuse.observation.cost_details": "its cost, before any price of its own",
            "langfuse.observation.completion_start_time": "when the first chunk came",
            "langfuse.observation.prompt": "the prompt that it links to, if that is known there",
            "langfuse.observation.metadata": "its metadata",
            "langfuse.trace.name": "the trace's name",
            "langfuse.trace.tags": "the trace's tags",
            "langfuse.user.id": "the user",
            "langfuse.session.id": "the session",
            "langfuse.environment": "the environment",
            "langfuse.release": "the release",
        },
    ),
    "langsmith": Place(
        "As a run of its project; the run's id is made of the span's.",
        {
            "langsmith.span.kind": "the type of the run",
            "langsmith.span.tags": "its tags",
            "langsmith.trace.session_id": "the thread",
            "langsmith.metadata": "its metadata",
            "gen_ai.system": "the provider",
            "gen_ai.usage": "its tokens",
            "input.value": "its inputs",
            "output.value": "its outputs",
        },
    ),
    "logfire": Place(
        "In the live view, a call with its conversation.",
        {
            "logfire.msg": "the line of the span",
            "logfire.span_type": "that it is a span",
            "logfire.tags": "its tags",
            "logfire.level_num": "its level",
            "operation.cost": "its cost",
            "gen_ai.usage": "its tokens, by the names that it reads",
        },
    ),
    "mlflow": Place(
        "Among the traces of the experiment.",
        {
            "mlflow.spanType": "its type",
            "mlflow.spanInputs": "its inputs",
            "mlflow.spanOutputs": "its outputs",
            "mlflow.llm.cost": "its cost",
            "mlflow.traceTag": "a tag of the trace",
            "session.id": "the session",
            "user.id": "the user",
        },
    ),
    "otlp": Place("Wherever the receiver puts it: the span goes as it is."),
    "phoenix": Place("Among the traces of the project. What the conventions say, it makes OpenInference of.",
                     _OPENINFERENCE),
    "weave": Place(
        "In the Agents view, where a root is a turn of a conversation.",
        {
            "gen_ai.operation.name": "that this root is a turn",
            "gen_ai.agent.name": "whose conversation it is",
            "gen_ai.conversation.id": "the conversation",
            "gen_ai.input.messages": "what the turn was given",
            "gen_ai.output.messages": "what the turn gave",
            "gen_ai.usage.total_tokens": "all tokens",
        },
    ),
}  # fmt: skip
"""By the backend's name."""


def read_as(backend: str, key: str) -> str:
    """Say what a backend reads an attribute as; nothing if its documents do not tell."""
    names = PLACES[backend].names
    known = max((name for name in names if key.startswith(name)), key=len, default="")
    return names.get(known, "")
