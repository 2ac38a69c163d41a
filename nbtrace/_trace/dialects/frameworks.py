"""What LangChain and LlamaIndex hand on, which those who write it down leave in the JSON it came in.

A tool's result stands in a serialized message or output, a question in a bundle, documents under names of their own.
"""

from __future__ import annotations

from typing import Any

from nbtrace._trace.dialects.flat import listed, mapping, text


def result(given: Any) -> Any:
    """Give the result of a tool."""
    kept = mapping(given)
    message = mapping(kept.get("data")) if kept.get("type") == "tool" else {}
    if "content" in message:
        return text(message["content"])
    return text(kept["raw_output"]) if {"blocks", "raw_output", "tool_name"} <= kept.keys() else given


def query(given: Any) -> Any:
    """Give what a retrieval looked for."""
    kept = mapping(given)
    return mapping(kept.get("query_bundle", kept.get("str_or_query_bundle"))).get("query_str", given)


def documents(given: Any) -> list[dict[str, Any]]:
    """Give the documents of a retrieval."""
    names = {"page_content": "content"}
    return [
        {names.get(name, name): value for name, value in mapping(one).items() if value not in (None, {})}
        for one in listed(mapping(given).get("documents"))
    ]
