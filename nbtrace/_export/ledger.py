"""What of a session has arrived where, so that an export that is made again sends only what is not there yet.

It goes by the address, by what routes the spans there, and by a hash of what says who sends: two projects, accounts or
teams at one address are told apart, and who has a new key sends anew. Ids never change, so a receiver that tells spans
apart by them has each once, whatever is sent again. Beside a session that is kept on the disk it is a file, to which
lines are only added, so that another process knows it too; what cannot be written there is at worst sent once more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from nbtrace._store import forks

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.snapshot import Snapshot

Again = Literal["rest", "all", "refuse"]
"""What an export does with spans that have arrived at its destination before."""

FILE: Final = "arrived"
KEY_BYTES: Final = 24


@dataclass
class Refusal:
    """Spans that a receiver has answered for, and of which it did not take all."""

    keys: set[bytes]
    number: int
    """How many it did not take; it does not always say which."""
    why: str

    @property
    def is_whole(self) -> bool:
        """Whether it took none of them."""
        return self.number == len(self.keys)

    def forget(self, keys: set[bytes]) -> None:
        """Leave out spans of which more is known now."""
        self.keys -= keys
        self.number = min(self.number, len(self.keys))


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
        self._refusals: dict[str, list[Refusal]] = {}
        """In no file: another process asks once more."""
        self._directory = directory
        self._noted_in: Path | None = None
        """The directory whose file has all of it."""
        self._sending: dict[str, threading.RLock] = {}
        forks.hear(self)

    def sending(self, destination: str) -> threading.RLock:
        """Give what is held from the look at what has arrived until the rest has, so that two exports send it once."""
        return self._sending.setdefault(destination, threading.RLock())

    def forked(self) -> None:
        """Wait in a child process for no thread of the parent's."""
        self._sending = {}

    def add(self, destination: str, keys: Iterable[bytes], awaited: Iterable[bytes] = ()) -> None:
        """Take note of spans that arrived, by their trace's id and their own, and of parents that are to follow."""
        some, parents = list(keys), list(awaited)
        if some:
            self._arrived.setdefault(destination, set()).update(some)
            self._awaited.setdefault(destination, set()).update(parents)
            known = set(some)
            for refusal in self._refusals.get(destination, ()):
                refusal.forget(known)
            self._write(_of_spans(destination, some, parents))

    def has(self, destination: str, key: bytes) -> bool:
        """Say whether a span has arrived."""
        return key in self._arrived.get(destination, ())

    def count(self, destination: str) -> int:
        """Say how many spans have arrived, those among them of which it is not known which they are."""
        unnamed = sum(len(one.keys) - one.number for one in list(self._refusals.get(destination, ())))
        return len(self._arrived.get(destination, ())) + unnamed

    def refuse(self, destination: str, keys: Iterable[bytes], number: int, why: str) -> None:
        """Take note of spans that need not be sent again by themselves, so many of which were refused."""
        some = set(keys) - self._arrived.get(destination, set())
        refusals = self._refusals.setdefault(destination, [])
        new = Refusal(some, min(number, len(some)), why)
        for one in refusals:
            one.forget(some)
            if one.why == why and one.is_whole and new.is_whole:
                one.keys |= some
                one.number = len(one.keys)
                return
        refusals.append(new)

    def refused(self, destination: str) -> dict[str, int]:
        """Say why spans were refused, and how many."""
        found: dict[str, int] = {}
        for one in list(self._refusals.get(destination, ())):
            if one.number:
                found[one.why] = found.get(one.why, 0) + one.number
        return found

    def add_scores(self, destination: str, ids: Iterable[str]) -> None:
        """Take note of scores that arrived by an API."""
        if some := list(ids):
            self._scores.setdefault(destination, set()).update(some)
            self._write({"to": destination, "scores": some})

    def scores(self, destination: str) -> set[str]:
        """Give the ids of scores that have arrived by an API."""
        return self._scores.get(destination, set())

    def missing(self, destination: str, spans: Snapshot, *, but_refused: bool = False) -> Snapshot:
        """Give the spans that have not arrived at a destination, or that it has not even refused."""
        arrived = self._arrived.get(destination, set())
        refusals = self._refusals.get(destination) if but_refused else None
        if refusals:
            arrived = arrived.union(*(one.keys for one in list(refusals)))
        return spans.filter(_are_among(spans, lambda key: key not in arrived)) if arrived else spans

    def awaited(self, destination: str, spans: Snapshot) -> Snapshot:
        """Give the spans that have not arrived at a destination, and of which it has spans that are below them."""
        arrived, awaited = self._arrived.get(destination, set()), self._awaited.get(destination, set())
        return spans.filter(_are_among(spans, lambda key: key in awaited and key not in arrived))

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
        if directory == self._directory() and self._noted_in is None:
            self._noted_in = directory
        else:
            self._noted_in = None
            self.note()

    def note(self) -> None:
        """Write all there is, where the directory that the session is kept in now has not got it."""
        if self._directory() != self._noted_in:
            self._write()

    def _write(self, *told: dict[str, Any]) -> None:
        """Add to the file; all there is, where something of it is not there."""
        directory, noted_in, self._noted_in = self._directory(), self._noted_in, None
        if directory is None:
            return
        if directory != noted_in:
            spans = [_of_spans(to, keys, self._awaited.get(to, ())) for to, keys in list(self._arrived.items())]
            told = (*spans, *({"to": to, "scores": list(ids)} for to, ids in list(self._scores.items())))
        with suppress(OSError):  # of the same disk the journal tells
            if told:
                with (directory / FILE).open("ab") as file:
                    file.write(b"".join(b"\n" + orjson.dumps(one) for one in told))
            self._noted_in = directory


def _of_spans(destination: str, keys: Iterable[bytes], awaited: Collection[bytes]) -> dict[str, Any]:
    told = {"to": destination, "spans": b"".join(keys).hex()}
    return told | ({"awaited": b"".join(awaited).hex()} if awaited else {})


def _cut(keys: bytes) -> Iterator[bytes]:
    return (keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))


def _are_among(spans: Snapshot, is_known: Callable[[bytes], bool]) -> Any:
    """Say it of each span; what has arrived may be far more than what is asked for."""
    import pyarrow as pa

    from nbtrace._store.remap import keys

    return pa.array(map(is_known, keys(spans.kept).to_pylist()), pa.bool_())
