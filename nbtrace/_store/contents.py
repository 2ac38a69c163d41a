"""The texts of a session, each once: messages, tool definitions, long attributes.

A text's number is its row, and nothing is ever taken out, so that a number means the same text as long as the session
lives. New texts wait in a list until `commit` puts them into an Arrow array; the arrays are merged while they are
small. The index that finds a text's number is a hash table over two plain buffers, 24 bytes a text, because a
dictionary of Python objects would cost more than many texts do.

Only the store's encoding writes here, under its lock; readers hold a `Texts`, which never changes.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Protocol

from nbtrace._store.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa

DIGEST_BYTES: Final = 16
"""128 bits, all compared: what is stored may be hostile, and half of them can be made to collide."""

_FREE: Final = -1


class Interner(Protocol):
    """What gives texts their numbers while rows are encoded."""

    def intern(self, text: bytes) -> int:
        """Give the number of a text in UTF-8, a new one if it is new."""
        ...


class Gatherer(Interner, Protocol):
    """What takes the texts of tables."""

    def extend(self, texts: pa.Array) -> pa.Array:
        """Give the numbers (int32) of texts."""
        ...


class Contents:
    """The distinct texts of a session, in order of arrival."""

    def __init__(self) -> None:
        self.texts = Texts()
        """Those that are committed."""
        self._digests = bytearray()
        self._waiting: list[tuple[bytes, bytes]] = []
        """Digest and text of those that are not."""
        self._slots = array("i", [_FREE]) * 1024

    def __len__(self) -> int:
        return len(self.texts) + len(self._waiting)

    def intern(self, text: bytes) -> int:
        """Give the number of a text in UTF-8, a new one if it is new."""
        digest = blake2b(text, digest_size=DIGEST_BYTES).digest()
        slot, known = self._find(digest)
        if known != _FREE:
            return known
        new = (digest, text)
        number = len(self)
        self._waiting.append(new)
        self._slots[slot] = number
        if 2 * number > len(self._slots):
            self._grow()
        return number

    def extend(self, texts: pa.Array) -> pa.Array:
        """Give the numbers (int32) of texts."""
        import pyarrow as pa

        from nbtrace._store.columns import numbers

        some: list[bytes | None] = texts.cast(pa.large_binary()).to_pylist()
        return numbers(pa.int32(), "i", [None if text is None else self.intern(text) for text in some])

    def find(self, digest: bytes) -> int | None:
        """Give the number of the text with this digest."""
        known = self._find(digest)[1]
        return None if known == _FREE else known

    def commit(self) -> None:
        """Make the texts that wait readable."""
        if self._waiting:
            waiting = self._waiting[:]
            texts = self.texts.with_chunk(_array([text for _, text in waiting]))
            self._digests[len(self.texts) * DIGEST_BYTES :] = b"".join([digest for digest, _ in waiting])
            self._waiting, self.texts = self._waiting[len(waiting) :], texts

    def digests(self, count: int) -> bytes:
        """Give the digests of the first texts, one after another."""
        return bytes(self._digests[: count * DIGEST_BYTES])

    def _find(self, digest: bytes) -> tuple[int, int]:
        """Give the slot where a digest is or should be, and the number in it."""
        slots = self._slots
        mask = len(slots) - 1
        slot = int.from_bytes(digest[:8], "little") & mask
        while (number := slots[slot]) != _FREE and self._digest(number) != digest:
            slot = (slot + 1) & mask
        return slot, number

    def _digest(self, number: int) -> bytes:
        committed = len(self.texts)
        if number >= committed:
            return self._waiting[number - committed][0]
        return bytes(self._digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])

    def _grow(self) -> None:
        """Double the index: all texts look for a slot at once, and who finds it taken goes on to the next."""
        import numpy as np

        digests = self._digests[: len(self.texts) * DIGEST_BYTES] + b"".join([digest for digest, _ in self._waiting])
        slots = np.full(2 * len(self._slots), _FREE, np.int32)
        mask = np.uint64(len(slots) - 1)
        places = np.frombuffer(digests, "<u8")[::2] & mask
        numbers = np.arange(len(places), dtype=np.int32)
        while len(numbers):
            free = slots[places] == _FREE
            slots[places[free]] = numbers[free]
            late = slots[places] != numbers
            numbers, places = numbers[late], (places[late] + np.uint64(1)) & mask
        self._slots = array("i", slots.tobytes())


class Gathered:
    """Texts that come as whole arrays, as a file has them: those are taken as they are, with no look at each."""

    def __init__(self) -> None:
        self._chunks: list[pa.Array] = []
        self._size = 0
        self._waiting: list[bytes] = []
        self._known: dict[bytes, int] = {}
        """Number of each text that came by itself, by digest."""

    def intern(self, text: bytes) -> int:
        """Give the number of a text in UTF-8, a new one if it did not come by itself before."""
        digest = blake2b(text, digest_size=DIGEST_BYTES).digest()
        number = self._known.setdefault(digest, self._size + len(self._waiting))
        if number == self._size + len(self._waiting):
            self._waiting.append(text)
        return number

    def extend(self, texts: pa.Array) -> pa.Array:
        """Take texts, each as a new one, and give their numbers (int32)."""
        import numpy as np

        from nbtrace._store.texts import int32

        self._settle()
        first, self._size = self._size, self._size + len(texts)
        self._chunks.append(texts)
        return int32(np.arange(first, self._size))

    def all(self) -> Texts:
        """Give all texts."""
        self._settle()
        return Texts(tuple(self._chunks))

    def _settle(self) -> None:
        if self._waiting:
            self._chunks.append(_array(self._waiting))
            self._size += len(self._waiting)
            self._waiting = []


class Overlay:
    """Texts of rows that are not kept, such as those of running spans: numbered after those that are."""

    def __init__(self, base: Contents | Texts) -> None:
        self._base = base if isinstance(base, Contents) else None
        self._texts = base.texts if isinstance(base, Contents) else base
        self._new: dict[bytes, int] = {}

    def intern(self, text: bytes) -> int:
        """Give the number of a text in UTF-8: that of the kept one, if it is known."""
        first = len(self._texts)
        if self._base is not None:
            known = self._base.find(blake2b(text, digest_size=DIGEST_BYTES).digest())
            if known is not None and known < first:
                return known
        return self._new.setdefault(text, first + len(self._new))

    def texts(self) -> Texts:
        """Give the kept texts and these."""
        return Texts((*self._texts.chunks, _array(list(self._new)))) if self._new else self._texts


def _array(texts: list[bytes]) -> pa.Array:
    import pyarrow as pa

    from nbtrace._store.columns import binary

    return binary(pa.large_string(), texts)
