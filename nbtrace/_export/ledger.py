"""What of a session has arrived where, so that an export that is made again sends only what is not there yet.

It is kept in memory, by the address and what routes the spans there. Ids never change, so a receiver that tells spans
apart by them has each once, whatever is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

Again = Literal["rest", "all", "refuse"]
"""What an export does with spans that have arrived at its destination before."""


class Ledger:
    """Which spans have arrived at which destination."""

    def __init__(self) -> None:
        self._arrived: dict[str, set[bytes]] = {}
        self._scores: dict[str, set[str]] = {}

    def add(self, destination: str, keys: Iterable[bytes]) -> None:
        """Take note of spans that arrived, by their trace's id and their own."""
        self._arrived.setdefault(destination, set()).update(keys)

    def has(self, destination: str, key: bytes) -> bool:
        """Say whether a span has arrived."""
        return key in self._arrived.get(destination, ())

    def add_scores(self, destination: str, ids: Iterable[str]) -> None:
        """Take note of scores that arrived by an API."""
        self._scores.setdefault(destination, set()).update(ids)

    def scores(self, destination: str) -> set[str]:
        """Give the ids of scores that have arrived by an API."""
        return self._scores.get(destination, set())

    def missing(self, destination: str, spans: Snapshot) -> Snapshot:
        """Give the spans that have not arrived at a destination."""
        arrived = self._arrived.get(destination)
        if not arrived:
            return spans
        import pyarrow as pa
        import pyarrow.compute as pc

        from nbtrace._store.columns import binary
        from nbtrace._store.remap import keys

        known = binary(pa.binary(), list(arrived))
        return spans.filter(pc.invert(pc.is_in(keys(spans.kept), value_set=known)))
