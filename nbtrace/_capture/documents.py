"""What a retrieval found, as documents: in whatever form those who search give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

_TEXTS: Final = ("page_content", "text")
"""Where LangChain's documents and LlamaIndex's nodes have their text."""
_IDS: Final = ("id", "node_id")
_RANKED: Final = 2


def document(given: object) -> Mapping[str, object]:
    """Give what a retrieval found with any of `id`, `score`, `content` and `metadata`.

    Args:
        given: a mapping, which stays as it is; a text; a document of LangChain's or a node of LlamaIndex's; any of
            these in a pair with its score.

    Examples:
        >>> document({"id": "7"}), document("Ada"), document(("Ada", 0.9))
        ({'id': '7'}, {'content': 'Ada'}, {'content': 'Ada', 'score': 0.9})
    """
    if isinstance(given, Mapping):
        return cast("Mapping[str, object]", given)
    if isinstance(given, tuple) and len(pair := cast("tuple[Any, ...]", given)) == _RANKED and _is_number(pair[1]):
        return {**document(pair[0]), "score": float(pair[1])}
    text = _first(given, _TEXTS)
    if not isinstance(text, str):
        return {"content": str(given)}
    score: Any = getattr(given, "score", None)
    found = {
        "id": _first(given, _IDS),
        "score": float(score) if _is_number(score) else None,
        "content": text,
        "metadata": getattr(given, "metadata", None) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _first(given: object, names: tuple[str, ...]) -> object:
    return next((value for name in names if (value := getattr(given, name, None)) is not None), None)


def _is_number(value: object) -> bool:
    """Say whether it is a number, also one of numpy's."""
    return hasattr(value, "__float__") and not isinstance(value, (bool, str))
