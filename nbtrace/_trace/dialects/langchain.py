"""What LangChain hands to its callbacks, which those who write it down leave in the JSON it came in.

A tool's result stands in a serialized message, and documents under names of LangChain's own.
"""

from __future__ import annotations

from typing import Any

from nbtrace._trace.dialects.flat import listed, mapping, text


def result(given: Any) -> Any:
    """Give the result of a tool."""
    kept = mapping(given)
    message = mapping(kept.get("data")) if kept.get("type") == "tool" else {}
    return text(message["content"]) if "content" in message else given


def documents(given: Any) -> list[dict[str, Any]]:
    """Give the documents of a retrieval."""
    names = {"page_content": "content"}
    return [
        {names.get(name, name): value for name, value in mapping(one).items() if value not in (None, {})}
        for one in listed(mapping(given).get("documents"))
    ]
