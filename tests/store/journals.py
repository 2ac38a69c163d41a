"""Journals of a store, as a session has them, spans to put into both, and what is read of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from nbtrace import semconv
from nbtrace._store.journal import Journal
from nbtrace._store.sessions import earlier
from nbtrace._store.store import Store
from tests.store.recording import START

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from nbtrace._store.recovery import Recovered
    from nbtrace._store.snapshot import Snapshot

MESSAGES = '[{"role":"user","parts":[{"type":"text","content":"%s"}]}]'


class Both:
    """A sink that tells a store and its journal, in the order in which a session does."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self.progressed = store.progressed
        self.ended = store.ended

    def started(self, span: ReadableSpan) -> None:
        self._store.started(span)
        self._journal.started(span)


def journal_of(store: Store, directory: Path, **options: Any) -> Journal:
    """Make a journal that masks nothing."""
    options = {"notebook": "study.ipynb", "version": "1.2", "mask": str} | options
    return Journal(store, directory, **options)


@contextmanager
def journaled(directory: Path, **options: Any) -> Generator[tuple[Store, Journal, Both]]:
    """Open a journal of a new store."""
    store = Store()
    journal = journal_of(store, directory, **options)
    yield store, journal, Both(store, journal)
    journal.close()


def span(number: int, **parts: Any) -> ReadableSpan:
    parts = {"start_time": START + number, "end_time": START + number + 1} | parts
    return ReadableSpan(f"span {number}", SpanContext(7, number, is_remote=False), resource=Resource({}), **parts)


def texts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Read all that a snapshot says, as text, since NaN is not itself."""
    return [{name: repr(value) for name, value in row.items()} for row in snapshot.table().to_pylist()]


def only(directory: Path) -> Path:
    (found,) = earlier(directory)
    return found.path


def names(found: Recovered) -> list[Any]:
    return found.snapshot()["name"].to_pylist()


def written(directory: Path, batches: list[int]) -> tuple[Path, Snapshot]:
    """Write so many spans at a time, and give the one segment and what the store holds."""
    with journaled(directory) as (store, journal, both):
        number = 0
        for size in batches:
            for _ in range(size):
                number += 1
                text = {semconv.INPUT_MESSAGES: MESSAGES % (number // 2), "long": f"{number % 3}" * 200}
                both.started(span(number))
                both.ended(span(number), lambda text=text: text)
            journal.flush()
        snapshot = store.snapshot()
    (segment,) = only(directory).glob("*.segment")
    return segment, snapshot
