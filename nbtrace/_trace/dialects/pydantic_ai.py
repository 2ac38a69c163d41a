"""pydantic-ai and Logfire: messages as JSON in `events`, `all_messages_events`, `pydantic_ai.all_messages`.

Also `request_data` and `response_data`, which Logfire's own instrumentation of a client writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.dialects import messages
from nbtrace._trace.dialects.flat import dumps, listed, mapping, parameters, renamed
from nbtrace._trace.dialects.older import conversation

Attributes = Mapping[str, AttributeValue]

SCOPES: Final = ("pydantic-ai", "logfire")
"""How the names of their scopes begin. Names such as `events` are too plain to be theirs elsewhere."""

NAMES: Final = {
    "gen_ai.usage.details.reasoning_tokens": semconv.USAGE_REASONING,
    "operation.cost": semconv.USAGE_COST,
    "agent_name": semconv.AGENT_NAME,
    "tool_arguments": semconv.TOOL_CALL_ARGUMENTS,
    "tool_response": semconv.TOOL_CALL_RESULT,
    "final_result": semconv.OUTPUT_VALUE,
}


def read(attributes: Attributes, events: Iterable[Any], scope_name: str) -> dict[str, AttributeValue]:
    """Give what a span of pydantic-ai's or Logfire's means."""
    if not scope_name.startswith(SCOPES):
        return {}
    found = renamed(attributes, NAMES)
    if "operation.cost" in attributes:
        found[semconv.COST_SOURCE] = "operation.cost"
    noted = listed(attributes.get("events")) or listed(attributes.get("all_messages_events"))
    found |= conversation((str(event.get("event.name")), event) for event in map(mapping, noted))
    return found | _all_messages(attributes) | _client(attributes)


def _all_messages(attributes: Attributes) -> dict[str, AttributeValue]:
    """Part an agent's conversation into its last answer and all before."""
    before = [mapping(one) for one in listed(attributes.get("pydantic_ai.all_messages"))]
    answer = [before.pop()] if before and before[-1].get("role") == "assistant" else []
    sides = ((semconv.INPUT_MESSAGES, before), (semconv.OUTPUT_MESSAGES, answer))
    return {key: dumps(some) for key, some in sides if some}


def _client(attributes: Attributes) -> dict[str, AttributeValue]:
    request, response = mapping(attributes.get("request_data")), mapping(attributes.get("response_data"))
    found = parameters(request)
    if sent := listed(request.get("messages")):
        found[semconv.INPUT_MESSAGES] = dumps([messages.message(mapping(one), "user") for one in sent])
        found[semconv.OPERATION_NAME] = "chat"
        found[semconv.REQUEST_MODEL] = str(request.get("model"))
    if received := mapping(response.get("message")):
        found[semconv.OUTPUT_MESSAGES] = dumps([messages.message(received, "assistant")])
    return found
