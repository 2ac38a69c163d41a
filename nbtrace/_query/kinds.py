"""What a span is for its reader: one word, from what the span itself says or from its GenAI operation."""

from __future__ import annotations

from typing import Final

TYPES: Final = (
    "cell", "llm", "embedding", "tool", "retrieval", "agent", "chain", "guardrail", "evaluation", "attempt", "span",
)  # fmt: skip
"""What a span can be; the last one is what nothing is said of."""

CALL_TYPES: Final = ("llm", "embedding")
"""Those that are calls of a model."""

OPERATION_TYPES: Final = {
    "chat": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "image_generation": "llm",
    "speech": "llm",
    "transcription": "llm",
    "translation": "llm",
    "fetch_response": "llm",
    "embeddings": "embedding",
    "execute_tool": "tool",
    "retrieval": "retrieval",
    "search_memory": "retrieval",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "plan": "agent",
    "invoke_workflow": "chain",
}
"""GenAI operation to type, where no span type says it."""


def kind(span_type: str | None, operation: str | None) -> str:
    """Say what a span is.

    Examples:
        >>> kind(None, "chat"), kind("cell", None), kind(None, None)
        ('llm', 'cell', 'span')
    """
    if span_type in TYPES:
        return span_type
    return OPERATION_TYPES.get(operation or "", "span")
