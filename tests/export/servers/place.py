"""Whether a server has the facts of the rich session, compared span by span, and where people find them there.

A server is read into spans by their numbers, each a mapping in whatever form the server's API gives, with its
`attributes`. A place is one way to find a fact in it. What the table says is the first place where every span has what
the session tells and no other span has anything; a fact of which no place has anything is not shown.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nbtrace import semconv
from tests.export.servers.told import OF_TRACE, Values, spread, text, told, tool_calls

Row = dict[str, Any]
Read = Callable[[Row], Any]


class Place(NamedTuple):
    """One way to find a fact of a span."""

    read: Read
    """Gives the fact; none where the span has none."""
    words: str = "yes"
    """How people find it, for the table."""
    kept: Callable[[Any], Any] = lambda value: value
    """Makes of a fact what this server keeps of it."""
    other: str = ""
    """What the table says of a place that has something else, where it is known why."""


Places = Mapping[str, list[Place]]
"""By noun, the best first."""


def shown(spans: Mapping[int, Row], places: Places) -> dict[str, str]:
    """Say of every noun how a server shows it."""
    return {noun: _shown(noun, values, spans, places.get(noun, [])) for noun, values in told().items()}


def _shown(noun: str, values: Values, spans: Mapping[int, Row], places: list[Place]) -> str:
    others: list[str] = []
    for place in places:
        found = {number: value for number, span in spans.items() if (value := place.read(span)) is not None}
        wanted = {number: place.kept(value) for number, value in values.items()}
        if found == wanted or (noun in OF_TRACE and found == spread(wanted)):
            return place.words
        if found:
            different = sorted(one for one in found.keys() | wanted.keys() if found.get(one) != wanted.get(one))
            others.append(place.other or f"**others: spans {different}**")
    return others[0] if others else "not shown"


def attribute(*names: str) -> Read:
    """Read some attributes, where a span has any of them."""

    def read(span: Row) -> Any:
        values = tuple(map(span["attributes"].get, names))
        return said(values if len(names) > 1 else values[0]) if any(values) else None

    return read


def said(value: Any) -> Any:
    """Take what is empty for what is not there."""
    return value or None


def below(span: Row, prefix: str) -> Row:
    """Give the attributes whose names begin so."""
    return {key: value for key, value in span["attributes"].items() if key.startswith(prefix)}


def conventions(words: str) -> dict[str, list[Place]]:
    """Give the places of the attributes that went there as they are."""
    names = {
        "models": (semconv.REQUEST_MODEL,),
        "models that answered": (semconv.RESPONSE_MODEL,),
        "tools that were called": (
            semconv.TOOL_NAME, semconv.TOOL_CALL_ID, semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT,
        ),
        "tokens": (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS),
        "cached tokens": (semconv.USAGE_CACHE_READ, semconv.USAGE_CACHE_WRITE),
        "reasoning tokens": (semconv.USAGE_REASONING,),
        "cost": (semconv.USAGE_COST,),
        "first chunk": (semconv.RESPONSE_TIME_TO_FIRST_CHUNK,),
        "streams": (semconv.STREAM_OUTCOME,),
        "retries": (semconv.ATTEMPTS, semconv.ATTEMPTS_RATE_LIMITED),
        "prompts and versions": (semconv.PROMPT_NAME, semconv.PROMPT_VERSION),
        "prompts' templates": (semconv.PROMPT_TEMPLATE,),
        "user": (semconv.USER_ID,),
        "session": (semconv.SESSION_ID,),
        "conversation": (semconv.CONVERSATION_ID,),
        "tags": (semconv.TAGS,),
        "metadata": (semconv.METADATA + "team",),
    }  # fmt: skip
    found = {noun: [Place(attribute(*some), words)] for noun, some in names.items()}
    return found | {
        "messages": [Place(lambda span: said([(one["role"], text(one)) for one in _messages(span)]), words)],
        "tool calls": [Place(lambda span: said(tool_calls(_messages(span))), words)],
        "tool definitions": [Place(lambda span: said(_listed(span, semconv.TOOL_DEFINITIONS)), words)],
        "queries and documents": [Place(_retrieval, words)],
        "200 attributes": [Place(lambda span: said(below(span, "attribute.")), words)],
    }


def _listed(span: Row, name: str) -> list[Any]:
    value = span["attributes"].get(name)
    return json.loads(value) if isinstance(value, str) else value or []


def _messages(span: Row) -> list[Any]:
    system = _listed(span, semconv.SYSTEM_INSTRUCTIONS)
    first = [{"role": "system", "parts": system}] if system else []
    return [*first, *_listed(span, semconv.INPUT_MESSAGES), *_listed(span, semconv.OUTPUT_MESSAGES)]


def _retrieval(span: Row) -> Any:
    found = _listed(span, semconv.RETRIEVAL_DOCUMENTS)
    return (span["attributes"][semconv.RETRIEVAL_QUERY], found) if found else None


def asked(url: str | urllib.request.Request) -> Any:
    """Ask a server for JSON."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.loads(answer.read())
