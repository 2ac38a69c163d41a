"""Adds spans to a dataset: Parquet files in directories by day and session, by as many processes at once as like.

Each export writes new files, one a directory, and each appears whole. What a directory has already is not written
again, and a file is named after the spans in it, so that two processes that write the same write one file. Only where
all is to be written again are the files of a session replaced, each new one before the old ones go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from nbtrace import semconv
from nbtrace._export.preview import preview_file
from nbtrace._export.report import ExportReport, scores_in_words, spans_in_words, unended_in_words
from nbtrace._query.endings import going
from nbtrace._store.places import UNKNOWN
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbtrace._export.ledger import Again
    from nbtrace._store.places import Place
    from nbtrace._store.snapshot import Snapshot

NAME_CHARACTERS: Final = 120
"""Of a session in the name of a directory, of which most file systems take 255 bytes."""


@dataclass
class Part:
    """The spans of one directory, and what is there already."""

    place: Place
    spans: Snapshot
    paths: list[str]
    """Files that are there."""
    known: dict[bytes, int]
    """Spans that are there, with their numbers of scores."""
    rest: Snapshot = field(init=False)
    """Those of ours that are not there."""

    def __post_init__(self) -> None:
        self.rest = _without(self.spans, self.known)


def add(table: Snapshot, to: Place, *, again: Again = "rest", dry_run: bool = False) -> ExportReport:
    """Add spans to the dataset at a place.

    Args:
        table: the spans.
        to: the directory of the dataset, which is made if need be.
        again: what is done with spans that are there; `all` replaces the files of their sessions.
        dry_run: only look.

    Raises:
        ExportError: it cannot be written to, or has spans that it should not.
    """
    import pyarrow as pa

    try:
        chosen, left_out = _settled(table)
        parts = [_part(to, *found) for found in _parts(chosen)]
        before = sum(len(part.spans) - len(part.rest) for part in parts)
        if before and again == "refuse":
            raise ExportError.arrived_before(to.shown, before, len(chosen))
        if again == "rest":
            left_out += _there(parts, before)
        strange = len(table.scores) - sum(_scores(table).values())
        left_out += [f"{scores_in_words(strange)} of other spans"] if strange else []
        going = [part for part in parts if len(part.spans if again == "all" else part.rest)]
        if dry_run:
            return _preview(chosen, parts, again, to, left_out)
        size = sum(_rewritten(part) if again == "all" else _written(part.place, part.rest) for part in going)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise ExportError.unwritable(to.shown, _reason(error)) from error
    count = sum(len(part.spans if again == "all" else part.rest) for part in going)
    notes = [f"{len(going):,} file{'' if len(going) == 1 else 's'} written"] if going else []
    return ExportReport(to.shown, "Parquet dataset", count, size, 0, tuple(left_out), tuple(notes))


def alone(table: Snapshot, to: Place) -> ExportReport:
    """Write all spans to one file in any file system.

    Raises:
        ExportError: it cannot be written.
    """
    import pyarrow as pa

    from nbtrace._store import parquet

    try:
        with to.replacing() as file:
            strange = parquet.write(table, file)
            size = file.tell()
    except (OSError, pa.ArrowException, ValueError) as error:
        raise ExportError.unwritable(to.shown, _reason(error)) from error
    left_out = (f"{scores_in_words(strange)} of other spans",) if strange else ()
    return ExportReport(to.shown, "Parquet", len(table), size, 0, left_out)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).partition("\n")[0][:300]


def _settled(table: Snapshot) -> tuple[Snapshot, list[str]]:
    """Take the spans that will not change: those that have ended, or whose process has."""
    import pyarrow.compute as pc

    is_going = going(table.kept.column)
    messages = table.column("status_message").filter(is_going).to_pylist()
    return table.filter(pc.invert(is_going)), list(unended_in_words(messages))


def _there(parts: Iterable[Part], before: int) -> list[str]:
    """Say what of ours is not written because the dataset has it, and what it lacks nevertheless."""
    late = 0
    for part in parts:
        late += sum(max(0, number - part.known.get(key, number)) for key, number in _scores(part.spans).items())
    said = [f"{spans_in_words(before)} that {'was' if before == 1 else 'were'} there before"] if before else []
    return said + ([f"{scores_in_words(late)} of those: again='all' writes them too"] if late else [])


def _parts(table: Snapshot) -> Iterator[tuple[str, Snapshot]]:
    """Cut spans by day and session: names of directories, and what belongs there."""
    import numpy as np

    from nbtrace._store.texts import int32

    names = [f"date={day}/session={session}" for day, session in zip(_days(table), sessions(table), strict=True)]
    order: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        order.setdefault(name, []).append(row)
    for name, rows in sorted(order.items()):
        yield name, table if len(rows) == len(names) else table.take(int32(np.array(rows)))


def _days(table: Snapshot) -> list[str]:
    import pyarrow as pa

    days = table.column("start_time").cast(pa.date32()).to_pylist()
    return [UNKNOWN if day is None else day.isoformat() for day in days]


def sessions(table: Snapshot) -> list[str]:
    """Name the session of each span: its recording, or that of its trace, or else the process that made it."""
    traces: list[Any] = table.column("trace_id").to_pylist()
    scopes, resources = (table.column(name).to_pylist() for name in ("scope", "resource"))
    recordings = {scope: _said(scope, semconv.RECORDING_ID) for scope in set(scopes)}
    processes = {resource: _said(resource, "service.instance.id") for resource in set(resources)}
    of_trace: dict[bytes, str] = {}
    for trace, scope in zip(traces, scopes, strict=True):
        if found := recordings[scope]:
            of_trace.setdefault(trace, found)
    return [
        _named(recordings[scope] or of_trace.get(trace) or processes[resource])
        for trace, scope, resource in zip(traces, scopes, resources, strict=True)
    ]


def _said(stored: str | None, key: str) -> str | None:
    """Read a text among the attributes of a scope or resource, which somebody else may have written."""
    try:
        attributes: Any = orjson.loads(stored or "{}").get("attributes") or ()
        found = next((one["value"].get("stringValue") for one in attributes if one.get("key") == key), None)
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found else None


def _named(session: str | None) -> str:
    """Name a directory after a session."""
    if session is None:
        return UNKNOWN
    name = quote(session, safe="")
    return name if len(name) <= NAME_CHARACTERS else hashlib.blake2b(session.encode(), digest_size=16).hexdigest()


def _part(to: Place, name: str, spans: Snapshot) -> Part:
    import pyarrow.parquet as pq

    from nbtrace._store.remap import keys

    place = to.below(name)
    paths = place.names(".parquet")
    known: dict[bytes, int] = {}
    for path in paths:
        with to.files.open_input_file(path) as file:
            table = pq.read_table(file, columns=["trace_id", "span_id", "scores"])
        lengths: Any = table.column("scores").to_pylist()
        known |= zip(keys(table).to_pylist(), (len(one or ()) for one in lengths), strict=True)
    return Part(place, spans, paths, known)


def _without(spans: Snapshot, known: Iterable[bytes]) -> Snapshot:
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import binary
    from nbtrace._store.remap import keys

    there = binary(pa.binary(), list(known))
    return spans.filter(pc.invert(pc.is_in(keys(spans.kept), value_set=there))) if len(there) else spans


def _scores(spans: Snapshot) -> dict[bytes, int]:
    """Count the scores of each of these spans that has any."""
    from nbtrace._store.remap import keys

    if not len(spans.scores):
        return {}
    counted = dict.fromkeys(keys(spans.kept).to_pylist(), 0)
    for key in keys(spans.scores).to_pylist():
        if key in counted:
            counted[key] += 1
    return counted


def _written(place: Place, spans: Snapshot) -> int:
    """Write one file, and give its size."""
    from nbtrace._store import parquet

    with place.below(_name(spans)).replacing() as file:
        parquet.write(spans, file)
        return file.tell()


def _name(spans: Snapshot) -> str:
    from nbtrace._store.remap import keys

    names = sorted(key or b"" for key in keys(spans.kept).to_pylist())
    return f"spans-{hashlib.blake2b(b''.join(names), digest_size=12).hexdigest()}.parquet"


def _rewritten(part: Part) -> int:
    """Write one file of all spans of a directory, ours as they are now, and delete those that it replaces."""
    from nbtrace._store import parquet
    from nbtrace._store.remap import keys
    from nbtrace._store.store import Store

    together = Store()
    together.adopt(part.spans.with_own_scores())
    for path in part.paths:
        with part.place.files.open_input_file(path) as file:
            there = parquet.read(file)
        new = _without(there, keys(together.snapshot().kept).to_pylist())
        together.adopt(new.with_own_scores())
    made = together.snapshot()
    size = _written(part.place, made)
    for path in part.paths:
        if not path.endswith(f"/{_name(made)}"):
            part.place.files.delete_file(path)
    return size


def _preview(chosen: Snapshot, parts: list[Part], again: Again, to: Place, left_out: list[str]) -> ExportReport:
    """Say what would be written."""
    known = [] if again == "all" else [key for part in parts for key in part.known]
    looked = preview_file(_without(chosen, known), to.shown, "Parquet dataset", None)
    return replace(looked, left_out=tuple(left_out))
