"""Turns a span table into groups of encoded spans that fit a size, for any of the OTLP encodings.

An encoder turns one row into bytes; here rows are read, grouped under their resource and scope as OTLP nests them, and
cut into batches. Rows keep their order. A batch is at most the limit, unless one span alone is larger: it then has a
batch of its own, and the caller says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbtrace._store.snapshot import Snapshot

Row = dict[str, Any]
"""One span: column name to Python value."""

Batch = dict[str, dict[str, list[bytes]]]
"""Resource, then scope, both as the OTLP JSON of the store, to encoded spans."""

READ_ROWS: Final = 1024
"""Rows turned into Python values at a time, so that a large table is never twice in memory."""

FRAME: Final = 128
"""More than the bytes that nesting adds around a batch, a resource or a scope in any of the encodings."""

SEPARATOR: Final = 8
"""More than the bytes that stand between two spans: a tag and a length, or a comma."""


def rows(table: Snapshot) -> Iterator[Row]:
    """Read spans row by row, without the column that only people read."""
    columns = [name for name in table.column_names if name != "start_time"]
    for piece in table.pieces(columns, READ_ROWS):
        values = [column.to_pylist() for column in piece.columns]
        for row in zip(*values, strict=True):
            yield dict(zip(columns, row, strict=True))


def batches(table: Iterable[Row], encode: Callable[[Row], bytes], limit: int) -> Iterator[tuple[Batch, int]]:
    """Encode every row and cut the result.

    Args:
        table: The rows of ended spans.
        encode: One row to the bytes of its span.
        limit: Largest size of a batch in bytes, framing included.

    Yields:
        A batch and how many spans are in it.
    """
    batch: Batch = {}
    size, count = FRAME, 0
    for row in table:
        span = encode(row)
        resource, scope = row["resource"] or "{}", row["scope"] or "{}"
        added = _added(batch, resource, scope, span)
        if count and size + added > limit:
            yield batch, count
            batch, size, count = {}, FRAME, 0
            added = _added(batch, resource, scope, span)
        batch.setdefault(resource, {}).setdefault(scope, []).append(span)
        size += added
        count += 1
    if count:
        yield batch, count


def _added(batch: Batch, resource: str, scope: str, span: bytes) -> int:
    """Bound what a span adds; the JSON of a resource or scope is longer than any other encoding of it."""
    added = len(span) + SEPARATOR
    if resource not in batch:
        added += len(resource.encode()) + FRAME
    if scope not in batch.get(resource, {}):
        added += len(scope.encode()) + FRAME
    return added
