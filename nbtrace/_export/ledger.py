"""What of a session has arrived where, so that an export that is made again sends only what is not there yet.

It goes by the address and what routes the spans there. Ids never change, so a receiver that tells spans apart by them
has each once, whatever is sent again. Beside a session that is kept on the disk it is a file, to which lines are only
added, so that another process knows it too; what cannot be written there is at worst sent once more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot

Again = Literal["rest", "all", "refuse"]
"""What an export does with spans that have arrived at its destination before."""

FILE: Final = "arrived"
KEY_BYTES: Final = 24


class Ledger:
    """Which spans have arrived at which destination.

    Args:
        directory: gives where the session is kept, if it is.
    """

    def __init__(self, directory: Callable[[], Path | None] = lambda: None) -> None:
        self._arrived: dict[str, set[bytes]] = {}
        self._awaited: dict[str, set[bytes]] = {}
        """The parents of spans that arrived, where those had not."""
        self._scores: dict[str, set[str]] = {}
        self._directory = directory
        self._is_behind = False
        """Whether something is not in the file."""

    def add(self, destination: str, keys: Iterable[bytes], awaited: Iterable[bytes] = ()) -> None:
        """Take note of spans that arrived, by their trace's id and their own, and of parents that are to follow."""
        some, parents = list(keys), list(awaited)
        if some:
            self._arrived.setdefault(destination, set()).update(some)
            self._awaited.setdefault(destination, set()).update(parents)
            self._write(_of_spans(destination, some, parents))

    def has(self, destination: str, key: bytes) -> bool:
        """Say whether a span has arrived."""
        return key in self._arrived.get(destination, ())

    def count(self, destination: str) -> int:
        """Say how many spans have arrived."""
        return len(self._arrived.get(destination, ()))

    def add_scores(self, destination: str, ids: Iterable[str]) -> None:
        """Take note of scores that arrived by an API."""
        if some := list(ids):
            self._scores.setdefault(destination, set()).update(some)
            self._write({"to": destination, "scores": some})

    def scores(self, destination: str) -> set[str]:
        """Give the ids of scores that have arrived by an API."""
        return self._scores.get(destination, set())

    def missing(self, destination: str, spans: Snapshot) -> Snapshot:
        """Give the spans that have not arrived at a destination."""
        import pyarrow.compute as pc

        arrived = self._arrived.get(destination)
        return spans.filter(pc.invert(_are_among(spans, arrived))) if arrived else spans

    def awaited(self, destination: str, spans: Snapshot) -> Snapshot:
        """Give the spans that have not arrived at a destination, and of which it has spans that are below them."""
        arrived = self._arrived.get(destination, set())
        return spans.filter(_are_among(spans, self._awaited.get(destination, set()) - arrived))

    def read(self, directory: Path) -> None:
        """Take in what is noted beside a session that is kept in a directory."""
        noted = b""
        with suppress(OSError):  # there is none, or it cannot be read
            noted = (directory / FILE).read_bytes()
        for line in noted.splitlines():
            try:
                told = orjson.loads(line)
                keys = bytes.fromhex(told.get("spans", ""))
                awaited = bytes.fromhex(told.get("awaited", ""))
                self._arrived.setdefault(told["to"], set()).update(_cut(keys))
                self._awaited.setdefault(told["to"], set()).update(_cut(awaited))
                self._scores.setdefault(told["to"], set()).update(told.get("scores", ()))
            except (ValueError, LookupError, TypeError, AttributeError):
                continue  # torn, as its process was killed while it wrote
        if directory != self._directory():
            self._is_behind = True
            self._write()

    def _write(self, *told: dict[str, Any]) -> None:
        """Add to the file; all there is, where something of it is not there."""
        directory, was_behind, self._is_behind = self._directory(), self._is_behind, True
        if directory is None:
            return
        if was_behind:
            spans = [_of_spans(to, keys, self._awaited.get(to, ())) for to, keys in list(self._arrived.items())]
            told = (*spans, *({"to": to, "scores": list(ids)} for to, ids in list(self._scores.items())))
        with suppress(OSError):  # of the same disk the journal tells
            with (directory / FILE).open("ab") as file:
                file.write(b"".join(b"\n" + orjson.dumps(one) for one in told))
            self._is_behind = False


def _of_spans(destination: str, keys: Iterable[bytes], awaited: Collection[bytes]) -> dict[str, Any]:
    told = {"to": destination, "spans": b"".join(keys).hex()}
    return told | ({"awaited": b"".join(awaited).hex()} if awaited else {})


def _cut(keys: bytes) -> Iterator[bytes]:
    return (keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))


def _are_among(spans: Snapshot, known: set[bytes]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import binary
    from nbtrace._store.remap import keys

    return pc.is_in(keys(spans.kept), value_set=binary(pa.binary(), list(known)))
