"""The chunks of a streamed chat completion, folded into the body that the whole response would have had.

Each chunk says what is new: texts grow, objects merge, lists merge by the index of their elements. Servers that imitate
OpenAI's differ in what they repeat in every chunk, so what comes whole anyway never grows.
"""

from __future__ import annotations

from typing import Any, Final


def fold(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Fold the chunks of a chat completion into the body that the whole response would have had."""
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key == "choices":
                for choice in value or ():
                    _fold_choice(choices, choice)
            elif value is not None:
                body[key] = value
    body["choices"] = [choices[index] for index in sorted(choices)]
    return body


def _fold_choice(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> None:
    index = choice.get("index") or 0
    whole = choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
    for key, value in choice.items():
        if key == "delta":
            _merge(whole["message"], value or {})
        elif key == "logprobs":
            _merge(whole, {key: value})
        elif value is not None:
            whole[key] = value


_WHOLE: Final = frozenset({"role", "id", "type", "format"})
"""Texts that come in one piece; some servers repeat them in every chunk."""


def _merge(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add what a delta brings: texts grow, objects merge, lists merge by the `index` of their elements or grow."""
    for key, value in delta.items():
        known = whole.get(key)
        if value is None:
            continue
        if isinstance(value, dict) and (known is None or isinstance(known, dict)):
            _merge(whole.setdefault(key, {}), value)
        elif isinstance(value, list) or isinstance(known, list):
            # Some servers send reasoning as a list of parts and the answer after it as text.
            if not isinstance(known, list):
                whole[key] = [] if known is None else [known]
            _extend(whole[key], value if isinstance(value, list) else [value])
        elif isinstance(value, str) and isinstance(known, str) and key not in _WHOLE:
            if not (key == "name" and value == known):
                whole[key] = known + value
        else:
            whole[key] = value


def _extend(parts: list[Any], more: list[Any]) -> None:
    for part in more:
        index = part.get("index") if isinstance(part, dict) else None
        if index is None:
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
            continue
        known = next((one for one in parts if isinstance(one, dict) and one.get("index") == index), None)
        if known is None:
            known = {"index": index}
            parts.append(known)
        _merge(known, part)
