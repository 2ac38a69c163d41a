"""Where a stream's text was cut, and when each piece came: what a replay needs to give the same chunks again.

Two short lists of numbers a stream, with commas between: with spaces some would look like the number of a card, and be
masked. The text itself is not here: it is in the answer, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

_WHOLE: Final = frozenset(
    {"role", "id", "type", "format", "name", "signature", "citation", "stop_reason", "stop_sequence"}
)
"""Texts of a delta that come in one piece."""


def cut(
    started_ns: int | None, chunks: Sequence[Mapping[str, Any]], arrivals_ns: Sequence[int]
) -> dict[str, AttributeValue]:
    """Describe the pieces of a stream.

    Args:
        started_ns: when the call began, in nanoseconds since the epoch.
        chunks: the bodies of the events.
        arrivals_ns: when each came.

    Examples:
        >>> chunks = [{"choices": [{"delta": {"role": "assistant"}}]}, {"choices": [{"delta": {"content": "Hello"}}]}]
        >>> cut(0, chunks, [250_000, 900_000])
        {'nbtrace.stream.cuts': '0,5', 'nbtrace.stream.arrivals_us': '250,650'}
        >>> cut(0, [], [])
        {}
    """
    if not chunks or started_ns is None:
        return {}
    gaps = (max(0, after - before) // 1000 for before, after in pairwise([started_ns, *arrivals_ns]))
    return {
        semconv.STREAM_CUTS: ",".join(str(_brought(chunk)) for chunk in chunks),
        semconv.STREAM_ARRIVALS: ",".join(map(str, gaps)),
    }


def _brought(chunk: Mapping[str, Any]) -> int:
    """Count the characters that a chunk of chat completions or completions, or another event, adds to the answer."""
    choices = chunk.get("choices")
    if isinstance(choices, list):
        told = [choice for choice in choices if isinstance(choice, dict)]
        return sum(_characters([choice.get("delta"), choice.get("text")]) for choice in told)
    kind = str(chunk.get("type"))
    return _characters(chunk.get("delta")) if kind.endswith("delta") and kind != "message_delta" else 0


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_characters(inner) for key, inner in value.items() if key not in _WHOLE)
    return sum(map(_characters, value)) if isinstance(value, list) else 0
