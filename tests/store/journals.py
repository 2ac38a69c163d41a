"""Journals of a store, as a session has them, and spans to put into both."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbtrace._store.journal import Journal
from nbtrace._store.store import Store

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan


class Both:
    """A sink that tells a store and its journal, in the order in which a session does."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._sinks = (store, journal)

    def started(self, span: ReadableSpan) -> None:
        for sink in self._sinks:
            sink.started(span)

    def progressed(self, span: ReadableSpan, detail: Any) -> None:
        for sink in self._sinks:
            sink.progressed(span, detail)

    def ended(self, span: ReadableSpan, detail: Any) -> None:
        for sink in self._sinks:
            sink.ended(span, detail)


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
