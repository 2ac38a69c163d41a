"""Older names of the GenAI conventions themselves, and messages as events of the span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.dialects import messages
from nbtrace._trace.dialects.flat import dumps, listed, mapping, parsed, provider, renamed, text

Attributes = Mapping[str, AttributeValue]

NAMES: Final = {
    "gen_ai.usage.prompt_tokens": semconv.USAGE_INPUT_TOKENS,
    "gen_ai.usage.completion_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "gen_ai.usage.cache_creation.input_tokens": semconv.USAGE_CACHE_WRITE,
    "gen_ai.openai.request.seed": semconv.REQUEST_SEED,
    "gen_ai.openai.request.service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "gen_ai.openai.response.service_tier": semconv.OPENAI_RESPONSE_SERVICE_TIER,
    "gen_ai.openai.response.system_fingerprint": semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
}

OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "text": "text"}

ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Event of a message sent to the role it is from."""

CHOICE: Final = "gen_ai.choice"


def read(attributes: Attributes, events: Iterable[Any], scope_name: str) -> dict[str, AttributeValue]:
    """Give what a span by an older version of the conventions means."""
    found = renamed(attributes, NAMES)
    if (system := attributes.get("gen_ai.system")) is not None:
        found[semconv.PROVIDER_NAME] = provider(system)
    if kind := OUTPUT_TYPES.get(str(attributes.get("gen_ai.openai.request.response_format"))):
        found[semconv.OUTPUT_TYPE] = kind
    noted = [(str(event.name), {**(event.attributes or {})}) for event in events]
    return found | _texts([attributes, *(values for _, values in noted)]) | conversation(noted)


def conversation(events: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, AttributeValue]:
    """Give the messages that were written as events, each with its name and what it says."""
    sent: list[dict[str, Any]] = []
    received: list[dict[str, Any]] = []
    for name, values in events:
        if name in ROLES:
            sent.append(messages.message(values, ROLES[name]))
        elif name == CHOICE:
            said = mapping(values.get("message")) or {**values, "content": values.get("message", values.get("content"))}
            said["finish_reason"] = values.get("finish_reason")
            received.append(messages.message(said, "assistant"))
    if sent and not received and sent[-1]["role"] == "assistant":
        received.append(sent.pop())  # a conversation as an agent keeps it ends with the answer
    sides = ((semconv.INPUT_MESSAGES, sent), (semconv.OUTPUT_MESSAGES, received))
    found: dict[str, AttributeValue] = {key: dumps(some) for key, some in sides if some}
    reasons = [text(reason) for one in received if (reason := one.get("finish_reason"))]
    return found | ({semconv.RESPONSE_FINISH_REASONS: reasons} if reasons and len(reasons) == len(received) else {})


def _texts(places: Iterable[Attributes]) -> dict[str, AttributeValue]:
    """Read the prompt and the completion where each is one text, on the span or on an event of its own."""
    found: dict[str, AttributeValue] = {}
    for values in places:
        for name, key, role in (
            ("gen_ai.prompt", semconv.INPUT_MESSAGES, "user"),
            ("gen_ai.completion", semconv.OUTPUT_MESSAGES, "assistant"),
        ):
            if (said := values.get(name)) is not None:
                each = listed(said) if isinstance(parsed(said), list) else [said]
                found[key] = dumps([messages.message(mapping(one) or {"content": one}, role) for one in each])
    return found
