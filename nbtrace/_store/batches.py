"""Batches of rows: made of spans together, and merged so that there are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace import semconv
from nbtrace._guard import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nbtrace._store.contents import Interner
    from nbtrace._store.encode import Finished

CHUNK_ROWS: Final = 8192
CHUNK_BYTES: Final = 64 * 2**20
"""Batches are merged up to this size; larger ones are never copied again, and offsets of 32 bits always suffice."""


def encode_all(finished: list[Finished], contents: Interner, *, running: bool = False) -> list[pa.RecordBatch]:
    """Encode spans together, or if one of them makes that fail, each by itself, so that only that one suffers."""
    from nbtrace._store.encode import Finished, encode

    with guard("store"):
        return [encode(finished, contents, running=running)]
    batches: list[pa.RecordBatch] = []
    for one in finished:
        bare = Finished(one.span, {semconv.INCOMPLETE: "the attributes could not be stored"})
        for attempt in (one, bare):
            with guard("store"):
                batches.append(encode([attempt], contents, running=running))
                break
    return batches


def compact(batches: Sequence[pa.RecordBatch], settled: int = 0) -> tuple[pa.RecordBatch, ...]:
    """Merge the last batches while they are of similar size, so that there are few and each row is seldom copied.

    Args:
        batches: in order of arrival.
        settled: how many of the first ones are to stay as they are.
    """
    merged = list(batches)
    while len(merged) > settled + 1:
        before, last = merged[-2:]
        rows, size = before.num_rows + last.num_rows, before.nbytes + last.nbytes
        if before.num_rows > 2 * last.num_rows or rows > CHUNK_ROWS or size > CHUNK_BYTES:
            break
        merged[-2:] = [_merged(before, last)]
    return tuple(merged)


def _merged(before: pa.RecordBatch, last: pa.RecordBatch) -> pa.RecordBatch:
    """Put two batches into one, in which columns of nulls still share their memory."""
    import pyarrow as pa

    from nbtrace._store.columns import nulls_of

    rows = before.num_rows + last.num_rows
    columns = [
        nulls_of(one.type, rows)
        if one.null_count == len(one) and other.null_count == len(other)
        else pa.concat_arrays([one, other])
        for one, other in zip(before.columns, last.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=before.schema)
