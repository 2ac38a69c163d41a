"""Delivers spans to one receiver: chooses those that go, prepares, encodes, sends, and reports what became of them.

Everything that does not arrive as it is kept is in the report: spans that run, that were there before, that the
receiver does not take or, by what it states, will not keep; roots that were made; texts that were cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any

from nbtrace import semconv
from nbtrace._export import otlp
from nbtrace._export.backends.backend import Limits
from nbtrace._export.encodings import ENCODINGS
from nbtrace._export.judging import hand_over, score_id
from nbtrace._export.prepare import Prepared
from nbtrace._export.report import (
    ExportReport,
    counted_in_words,
    scores_in_words,
    spans_in_words,
    unended_in_words,
    unsaid_in_words,
)
from nbtrace._export.selection import beside, by_trace, orphans, rerooted, together, without_vectors
from nbtrace._export.sending import Sender
from nbtrace._export.verifying import verify
from nbtrace._query.endings import is_interrupted
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._export.backends.backend import Backend
    from nbtrace._export.batch import Row
    from nbtrace._export.endpoint import Endpoint
    from nbtrace._export.ledger import Again, Ledger
    from nbtrace._store.snapshot import Snapshot


@dataclass(frozen=True)
class Receiver:
    """Who is sent to."""

    endpoint: Endpoint
    backend: Backend | None
    resource: Mapping[str, str]

    api: str
    """The base of its REST API."""
    asked: Endpoint
    """How that is asked, but for the path."""

    @property
    def shown(self) -> str:
        """Its name and address, for people."""
        return f"{self.backend.name} at {self.endpoint.shown}" if self.backend else self.endpoint.shown

    @property
    def key(self) -> str:
        """What tells it from other destinations: whose address, what routes the spans there, and for which account."""
        name = f"{self.backend.name} " if self.backend else ""
        return f"{name}{self.endpoint.shown} {sorted(self.resource.items())} {self.endpoint.account}".rstrip()

    @property
    def limits(self) -> Limits | None:
        """What it states that it does not take."""
        return self.backend.limits if self.backend else None

    @property
    def request_bytes(self) -> int:
        """The largest request that it gets."""
        stated = self.limits.request_bytes if self.limits else None
        return min(stated or otlp.REQUEST_BYTES, otlp.REQUEST_BYTES)


@dataclass
class Parcel:
    """The spans that go, ready to be encoded, and what is told of the others."""

    prepared: Prepared
    scores: list[Row]
    """The judgements that go, with their spans or by the backend's API."""
    has_api: bool
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.prepared.table)


def pack(
    table: Snapshot, to: Receiver, *, ledger: Ledger, again: Again, is_selection: bool, is_live: bool = False
) -> Parcel:
    """Choose and prepare the spans that go; a live export sends none again that was refused.

    Raises:
        ExportError: some have arrived before, and the caller does not want that.
    """
    whole, left_out = ended(table)
    limits, notes = to.limits or Limits(), list[str]()
    chosen = ledger.missing(to.key, whole, but_refused=is_live) if again != "all" else whole
    before = len(whole) - len(chosen)
    if before and again == "refuse":
        raise ExportError.arrived_before(to.shown, before, len(whole))
    if before:
        left_out += (f"{spans_in_words(before)} that had arrived before",)
    if is_selection or limits.drops_orphans:
        roots = _roots(chosen)
        whole, _ = rerooted(whole, remote=limits.drops_orphans)  # parents that arrived before are there
        chosen = ledger.missing(to.key, whole, but_refused=is_live) if again != "all" else whole
        if made := _roots(chosen) - roots:
            whose = "its parent became a root" if made == 1 else "their parents became roots"
            notes.append(f"{spans_in_words(made)} without {whose}")
    if limits.hours is not None and (old := _older(chosen, limits.hours)):
        notes.append(f"{spans_in_words(old)} began more than {limits.hours:g} hours ago, and may not be kept there")
    chosen = _with_late_parents(chosen, table, to.key, ledger, notes)
    scores = _scores(whole, set() if again == "all" else ledger.scores(to.key))
    has_api = to.backend is not None and to.backend.scores is not None
    if has_api:
        scores, without = _sayable(scores)
        left_out += without
    if not has_api:
        going = set(_keys(chosen))
        along = [score for score in scores if score["trace_id"] + score["span_id"] in going]
        if late := len(scores) - len(along):
            left_out += (f"{scores_in_words(late)} of spans that had arrived before: there is no API for them",)
        scores = along
    around = whole if is_selection or limits.drops_orphans else table  # also what still runs
    chosen, had_vectors = without_vectors(chosen)
    if had_vectors:
        notes.append(f"The vectors of {spans_in_words(had_vectors)} stay here: no receiver reads them, files have them")
    others = beside(around, chosen) if to.backend is not None and to.backend.overlay else None
    prepared = Prepared(by_trace(chosen), to.backend, to.resource, beside=others)
    return Parcel(prepared, scores, has_api, left_out, tuple(notes))


def late_parents(table: Snapshot, key: str, ledger: Ledger) -> Snapshot | None:
    """Give spans that are part of others now, and that a receiver waits for, as spans below them went there before."""
    gone = table.gone
    late = None if gone is None else ledger.awaited(key, ended(gone)[0])
    return late if late is not None and len(late) else None


def _with_late_parents(spans: Snapshot, table: Snapshot, key: str, ledger: Ledger, notes: list[str]) -> Snapshot:
    late = late_parents(table, key, ledger)
    if late is None:
        return spans
    notes.append(f"{spans_in_words(len(late))} that another has taken in: what is below had arrived and names it")
    return together(spans, late)


def waiting(table: Snapshot, key: str, ledger: Ledger) -> int:
    """Count the ended spans that have not arrived and that a live export sends."""
    late = late_parents(table, key, ledger)
    return len(ledger.missing(key, ended(table)[0], but_refused=True)) + (0 if late is None else len(late))


def deliver(parcel: Parcel, to: Receiver, *, ledger: Ledger, shows_progress: bool = True) -> ExportReport:
    """Send what was packed."""
    above = orphans(parcel.prepared.table)

    def taken(keys: Iterable[bytes]) -> None:
        arrived = set(keys)
        ledger.add(to.key, arrived, (above[key] for key in arrived & above.keys()))
        if not parcel.has_api:
            going = (score for score in parcel.scores if score["trace_id"] + score["span_id"] in arrived)
            ledger.add_scores(to.key, map(score_id, going))

    encoding = ENCODINGS[to.endpoint.protocol]
    sender = Sender(to.endpoint, encoding.request, taken, partial(ledger.refuse, to.key), to.request_bytes)
    with _progress(len(parcel), to.shown, is_shown=shows_progress) as advance:
        outcome = sender.send(encoding.spans(parcel.prepared), advance)
    left_out = [*parcel.left_out, *(f"{spans_in_words(number)} {why}" for why, number in outcome.refused.items())]
    judged = _judge(parcel, to, ledger, left_out) if parcel.has_api else 0
    notes = [*parcel.notes, *cut_in_words(parcel.prepared.cut), *unsaid_in_words(parcel.prepared.unsaid)]
    if outcome.said:
        notes.append(f"The receiver said: {' / '.join(outcome.said)}")
    if not len(parcel) and not parcel.scores:
        notes.append("There was nothing to send, so the endpoint was not asked")
    return ExportReport(
        to.shown, "OTLP", outcome.spans, outcome.bytes, outcome.requests, tuple(left_out), tuple(notes), judged
    )  # fmt: skip


def read_back(
    report: ExportReport, parcel: Parcel, to: Receiver, *, ledger: Ledger, shows_progress: bool = True
) -> ExportReport:
    """Look whether what was sent is there, and say so too."""
    with _progress(len(parcel), f"{to.shown}, read back", is_shown=shows_progress) as advance:
        told = verify(parcel.prepared.table, to, ledger, advance)
    return replace(report, left_out=(*report.left_out, *told.left_out), notes=(*report.notes, *told.notes))


def _scores(spans: Snapshot, known: set[str]) -> list[Row]:
    """Give the judgements of spans that are not known at the destination yet."""
    scores: list[Row] = spans.scores.to_pylist()
    if not scores:
        return []
    from nbtrace._export.values import listed

    there = dict(zip(_keys(spans), listed(spans.column("resource")), strict=True))
    found = [one for one in scores if one["trace_id"] + one["span_id"] in there and score_id(one) not in known]
    return [{**one, "resource": there[one["trace_id"] + one["span_id"]]} for one in found]


def _sayable(scores: list[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """Take the scores that an API can be told. Say what is left."""
    judged = [one for one in scores if one["error_type"] is None]
    found = [one for one in judged if one["value"] is None or isfinite(one["value"])]
    left_out = (
        (len(scores) - len(judged), "without a value: the check failed"),
        (len(judged) - len(found), "of a value that JSON has no number for (NaN or infinity)"),
    )
    return found, tuple(f"{scores_in_words(number)} {why}" for number, why in left_out if number)


def _judge(parcel: Parcel, to: Receiver, ledger: Ledger, left_out: list[str]) -> int:
    """Send the scores, and say how many arrived and why the others did not."""
    if to.backend is None or to.backend.scores is None or not parcel.scores:
        return 0
    waiting = iter(parcel.scores)
    refused: dict[str, int] = {}
    arrived = 0
    for why, count in hand_over(to.backend.scores(parcel.scores), to.api, to.asked):
        some = [score_id(score) for score in islice(waiting, count)]
        if why:
            refused[why] = refused.get(why, 0) + count
        else:
            ledger.add_scores(to.key, some)
            arrived += count
    left_out += [f"{scores_in_words(count)} not taken ({why})" for why, count in refused.items()]
    return arrived


def _keys(spans: Snapshot) -> list[bytes]:
    from nbtrace._store.remap import keys

    return keys(spans.kept).to_pylist()


def _roots(spans: Snapshot) -> int:
    return spans.kept.column("parent_span_id").null_count


def cut_in_words(number: int) -> Iterator[str]:
    """Say how many attributes were cut, if any."""
    if number:
        yield f"{number:,} attribute{' was' if number == 1 else 's were'} longer than the receiver keeps, and cut"


def ended(table: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """Take the spans that OTLP can carry: with an end, and with times since 1970. Say what is left."""
    import pyarrow.compute as pc

    start, duration = table.column("start_time_unix_nano"), table.column("duration_ns")
    zero = pc.subtract(start, start)  # a Python 0 would import pandas
    usable = pc.and_(pc.greater_equal(start, zero), pc.greater_equal(pc.add(start, duration), zero))
    chosen = table.filter(usable)
    endless = table.filter(pc.is_null(duration))
    going = [message for message in endless.column("status_message").to_pylist() if not is_interrupted(message)]
    interrupted = len(endless) - len(going)
    odd = len(table) - len(chosen) - len(endless)
    left_out = (
        *unended_in_words(going),
        *counted_in_words(interrupted, semconv.INTERRUPTED),
        *counted_in_words(odd, "with times that OTLP cannot hold"),
    )
    return chosen, left_out


def _older(table: Snapshot, hours: float) -> int:
    oldest = time.time_ns() - round(hours * 3600 * 10**9)
    starts: Any = table.column("start_time_unix_nano").to_pylist()
    return sum(start < oldest for start in starts)


@contextmanager
def _progress(spans: int, name: str, *, is_shown: bool) -> Generator[Callable[[int], object]]:
    """Draw a progress bar, unless it takes less than a second."""
    from tqdm.auto import tqdm

    with tqdm(total=spans, desc=name, unit="span", delay=1, leave=False, disable=not is_shown) as bar:
        yield bar.update
