"""Reads Parquet files of ours, of this version and earlier ones.

They were masked when they were recorded and come as they are, by whole columns. Their metadata is believed as little as
the rest: what would not fit into memory is refused before it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._read.spans import MOST, NUMBERS
from nbtrace._store.schema import COLUMNS
from nbtrace._store.scores import COLUMN
from nbtrace.errors import ReadError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from nbtrace._read.found import Account
    from nbtrace._store.snapshot import Snapshot

OURS: Final = ("trace_id", "span_id", "name", "start_time_unix_nano")
"""The columns that a table of spans cannot be without."""

SAID_AGAIN: Final = ("start_time", "duration_ms")
"""Columns of data frames for people that say what others say too."""

AMOUNTS: Final = tuple(column.name for column in COLUMNS if column.attribute in NUMBERS)
"""Columns that are added up."""

MAX_BYTES: Final = 16 * 2**30
"""Of one file's columns, uncompressed; a file of a hundred megabytes can be made to hold terabytes."""


def read_parquet(path: Path, account: Account) -> Snapshot | pa.Table:
    """Read a file: spans of ours, or a table that another reader may know.

    Raises:
        ReadError: it is damaged, too large, or its columns have other types.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from nbtrace._store import parquet

    try:
        with pq.ParquetFile(path) as file:
            metadata: Any = file.metadata
            size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
            if size > MAX_BYTES:
                raise ReadError.too_large(path, size, MAX_BYTES)
            names = file.schema_arrow.names
            if not is_ours(names):
                return file.read()
        return sound(parquet.read(path), [name for name in names if name != COLUMN], account)
    except (pa.ArrowException, OSError, OverflowError) as error:
        raise ReadError.damaged(path, "Parquet", error) from error


def is_ours(names: list[str]) -> bool:
    """Say whether columns are those of the span table."""
    return set(OURS) <= set(names)


def of_table(table: pa.Table, account: Account) -> Snapshot:
    """Make spans of a table with the readers' columns.

    Raises:
        pyarrow.ArrowInvalid: a column has another type.
    """
    from nbtrace._store.scores import unlisted
    from nbtrace._store.snapshot import Snapshot

    table = _with_ids(table)
    spans = Snapshot.of(table).judged(unlisted(table))
    return sound(spans, [name for name in table.column_names if name not in (COLUMN, *SAID_AGAIN)], account)


def _with_ids(table: pa.Table) -> pa.Table:
    """Give ids as bytes where they are hex digits, as data frames for people have them."""
    import pyarrow as pa

    for name in ("trace_id", "span_id", "parent_span_id"):
        at = table.schema.get_field_index(name)
        if at >= 0 and (pa.types.is_string(table.field(at).type) or pa.types.is_large_string(table.field(at).type)):
            ids = [None if one is None else bytes.fromhex(one) for one in table.column(at).to_pylist()]
            table = table.set_column(at, name, pa.array(ids, pa.binary()))
    return table


def sound(snapshot: Snapshot, names: list[str], account: Account) -> Snapshot:
    """Leave out what is no span, and what would spoil a sum; say which columns were not read."""
    import pyarrow.compute as pc

    from nbtrace._store.schema import schema
    from nbtrace._store.snapshot import Snapshot

    for name in names:
        if name not in schema().names:
            account.left_out[f"column {name[:60]!r}"] += 1
    kept = snapshot.kept
    for name in ("trace_id", "span_id"):
        missing = kept.column(name).null_count
        if missing:
            account.left_out[f"span without a {name.replace('_', ' ')}"] += missing
            kept = kept.filter(pc.is_valid(kept.column(name)))
    for name in AMOUNTS:
        kept = _amounts(kept, name, account)
    return snapshot if kept is snapshot.kept else Snapshot(kept, snapshot.texts, snapshot.scores)


def _amounts(kept: pa.Table, name: str, account: Account) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    column: Any = kept.column(name)
    least, most = pa.scalar(0, column.type), pa.scalar(MOST, column.type)
    is_sound: Any = pc.and_(pc.greater_equal(column, least), pc.less_equal(column, most))
    wrong: int = pc.sum(pc.invert(is_sound)).as_py() or 0
    if not wrong:
        return kept
    account.repaired[f"{name} is no amount"] += wrong
    index = kept.column_names.index(name)
    field = kept.schema.field(index)
    return kept.set_column(index, field, pc.if_else(is_sound, column, pa.scalar(None, column.type)))
