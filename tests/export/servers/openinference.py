"""The documented mappings of Arize and Phoenix, which read OpenInference, recorded noun by noun."""

from __future__ import annotations

import json
from typing import Any

from nbtrace import semconv
from tests.export.servers import phoenix
from tests.export.servers.judgements import annotated, on_span, scored
from tests.export.servers.place import Row, attribute
from tests.export.servers.rules import Rule, Vendor, inside, step

OPENINFERENCE = "https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md"
TOOLS = "https://github.com/Arize-ai/openinference/blob/main/spec/tool_calling.md"
JUDGED = "https://github.com/Arize-ai/openinference/blob/main/spec/annotations.md"


def model(row: Row) -> Any:
    return row["attributes"].get("llm.model_name") if semconv.RESPONSE_MODEL in row["attributes"] else None


def documents(row: Row) -> Any:
    found = [
        {key: value for key, value in one.items() if key != "metadata"} | json.loads(one.get("metadata", "{}"))
        for one in phoenix.numbered(row, "retrieval.documents")
    ]
    return (row["attributes"]["input.value"], found) if found else None


BOTH = {
    "kinds": Rule(OPENINFERENCE, ("openinference.span.kind",), None, phoenix.OWN["kinds"].kept),
    "inputs and outputs of steps": Rule(
        OPENINFERENCE, ("input.value", "output.value"), step("input.value", "output.value")
    ),
    "queries and documents": Rule(OPENINFERENCE, ("retrieval.documents.*",), documents),
    "tokens": Rule(OPENINFERENCE, ("llm.token_count.prompt", "llm.token_count.completion")),
    "tokens together": Rule(OPENINFERENCE, ("llm.token_count.total",)),
    "cached tokens": Rule(
        OPENINFERENCE, ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_write")
    ),
    "reasoning tokens": Rule(OPENINFERENCE, ("llm.token_count.completion_details.reasoning",)),
    "cost": Rule(OPENINFERENCE, ("llm.cost.total",)),
    "streams": Rule(OPENINFERENCE, ("metadata",), inside("metadata", "stream_outcome")),
    "retries": Rule(OPENINFERENCE, ("metadata",), inside("metadata", "attempts", "rate_limited_s")),
    "metadata": Rule(OPENINFERENCE, ("metadata",), inside("metadata", "team")),
    "prompts and versions": Rule(OPENINFERENCE, ("prompt.id", "llm.prompt_template.version")),
    "prompts' templates": Rule(OPENINFERENCE, ("llm.prompt_template.template",)),
    "user": Rule(OPENINFERENCE, ("user.id",)),
    "session": Rule(OPENINFERENCE, ("session.id",)),
    "tags": Rule(OPENINFERENCE, ("tag.tags",)),
}
BESIDE: dict[str, str] = dict.fromkeys(
    ("input.value", "output.value", "input.mime_type", "output.mime_type", "llm.prompt_template.variables"),
    OPENINFERENCE,
)

arize = Vendor(
    BOTH
    | {
        "models that answered": Rule(OPENINFERENCE, ("llm.model_name", "embedding.model_name"), model),
        "messages": Rule(
            OPENINFERENCE, ("llm.input_messages.*", "llm.output_messages.*"), phoenix.OWN["messages"].read
        ),
        "tool calls": Rule(
            TOOLS, ("llm.output_messages.*.message.tool_calls.*",), phoenix.OWN["tool calls"].read
        ),
        "tools that were called": Rule(
            OPENINFERENCE, ("tool.name", "tool.id", "tool.parameters", "output.value"),
            lambda row: attribute("tool.name", "tool.id", "tool.parameters", "output.value")(row)
            if "tool.name" in row["attributes"] else None,
        ),
        "tool definitions": Rule(TOOLS, ("llm.tools.*",), *phoenix.DEFINITIONS),
        "scores": Rule(JUDGED, ("annotations.*",), on_span),
    },
    BESIDE
    | dict.fromkeys(
        ("llm.provider", "llm.system", "llm.finish_reason", "llm.invocation_parameters", "agent.name"), OPENINFERENCE
    ),
)  # fmt: skip
ANNOTATING = "https://arize.com/docs/phoenix/sdk-api-reference/rest-api"
of_phoenix = Vendor(BOTH | {"scores": Rule(ANNOTATING, (), scored(annotated), words="by its API")}, BESIDE)
