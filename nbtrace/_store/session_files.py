"""The files of the session that is being written: a lock, a manifest, start records and segments.

Every method but `close` may raise `OSError`, and then nothing is lost but what it was to write: what is there stays
readable, and the next call begins new files.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._store import locks
from nbtrace._store.segments import ROWS, SCORES, TEXTS, Segment
from nbtrace._store.sessions import LOCK, Manifest
from nbtrace._store.starts import Starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.following import Appended

SEGMENT_BYTES: Final = 64 * 2**20
STARTS_BYTES: Final = 4 * 2**20
"""Sizes from which on another file is begun."""

PIECE_BYTES: Final = 8 * 2**20
"""Texts are written in batches of about this size."""


class SessionFiles:
    """A session's directory, made for it.

    Args:
        directory: where sessions are kept.
        manifest: what the session is.
        mask: takes secrets out of names.
    """

    def __init__(self, directory: Path, manifest: Manifest, mask: Callable[[str], str]) -> None:
        self.path = directory / manifest.id
        self.manifest = manifest
        self._mask = mask
        self._segment: Segment | None = None
        self._numbers = 0
        self._written = {TEXTS: 0, ROWS: 0, SCORES: 0}
        self.life = 0
        """How often the store had been cleared before what is written."""
        self._bytes = 0
        self._calls: set[int] = set()
        """Ids of the written spans that other spans may repeat."""
        self._repeats: Counter[int] = Counter()
        """How many written spans repeat a call that is not written yet, by its id."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700)
        self._lock = locks.hold(self.path / LOCK)
        self.starts = Starts(self._next("starts"), mask)
        self._note()

    @property
    def rows(self) -> int:
        """How many rows are written."""
        return self._written[ROWS]

    @property
    def scores(self) -> int:
        """How many scores are written."""
        return self._written[SCORES]

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._bytes + (self._segment.size if self._segment else 0) + self.starts.size

    def append(self, added: Appended) -> None:
        """Write rows, what texts are new, and scores, as far as they are not written yet."""
        if added.life != self.life:
            self._forget(added.life)
        batches: list[tuple[int, int, pa.RecordBatch]] = []
        written = dict(self._written)

        def put(kind: int, batch: pa.RecordBatch) -> None:
            batches.append((kind, written[kind], batch))
            written[kind] += batch.num_rows

        for texts in added.texts.after(written[TEXTS], PIECE_BYTES):
            put(TEXTS, _text_batch(texts))
        for rows in _without(added.rows, self.rows - added.first_row):
            put(ROWS, rows)
        for scores in _without(added.scores, self.scores - added.first_score):
            put(SCORES, scores)
        self._write(batches)
        self._written = written
        for kind, _, batch in batches:
            if kind == ROWS:
                self._count(batch)
        self._note()

    def renew_starts(self, unwritten: Callable[[], Iterable[ReadableSpan]]) -> None:
        """Begin another file of starts if this one is large or broken.

        Args:
            unwritten: gives the spans of which there is only the start, asked when new ones go to the new file.
        """
        if self.starts.broken is None and self.starts.size < STARTS_BYTES:
            return
        old, new = self.starts, Starts(self._next("starts"), self._mask)
        if new.broken is not None:
            new.close()
            raise new.broken
        self.starts = new
        old.close()
        for span in unwritten():
            new.write(span)
        if new.broken is not None:
            raise new.broken
        for path in self.path.glob("*.starts"):
            if path != new.path:
                path.unlink()

    def close(self) -> None:
        """Say that the session was ended, and let go of the files; a session without anything leaves none."""
        self.manifest = replace(self.manifest, closed=True)
        with suppress(OSError):
            self._note()
        self._let_go()
        if not any(self._written.values()) and self.starts.is_empty:
            with suppress(OSError):
                for path in self.path.iterdir():
                    path.unlink()
                self.path.rmdir()

    def forked(self) -> None:
        """Let go of the files in a child process, where no lock can be waited for."""
        self.starts.forked()
        self._let_go()

    def _let_go(self) -> None:
        self.starts.close()
        if self._segment is not None:
            self._segment.close()
        with suppress(OSError):
            os.close(self._lock)

    def _write(self, batches: list[tuple[int, int, pa.RecordBatch]]) -> None:
        if not batches:
            return
        if self._segment is None or self._segment.size >= SEGMENT_BYTES:
            self._end_segment()
            self._segment = Segment(self._next("segment"))
        try:
            self._segment.append(batches)
        except OSError:
            self._end_segment()  # its end is torn
            raise

    def _end_segment(self) -> None:
        if self._segment is not None:
            self._bytes += self._segment.size
            self._segment.close()
            self._segment = None

    def _forget(self, life: int) -> None:
        """Remove what is written: the store was cleared."""
        self.life = life
        self._end_segment()
        for path in self.path.glob("*.segment"):
            path.unlink()
        self._bytes = 0
        self._written = dict.fromkeys(self._written, 0)
        self._calls.clear()
        self._repeats.clear()
        self.manifest = replace(self.manifest, spans=0, calls=0, cost_usd=None)

    def _count(self, rows: pa.RecordBatch) -> None:
        """Add up what a list of sessions tells."""
        operations, costs, ids = (rows.column(name).to_pylist() for name in ("operation", "cost_usd", "span_id"))
        calls = [cost for operation, cost in zip(operations, costs, strict=True) if operation in semconv.LLM_OPERATIONS]
        known = [cost for cost in (self.manifest.cost_usd, *calls) if cost is not None]
        self.manifest = replace(
            self.manifest,
            spans=self.manifest.spans + rows.num_rows - self._gone(rows, operations, ids),
            calls=self.manifest.calls + len(calls),
            cost_usd=sum(known) if known else None,
        )

    def _gone(self, rows: pa.RecordBatch, operations: list[Any], ids: list[Any]) -> int:
        """Say how many spans are in others from these rows on: whichever of a call and what repeats it comes last."""
        from nbtrace._store.repeats import marks

        repeated = [span_id for _, span_id in marks(rows)]
        self._repeats.update(repeated)
        self._calls.update(
            int.from_bytes(one) for one, operation in zip(ids, operations, strict=True) if operation is not None
        )
        here = self._repeats.keys() & self._calls
        return sum(self._repeats.pop(span_id) for span_id in here)

    def _note(self) -> None:
        self.manifest = replace(self.manifest, updated=time.time())
        self.manifest.write(self.path)

    def _next(self, kind: str) -> Path:
        self._numbers += 1
        return self.path / f"{self._numbers:06}.{kind}"


def _without(batches: Iterable[pa.RecordBatch], count: int) -> Iterator[pa.RecordBatch]:
    """Give batches without their first rows."""
    for batch in batches:
        left = batch.slice(min(max(count, 0), batch.num_rows))
        count -= batch.num_rows
        if left.num_rows:
            yield left


def _text_batch(texts: pa.Array) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([texts], names=["text"])
