"""Spans as a Parquet file: the readers' table, with every text once.

A column of messages is a list of JSON texts, one a message, whose distinct values Parquet keeps in a dictionary page,
once a row group: a conversation of hundreds of turns takes what was said in it. Joined by commas and put in brackets
they are the JSON that readers see; after a null comes a text that is to stand as it is. The judgements of a span are
the list in its `scores`. Every other column is that of `schema`, and its version is in the metadata.

Files are written from kept rows and read to kept rows, a row group at a time, so that no history is ever spelled out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nbtrace._store.contents import Gathered
from nbtrace._store.expand import joined_answers, relist
from nbtrace._store.keep import ROWS, keep
from nbtrace._store.kept import how, kept_schema
from nbtrace._store.migrate import KEY, upgraded
from nbtrace._store.schema import COLUMNS, VERSION
from nbtrace._store.scores import COLUMN, listed, scores_schema, unlisted
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.texts import Texts, int32, spread, view

if TYPE_CHECKING:
    from pathlib import Path

GROUP_ROWS: Final = 131_072
GROUP_BYTES: Final = 128 * 2**20
"""A row group has no more rows, nor texts much beyond this: it is made in memory."""

SPELLED_BYTES: Final = 2**30
"""Nor more than this if every text is written wherever it stands, as other readers have it: many stop at 2 GiB."""

DICTIONARY_BYTES: Final = 2**30
"""Parquet gives up a dictionary at one megabyte otherwise, and writes the texts again wherever they stand."""

PAGE_BYTES: Final = 128 * 1024
"""Small enough that a column has several pages in a row group, whose bounds the page index tells apart."""

REDACTION: Final = "nbtrace.redaction"
"""In a file's metadata, what `_MASKED` says."""
_MASKED: Final = "secrets were masked before anything was stored"
"""True of every file: no span comes into a store by another way."""

Array = Any
"""Nested arrays have more than the stubs of pyarrow know."""


def write(spans: Snapshot, file: IO[bytes]) -> int:
    """Write a snapshot: its spans, and its scores of them.

    Returns:
        How many of its scores are of none of its spans, and not in the file.
    """
    scores, left = listed(spans.kept, spans.scores)
    with pq.ParquetWriter(
        file,
        _filed(spans.slice(0, 0), scores.slice(0, 0)).schema,
        compression="zstd",
        dictionary_pagesize_limit=DICTIONARY_BYTES,
        data_page_size=PAGE_BYTES,
        write_page_index=True,
        use_compliant_nested_type=False,
        store_schema=False,  # it would have every reader take texts for dictionaries
    ) as writer:
        for start, rows in _groups(spans):
            writer.write_table(_filed(spans.slice(start, rows), scores.slice(start, rows)), row_group_size=rows)
        writer.add_key_value_metadata({KEY.decode(): str(VERSION), REDACTION: _MASKED})
    return left


def file_schema() -> pa.Schema:
    """Give the columns of a file as it says them itself."""
    nothing = Snapshot(kept_schema().empty_table(), Gathered().all())
    with BytesIO() as file:
        write(nothing, file)
        return pq.read_schema(file).remove_metadata()


def read(source: Path | IO[bytes], groups: Sequence[int] | None = None) -> Snapshot:
    """Read a file that this nbtrace or an earlier one wrote.

    Columns that it lacks are null; columns that it has besides are left out.

    Args:
        source: the file.
        groups: only these groups of rows, by number.

    Raises:
        UnsupportedVersionError: a newer nbtrace wrote it.
        pyarrow.ArrowInvalid: it is no Parquet file, or its columns have other types.
    """
    contents = Gathered()
    batches: list[pa.RecordBatch] = []
    scores: list[pa.Table] = []
    metadata = pq.read_metadata(source)
    with pq.ParquetFile(source, metadata=metadata, read_dictionary=_dictionaries(metadata)) as file:
        upgraded(file.schema_arrow.empty_table())
        is_cut = all(pa.types.is_list(field.type) for field in file.schema_arrow if field.name in _MESSAGES)
        for index in range(file.num_row_groups) if groups is None else groups:
            table = upgraded(file.read_row_group(index))
            batches += keep(table, contents, rows=len(table) if is_cut else ROWS)
            scores.append(unlisted(table))
    kept = pa.Table.from_batches(batches, schema=kept_schema())
    return Snapshot(kept, contents.all(), pa.concat_tables([scores_schema().empty_table(), *scores]))


def _groups(spans: Snapshot) -> Iterator[tuple[int, int]]:
    """Cut a snapshot into row groups: where each begins, and how many rows it has."""
    lengths = np.concatenate([np.zeros(0, np.int64), *(view(_lengths(chunk)) for chunk in spans.texts.chunks)])
    seen = np.zeros(len(lengths), bool)
    start = rows = size = spelled = 0
    for batch in spans.kept.to_batches(max_chunksize=ROWS):
        numbers = np.concatenate([view(_numbers(batch.column(name))) for name in _MESSAGES])
        others = int(lengths[view(_contents(batch.column("attributes")))].sum())
        unique = np.unique(numbers)
        new, out = int(lengths[unique[~seen[unique]]].sum()) + others, int(lengths[numbers].sum()) + others
        if rows and (rows + batch.num_rows > GROUP_ROWS or size + new > GROUP_BYTES or spelled + out > SPELLED_BYTES):
            yield start, rows
            start, rows, size, spelled = start + rows, 0, 0, 0
            seen[:] = False
            new = int(lengths[unique].sum()) + others
        seen[unique] = True
        rows, size, spelled = rows + batch.num_rows, size + new, spelled + out
    if rows:
        yield start, rows


def _lengths(texts: Array) -> Array:
    return pc.fill_null(pc.binary_length(texts), _ZERO)


def _numbers(kept: Array) -> Array:
    """Give the numbers of texts in a column of messages or answers; tails are short."""
    flat = kept.flatten()
    return (flat.field(0) if pa.types.is_struct(flat.type) else flat).drop_null()


def _contents(kept: Array) -> Array:
    return kept.flatten().field("content").drop_null()


def _filed(spans: Snapshot, scores: Array) -> pa.Table:
    """Build the table of a row group."""
    columns: dict[str, Any] = {}
    for name in spans.column_names:
        if name not in _MESSAGES:
            columns[name] = spans.column(name)
            continue
        kept: Array = spans.kept.column(name).combine_chunks()
        flat = kept.flatten()
        texts = _answers(flat, spans.texts) if name == "output_messages" else _texts(flat, spans.texts)
        columns[name] = relist(pa.list_(pa.field("element", texts.type)), kept, texts)
    return pa.table({**columns, COLUMN: scores})


def _texts(numbers: Array, texts: Texts) -> Array:
    """Give texts by number as a dictionary of them."""
    unique, places = np.unique(view(numbers.drop_null()), return_inverse=True)
    return _dictionary(numbers, places, texts.take(int32(unique)))


def _answers(pairs: Array, texts: Texts) -> Array:
    """Give answers, each with its tail, as a dictionary of them."""
    bodies, tails = pairs.field(0), pairs.field(1)
    is_there = pc.is_valid(bodies)
    tail = view(pc.fill_null(tails.filter(is_there), _NO_TAIL)).astype(np.int64)
    keys = view(bodies.drop_null()).astype(np.int64) << 32 | tail + 1
    unique, places = np.unique(keys, return_inverse=True)
    low = (unique & 0xFFFFFFFF) - 1
    answers = joined_answers(int32(unique >> 32), pa.array(low, pa.int32(), mask=low < 0), texts)
    return _dictionary(bodies, places, answers)


def _dictionary(like: Array, places: Any, values: Array) -> Array:
    return pa.DictionaryArray.from_arrays(spread(like, places.astype(np.int32)), values)


def _dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """Name what of a file is to be read without spelling it out: messages and words."""
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    words = {column.name for column in COLUMNS if how(column) == "word"}
    return [path for path in paths if path in words or path.removesuffix(".list.element") in _MESSAGES]


_MESSAGES: Final = tuple(column.name for column in COLUMNS if how(column) in ("messages", "answers"))
_ZERO: Final = pa.scalar(0, pa.int64())
_NO_TAIL: Final = pa.scalar(-1, pa.int32())
