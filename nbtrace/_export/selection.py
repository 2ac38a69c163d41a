"""Makes of a snapshot the one that is sent: without content, with roots of its own, a trace's spans together.

All of it works on whole columns as they are kept; the snapshot at hand stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._store.kept import VALUE_KINDS
from nbtrace._store.schema import IS_REMOTE
from nbtrace._store.snapshot import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

MESSAGES: Final = ("system_instructions", "input_messages", "output_messages", "tool_definitions")
NUMBERS: Final = ("int", "double", "bool", "empty")
"""Kinds of values that are no content, whatever their name."""


def without_content(spans: Snapshot, is_metadata: Callable[[str], bool]) -> Snapshot:
    """Give spans without what was said: messages, texts of attributes that are not metadata, reasons of scores.

    Args:
        spans: the spans.
        is_metadata: says of an attribute's name whether it tells how a call went.
    """
    kept = spans.kept
    for name in MESSAGES:
        kept = _with_column(kept, name, _nulls(kept.column(name)))
    kept = _with_column(kept, "status_message", _own(kept.column("status_message")))
    kept = _with_column(kept, "attributes", _each(kept.column("attributes"), lambda one: _metadata(one, is_metadata)))
    for name in ("events", "links"):
        kept = _with_column(kept, name, _each(kept.column(name), lambda one: _nested(one, is_metadata)))
    scores = _with_column(spans.scores, "explanation", _nulls(spans.scores.column("explanation")))
    gone = spans.gone
    return Snapshot(
        kept, spans.texts, scores, None if gone is None else lambda: without_content(gone, is_metadata).kept
    )


def without_vectors(spans: Snapshot) -> tuple[Snapshot, int]:
    """Give spans without the vectors of embeddings, and how many spans had any."""
    column = spans.kept.column("attributes")
    had = sum(_count(chunk, semconv.EMBEDDINGS_VECTORS) for chunk in column.chunks)
    if not had:
        return spans, 0
    kept = _each(column, lambda one: _filtered(one, lambda name: name != semconv.EMBEDDINGS_VECTORS, ()))
    return Snapshot(_with_column(spans.kept, "attributes", kept), spans.texts, spans.scores), had


def _count(lists: Any, name: str) -> int:
    import pyarrow.compute as pc

    from nbtrace._store.texts import view

    keys = lists.flatten().field("key")
    place = pc.index(keys.dictionary, name).as_py()
    return 0 if place < 0 else int((view(keys.indices) == place).sum())


def rerooted(spans: Snapshot, *, remote: bool) -> tuple[Snapshot, int]:
    """Make roots of the spans whose parents are not among them.

    Args:
        spans: the spans.
        remote: also of those whose parents are known to be in another process.

    Returns:
        The spans, and how many became roots.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.expand import bits

    kept = spans.kept
    missing = _are_orphans(kept)
    orphans = bits(missing.combine_chunks()) if len(missing) else np.zeros(0, bool)
    if not remote and len(orphans):
        flags = np.array(kept.column("flags").to_pylist(), dtype=object)
        orphans &= np.array([not (flag or 0) & IS_REMOTE for flag in flags], dtype=bool)
    if not orphans.any():
        return spans, 0
    column: Any = kept.column("parent_span_id")
    made = pc.if_else(pa.array(orphans), _nulls(column).combine_chunks(), column.combine_chunks())
    kept = _with_column(kept, "parent_span_id", pa.chunked_array([made]))
    return Snapshot(kept, spans.texts, spans.scores), int(orphans.sum())


def orphans(spans: Snapshot) -> dict[bytes, bytes]:
    """Give the spans whose parents are not among them, by trace and span id, and those parents."""
    from nbtrace._store.remap import keys

    kept = spans.kept.select(["trace_id", "span_id", "parent_span_id"])
    kept = kept.filter(_are_orphans(kept))
    return dict(zip(keys(kept).to_pylist(), keys(_as_parents(kept)).to_pylist(), strict=True))


def _are_orphans(kept: pa.Table) -> Any:
    """Say of rows whether they have a parent that is not among them."""
    import pyarrow.compute as pc

    from nbtrace._store.remap import keys

    is_there: Any = pc.is_in(keys(_as_parents(kept)), value_set=keys(kept).combine_chunks())
    return pc.and_(pc.is_valid(kept.column("parent_span_id")), pc.invert(is_there))


def _as_parents(kept: pa.Table) -> pa.Table:
    return kept.select(["trace_id", "parent_span_id"]).rename_columns(["trace_id", "span_id"])


def together(spans: Snapshot, others: Snapshot) -> Snapshot:
    """Give other spans of the same texts behind some."""
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

    return Snapshot(pa.concat_tables([spans.kept, others.kept]), spans.texts, spans.scores)


def beside(all_spans: Snapshot, some: Snapshot) -> Snapshot | None:
    """Give what else there is of the traces of some spans."""
    import pyarrow.compute as pc

    from nbtrace._store.remap import keys

    if not len(some):
        return None
    kept = some.kept
    is_of_them: Any = pc.is_in(all_spans.column("trace_id"), value_set=kept.column("trace_id").combine_chunks())
    is_there: Any = pc.is_in(keys(all_spans.kept), value_set=keys(kept).combine_chunks())
    found = all_spans.filter(pc.and_(is_of_them, pc.invert(is_there)))
    return found if len(found) else None


def by_trace(spans: Snapshot) -> Snapshot:
    """Put the spans of a trace together; traces stay in the order in which they began to arrive, as do their spans."""
    import numpy as np

    from nbtrace._store.texts import int32

    column: Any = spans.kept.column("trace_id").combine_chunks()
    codes = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    if not len(codes) or bool((np.diff(codes) >= 0).all()):
        return spans
    return spans.take(int32(np.argsort(codes, kind="stable")))


def _metadata(lists: Any, is_metadata: Callable[[str], bool]) -> Any:
    """Keep of attributes the numbers, and what has a name of metadata."""
    return _filtered(lists, is_metadata, NUMBERS)


def _filtered(lists: Any, is_kept: Callable[[str], bool], kept_kinds: Sequence[str]) -> Any:
    """Keep of attributes those of some kinds, and of some names."""
    import numpy as np
    import pyarrow as pa

    from nbtrace._store.expand import bits
    from nbtrace._store.texts import int32, view

    flat = lists.flatten()
    keys, kinds = flat.field("key"), flat.field("kind")
    known = np.array([is_kept(key) for key in keys.dictionary.to_pylist()] or [False], dtype=bool)
    numbers = [VALUE_KINDS.index(kind) for kind in kept_kinds]
    stays = np.isin(view(kinds), numbers) | known[view(keys.indices)]
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths)
    counted = np.concatenate([[0], np.cumsum(stays)])
    offsets = np.concatenate([[0], counted[ends]])
    mask = None if not lists.null_count else pa.array(~bits(lists.is_valid()))
    made: Any = pa.ListArray.from_arrays(int32(offsets), flat.filter(pa.array(stays)), type=lists.type, mask=mask)
    return made


def _nested(lists: Any, is_metadata: Callable[[str], bool]) -> Any:
    """Keep of the attributes of events or links what `_metadata` keeps."""
    import pyarrow as pa

    from nbtrace._store.expand import relist

    flat = lists.flatten()
    fields = list(flat.type)
    children = [
        _metadata(flat.field(index), is_metadata) if field.name == "attributes" else flat.field(index)
        for index, field in enumerate(fields)
    ]
    return relist(lists.type, lists, pa.StructArray.from_arrays(children, fields=fields))


def _each(column: Any, change: Callable[[Any], Any]) -> pa.ChunkedArray:
    """Change the arrays of a column that have anything."""
    import pyarrow as pa

    changed = [chunk if chunk.null_count == len(chunk) else change(chunk) for chunk in column.chunks]
    return pa.chunked_array(changed, type=column.type)


def _own(messages: Any) -> Any:
    """Leave of statuses' messages what we say of spans without an end."""
    import pyarrow as pa
    import pyarrow.compute as pc

    said, left = messages.cast(pa.string()), pa.scalar(None, pa.string())
    for words in (semconv.INTERRUPTED, semconv.NOT_ENDED):
        left = pc.if_else(pc.starts_with(said, words), pa.scalar(words), left)
    return left.dictionary_encode().cast(messages.type)


def _nulls(column: Any) -> Any:
    import pyarrow as pa

    return pa.chunked_array([pa.nulls(len(column), column.type)], type=column.type)


def _with_column(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
