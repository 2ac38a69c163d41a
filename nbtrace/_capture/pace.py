"""How fast a stream came: its first chunk, the gaps between chunks, its tokens per second.

Times are those at which the user's code read the pieces that the chunks came in: a reader that is slow, or goes on in a
later cell, makes the gaps longer than the server did.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv


def pace(started_ns: int | None, arrivals_ns: Sequence[int]) -> dict[str, AttributeValue]:
    """Measure the chunks of a stream.

    Args:
        started_ns: when the call began, in nanoseconds since the epoch.
        arrivals_ns: when each chunk came, in the same.

    Returns:
        The number of chunks, and in seconds the time to the first and the gaps between them, as far as there are any.

    Examples:
        >>> for name, value in pace(0, [500_000_000, 750_000_000, 1_750_000_000]).items():
        ...     print(name, value)
        nbtrace.stream.chunks 3
        gen_ai.response.time_to_first_chunk 0.5
        nbtrace.stream.gap.p50 0.25
        nbtrace.stream.gap.p95 1.0
        nbtrace.stream.gap.max 1.0
    """
    found: dict[str, AttributeValue] = {semconv.STREAM_CHUNKS: len(arrivals_ns)}
    if arrivals_ns and started_ns is not None:
        found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = (arrivals_ns[0] - started_ns) / 1e9
    if gaps := sorted(max(0, after - before) for before, after in pairwise(arrivals_ns)):
        found[semconv.STREAM_GAP_P50] = _quantile(gaps, 50) / 1e9
        found[semconv.STREAM_GAP_P95] = _quantile(gaps, 95) / 1e9
        found[semconv.STREAM_GAP_MAX] = gaps[-1] / 1e9
    return found


def rate(started_ns: int | None, arrivals_ns: Sequence[int], tokens: object) -> dict[str, AttributeValue]:
    """Give the output tokens per second, from the start of the call to its last chunk.

    Examples:
        >>> rate(0, [500_000_000, 2_000_000_000], 30)
        {'nbtrace.stream.output_tokens_per_second': 15.0}
        >>> rate(0, [], None)
        {}
    """
    if started_ns is None or not arrivals_ns or not isinstance(tokens, int) or arrivals_ns[-1] <= started_ns:
        return {}
    return {semconv.STREAM_OUTPUT_RATE: tokens * 1e9 / (arrivals_ns[-1] - started_ns)}


def _quantile(ordered: Sequence[int], percent: int) -> int:
    """Give the nearest rank: a gap that there was, and none between two."""
    return ordered[-(-len(ordered) * percent // 100) - 1]
