"""Turns rows into encoded spans, and these into batches that fit a size, for any of the OTLP encodings.

An encoder turns one row into bytes; a request nests the spans of a batch under their resources and scopes, as OTLP has
it. Rows keep their order. A batch is at most the limit, unless one span alone is larger: it then has a batch of its
own, and the caller says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nbtrace._store.snapshot import Snapshot

Row = dict[str, Any]
"""One span: column name to Python value."""

READ_ROWS: Final = 1024
"""Rows turned into Python values at a time, so that a large table is never twice in memory."""

FRAME: Final = 128
"""More than the bytes that nesting adds around a batch, a resource or a scope in any of the encodings."""

SEPARATOR: Final = 8
"""More than the bytes that stand between two spans: a tag and a length, or a comma."""


class Encoded(NamedTuple):
    """One span, ready to be put into a request."""

    key: bytes
    """Its trace's id and its own."""
    resource: str
    """As the OTLP JSON of the store, and so is the scope."""
    scope: str
    span: bytes


Nested = dict[str, dict[str, list[bytes]]]
"""Resource, then scope, to encoded spans."""


def rows(table: Snapshot) -> Iterator[Row]:
    """Read spans row by row, without the column that only people read."""
    columns = [name for name in table.column_names if name != "start_time"]
    for piece in table.pieces(columns, READ_ROWS):
        values = [column.to_pylist() for column in piece.columns]
        for row in zip(*values, strict=True):
            yield dict(zip(columns, row, strict=True))


def encoded(table: Iterable[Row], encode: Callable[[Row], bytes]) -> Iterator[Encoded]:
    """Encode rows one by one."""
    for row in table:
        key = row["trace_id"] + row["span_id"]
        yield Encoded(key, row["resource"] or "{}", row["scope"] or "{}", encode(row))


def batches(spans: Iterable[Encoded], limit: int) -> Iterator[list[Encoded]]:
    """Cut encoded spans into batches.

    Args:
        spans: encoded spans, in order.
        limit: largest size of a batch in bytes, framing included.
    """
    batch: list[Encoded] = []
    there: set[str | tuple[str, str]] = set()
    size = FRAME
    for one in spans:
        added = _added(there, one)
        if batch and size + added > limit:
            yield batch
            batch, size = [], FRAME
            there.clear()
            added = _added(there, one)
        batch.append(one)
        there.add(one.resource)
        there.add((one.resource, one.scope))
        size += added
    if batch:
        yield batch


def nested(batch: Sequence[Encoded]) -> Nested:
    """Put spans under their resources and scopes."""
    found: Nested = {}
    for _, resource, scope, span in batch:
        found.setdefault(resource, {}).setdefault(scope, []).append(span)
    return found


def _added(there: set[str | tuple[str, str]], one: Encoded) -> int:
    """Bound what a span adds; the JSON of a resource or scope is longer than any other encoding of it."""
    added = len(one.span) + SEPARATOR
    if one.resource not in there:
        added += len(one.resource.encode()) + FRAME
    if (one.resource, one.scope) not in there:
        added += len(one.scope.encode()) + FRAME
    return added
