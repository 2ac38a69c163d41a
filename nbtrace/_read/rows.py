"""Turns spans that were read into rows, a few hundred at a time, so that a large file is never twice in memory."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._read.graph import with_rows
from nbtrace._store.batches import compact, encode_all
from nbtrace._store.columns import numbers
from nbtrace._store.contents import Contents
from nbtrace._store.encode import Finished
from nbtrace._store.expand import relist
from nbtrace._store.folding import Folding
from nbtrace._store.kept import kept_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from nbtrace._read.found import Finish, Mask
    from nbtrace._read.spans import ReadSpan
    from nbtrace._store.snapshot import Snapshot

TOGETHER: Final = 512
"""Spans encoded at a time."""


def keep(spans: Iterable[ReadSpan], finish: Finish, mask: Mask) -> Snapshot:
    """Encode spans as they come; a call that several instrumentations saw becomes one row.

    Args:
        spans: those that were read.
        finish: gives the attributes to keep of one.
        mask: gives the span to keep in place of one, for all that is not an attribute.
    """
    contents = Contents()
    batches: tuple[pa.RecordBatch, ...] = ()
    coming = iter(spans)
    while together := list(islice(coming, TOGETHER)):
        finished: list[Any] = [Finished(mask(span), finish(span)) for span in together]  # pyright: ignore[reportArgumentType] - readable as the SDK's is
        for batch in encode_all(finished, contents):
            batches = compact((*batches, _flagged(batch, together)))
        contents.commit()
    return Folding().fold(batches, (), contents.texts).snapshot(contents.texts)


def repeated(snapshot: Snapshot, marks: Mapping[tuple[int, int], Mapping[str, str]]) -> Snapshot:
    """Make one row of each call that several instrumentations saw.

    Args:
        snapshot: what was read.
        marks: what is to be said of the spans that repeat calls, by their traces and their own ids.
    """
    if not marks:
        return snapshot
    import numpy as np

    columns = snapshot.select(["trace_id", "span_id"]).to_pydict()
    ids = zip(columns["trace_id"], columns["span_id"], strict=True)
    found: dict[int, Mapping[str, str]] = {}
    for row, (trace, span) in enumerate(ids):
        if trace and span and (mark := marks.get((int.from_bytes(trace), int.from_bytes(span)))):
            found[row] = mark
    if not found:
        return snapshot
    rows = snapshot.take([*found]).table().to_pylist()
    for row, mark in zip(rows, found.values(), strict=True):
        said = [{"key": key, "string": text} for key, text in mark.items() if key != semconv.SPAN_TYPE]
        row["attributes"] = [*(one for one in row["attributes"] if one["key"] not in mark), *said]
        if semconv.DUPLICATE_OPERATION in mark:
            row |= {"operation": None, "span_type": mark[semconv.SPAN_TYPE]}
    staying = np.ones(len(snapshot), bool)
    staying[[*found]] = False
    marked = with_rows(snapshot, staying, rows)
    return Folding().fold(tuple(marked.kept.to_batches()), (), marked.texts).snapshot(marked.texts, marked.scores)


def _flagged(batch: pa.RecordBatch, spans: list[ReadSpan]) -> pa.RecordBatch:
    """Give rows OTLP's flags as they were written; the SDK, which encoding knows, always says the same in some bits."""
    import pyarrow as pa

    if batch.num_rows != len(spans):  # one could not be encoded with the others
        return batch
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns["flags"] = numbers(pa.uint32(), "I", [span.context.otlp_flags for span in spans])
    links: Any = columns["links"]
    flat = links.flatten()
    if len(flat):
        fields = list(links.type.value_type)
        said = numbers(pa.uint32(), "I", [link.context.otlp_flags for span in spans for link in span.links])
        children = [said if field.name == "flags" else flat.field(index) for index, field in enumerate(fields)]
        columns["links"] = relist(links.type, links, pa.StructArray.from_arrays(children, fields=fields))
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=kept_schema())
