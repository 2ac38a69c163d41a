"""Reading of flat attributes: nested values behind dotted names, JSON in texts, other names for the same thing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import urlsplit

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

Attributes = Mapping[str, AttributeValue]

PROVIDERS: Final = {
    "aws": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistralai": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""What others call a provider to what the conventions do, where that differs."""

OPERATIONS: Final = {"vector_db_retrieve": "retrieval"}
"""What others call an operation to what the conventions do."""

REASONS: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
}
"""Google's reasons to finish, to the conventions'."""

PARAMETERS: Final[dict[str, tuple[str, Callable[[Any], AttributeValue]]]] = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "frequency_penalty": (semconv.REQUEST_FREQUENCY_PENALTY, float),
    "presence_penalty": (semconv.REQUEST_PRESENCE_PENALTY, float),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "max_completion_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "seed": (semconv.REQUEST_SEED, int),
    "reasoning_effort": (semconv.REQUEST_REASONING_LEVEL, str),
}
"""A request's parameter to its attribute."""


def renamed(attributes: Attributes, names: Mapping[str, str]) -> dict[str, AttributeValue]:
    """Give values under their canonical names; the last of several names for one thing has it."""
    return {canonical: attributes[name] for name, canonical in names.items() if attributes.get(name) is not None}


def provider(name: AttributeValue) -> str:
    """Give a provider's name as the conventions have it."""
    lower = str(name).lower()
    return PROVIDERS.get(lower, lower)


def finish_reason(given: object) -> str:
    """Give a reason to finish as the conventions have it; one that they do not name stays as it is."""
    named = str(getattr(given, "value", given))
    return REASONS.get(named, named)


def parameters(given: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Give the attributes of a request's parameters; one of an unexpected type is left where it was."""
    found: dict[str, AttributeValue] = {}
    for name, (key, kind) in PARAMETERS.items():
        if given.get(name) is not None:
            with suppress(TypeError, ValueError, OverflowError):
                found[key] = kind(given[name])
    if given.get("stream") is True:
        found[semconv.REQUEST_STREAM] = True
    if stop := given.get("stop"):
        found[semconv.REQUEST_STOP_SEQUENCES] = [str(one) for one in listed(stop)]
    return found


def server(url: AttributeValue | None) -> dict[str, AttributeValue]:
    """Give the attributes of the server behind a base URL."""
    parts = urlsplit(str(url or ""))
    if not parts.hostname:
        return {}
    found: dict[str, AttributeValue] = {semconv.SERVER_ADDRESS: parts.hostname}
    return found | ({semconv.SERVER_PORT: parts.port} if parts.port is not None else {})


def nested(attributes: Attributes, prefix: str) -> list[Any]:
    """Rebuild the list that was flattened to `prefix.0...`, `prefix.1...`.

    Examples:
        >>> nested({"docs.1.id": "b", "docs.0.id": "a", "docs.0.tags.0.name": "x"}, "docs")
        [{'id': 'a', 'tags': [{'name': 'x'}]}, {'id': 'b'}]
    """
    tree: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(f"{prefix}."):
            *path, last = key[len(prefix) + 1 :].split(".")
            node = tree
            for step in path:
                below = node.get(step)
                node[step] = node = cast("dict[str, Any]", below) if isinstance(below, dict) else {}
            if not isinstance(node.get(last), dict):
                node[last] = value
    built = _built(tree)
    return cast("list[Any]", built) if isinstance(built, list) else []


def _built(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    children = cast("dict[str, Any]", node)
    if children and all(key.isdecimal() for key in children):
        return [_built(children[key]) for key in sorted(children, key=int)]
    return {key: _built(child) for key, child in children.items()}


def parsed(value: Any) -> Any:
    """Read a text as the JSON it holds; anything else stays as it is."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Read a JSON object, or its text; an empty one for anything else."""
    read = parsed(value)
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


def listed(value: Any) -> list[Any]:
    """Read a JSON array, or its text; one value as an array of itself, and nothing as an empty one."""
    read = parsed(value)
    if isinstance(read, (list, tuple)):
        return list(cast("list[Any]", read))
    return [] if read is None else [read]


def text(value: Any) -> str:
    """Give a value as text: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else dumps(value)


def dumps(value: Any) -> str:
    """Write JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
