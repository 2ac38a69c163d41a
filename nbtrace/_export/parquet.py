"""Writes a snapshot as it is to a Parquet file: every column, running spans too, the schema's version in its metadata.

Lists keep Arrow's own field names, so that the file read back has the store's schema and not only its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace._export.atomic import replacing

LEVEL: Final = 6
"""Of zstd: the first that finds what a conversation of hundreds of turns repeats from row to row."""

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot


def write(spans: Snapshot, path: Path) -> int:
    """Write a snapshot to a file, in one step.

    Returns:
        The size of the file in bytes.
    """
    import pyarrow.parquet as pq

    with replacing(path) as file:
        pq.write_table(
            spans.table(), file, compression="zstd", compression_level=LEVEL, use_compliant_nested_type=False
        )
        return file.tell()
