"""Writes a snapshot to a Parquet file: every column, running spans and scores too; the store knows the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace._export.atomic import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot


def write(spans: Snapshot, path: Path) -> tuple[int, int]:
    """Write a snapshot to a file, in one step.

    Returns:
        The size of the file in bytes, and how many scores are of other spans and not in it.
    """
    from nbtrace._store import parquet

    with replacing(path) as file:
        left = parquet.write(spans, file)
        return file.tell(), left
