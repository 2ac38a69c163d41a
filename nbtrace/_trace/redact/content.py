"""What of a span is content, and what is kept of it: all, a hash, or nothing.

Numbers and whatever has one of the names below say how a call went; every other text is content, also in spans of
instrumentations that nobody here knows. Equal texts have equal hashes, so that one can tell that a prompt was the same
as another without having either. A hash keeps no secret: who can guess a text can make its hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

ContentMode = Literal["full", "metadata", "hashed"]
"""What is kept of content: everything, nothing, or length and hash."""

_NAMES: Final = frozenset(
    {
        semconv.USER_ID, semconv.SESSION_ID, semconv.ERROR_TYPE, "gen_ai.system", "gen_ai.operation.name",
        "gen_ai.provider.name", "gen_ai.conversation.id", "gen_ai.output.type", "gen_ai.agent.id", "gen_ai.agent.name",
        "gen_ai.agent.version", "gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.tool.call.id", "gen_ai.data_source.id",
        "gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.token.type", "gen_ai.workflow.name",
        "openinference.span.kind", "traceloop.span.kind", "traceloop.entity.name", "traceloop.workflow.name",
        "llm.model_name", "llm.provider", "llm.system", "llm.request.type", "embedding.model_name", "tool.name",
        "agent.name", "exception.type", "exception.escaped", "url.scheme", "url.path", "url.template", "db.system",
        "db.system.name", "db.namespace", "db.operation.name", "db.collection.name", "http.method", "http.scheme",
        "http.route", "http.flavor", "http.host", "logfire.span_type", "logfire.level_num",
    }
)  # fmt: skip
_PREFIXES: Final = (
    "nbtrace.", "gen_ai.request.", "gen_ai.response.", "gen_ai.usage.", "gen_ai.embeddings.", "openai.", "anthropic.",
    "aws.", "azure.", "gcp.", "server.", "client.", "network.", "net.", "peer.", "rpc.", "http.request.",
    "http.response.", "service.", "telemetry.", "process.", "thread.", "code.", "cloud.", "host.", "k8s.", "container.",
    "deployment.", "os.", "otel.",
)  # fmt: skip
_CONTENT: Final = tuple(
    f"{name}."
    for name in (
        semconv.REQUEST_STOP_SEQUENCES, semconv.PROMPT_TEMPLATE, semconv.CELL_SOURCE, semconv.ERROR_BODY,
        semconv.ERROR_CAUSE, semconv.ERROR_PARAM, semconv.LOGPROBS, semconv.STREAM_CUTS, semconv.REQUEST_OPTIONS,
        semconv.EMBEDDINGS_VECTORS, semconv.RESPONSE_DETAILS, semconv.ALSO_SAID, "http.request.body",
        "http.response.body", "code.stacktrace",
    )
)  # fmt: skip
"""Names that begin like one of the above and hold content even so, and beginnings of such."""


@lru_cache(maxsize=4096)
def is_metadata(name: str) -> bool:
    """Say whether an attribute of this name says how a call went, and never what was said.

    Examples:
        >>> is_metadata("gen_ai.request.model"), is_metadata("gen_ai.input.messages"), is_metadata("langfuse.anything")
        (True, False, False)
    """
    return name in _NAMES or (name.startswith(_PREFIXES) and not f"{name}.".startswith(_CONTENT))


def kept(attributes: Mapping[str, AttributeValue], mode: ContentMode) -> dict[str, AttributeValue]:
    """Give what is kept of attributes in a mode other than `full`.

    Examples:
        >>> kept({"gen_ai.request.model": "m", "input.value": "secret plan"}, "hashed")["input.value"]
        '[sha256 c894e0fb797a615a, 11 characters]'
    """
    made: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        if value is None or isinstance(value, (bool, int, float)) or is_metadata(name):
            made[name] = value
        elif mode == "hashed" and name != semconv.LOGPROBS:  # hashes of single tokens could be undone
            made[name] = hashed(value)
    return made


def hashed(value: AttributeValue) -> str:
    """Give what stands for a value: of messages one hash a part, so that one sees which of them are the same."""
    if not isinstance(value, str):
        return _hash(value)
    try:
        parsed: Any = json.loads(value) if value[:1] == "[" else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list) or not all(isinstance(one, dict) for one in cast("list[object]", parsed)):
        return _hash(value)
    return json.dumps([_message(one) for one in cast("list[dict[str, Any]]", parsed)], separators=(",", ":"))


_STRUCTURE: Final = frozenset(
    {"role", "type", "id", "name", "finish_reason", "modality", "mime_type", "size", "sha256", "file_id"}
)
"""Fields of a message and its parts that say what it is."""


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [_message(part) if isinstance(part, dict) else _hash(part) for part in cast("list[Any]", value)]
        if name == "parts" and isinstance(value, list)
        else value
        if name in _STRUCTURE and not isinstance(value, (dict, list))
        else _hash(value)
        for name, value in message.items()
        if not (name == "content" and message.get("type") == "blob")  # whose own hash is there
    }


def _hash(value: object) -> str:
    if isinstance(value, bytes):
        return f"[sha256 {sha256(value).hexdigest()[:16]}, {len(value):,} bytes]"
    written = value if isinstance(value, str) else _written(value)
    digest = sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"[sha256 {digest}, {len(written):,} characters]"


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
