"""The documented mappings of the vendors that cannot run here, and of those that can, recorded noun by noun."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nbtrace import semconv
from tests.export.servers import phoenix
from tests.export.servers.judgements import (
    assessed,
    evaluated,
    fed_back,
    feedback,
    langfuse_score,
    scored,
)
from tests.export.servers.openinference import arize, of_phoenix
from tests.export.servers.otlp import PLACES
from tests.export.servers.place import Place, Row, attribute, conventions
from tests.export.servers.rules import Rule, Vendor, inside, kinds, parsed, retrieval, step

METADATA = {"first chunk": "time_to_first_chunk_s", "streams": "stream_outcome", "metadata": "team"}

# Datadog

DATADOG = "https://docs.datadoghq.com/llm_observability/instrumentation/otel_instrumentation/"
PROMPTS = "https://docs.datadoghq.com/llm_observability/monitoring/prompt_tracking/"
EVALUATIONS = "https://docs.datadoghq.com/llm_observability/instrumentation/api/#evaluations-api"
FACTS, PROMPT = "_dd.ml_obs.metadata", "_dd.ml_obs.prompt_tracking"


def datadog_kind(row: Row) -> str:
    operation, given = row["attributes"].get(semconv.OPERATION_NAME), row["attributes"].get("openinference.span.kind")
    if operation is None and given == "RETRIEVER":
        return "retrieval"
    known = {"chat": "llm", "embeddings": "embedding", "execute_tool": "tool", "invoke_agent": "agent"}
    return known.get(operation or "", "workflow")


datadog = Vendor(
    {
        "kinds": Rule(
            DATADOG, (semconv.OPERATION_NAME, "openinference.span.kind"), datadog_kind,
            kinds("workflow", llm="llm", embedding="embedding", tool="tool", agent="agent", retrieval="retrieval"),
        ),
        "inputs and outputs of steps": Rule(
            DATADOG, ("input.value", "output.value"), step("input.value", "output.value")
        ),
        "queries and documents": Rule(
            DATADOG, ("input.value", "output.value"), retrieval("input.value", "output.value")
        ),
        "tokens together": Rule(DATADOG, ("gen_ai.usage.total_tokens",)),
        "cached tokens": Rule(
            DATADOG, ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_write")
        ),
        "reasoning tokens": Rule(DATADOG, ("llm.token_count.completion_details.reasoning",)),
        "cost": Rule(DATADOG, ("gen_ai.cost.estimated_total",)),
        **{noun: Rule(DATADOG, (FACTS,), inside(FACTS, key)) for noun, key in METADATA.items()},
        "retries": Rule(DATADOG, (FACTS,), inside(FACTS, "attempts", "rate_limited_s")),
        "prompts and versions": Rule(PROMPTS, (PROMPT,), inside(PROMPT, "name", "version")),
        "prompts' templates": Rule(PROMPTS, (PROMPT,), inside(PROMPT, "template")),
        "user": Rule(DATADOG, ("user.id",)),
        "session": Rule(DATADOG, ("gen_ai.conversation.id",)),
        "conversation": Rule(DATADOG, (FACTS,), inside(FACTS, "conversation_id")),
        "tags": Rule(DATADOG, (FACTS,), inside(FACTS, "tags")),
        "scores": Rule(EVALUATIONS, (), scored(evaluated), words="by its API"),
    },
    {"dd_llmobs_enabled": DATADOG},
)  # fmt: skip

# Langfuse

LANGFUSE = "https://langfuse.com/integrations/native/opentelemetry#property-mapping"
READER = "https://github.com/langfuse/langfuse/blob/main/packages/shared/src/server/otel/OtelIngestionProcessor.ts"
USED = "langfuse.observation.usage_details"
IN_OUT = ("langfuse.observation.input", "langfuse.observation.output")
REMARK = "langfuse.observation.metadata."


def usage(*names: tuple[str, ...]) -> Callable[[Row], Any]:
    """Add up parts of the usage; none where there is none."""

    def read(row: Row) -> Any:
        parts = json.loads(row["attributes"].get(USED, "{}"))
        values = tuple(sum(parts[one] for one in some if one in parts) or None for some in names)
        return (values if len(names) > 1 else values[0]) if any(values) else None

    return read


def langfuse_first_chunk(row: Row) -> Any:
    told = row["attributes"].get("langfuse.observation.completion_start_time")
    return told and round(datetime.fromisoformat(told).timestamp() - row["span"].start_time_unix_nano / 1e9, 3)


def langfuse_prompt(row: Row) -> Any:
    name, version = (row["attributes"].get(f"langfuse.observation.prompt.{one}") for one in ("name", "version"))
    return name and (name, str(version))


def with_its_error(message: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """Read an error whose message has a name of its own, with its class and event."""
    plain = PLACES["errors"][0].read
    return lambda row: (message(row), *plain(row)[1:]) if message(row) and plain(row) else None


langfuse = Vendor(
    {
        "kinds": Rule(
            LANGFUSE, ("langfuse.observation.type",), None,
            kinds("span", llm="generation", embedding="embedding", tool="tool", retrieval="retriever", agent="agent",
                  chain="chain", guardrail="guardrail"),
        ),
        "inputs and outputs of steps": Rule(LANGFUSE, IN_OUT, step(*IN_OUT)),
        "queries and documents": Rule(LANGFUSE, IN_OUT, retrieval(*IN_OUT)),
        "tokens": Rule(
            READER, (USED,),
            usage(("input", "input_cached_tokens", "input_cache_creation"), ("output", "output_reasoning_tokens")),
        ),
        "tokens together": Rule(READER, (USED,), usage(("total",))),
        "cached tokens": Rule(READER, (USED,), usage(("input_cached_tokens",), ("input_cache_creation",))),
        "reasoning tokens": Rule(READER, (USED,), usage(("output_reasoning_tokens",))),
        "cost": Rule(
            LANGFUSE, ("langfuse.observation.cost_details",), inside("langfuse.observation.cost_details", "total")
        ),
        "first chunk": Rule(LANGFUSE, ("langfuse.observation.completion_start_time",), langfuse_first_chunk),
        "streams": Rule(LANGFUSE, (f"{REMARK}stream_outcome",)),
        "retries": Rule(
            LANGFUSE, (f"{REMARK}attempts", f"{REMARK}rate_limited_s"),
            parsed(f"{REMARK}attempts", f"{REMARK}rate_limited_s"),
        ),
        "metadata": Rule(LANGFUSE, (f"{REMARK}team",)),
        "prompts and versions": Rule(LANGFUSE, ("langfuse.observation.prompt.*",), langfuse_prompt),
        "user": Rule(LANGFUSE, ("langfuse.user.id",)),
        "session": Rule(LANGFUSE, ("langfuse.session.id",)),
        "tags": Rule(LANGFUSE, ("langfuse.trace.tags",)),
        "errors": Rule(
            LANGFUSE, ("langfuse.observation.status_message", "langfuse.observation.level"),
            with_its_error(
                lambda row: row["attributes"].get("langfuse.observation.level") == "ERROR"
                and row["attributes"]["langfuse.observation.status_message"]
            ),
        ),
        "scores": Rule(
            "https://api.reference.langfuse.com/#tag/score/post/api/public/scores", (), scored(langfuse_score),
            words="by its API",
        ),
    },
    {f"{REMARK}*": LANGFUSE, "langfuse.trace.name": LANGFUSE, "langfuse.environment": LANGFUSE,
     "langfuse.release": LANGFUSE, "gen_ai.usage.*": READER},
)  # fmt: skip

# LangSmith

LANGSMITH = "https://docs.langchain.com/langsmith/trace-with-opentelemetry#supported-opentelemetry-attribute-mapping"
NOTE = "langsmith.metadata."


def langsmith_retrieval(row: Row) -> Any:
    found = [
        {**json.loads(one["metadata"]), **({"content": one["content"]} if one["content"] else {})}
        for one in phoenix.numbered(row, "retrieval.documents")
    ]
    return (row["attributes"]["input.value"], found) if found else None


langsmith = Vendor(
    {
        "kinds": Rule(
            LANGSMITH, ("langsmith.span.kind",), None,
            kinds("chain", llm="llm", embedding="embedding", tool="tool", retrieval="retriever"),
        ),
        "inputs and outputs of steps": Rule(
            LANGSMITH, ("input.value", "output.value"), step("input.value", "output.value")
        ),
        "queries and documents": Rule(LANGSMITH, ("retrieval.documents.*", "input.value"), langsmith_retrieval),
        "tokens together": Rule(LANGSMITH, ("gen_ai.usage.total_tokens",)),
        "cached tokens": Rule(
            LANGSMITH, (f"{NOTE}cache_read_tokens", f"{NOTE}cache_write_tokens"),
            parsed(f"{NOTE}cache_read_tokens", f"{NOTE}cache_write_tokens"),
        ),
        "reasoning tokens": Rule(LANGSMITH, ("gen_ai.usage.details.reasoning_tokens",)),
        "cost": Rule(LANGSMITH, (f"{NOTE}cost_usd",), parsed(f"{NOTE}cost_usd")),
        "first chunk": Rule(
            LANGSMITH, (f"{NOTE}time_to_first_chunk_s",), parsed(f"{NOTE}time_to_first_chunk_s")
        ),
        "streams": Rule(LANGSMITH, (f"{NOTE}stream_outcome",)),
        "retries": Rule(
            LANGSMITH, (f"{NOTE}attempts", f"{NOTE}rate_limited_s"),
            parsed(f"{NOTE}attempts", f"{NOTE}rate_limited_s"),
        ),
        "metadata": Rule(LANGSMITH, (f"{NOTE}team",)),
        "prompts and versions": Rule(LANGSMITH, (f"{NOTE}prompt_name", f"{NOTE}prompt_version")),
        "user": Rule(LANGSMITH, (f"{NOTE}user_id",)),
        "session": Rule(LANGSMITH, ("langsmith.trace.session_id",)),
        "tags": Rule(LANGSMITH, ("langsmith.span.tags",), None, ", ".join),
        "scores": Rule(
            "https://docs.langchain.com/langsmith/attach-user-feedback", (), scored(feedback), words="by its API"
        ),
    },
    {f"{NOTE}*": LANGSMITH, "gen_ai.system": LANGSMITH},
)  # fmt: skip

# MLflow

MLFLOW = "https://mlflow.org/docs/latest/genai/tracing/opentelemetry/ingest/"
USERS = "https://mlflow.org/docs/latest/genai/tracing/track-users-sessions/"
SPAN = ("mlflow.spanInputs", "mlflow.spanOutputs")

of_mlflow = Vendor(
    {
        "kinds": Rule(
            MLFLOW, ("mlflow.spanType",), parsed("mlflow.spanType"),
            kinds("CHAIN", llm="CHAT_MODEL", embedding="EMBEDDING", tool="TOOL", retrieval="RETRIEVER", agent="AGENT",
                  guardrail="GUARDRAIL"),
        ),
        "inputs and outputs of steps": Rule(MLFLOW, SPAN, step(*SPAN, json.loads)),
        "queries and documents": Rule(MLFLOW, SPAN, retrieval(*SPAN, json.loads)),
        "cost": Rule(MLFLOW, ("mlflow.llm.cost",), inside("mlflow.llm.cost", "total_cost")),
        "user": Rule(USERS, ("user.id",)),
        "session": Rule(USERS, ("session.id",)),
        "tags": Rule(MLFLOW, ("mlflow.traceTag.tags",), None, ", ".join),
        "scores": Rule(
            "https://mlflow.org/docs/latest/genai/assessments/feedback/", (), scored(assessed), words="by its API"
        ),
    }
)  # fmt: skip

# Logfire and Weave, which read the conventions

CLIENTS = "https://logfire.pydantic.dev/docs/how-to-guides/alternative-clients/"
PANELS = "https://logfire.pydantic.dev/docs/guides/web-ui/llm-panels/"
FEEDBACK = "https://github.com/pydantic/logfire/blob/main/logfire/experimental/annotations.py"
ERROR_LEVEL = 17

logfire = Vendor(
    {
        "cached tokens": Rule(
            PANELS, ("gen_ai.usage.cache_creation.input_tokens",),
            attribute(semconv.USAGE_CACHE_READ, "gen_ai.usage.cache_creation.input_tokens"),
        ),
        "reasoning tokens": Rule(PANELS, ("gen_ai.usage.details.reasoning_tokens",)),
        "cost": Rule(PANELS, ("operation.cost",)),
        "metadata": Rule(CLIENTS, ("team",)),
        "tags": Rule(CLIENTS, ("logfire.tags",)),
        "scores": Rule(FEEDBACK, (), scored(fed_back), words="by its API"),
        "errors": Rule(
            CLIENTS, ("logfire.level_num",),
            with_its_error(
                lambda row: row["attributes"].get("logfire.level_num") == ERROR_LEVEL and row["span"].status.message
            ),
        ),
    },
    {"logfire.msg": CLIENTS, "logfire.span_type": CLIENTS},
)  # fmt: skip

WEAVE = "https://docs.wandb.ai/weave/guides/tracking/trace-agents-otel"


def is_turn(row: Row) -> bool:
    return not row["span"].parent_span_id


def of_calls(place: Place) -> Callable[[Row], Any]:
    return lambda row: None if is_turn(row) else place.read(row)


def weave_step(row: Row) -> Any:
    if not is_turn(row):
        return PLACES["inputs and outputs of steps"][0].read(row)
    ((message,),) = [json.loads(row["attributes"][semconv.INPUT_MESSAGES])]
    return message["parts"][0]["content"], None


weave = Vendor(
    {
        "kinds": Rule(
            WEAVE, (semconv.OPERATION_NAME,),
            lambda row: row["attributes"].get(semconv.OPERATION_NAME) or row["attributes"].get(semconv.SPAN_TYPE),
            lambda kind: "invoke_agent" if kind == "cell" else PLACES["kinds"][0].kept(kind),
        ),
        "messages": Rule(WEAVE, (semconv.INPUT_MESSAGES,), of_calls(conventions("")["messages"][0])),
        "inputs and outputs of steps": Rule(WEAVE, (semconv.INPUT_MESSAGES,), weave_step),
        "tokens together": Rule(WEAVE, ("gen_ai.usage.total_tokens",)),
        "conversation": Rule(WEAVE, (semconv.CONVERSATION_ID,)),
    },
    {semconv.AGENT_NAME: WEAVE, semconv.OUTPUT_MESSAGES: WEAVE},
)  # fmt: skip

VENDORS: Mapping[str, Vendor] = {
    "arize": arize, "datadog": datadog, "langfuse": langfuse, "langsmith": langsmith, "logfire": logfire,
    "mlflow": of_mlflow, "phoenix": of_phoenix, "weave": weave,
    **dict.fromkeys(("grafana", "honeycomb", "jaeger", "otlp"), Vendor()),
}  # fmt: skip
"""By the name of the backend; the last ones keep every attribute as it is sent."""
