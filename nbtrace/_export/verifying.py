"""Reads back what a backend has of the spans that were sent, and says what is missing or otherwise there.

Compared is a span's place: its name, its parent, when it began and ended, as far as the backend tells. A backend puts
away what it took after it has said so, so it is asked again for a while before it is believed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import orjson

from nbtrace._export import post
from nbtrace._export.answer import short
from nbtrace._export.backends.backend import Address, Variables
from nbtrace._export.endpoint import Endpoint
from nbtrace._export.report import NAMED, joined, spans_in_words
from nbtrace._export.there import ROOT, Question, There, UnreadError
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._export.backends.backend import Backend
    from nbtrace._export.delivery import Receiver
    from nbtrace._export.ledger import Ledger
    from nbtrace._export.there import Read
    from nbtrace._store.snapshot import Snapshot

PATIENCE: Final = 30.0
"""Seconds in which a span has to turn up as it was sent."""
PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0

COLUMNS: Final = ("trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano", "duration_ns")
READ_ROWS: Final = 4096
TRACE_ID_BYTES: Final = 16
SECOND: Final = 10**9

FACTS: Final = ("name", "parent", "start", "end")
"""What is compared, by what `There` calls it."""

Sent = Mapping[bytes, There]
"""By trace and span id."""


class Verified(NamedTuple):
    """What to tell."""

    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


NO_WAY: Final = Verified(notes=("Nothing was read back: there is no way to here",))


@dataclass
class Found:
    """What came of reading back, by trace and span id of each that was sent."""

    gone: list[bytes] = field(default_factory=list[bytes])
    different: dict[bytes, str] = field(default_factory=dict[bytes, str])
    """How each is otherwise."""
    unread: dict[bytes, str] = field(default_factory=dict[bytes, str])
    """Why it is not known what is there of it."""

    def left(self) -> list[bytes]:
        """Give those that are to be asked for again."""
        return sorted([*self.gone, *self.different, *self.unread])


def verify(table: Snapshot, to: Receiver, ledger: Ledger, progress: Callable[[int], object]) -> Verified:
    """Read back those of the spans that have arrived.

    Args:
        table: what was sent.
        to: to whom.
        ledger: knows what has arrived there.
        progress: is told how many more are there as they were sent.
    """
    if to.backend is None or to.backend.read is None:
        return NO_WAY
    sent = dict(_sent(table, to, ledger))
    if not sent:
        return Verified()
    try:
        api = _api(to.backend, to)
    except ExportError as error:
        return Verified(notes=(f"Nothing could be read back: {error.answer or error}",))
    return NO_WAY if api is None else _in_words(sent, *_read_back(sent, to.backend.read, to, api, progress), api)


def _sent(table: Snapshot, to: Receiver, ledger: Ledger) -> Iterator[tuple[bytes, There]]:
    for piece in table.pieces(COLUMNS, READ_ROWS):
        columns: list[list[Any]] = [column.to_pylist() for column in piece.columns]
        for trace, span, parent, name, start, duration in zip(*columns, strict=True):
            if ledger.has(to.key, trace + span):
                yield trace + span, There(name or "", parent or ROOT, start, start + duration)


def _read_back(
    sent: Sent, read: Read, to: Receiver, api: Endpoint, progress: Callable[[int], object]
) -> tuple[Found, set[str]]:
    """Ask a backend what it has of spans, again while one is missing or otherwise there.

    Returns:
        What came of it, and what was told of every span that is there.
    """
    left, told = sorted(sent), set[str](FACTS)
    deadline = time.monotonic() + PATIENCE + (to.backend.read_after if to.backend else 0)
    pause = PAUSE
    while True:
        is_last, ended, found = time.monotonic() >= deadline, "", Found()
        for trace, keys in groupby(left, lambda key: key[:TRACE_ID_BYTES]):
            wanted = {key: sent[key] for key in keys}
            why = ended
            if not ended:
                try:
                    there = _there(read, _question(trace, wanted, api, to))
                    progress(_compare(wanted, there, api, found))
                    told.intersection_update(_told(wanted, there))
                    continue
                except ExportError as error:  # what was sent is there, as far as the receiver has said
                    why = error.answer or str(error)
                    ended = why if error.status != HTTPStatus.PARTIAL_CONTENT else ""
                    is_last = is_last or (bool(ended) and error.status not in post.RETRYABLE)
            found.unread |= dict.fromkeys(wanted, why)
        left = found.left()
        if is_last or not left:
            return found, told
        progress(0)
        post.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _there(read: Read, question: Question) -> Mapping[bytes, There]:
    """Ask for a trace.

    Raises:
        ExportError: the backend was not reached, or does not tell.
    """
    try:
        there = read(question)
        for one in there.values():
            one.check()
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        raise UnreadError from None
    return there


def _compare(wanted: Sent, there: Mapping[bytes, There], api: Endpoint, found: Found) -> int:
    """Note the spans that are not there as they were sent, and count those that are."""
    alike = 0
    for key, span in wanted.items():
        one = there.get(key[TRACE_ID_BYTES:])
        if one is None:
            found.gone.append(key)
        elif said := joined([*_differences(span, one, api)]):
            found.different[key] = said
        else:
            alike += 1
    return alike


def _told(wanted: Sent, there: Mapping[bytes, There]) -> Iterator[str]:
    """Name what is told of each span that is there."""
    found = [one for key in wanted if (one := there.get(key[TRACE_ID_BYTES:])) is not None]
    return (fact for fact in FACTS if all(getattr(one, fact) is not None for one in found))


def _differences(sent: There, there: There, api: Endpoint) -> Iterator[str]:
    """Say how a span is otherwise there than it was sent."""
    if there.name is not None and there.name != sent.name:
        yield f"is named {short(api, there.name)!r} instead of {short(api, sent.name or '')!r}"
    if there.parent is not None and there.parent != sent.parent:
        parents = [parent.hex() if parent else "none" for parent in (there.parent, sent.parent or ROOT)]
        yield f"has another parent ({' instead of '.join(parents)})"
    for verb, is_at, was_at in (("begins", there.start, sent.start), ("ends", there.end, sent.end)):
        if is_at is not None and was_at is not None and abs(later := is_at - was_at) >= there.precision:
            seconds = round(abs(later) / there.precision) * there.precision / SECOND
            yield f"{verb} {f'{seconds:.9f}'.rstrip('0').rstrip('.')} s {'later' if later > 0 else 'earlier'}"


def _in_words(sent: Sent, found: Found, told: set[str], api: Endpoint) -> Verified:
    unread = Counter(found.unread.values())
    if len(found.unread) == len(sent):
        return Verified(notes=(f"Nothing could be read back: {next(iter(unread))}",))
    notes = [f"{spans_in_words(number)} could not be read back: {why}" for why, number in unread.items()]
    if not found.gone and not found.different:
        facts, number = joined([fact for fact in FACTS if fact in told]), len(sent) - len(found.unread)
        every = "The other" if unread else "All" if number != 1 else "The"
        whole = f"{every} {spans_in_words(number)} were" if number != 1 else f"{every} span was"
        alike = f"; {'their' if number != 1 else 'its'} {facts} {'are' if len(told) > 1 else 'is'} as sent"
        return Verified(notes=(*notes, f"{whole} read back{alike if facts else ''}"))
    gone = [key[TRACE_ID_BYTES:].hex() for key in found.gone]
    different = [f"{key[TRACE_ID_BYTES:].hex()} {said}" for key, said in found.different.items()]
    verb = "differs" if len(different) == 1 else "differ"
    if different:
        notes.append(f"{spans_in_words(len(different))} {verb} when read back: {_named(different)}")
    if len(gone) == len(sent):
        notes.append(f"None was found at {api.shown}, which may not be where they went")
    return Verified(
        (f"{spans_in_words(len(gone))} not there when read back: {_named(gone)}",) if gone else (), tuple(notes)
    )


def _named(spans: list[str]) -> str:
    more = f" and {len(spans) - NAMED:,} more" if len(spans) > NAMED else ""
    return f"{', '.join(spans[:NAMED])}{more}"


def _api(backend: Backend, to: Receiver) -> Endpoint | None:
    """Give what is read from: asked as what is sent to, but where and with what else the backend says."""
    at = Address(to.api) if backend.read_at is None else backend.read_at(Variables(backend.name), to)
    if at is None:
        return None
    read = partial(
        Endpoint.read,
        at.url,
        timeout=to.endpoint.timeout,
        protocol="http/json",
        is_full=True,
        takes_otel_headers=False,
    )
    known = to.endpoint if read().host == to.endpoint.host else to.asked
    return read(headers={**known.headers, **at.headers})


def _question(trace: bytes, wanted: Sent, api: Endpoint, to: Receiver) -> Question:
    def ask(path: str, body: bytes | None) -> Any:
        parts = urlsplit(api.url)
        where, _, query = path.partition("?")
        found = post.ask(api, urlunsplit(parts._replace(path=parts.path.rstrip("/") + where, query=query)), body)
        if found is None:
            return None
        told = orjson.loads(found)
        if told is None:
            raise UnreadError
        return told

    return Question(
        trace.hex(),
        [key[TRACE_ID_BYTES:].hex() for key in wanted],
        min(span.start or 0 for span in wanted.values()),
        max(span.end or 0 for span in wanted.values()),
        to.resource,
        lambda path: ask(path, None),
        lambda path, body: ask(path, orjson.dumps(body)),
    )
