"""Writes a snapshot to a Parquet file: every column, running spans and scores too; the store knows the form.

Whoever reads the file later would take a span without an end for one that runs. It says that this was so at the export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace import semconv
from nbtrace._export.atomic import replacing
from nbtrace._query.endings import exported, going
from nbtrace._store.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path


def write(spans: Snapshot, path: Path) -> tuple[int, int, int]:
    """Write a snapshot to a file, in one step.

    Returns:
        The size of the file in bytes, how many scores are of other spans and not in it, and how many spans still ran.
    """
    from nbtrace._store import parquet

    with replacing(path) as file:
        told, running = as_exported(spans)
        left = parquet.write(told, file)
        return file.tell(), left, running


def as_exported(spans: Snapshot) -> tuple[Snapshot, int]:
    """Have the spans that still run say that they had not ended, and count them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    running = going(spans.kept.column)
    count = pc.sum(running).as_py() or 0
    if not count:
        return spans, 0
    kept, name = spans.kept, "status_message"
    said: Any = kept[name].cast(pa.string())
    own = pa.scalar(semconv.NOT_ENDED)
    more = pc.coalesce(pc.binary_join_element_wise(own, said, ": "), own)  # some fail before they end, and say why
    words: Any = pc.if_else(pc.and_not(running, exported(kept.column)), more, said)
    field = kept.schema.field(name)
    told = kept.set_column(kept.schema.get_field_index(name), field, words.dictionary_encode().cast(field.type))
    return Snapshot(told, spans.texts, spans.scores), count
