"""Segments: the journal's files of ended spans, their texts, and scores.

A segment is three Arrow IPC streams side by side, cut into frames: each frame is what one stream got by one batch,
compressed, so that a few rows cost hundreds of bytes instead of the thousands that Arrow's own description of them
takes. A batch says the number of its first row, so that what is written twice, after a failure, is read once. Texts
come before the rows that refer to them. All that is added at one time is one `write`, and is then forced to the disk.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from errno import ENOSPC
from typing import TYPE_CHECKING, Any, Final

from nbtrace._store.frames import MAGIC, Frames, frame

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

TEXTS: Final = 1
ROWS: Final = 2
SCORES: Final = 3
"""Kinds of frames, by their stream."""

FIRST: Final = "first"
"""Metadata of a batch: the number of its first row in the session."""

FRAME_BYTES: Final = 2**30
"""No frame says of itself that it is larger; one that does is damaged."""


class Segment:
    """A file that batches are appended to.

    Args:
        path: the file, which must not exist yet.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._streams = {kind: _Stream(kind) for kind in (TEXTS, ROWS, SCORES)}
        self.size = 0
        """Bytes written."""
        self._write(MAGIC)

    def append(self, batches: Iterable[tuple[int, int, pa.RecordBatch]]) -> None:
        """Write batches, each with its kind and the number of its first row in the session.

        Raises:
            OSError: not all of it is on the disk. Nothing more may be written here.
        """
        self._write(b"".join([self._streams[kind].frame(batch, first) for kind, first, batch in batches]))
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            written = os.write(self._fd, left)
            if not written:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            left = left[written:]
        self.size += len(data)


class _Stream:
    """One Arrow IPC stream, of which each batch is a frame."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._sink = _Sink()
        self._writer: Any = None

    def frame(self, batch: pa.RecordBatch, first: int) -> bytes:
        import pyarrow as pa

        if self._writer is None:
            self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink), batch.schema)
        self._writer.write_batch(batch, custom_metadata={FIRST: str(first)})
        data = self._sink.taken()
        packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
        return frame(self._kind, len(data).to_bytes(4, "little") + packed)


class _Sink(io.RawIOBase):
    """A file that gives what was written to it since the last time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class SegmentReader:
    """Reads what is whole of a segment.

    Args:
        data: all bytes of the file.
    """

    def __init__(self, data: memoryview) -> None:
        self._frames = Frames(data)
        self._parts: dict[int, list[bytes]] = {TEXTS: [], ROWS: [], SCORES: []}
        self.problem: str | None = None
        """What could not be read, in words."""
        self._read()

    def batches(self, kind: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Give the batches of a kind, each with the number of its first row.

        Raises:
            ValueError: what the frames hold is no Arrow stream, or not of such rows.
        """
        import pyarrow as pa

        data = b"".join(self._parts[kind])
        if not data:
            return
        reader: Any = pa.ipc.open_stream(data)
        with reader:
            while True:
                try:
                    batch, metadata = reader.read_next_batch_with_custom_metadata()
                except StopIteration:
                    return
                batch.validate(full=True)
                yield int((metadata or {}).get(FIRST.encode(), b"")), batch

    def _read(self) -> None:
        import pyarrow as pa

        for kind, payload in self._frames:
            size = int.from_bytes(payload[:4], "little")
            if kind in self._parts and size <= FRAME_BYTES:
                self._parts[kind].append(pa.decompress(payload[4:], size, codec="zstd", asbytes=True))
        if not self._frames.is_journal:
            self.problem = "is no file of the journal"
        elif self._frames.unread:
            self.problem = f"has {self._frames.unread:,} bytes at its end that are no whole frame"
