"""MLflow: `mlflow.*`, every value of which is JSON, with a client's request and response as inputs and outputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.dialects import flat, messages
from nbtrace._trace.dialects.flat import dumps, listed, mapping, parameters, text

Attributes = Mapping[str, AttributeValue]

KIND: Final = "mlflow.spanType"

OPERATIONS: Final = {
    "LLM": "chat",
    "CHAT_MODEL": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
}
"""Span type to GenAI operation."""

SPAN_TYPES: Final = {
    "CHAIN": "chain",
    "WORKFLOW": "chain",
    "TASK": "chain",
    "PARSER": "chain",
    "RERANKER": "retrieval",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluation",
}
"""Span type to our type, where no operation says it."""

USAGE: Final = {
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "cache_read_input_tokens": semconv.USAGE_CACHE_READ,
    "cache_creation_input_tokens": semconv.USAGE_CACHE_WRITE,
}


def read(attributes: Attributes, events: Iterable[Any], scope_name: str) -> dict[str, AttributeValue]:
    """Give what a span of MLflow means."""
    if KIND not in attributes:
        return {}
    given = {key: _value(value) for key, value in attributes.items() if key.startswith("mlflow.")}
    kind = str(given[KIND])
    found: dict[str, AttributeValue] = {}
    if kind in OPERATIONS:
        found[semconv.OPERATION_NAME] = OPERATIONS[kind]
    elif kind in SPAN_TYPES:
        found[semconv.SPAN_TYPE] = SPAN_TYPES[kind]
    sent, received = given.get("mlflow.spanInputs"), given.get("mlflow.spanOutputs")
    match OPERATIONS.get(kind):
        case "chat" | "embeddings":
            found |= _call(given, mapping(sent), received)
        case "execute_tool":
            name = given.get("mlflow.spanFunctionName")
            found |= {semconv.TOOL_NAME: str(name)} if name is not None else {}
            found |= _texts({semconv.TOOL_CALL_ARGUMENTS: sent, semconv.TOOL_CALL_RESULT: received})
        case "retrieval":
            found |= _texts({semconv.RETRIEVAL_QUERY: sent, semconv.RETRIEVAL_DOCUMENTS: received})
        case _:
            found |= _texts({semconv.INPUT_VALUE: sent, semconv.OUTPUT_VALUE: received})
    return found


def _value(written: AttributeValue) -> Any:
    if isinstance(written, str):
        with suppress(ValueError, RecursionError):
            return json.loads(written)
    return written


def _texts(given: Mapping[str, Any]) -> dict[str, AttributeValue]:
    return {key: text(value) for key, value in given.items() if value is not None}


def _call(given: Mapping[str, Any], sent: dict[str, Any], received: Any) -> dict[str, AttributeValue]:
    """Read a call: of the request and the response what they have in common with OpenAI's."""
    found = parameters(sent)
    answer = mapping(received)
    if (provider := given.get("mlflow.llm.provider")) is not None:
        found[semconv.PROVIDER_NAME] = flat.provider(provider)
    asked, answered = sent.get("model") or given.get("mlflow.llm.model"), answer.get("model")
    named = {semconv.REQUEST_MODEL: asked, semconv.RESPONSE_MODEL: answered, semconv.RESPONSE_ID: answer.get("id")}
    found |= {key: str(value) for key, value in named.items() if value}
    used = mapping(given.get("mlflow.chat.tokenUsage"))
    found |= {key: used[name] for name, key in USAGE.items() if isinstance(used.get(name), int)}
    cost = mapping(given.get("mlflow.llm.cost")).get("total_cost")
    if isinstance(cost, int | float):
        found |= {semconv.USAGE_COST: float(cost), semconv.COST_SOURCE: "mlflow.llm.cost"}
    if asking := [messages.message(mapping(one), "user") for one in listed(sent.get("messages"))]:
        found[semconv.INPUT_MESSAGES] = dumps(asking)
    choices = [mapping(one) for one in listed(answer.get("choices"))]
    said = [
        messages.message({**mapping(one.get("message")), "finish_reason": one.get("finish_reason")}, "assistant")
        for one in choices
    ]
    if said:
        found[semconv.OUTPUT_MESSAGES] = dumps(said)
        found[semconv.RESPONSE_FINISH_REASONS] = [
            flat.finish_reason(one["finish_reason"]) for one in choices if one.get("finish_reason")
        ]
    return found
