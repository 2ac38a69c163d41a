"""What the rich session tells, noun by noun: a value for each span that has one, by the span's id.

Every server is compared with this, whatever form it gives the same facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbtrace import semconv
from nbtrace._query.kinds import kind
from tests.export import rich

Values = dict[int, Any]
"""By the number of the span."""

OF_TRACE = ("user", "session", "conversation", "tags")
"""What a span that does not say it has from its trace; a server may be told it of every span."""


def told() -> dict[str, Values]:
    """Give the nouns in the order of the table, and what the session tells of each."""
    attributes = {number: given for number, _, _, _, given in rich.SPANS}

    def of(*names: str) -> Values:
        """Give the values of some attributes, of the spans that have any of them."""
        found = {number: tuple(map(given.get, names)) for number, given in attributes.items()}
        return {number: values if len(names) > 1 else values[0] for number, values in found.items() if any(values)}

    spans = {span.context.span_id: span for span in rich.spans() if span.context}
    messages = {
        number: [*_system(given), *_listed(given, semconv.INPUT_MESSAGES), *_listed(given, semconv.OUTPUT_MESSAGES)]
        for number, given in attributes.items()
    }
    return {
        "spans": {number: (f"{rich.TRACE:032x}", name) for number, _, name, *_ in rich.SPANS},
        "parents": {number: parent for number, parent, *_ in rich.SPANS if parent},
        "times": {number: (span.start_time, span.end_time) for number, span in spans.items()},
        "kinds": _of(attributes, lambda one: kind(one.get(semconv.SPAN_TYPE), one.get(semconv.OPERATION_NAME))),
        "kinds of OTLP": {number: each.name for number, _, _, each, _ in rich.SPANS},
        "models": of(semconv.REQUEST_MODEL),
        "models that answered": of(semconv.RESPONSE_MODEL),
        "messages": _of(messages, lambda one: [(each["role"], text(each)) for each in one]),
        "tool calls": _of(messages, tool_calls),
        "tools that were called": of(
            semconv.TOOL_NAME, semconv.TOOL_CALL_ID, semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT
        ),
        "tool definitions": _of(attributes, lambda one: _listed(one, semconv.TOOL_DEFINITIONS)),
        "inputs and outputs of steps": {
            number: (given.get(semconv.INPUT_VALUE) or given.get(semconv.CELL_SOURCE), given.get(semconv.OUTPUT_VALUE))
            for number, given in attributes.items()
            if semconv.INPUT_VALUE in given or semconv.CELL_SOURCE in given
        },
        "tokens": of(semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS),
        "tokens together": {
            number: given[semconv.USAGE_INPUT_TOKENS] + given[semconv.USAGE_OUTPUT_TOKENS]
            for number, given in attributes.items()
            if semconv.USAGE_OUTPUT_TOKENS in given
        },
        "cached tokens": of(semconv.USAGE_CACHE_READ, semconv.USAGE_CACHE_WRITE),
        "reasoning tokens": of(semconv.USAGE_REASONING),
        "cost": of(semconv.USAGE_COST),
        "cost of the trace": {1: sum(given.get(semconv.USAGE_COST, 0.0) for given in attributes.values())},
        "first chunk": of(semconv.RESPONSE_TIME_TO_FIRST_CHUNK),
        "streams": of(semconv.STREAM_OUTCOME),
        "retries": of(semconv.ATTEMPTS, semconv.ATTEMPTS_RATE_LIMITED),
        "prompts and versions": of(semconv.PROMPT_NAME, semconv.PROMPT_VERSION),
        "prompts' templates": of(semconv.PROMPT_TEMPLATE),
        "user": of(semconv.USER_ID),
        "session": of(semconv.SESSION_ID),
        "conversation": of(semconv.CONVERSATION_ID),
        "tags": of(semconv.TAGS),
        "metadata": of(semconv.METADATA + "team"),
        "queries and documents": {
            number: (given[semconv.RETRIEVAL_QUERY], _listed(given, semconv.RETRIEVAL_DOCUMENTS))
            for number, given in attributes.items()
            if semconv.RETRIEVAL_QUERY in given
        },
        "errors": {
            number: (span.status.description, attributes[number][semconv.ERROR_TYPE], span.events[0].name)
            for number, span in spans.items()
            if not span.status.is_unset
        },
        "scores": _scores(),
        "200 attributes": _of(attributes, lambda one: {key: one[key] for key in one if key.startswith("attribute.")}),
    }  # fmt: skip


def spread(values: Values) -> Values:
    """Say of every span what the trace's say."""
    (said,) = {json.dumps(value): value for value in values.values()}.values()
    return {number: said for number, *_ in rich.SPANS}


def text(message: Mapping[str, Any]) -> str | None:
    """Give what a message says: its text, or what a tool gave back, as compact JSON; nothing where it calls a tool."""
    said = [part.get("content", part.get("response")) for part in message["parts"] if part["type"] != "tool_call"]
    return compact(said[0]) if said else None


def compact(value: Any) -> str | None:
    """Write JSON that is a text or a value already without spaces; a text stays as it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tool_calls(messages: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    """Give id, name and arguments of the tool calls in messages."""
    parts = (part for message in messages for part in message["parts"] if part["type"] == "tool_call")
    return [(part["id"], part["name"], part["arguments"]) for part in parts]


def _of(found: Mapping[int, Any], read: Callable[[Any], Any]) -> Values:
    return {number: value for number, one in found.items() if (value := read(one))}


def _listed(given: Mapping[str, Any], name: str) -> list[Any]:
    return json.loads(given.get(name, "[]"))


def _system(given: Mapping[str, Any]) -> list[Any]:
    parts = _listed(given, semconv.SYSTEM_INSTRUCTIONS)
    return [{"role": "system", "parts": parts}] if parts else []


def _scores() -> Values:
    found: Values = {}
    for score in rich.SCORES:
        said = (score.name, score.value, score.label, score.explanation, score.evaluator, score.source)
        found.setdefault(int.from_bytes(score.span_id, "big"), []).append(said)
    return found
