"""Traceloop's OpenLLMetry: `gen_ai.prompt.N`, `gen_ai.completion.N`, `llm.*` and `traceloop.*`.

Its newer releases speak the current conventions for messages and still have names of their own for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.dialects import flat, frameworks, messages
from nbtrace._trace.dialects.flat import dumps, mapping, nested, renamed, server, text

Attributes = Mapping[str, AttributeValue]

NAMES: Final = {
    "gen_ai.usage.cache_read_input_tokens": semconv.USAGE_CACHE_READ,
    "gen_ai.usage.cache_creation_input_tokens": semconv.USAGE_CACHE_WRITE,
    "gen_ai.usage.reasoning_tokens": semconv.USAGE_REASONING,
    "gen_ai.openai.system_fingerprint": semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
    "llm.frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "llm.presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "llm.chat.stop_sequences": semconv.REQUEST_STOP_SEQUENCES,
    "llm.user": semconv.USER_ID,
    "traceloop.prompt.key": semconv.PROMPT_NAME,
    "traceloop.prompt.version": semconv.PROMPT_VERSION,
    "traceloop.prompt.template": semconv.PROMPT_TEMPLATE,
    "traceloop.association.properties.user_id": semconv.USER_ID,
    "traceloop.association.properties.session_id": semconv.SESSION_ID,
}

OPERATIONS: Final = {"chat": "chat", "completion": "text_completion", "embedding": "embeddings"}
"""`llm.request.type` to GenAI operation."""

KINDS: Final[dict[str, dict[str, str]]] = {
    "agent": {semconv.OPERATION_NAME: "invoke_agent"},
    "tool": {semconv.OPERATION_NAME: "execute_tool"},
    "workflow": {semconv.SPAN_TYPE: "chain"},
    "task": {semconv.SPAN_TYPE: "chain"},
}
"""`traceloop.span.kind` to what says the same."""

ENTITIES: Final = {
    "agent": (semconv.AGENT_NAME, semconv.INPUT_VALUE, semconv.OUTPUT_VALUE),
    "tool": (semconv.TOOL_NAME, semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT),
}
"""`traceloop.span.kind` to where its name, what it got and what it gave belong."""

STEP: Final = (semconv.STEP_NAME, semconv.INPUT_VALUE, semconv.OUTPUT_VALUE)

PREFIXES: Final = {
    "traceloop.association.properties.": semconv.METADATA,
    "traceloop.prompt.template_variables.": semconv.PROMPT_VARIABLE,
}

_SPOKEN: Final = re.compile(r"traceloop\.|llm\.(?:request|usage|is_streaming|user)|gen_ai\.(?:prompt|completion)\.\d")


def read(attributes: Attributes, events: Iterable[Any], scope_name: str) -> dict[str, AttributeValue]:
    """Give what a span of Traceloop's means."""
    found = renamed(attributes, NAMES) | server(attributes.get("gen_ai.openai.api_base"))
    if attributes.get("gen_ai.is_streaming") is True or attributes.get("llm.is_streaming") is True:
        found[semconv.REQUEST_STREAM] = True
    if not any(map(_SPOKEN.match, attributes)):
        return found
    if operation := OPERATIONS.get(str(attributes.get("llm.request.type"))):
        found[semconv.OPERATION_NAME] = operation
    for key, value in attributes.items():
        for prefix, canonical in PREFIXES.items():
            if key.startswith(prefix) and key not in NAMES:
                found[f"{canonical}{key.removeprefix(prefix)}"] = value
    return found | _entity(attributes) | _retrieval(attributes) | _content(attributes)


def _entity(attributes: Attributes) -> dict[str, AttributeValue]:
    kind = str(attributes.get("traceloop.span.kind"))
    if kind not in KINDS or _is_retrieval(attributes):
        return {}
    name, got, gave = ENTITIES.get(kind, STEP)
    names = {"traceloop.entity.name": name, "traceloop.entity.input": got, "traceloop.entity.output": gave}
    return {**KINDS[kind], **renamed(attributes, names)}


def _is_retrieval(attributes: Attributes) -> bool:
    return flat.OPERATIONS.get(str(attributes.get(semconv.OPERATION_NAME))) == "retrieval"


def _retrieval(attributes: Attributes) -> dict[str, AttributeValue]:
    if not _is_retrieval(attributes):
        return {}
    found = renamed(attributes, {"traceloop.entity.name": semconv.DATA_SOURCE_ID})
    if (query := mapping(attributes.get("traceloop.entity.input")).get("query")) is not None:
        found[semconv.RETRIEVAL_QUERY] = text(query)
    if documents := frameworks.documents(attributes.get("traceloop.entity.output")):
        found[semconv.RETRIEVAL_DOCUMENTS] = dumps(documents)
    return found


def _content(attributes: Attributes) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    if sent := nested(attributes, "gen_ai.prompt"):
        found[semconv.INPUT_MESSAGES] = dumps([messages.message(mapping(one), "user") for one in sent])
    if received := [mapping(one) for one in nested(attributes, "gen_ai.completion")]:
        found[semconv.OUTPUT_MESSAGES] = dumps([messages.message(one, "assistant") for one in received])
        reasons = [text(reason) for one in received if (reason := one.get("finish_reason"))]
        if len(reasons) == len(received):
            found[semconv.RESPONSE_FINISH_REASONS] = reasons
    if tools := nested(attributes, "llm.request.functions"):
        found[semconv.TOOL_DEFINITIONS] = dumps([messages.tool_definition(tool) for tool in tools])
    return found
