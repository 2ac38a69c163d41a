"""Reads what a journal has left: all that is whole, the spans that had only begun, and word of what is missing.

Files are taken as they come: torn, damaged, or not ours. What cannot be read is named and left out; a text that rows
refer to and that is lost is said to be lost.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from nbtrace._store.batches import encode_all
from nbtrace._store.columns import strings
from nbtrace._store.contents import Overlay
from nbtrace._store.folding import Folded, Folding
from nbtrace._store.interrupted import interrupted
from nbtrace._store.kept import kept_schema
from nbtrace._store.remap import referred
from nbtrace._store.scores import completed, scores_schema
from nbtrace._store.segments import ROWS, SCORES, TEXTS, SegmentReader
from nbtrace._store.starts import read_starts
from nbtrace._store.texts import Texts

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot

LOST: Final = '{"lost":"this text is not in the journal"}'
"""Stands for a text that is not there."""

MOST: Final = 2**28
"""Numbers of texts and rows beyond this are no numbers of a session's but damage."""


@dataclass
class Recovered:
    """A session as far as its files tell."""

    rows: list[pa.RecordBatch] = field(default_factory=list[pa.RecordBatch])
    """Ended spans in order of arrival, then those that the kernel's end interrupted."""
    texts: Texts = field(default_factory=Texts)
    scores: list[pa.RecordBatch] = field(default_factory=list[pa.RecordBatch])
    interrupted: int = 0
    """How many spans had begun and not ended, those of one call as one."""
    problems: list[str] = field(default_factory=list[str])
    """What is missing, a sentence each."""

    def snapshot(self) -> Snapshot:
        """Give the spans of the session, each call once."""
        return self._read(Folding().fold(tuple(self.rows), (), self.texts))

    def written(self) -> Snapshot:
        """Give the spans of the session as they are in its files, for a store to take over."""
        return self._read(Folded(tuple(self.rows)))

    def _read(self, rows: Folded) -> Snapshot:
        return rows.snapshot(self.texts, pa.Table.from_batches(self.scores, schema=scores_schema()))


def recover(directory: Path) -> Recovered:
    """Read a session's files.

    Args:
        directory: the session's.
    """
    found = Recovered()
    rows, texts, scores = (_Series(what) for what in ("spans", "texts", "scores"))
    for path in sorted(directory.glob("*.segment")):
        _read_segment(path, {ROWS: rows, TEXTS: texts, SCORES: scores}, found.problems)
    found.texts = _texts(texts)
    for batch in rows.batches:
        lowest, highest = referred(batch)
        if lowest < 0 or highest >= MOST:
            found.problems.append(f"{batch.num_rows} spans refer to texts that cannot be; they are left out")
            continue
        if highest >= len(found.texts):
            found.problems.append("the last texts are lost")
            found.texts = found.texts.with_chunk(_lost(highest + 1 - len(found.texts)))
        found.rows.append(batch)
    found.scores = scores.batches
    found.problems += rows.problems + texts.problems + scores.problems
    _interrupted(directory, found)
    return found


class _Series:
    """Batches in the order of their rows: what was written twice counts once, and a gap is known."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = 0
        self.batches: list[pa.RecordBatch] = []
        self.gaps: list[tuple[int, int]] = []
        """Behind so many batches, so many rows are missing."""
        self.problems: list[str] = []

    def add(self, first: int, batch: pa.RecordBatch) -> None:
        if first > MOST:
            message = f"row {first}"
            raise ValueError(message)
        if first > self._next:
            self.gaps.append((len(self.batches), first - self._next))
            self.problems.append(f"{first - self._next:,} {self._what} are lost")
            self._next = first
        new = batch.slice(self._next - first)
        self._next += new.num_rows
        self.batches.append(new)


def _read_segment(path: Path, series: dict[int, _Series], problems: list[str]) -> None:
    schemas = {ROWS: kept_schema(), TEXTS: pa.schema([("text", pa.large_string())]), SCORES: scores_schema()}
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    reader = SegmentReader(data)
    if reader.problem is not None:
        problems.append(f"{path.name} {reader.problem}")
    for kind, schema in schemas.items():
        try:
            for first, batch in reader.batches(kind):
                if kind == SCORES and len(batch) and not batch.schema.equals(schema):
                    batch = completed(pa.Table.from_batches([batch])).combine_chunks().to_batches()[0]  # noqa: PLW2901
                if not batch.schema.equals(schema):
                    problems.append(f"{path.name} has rows of another version")
                    break
                series[kind].add(first, batch)
        except ValueError as error:  # of which Arrow's errors are
            problems.append(f"{path.name} cannot be read to its end ({error})")


def _texts(series: _Series) -> Texts:
    gaps = dict(series.gaps)
    chunks: list[Any] = []
    for index, batch in enumerate(series.batches):
        if index in gaps:
            chunks.append(_lost(gaps[index]))
        chunks.append(batch.column(0))
    return Texts(tuple(chunks))


def _lost(count: int) -> pa.Array:
    return strings(pa.large_string(), [LOST] * count)


def _interrupted(directory: Path, found: Recovered) -> None:
    """Add the spans that had begun and of which there is no end."""
    files = (memoryview(path.read_bytes()) for path in sorted(directory.glob("*.starts")))
    begun = {(start.trace_id, start.span_id): start for start in read_starts(files)}
    for batch in found.rows:
        ids: Any = zip(batch.column("trace_id").to_pylist(), batch.column("span_id").to_pylist(), strict=True)
        for key in ids:
            begun.pop(key, None)
    if begun:
        overlay = Overlay(found.texts)
        spans, repeated = interrupted(begun, found.rows)
        found.rows += encode_all(spans, overlay, running=True)
        found.texts = overlay.texts()
        found.interrupted = len(begun) - repeated
