"""Turns spans that were read into rows, a few hundred at a time, so that a large file is never twice in memory."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from nbtrace._store.batches import compact, encode_all
from nbtrace._store.columns import numbers
from nbtrace._store.contents import Contents
from nbtrace._store.encode import Finished
from nbtrace._store.expand import relist
from nbtrace._store.folding import Folding
from nbtrace._store.kept import kept_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

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
