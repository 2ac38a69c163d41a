"""An audit as a Parquet file: the table of the spans as `nbtrace.open` reads it, and three columns of hashes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from nbtrace._export.atomic import replacing
from nbtrace._export.parquet import as_exported
from nbtrace._store import parquet
from nbtrace._trail import chain

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot

PIECE: Final = 1024
"""Rows that are Python objects at a time."""


def write(spans: Snapshot, path: Path, about: Mapping[str, object]) -> str:
    """Write an audit, in one step.

    Args:
        spans: in the order of the chain.
        path: of the file.
        about: what the audit says of itself; bound by the chain too.

    Returns:
        The head of the chain.
    """
    with tempfile.TemporaryFile() as plain, replacing(path) as file:
        parquet.write(as_exported(spans)[0], plain)
        source = pq.ParquetFile(plain)
        fields = [
            pa.field(chain.NUMBER, pa.int64()),
            pa.field(chain.CONTENT, pa.string()),
            pa.field(chain.CHAIN, pa.string()),
        ]
        schema = pa.schema([*source.schema_arrow.remove_metadata(), *fields])
        head, number = chain.first(about), 0
        with pq.ParquetWriter(
            file, schema, compression="zstd", use_compliant_nested_type=False, store_schema=False
        ) as writer:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group)
                numbers, contents, links = [], [], []
                for batch in table.to_batches(max_chunksize=PIECE):
                    for row in batch.to_pylist():
                        number += 1
                        said = chain.content(row)
                        head = chain.link(head, number, said)
                        numbers.append(number)
                        contents.append(said)
                        links.append(head)
                columns: list[Any] = [
                    *table.columns,
                    pa.array(numbers, pa.int64()),
                    pa.array(contents),
                    pa.array(links),
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=len(table))
            own = {key.decode(): value.decode() for key, value in (source.metadata.metadata or {}).items()}
            told = orjson.dumps({"about": about, "head": head, "spans": number}).decode()
            writer.add_key_value_metadata({**own, chain.KEY: told})
    return head


def is_audit(path: Path) -> bool:
    """Say whether a file is an audit, so that another one may take its place."""
    try:
        return chain.KEY.encode() in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False
