"""Reads back what a backend has of the spans that were sent, and says what is missing or otherwise there.

Compared is a span's place: its name, its parent, when it began and ended, as far as the backend tells. A backend puts
away what it took after it has said so, so it is asked again for a while before it is believed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import orjson

from nbtrace._export import post
from nbtrace._export.answer import short
from nbtrace._export.backends.backend import Address, Variables
from nbtrace._export.endpoint import Endpoint
from nbtrace._export.report import NAMED, joined, spans_in_words
from nbtrace._export.there import ROOT, Question, There
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


class Found(NamedTuple):
    """What came of reading back."""

    gone: list[bytes]
    different: dict[bytes, str]
    """How each is otherwise, by trace and span id."""
    told: set[str]
    """What was told of every span that is there."""


def verify(table: Snapshot, to: Receiver, ledger: Ledger) -> Verified:
    """Read back those of the spans that have arrived."""
    if to.backend is None or to.backend.read is None:
        return NO_WAY
    sent = dict(_sent(table, to, ledger))
    if not sent:
        return Verified()
    try:
        api = _api(to.backend, to)
        return NO_WAY if api is None else _in_words(len(sent), _read_back(sent, to.backend.read, to, api))
    except ExportError as error:  # what was sent is there, as far as the receiver has said
        return Verified(notes=(f"Nothing could be read back: {error.answer or error}",))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        return Verified(notes=("Nothing could be read back: the answer is not what the API is documented to give",))


def _sent(table: Snapshot, to: Receiver, ledger: Ledger) -> Iterator[tuple[bytes, There]]:
    for piece in table.pieces(COLUMNS, READ_ROWS):
        columns: list[list[Any]] = [column.to_pylist() for column in piece.columns]
        for trace, span, parent, name, start, duration in zip(*columns, strict=True):
            if ledger.has(to.key, trace + span):
                yield trace + span, There(name or "", parent or ROOT, start, start + duration)


def _read_back(sent: Sent, read: Read, to: Receiver, api: Endpoint) -> Found:
    """Ask a backend what it has of spans, again while one is missing or otherwise there.

    Raises:
        ExportError: it was not reached, or does not tell.
    """
    found = Found([*sent], {}, set(FACTS))
    deadline = time.monotonic() + PATIENCE + (to.backend.read_after if to.backend else 0)
    pause = PAUSE
    while True:
        is_last = time.monotonic() >= deadline
        left, found = [*found.gone, *found.different], Found([], {}, found.told)
        for trace, keys in groupby(sorted(left), lambda key: key[:TRACE_ID_BYTES]):
            wanted = {key: sent[key] for key in keys}
            try:
                there = read(_question(trace, wanted, api, to))
            except ExportError as error:
                if is_last or error.status not in post.RETRYABLE:
                    raise
                there = {}
            _compare(wanted, there, api, found)
        if is_last or not (found.gone or found.different):
            return found
        post.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _compare(wanted: Sent, there: Mapping[bytes, There], api: Endpoint, found: Found) -> None:
    for key, span in wanted.items():
        one = there.get(key[TRACE_ID_BYTES:])
        if one is None:
            found.gone.append(key)
            continue
        found.told.intersection_update(fact for fact in FACTS if getattr(one, fact) is not None)
        if said := joined([*_differences(span, one, api)]):
            found.different[key] = said


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


def _in_words(asked: int, found: Found) -> Verified:
    if not found.gone and not found.different:
        facts = joined([fact for fact in FACTS if fact in found.told])
        whole = f"All {spans_in_words(asked)} were" if asked != 1 else "The span was"
        alike = f"; {'their' if asked != 1 else 'its'} {facts} {'are' if len(found.told) > 1 else 'is'} as sent"
        return Verified(notes=(f"{whole} read back{alike if facts else ''}",))
    gone = [key[TRACE_ID_BYTES:].hex() for key in found.gone]
    different = [f"{key[TRACE_ID_BYTES:].hex()} {said}" for key, said in found.different.items()]
    verb = "differs" if len(different) == 1 else "differ"
    return Verified(
        (f"{spans_in_words(len(gone))} not there when read back: {_named(gone)}",) if gone else (),
        (f"{spans_in_words(len(different))} {verb} when read back: {_named(different)}",) if different else (),
    )


def _named(spans: list[str]) -> str:
    more = f" and {len(spans) - NAMED:,} more" if len(spans) > NAMED else ""
    return f"{', '.join(spans[:NAMED])}{more}"


def _api(backend: Backend, to: Receiver) -> Endpoint | None:
    """Give what is read from: asked as what is sent to, but where and with what else the backend says."""
    at = Address(to.api) if backend.read_at is None else backend.read_at(Variables(backend.name), to)
    return at and Endpoint.read(
        at.url,
        headers={**to.endpoint.headers, **at.headers},
        timeout=to.endpoint.timeout,
        protocol="http/json",
        is_full=True,
        takes_otel_headers=False,
    )


def _question(trace: bytes, wanted: Sent, api: Endpoint, to: Receiver) -> Question:
    def ask(path: str, body: bytes | None) -> Any:
        parts = urlsplit(api.url)
        where, _, query = path.partition("?")
        found = post.ask(api, urlunsplit(parts._replace(path=parts.path.rstrip("/") + where, query=query)), body)
        return None if found is None else orjson.loads(found)

    return Question(
        trace.hex(),
        [key[TRACE_ID_BYTES:].hex() for key in wanted],
        min(span.start or 0 for span in wanted.values()),
        max(span.end or 0 for span in wanted.values()),
        to.resource,
        lambda path: ask(path, None),
        lambda path, body: ask(path, orjson.dumps(body)),
    )
