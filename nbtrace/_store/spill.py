"""Moves the oldest rows and texts from memory to the disk when a session has grown beyond a bound.

They go to files that are mapped into memory again: readers notice nothing, and the system reads what is looked at. A
file loses its name as soon as it is mapped, so that none is left when the process ends, however that comes about. Where
no file can be written, everything stays in memory, and that is said.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nbtrace._store.sessions import default_directory
from nbtrace._store.texts import Texts
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger("nbtrace")

_TEXT: Final = "text"

RETRY_S: Final = 30.0
"""How long nothing is tried after a failure."""


class Spill:
    """The bound on what a store keeps in memory, and what of it is on the disk.

    Args:
        directory: where the files are made; the user's state directory by default, because the one for temporary files
            is memory on many systems.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory
        self.problem: str | None = None
        """Why what is beyond the bound is still in memory, in words."""
        self._limit: int | None = None
        self._tried_at = -RETRY_S

    @property
    def limit(self) -> int | None:
        """Bytes of ended spans that are kept in memory, or none for any number.

        Raises:
            UsageError: set to less than nothing.
        """
        return self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        if limit is not None and limit < 0:
            message = f"max_memory_bytes must be a number of bytes, or None for no bound, but is {limit}"
            raise UsageError(message)
        self._limit, self.problem = limit, None

    def relieve(
        self, batches: tuple[pa.RecordBatch, ...], rows: int, texts: Texts, made: int = 0
    ) -> tuple[tuple[pa.RecordBatch, ...], Texts] | None:
        """Move all that is in memory to the disk, if it is beyond the bound.

        Args:
            batches: rows.
            rows: how many of the batches are on the disk already.
            texts: what they refer to.
            made: bytes of what was made of them, which count too.

        Returns:
            The same batches and texts, all of them on the disk, or none if everything stays where it is.
        """
        if self._limit is None or rows_size(batches[rows:]) + texts.in_memory + made <= self._limit:
            return None
        if time.monotonic() - self._tried_at < RETRY_S:
            return None
        import pyarrow as pa

        chunks = texts.chunks[texts.settled :]
        try:
            moved = self._moved([*batches[rows:], *(pa.RecordBatch.from_arrays([chunk], [_TEXT]) for chunk in chunks)])
        except OSError as error:
            self._fail(error)
            return None
        self.problem = None
        on_disk, told = moved[: len(batches) - rows], [one.column(0) for one in moved[len(batches) - rows :]]
        texts = Texts((*texts.chunks[: texts.settled], *told), settled=len(texts.chunks))
        _give_back()
        return (*batches[:rows], *on_disk), texts

    def moved(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Move rows that were made of others to the disk too; where no file can be written they stay."""
        with suppress(OSError):
            return self._moved([batch])[0]
        return batch

    def _moved(self, batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """Write batches to a file and give them back as it has them; columns of nulls share their memory and stay."""
        if not batches:
            return []
        import pyarrow as pa

        parts = [batch.select([name for name in batch.schema.names if not _is_null(batch[name])]) for batch in batches]
        descriptor, path = self._file()
        try:
            with os.fdopen(descriptor, "wb") as file:
                for part in parts:
                    with pa.ipc.new_stream(file, part.schema) as writer:
                        writer.write_batch(part)
            # Closing it leaves what was read mapped, and no file open, however many there are.
            with pa.memory_map(str(path)) as source:
                mapped = [batch for _ in parts for batch in pa.ipc.open_stream(source)]
        finally:
            path.unlink()
        return [_completed(part, batch) for part, batch in zip(mapped, batches, strict=True)]

    def _file(self) -> tuple[int, Path]:
        """Make a file in the directory, or where temporary files go."""
        directory = self.directory or default_directory()
        with suppress(OSError):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _made(directory)
        return _made(None)

    def _fail(self, error: OSError) -> None:
        self._tried_at = time.monotonic()
        problem = f"what is beyond max_memory_bytes stays in memory: no file can be written ({error.strerror or error})"
        if self.problem is None:
            logger.warning("nbtrace: %s", problem)
        self.problem = problem


def _give_back() -> None:
    """Have the C library return to the system what is free: glibc keeps it, several times the bound, for nobody."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # another library
        ctypes.CDLL(None).malloc_trim(0)


def _made(directory: Path | None) -> tuple[int, Path]:
    descriptor, path = tempfile.mkstemp(prefix="nbtrace-spans-", dir=directory)
    return descriptor, Path(path)


def _completed(part: pa.RecordBatch, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Add to a part of a batch the columns that it lacks."""
    import pyarrow as pa

    names = set(part.schema.names)
    columns = [(part if name in names else batch).column(name) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def rows_size(batches: tuple[pa.RecordBatch, ...]) -> int:
    """Give the bytes of rows; columns of nulls take none."""
    return sum(column.nbytes for batch in batches for column in batch.columns if not _is_null(column))


def _is_null(column: pa.Array) -> bool:
    return column.null_count == len(column)
