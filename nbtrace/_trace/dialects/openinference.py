"""OpenInference (Arize Phoenix): `llm.*`, `retrieval.*` and `openinference.span.kind`, with lists flattened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.blobs import uri
from nbtrace._trace.dialects import flat, frameworks, messages
from nbtrace._trace.dialects.flat import dumps, listed, mapping, nested, parameters, parsed, provider, renamed, text

Attributes = Mapping[str, AttributeValue]

KIND: Final = "openinference.span.kind"

OPERATIONS: Final = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
}
"""Span kind to GenAI operation."""

SPAN_TYPES: Final = {
    "CHAIN": "chain",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluation",
    "RERANKER": "retrieval",
    "PROMPT": "chain",
    "DECISION": "chain",
}
"""Span kind to our type, where no operation says it."""

NAMES: Final = {
    "llm.token_count.prompt": semconv.USAGE_INPUT_TOKENS,
    "llm.token_count.completion": semconv.USAGE_OUTPUT_TOKENS,
    "llm.token_count.prompt_details.cache_read": semconv.USAGE_CACHE_READ,
    "llm.token_count.prompt_details.cache_write": semconv.USAGE_CACHE_WRITE,
    "llm.token_count.completion_details.reasoning": semconv.USAGE_REASONING,
    "llm.cost.total": semconv.USAGE_COST,
    "llm.prompt_template.template": semconv.PROMPT_TEMPLATE,
    "llm.prompt_template.version": semconv.PROMPT_VERSION,
    "prompt.id": semconv.PROMPT_NAME,
    "agent.name": semconv.AGENT_NAME,
    "tag.tags": semconv.TAGS,
}

TOOL_NAMES: Final = {
    "tool.name": semconv.TOOL_NAME,
    "tool.description": semconv.TOOL_DESCRIPTION,
    "tool.id": semconv.TOOL_CALL_ID,
    "input.value": semconv.TOOL_CALL_ARGUMENTS,
    "output.value": semconv.TOOL_CALL_RESULT,
}


LLAMA_INDEX: Final = "openinference.instrumentation.llama_index"

SEEN: Final = ("llm.input_messages.", "llm.output_messages.", "llm.prompts", "llm.token_count.", "llm.finish_reason")
"""How the names begin of which a span that saw a request or an answer has one."""


def read(attributes: Attributes, events: Iterable[Any], scope_name: str) -> dict[str, AttributeValue]:
    """Give what a span of OpenInference means."""
    if KIND not in attributes:
        return {}
    kind = str(attributes[KIND]).upper()
    if kind == "LLM" and scope_name == LLAMA_INDEX and not any(name.startswith(SEEN) for name in attributes):
        kind = "CHAIN"  # LlamaIndex has every method of a model be one, also those that only prepare or pass on a call
    found = renamed(attributes, NAMES)
    if kind in OPERATIONS:
        found[semconv.OPERATION_NAME] = OPERATIONS[kind]
    elif kind in SPAN_TYPES:
        found[semconv.SPAN_TYPE] = SPAN_TYPES[kind]
    if "llm.cost.total" in attributes:
        found[semconv.COST_SOURCE] = "llm.cost.total"
    return found | _context(attributes) | _KINDS.get(kind, _nothing)(attributes)


def _context(attributes: Attributes) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for key, value in mapping(attributes.get("metadata")).items():
        found[f"{semconv.METADATA}{key}"] = value if isinstance(value, (bool, int, float)) else text(value)
    for key, value in mapping(attributes.get("llm.prompt_template.variables")).items():
        found[f"{semconv.PROMPT_VARIABLE}{key}"] = text(value)
    return found


def _nothing(attributes: Attributes) -> dict[str, AttributeValue]:
    return {}


def _model(attributes: Attributes, given: Mapping[str, Any], named: AttributeValue | None) -> dict[str, AttributeValue]:
    """Tell the model asked for from the one that answered: the span's one name is of whichever was known last."""
    found = parameters(given)
    if (system := attributes.get("llm.provider") or attributes.get("llm.system")) is not None:
        found[semconv.PROVIDER_NAME] = provider(system)
    asked = attributes.get("llm.request.model_name") or given.get("model") or named
    answered = attributes.get("llm.response.model_name")
    if answered is None and given.get("model") and "output.value" in attributes:
        answered = named
    for key, model in ((semconv.REQUEST_MODEL, asked), (semconv.RESPONSE_MODEL, answered)):
        if model is not None:
            found[key] = str(model)
    return found


def _llm(attributes: Attributes) -> dict[str, AttributeValue]:
    given = mapping(attributes.get("llm.invocation_parameters"))
    found = _model(attributes, given, attributes.get("llm.model_name"))
    body = mapping(attributes.get("output.value"))
    found |= _response(body) | _blocked(body)
    reason = attributes.get("llm.finish_reason")
    if reason is not None:
        reason = flat.finish_reason(reason)
        found[semconv.RESPONSE_FINISH_REASONS] = [reason]
    if sent := nested(attributes, "llm.input_messages"):
        found[semconv.INPUT_MESSAGES] = dumps([_message(one, "user") for one in sent])
    if received := nested(attributes, "llm.output_messages"):
        made = [_message(one, "assistant") for one in received]
        found[semconv.OUTPUT_MESSAGES] = dumps([one | ({"finish_reason": reason} if reason else {}) for one in made])
    if tools := nested(attributes, "llm.tools"):
        schemas = [mapping(mapping(tool).get("tool")).get("json_schema") for tool in tools]
        found[semconv.TOOL_DEFINITIONS] = dumps([messages.tool_definition(schema) for schema in schemas])
    return found


def _response(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Read the response's id, and the model that gave it, if that is what the span's output is."""
    found = {}
    if {"choices", "object", "stop_reason"} & body.keys():
        found = {semconv.RESPONSE_ID: body.get("id")}
    elif {"candidates", "prompt_feedback"} & body.keys():  # Google's
        found = {semconv.RESPONSE_ID: body.get("response_id"), semconv.RESPONSE_MODEL: body.get("model_version")}
    elif "generations" in body:  # LangChain's
        found = {semconv.RESPONSE_ID: mapping(body.get("llm_output")).get("id")}
    return {key: str(value) for key, value in found.items() if value}


def _blocked(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Read that Google's filter stopped the prompt: there is no answer then whose reason to finish would say so."""
    feedback = mapping(body.get("prompt_feedback"))
    if feedback.get("block_reason") in {None, "BLOCKED_REASON_UNSPECIFIED"}:
        return {}
    return {semconv.REFUSAL: "prompt", semconv.CONTENT_FILTER: dumps({"prompt_feedback": feedback})}


def _message(given: Any, default_role: str) -> dict[str, Any]:
    one = mapping(mapping(given).get("message"))
    if (parts := listed(one.get("contents"))) and "content" not in one:
        one["content"] = [_part(mapping(mapping(part).get("message_content"))) for part in parts]
    one["tool_calls"] = [mapping(call).get("tool_call") for call in listed(one.get("tool_calls"))]
    return messages.message(one, default_role)


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": part.get("text")}
    if kind == "reasoning":
        return {"type": "reasoning", "content": part.get("text")}
    if isinstance(kind, str) and (link := mapping(mapping(part.get(kind)).get(kind)).get("url")):
        return uri(link, kind)
    return part


def _embedding(attributes: Attributes) -> dict[str, AttributeValue]:
    given = mapping(attributes.get("embedding.invocation_parameters") or attributes.get("llm.invocation_parameters"))
    return _model(attributes, given, attributes.get("embedding.model_name") or attributes.get("llm.model_name"))


def _tool(attributes: Attributes) -> dict[str, AttributeValue]:
    found = renamed(attributes, TOOL_NAMES)
    if semconv.TOOL_CALL_RESULT in found:
        found[semconv.TOOL_CALL_RESULT] = frameworks.result(found[semconv.TOOL_CALL_RESULT])
    return found


def _retrieval(attributes: Attributes) -> dict[str, AttributeValue]:
    query = renamed(attributes, {"input.value": semconv.RETRIEVAL_QUERY, "reranker.query": semconv.RETRIEVAL_QUERY})
    query = {key: frameworks.query(value) for key, value in query.items()}
    rows = nested(attributes, "retrieval.documents") or nested(attributes, "reranker.output_documents")
    documents = [mapping(mapping(row).get("document")) for row in rows]
    for document in documents:
        if "metadata" in document:
            document["metadata"] = parsed(document["metadata"])
    return query | ({semconv.RETRIEVAL_DOCUMENTS: dumps(documents)} if documents else {})


_KINDS: Final = {
    "LLM": _llm,
    "EMBEDDING": _embedding,
    "TOOL": _tool,
    "RETRIEVER": _retrieval,
    "RERANKER": _retrieval,
}
