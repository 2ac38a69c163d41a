"""Batches of rows: made of spans together, and merged so that there are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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
        merged[-2:] = [joined([before, last])]
    return tuple(merged)


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Put batches into one, in which columns of nulls still share their memory."""
    import pyarrow as pa

    from nbtrace._store.columns import nulls_of

    rows = sum(batch.num_rows for batch in batches)
    columns = [
        nulls_of(arrays[0].type, rows)
        if all(one.null_count == len(one) for one in arrays)
        else pa.concat_arrays(arrays)
        for arrays in zip(*(batch.columns for batch in batches), strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)


def taken(batches: Sequence[pa.RecordBatch], rows: Sequence[int]) -> pa.RecordBatch:
    """Put some rows into a batch of their own, by their number in all batches, in the order that is asked for."""
    import numpy as np

    starts = np.cumsum([0, *(batch.num_rows for batch in batches)])
    asked = np.array(rows, np.int64)
    owners = np.searchsorted(starts, asked, side="right") - 1
    parts = [_some(batches[owner], asked[owners == owner] - starts[owner]) for owner in np.unique(owners).tolist()] or [
        batches[0].slice(0, 0)
    ]
    places = np.empty(len(asked), np.int32)
    places[np.argsort(owners, kind="stable")] = np.arange(len(asked), dtype=np.int32)
    return parts[0] if len(parts) == 1 else _some(joined(parts), places)


def _some(batch: pa.RecordBatch, rows: Any) -> pa.RecordBatch:
    import pyarrow as pa

    from nbtrace._store.columns import nulls_of
    from nbtrace._store.texts import int32

    wanted = int32(rows)
    columns: list[Any] = [
        nulls_of(column.type, len(rows)) if column.null_count == len(column) else column.take(wanted)
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
