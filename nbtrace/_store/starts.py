"""Start records: what a span is, written before its call is answered, so that a killed kernel leaves word of it.

They may be on the call's path, so a record is 53 bytes in one `write`, some three microseconds: ids, start, and the
number of a *shape*, the name, identity and instrumentation that many spans share, which is written once. No content is
in them. What is written is with the system and survives the kernel; it is not forced to the disk.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from errno import ENOSPC
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from nbtrace import semconv
from nbtrace._store.frames import CHECKSUM, HEAD, MAGIC, Frames, frame

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

IDENTITY: Final = (
    semconv.SPAN_TYPE, semconv.OPERATION_NAME, semconv.PROVIDER_NAME, semconv.REQUEST_MODEL, semconv.CELL_ID,
    semconv.CELL_EXECUTION_COUNT, semconv.CELL_RUN,
)  # fmt: skip
"""Attributes of a start."""

SHAPES: Final = 4096
"""Shapes that are kept in mind; programs with more names than that write some again."""

_SHAPE: Final = 1
_START: Final = 2
_RECORD: Final = struct.Struct(HEAD + "16s8s8sqI")
"""A frame's head; trace id, span id, parent's or zeros, nanoseconds since the epoch, number of the shape."""

_LATEST: Final = 2**63
_PAYLOAD: Final = struct.Struct("<16s8s8sqI")


class Start(NamedTuple):
    """A span that had begun."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes | None
    start_time_unix_nano: int
    name: str
    kind: int
    """OTLP's."""
    attributes: dict[str, Any]
    scope: str | None
    """The name of the instrumentation; journals of earlier versions do not have it."""


class Starts:
    """A file of start records, appended to from any thread.

    Args:
        path: the file, which must not exist yet.
        mask: takes secrets out of names.
    """

    def __init__(self, path: Path, mask: Callable[[str], str]) -> None:
        self.path = path
        self._mask = mask
        self._lock = threading.RLock()
        self._shapes: dict[tuple[object, ...], int] = {}
        self._count = 0
        self.broken: OSError | None = None
        """Why nothing more is written."""
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.size = 0
        """Bytes written."""
        self._append(MAGIC)

    def write(self, span: ReadableSpan) -> None:
        """Write that a span has begun; whatever fails is kept for `broken`."""
        context = span.context
        if context is None or self.broken is not None:
            return
        scope = span.instrumentation_scope
        what = (span.name, id(span.kind), None if scope is None else scope.name)
        try:
            shape = (*what, *map((span.attributes or {}).get, IDENTITY))
            number = self._shapes.get(shape)
        except TypeError:  # somebody's attribute is a mapping, which has no hash
            shape = (*what, *map(str, map((span.attributes or {}).get, IDENTITY)))
            number = self._shapes.get(shape)
        if number is None:
            number = self._number(span, shape)
        parent, start = span.parent, span.start_time
        record = _RECORD.pack(
            _START,
            _PAYLOAD.size,
            context.trace_id.to_bytes(16, "big"),
            context.span_id.to_bytes(8, "big"),
            parent.span_id.to_bytes(8, "big") if parent is not None else b"",
            start if type(start) is int and 0 < start < _LATEST else 0,
            number,
        )
        self._append(record + crc32(record).to_bytes(CHECKSUM, "little"))  # as `sealed`, a call less on the user's path

    @property
    def is_empty(self) -> bool:
        """Whether no span was written."""
        return self.size <= len(MAGIC)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                self.broken = self.broken or OSError("closed")
                os.close(fd)

    def forked(self) -> None:
        """Let go of the file in a child process, where another thread's lock is held for good."""
        self._lock = threading.RLock()
        self.close()

    def _number(self, span: ReadableSpan, shape: tuple[Any, ...]) -> int:
        """Write a shape that is new."""
        known = {
            key: value if isinstance(value, int) else self._mask(str(value))
            for key, value in zip(IDENTITY, shape[3:], strict=True)
            if value is not None
        }
        scope = None if shape[2] is None else self._mask(str(shape[2]))
        text = json.dumps([self._mask(str(span.name)), span.kind.value + 1, known, scope])
        with self._lock:
            if len(self._shapes) >= SHAPES:
                self._shapes.clear()
            self._append(frame(_SHAPE, text.encode()))
            number = self._shapes[shape] = self._count
            self._count += 1
        return number

    def _append(self, record: bytes) -> None:
        # Locked, because the number of a file that is closed meanwhile may be that of a file of the user's.
        with self._lock:
            try:
                if self.broken is None:
                    written = os.write(self._fd, record)
                    self.size += written
                    if written != len(record):
                        self.broken = OSError(ENOSPC, os.strerror(ENOSPC))
            except OSError as error:
                self.broken = error


def read_starts(files: Iterable[memoryview]) -> Iterator[Start]:
    """Read the starts of files, in order; what is no whole record is left out."""
    for data in files:
        shapes: list[tuple[str, int, dict[str, Any], str | None]] = []
        for kind, payload in Frames(data):
            if kind == _SHAPE:
                name, number, attributes, *more = json.loads(bytes(payload))
                shapes.append((name, number, attributes, more[0] if more else None))
            elif kind == _START and len(payload) == _PAYLOAD.size:
                trace, span, parent, start, number = _PAYLOAD.unpack(payload)
                yield Start(trace, span, parent if any(parent) else None, start, *shapes[number])
