"""Texts by number: the immutable view of a session's contents that a snapshot holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_BYTES: Final = 64 * 2**20
"""Arrays are merged up to this size; larger ones are never copied again."""


class Texts:
    """Texts in arrays one after another; a text's number counts through all of them."""

    __slots__ = ("_size", "_starts", "chunks", "settled")

    def __init__(self, chunks: tuple[pa.Array, ...] = (), settled: int = 0) -> None:
        self.chunks = chunks
        self.settled = settled
        """How many of the first arrays are on the disk, and are never merged."""
        starts = [0]
        for chunk in chunks:
            starts.append(starts[-1] + len(chunk))
        self._size = starts.pop()
        self._starts = starts

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """What the texts take, in memory and on the disk."""
        return sum(chunk.nbytes for chunk in self.chunks)

    @property
    def in_memory(self) -> int:
        """What those take that are not on the disk."""
        return sum(chunk.nbytes for chunk in self.chunks[self.settled :])

    def with_chunk(self, chunk: pa.Array) -> Texts:
        """Give these texts and more, with small arrays merged so that there are few and each text is seldom copied."""
        import pyarrow as pa

        chunks = [*self.chunks, chunk]
        while len(chunks) > self.settled + 1 and len(chunks[-2]) <= 2 * len(chunks[-1]):
            if chunks[-2].nbytes + chunks[-1].nbytes > CHUNK_BYTES:
                break
            chunks[-2:] = [pa.concat_arrays(chunks[-2:])]
        return Texts(tuple(chunks), self.settled)

    def after(self, count: int, size: int) -> list[pa.Array]:
        """Give all but the first texts, in arrays of so many bytes or one text."""
        pieces: list[pa.Array] = []
        for start, chunk in zip(self._starts, self.chunks, strict=True):
            left = chunk.slice(max(count - start, 0))
            while len(left):
                rows = max(1, len(left) * size // max(left.nbytes, 1))
                pieces.append(left.slice(0, rows))
                left = left.slice(rows)
        return pieces

    def lengths(self, numbers: Any) -> Any:
        """Give the bytes of texts, by an array of their numbers."""
        import numpy as np

        found = np.zeros(len(numbers), np.int64)
        for start, chunk in zip(self._starts, self.chunks, strict=True):
            inside = (numbers >= start) & (numbers < start + len(chunk))
            offsets = np.frombuffer(cast("Any", chunk.buffers()[1]), np.int64, len(chunk) + 1, 8 * chunk.offset)
            places = numbers[inside] - start
            found[inside] = offsets[places + 1] - offsets[places]
        return found

    def take(self, numbers: pa.Array) -> pa.Array:
        """Give the texts of numbers (int32), null for null.

        Arrow takes from a chunked array by joining all of it first: gigabytes for a few texts. Here each array gives
        its part, and the parts are put in order.
        """
        import numpy as np
        import pyarrow as pa

        if not self.chunks:
            return pa.nulls(len(numbers), pa.large_string())
        if len(self.chunks) == 1:
            return self.chunks[0].take(numbers)
        known = numbers.drop_null()
        ids = view(known)
        chunk_of = np.searchsorted(self._starts, ids, side="right") - 1
        order = np.argsort(chunk_of, kind="stable")
        parts: list[pa.Array] = []
        for index in np.unique(chunk_of):
            inside = ids[order[np.searchsorted(chunk_of[order], index) :][: np.count_nonzero(chunk_of == index)]]
            parts.append(self.chunks[index].take(int32(inside - self._starts[index])))
        places = np.empty(len(ids), np.int32)
        places[order] = np.arange(len(ids), dtype=np.int32)
        if not parts:
            return pa.nulls(len(numbers), pa.large_string())
        return pa.concat_arrays(parts).take(spread(numbers, places))


def view(numbers: pa.Array) -> Any:
    """Look at integers without nulls as a numpy array, without `to_numpy`, which imports pandas."""
    import numpy as np

    kind = np.dtype(f"i{numbers.type.bit_width // 8}")
    data: Any = numbers.buffers()[1]
    return np.frombuffer(data, kind, len(numbers), numbers.offset * kind.itemsize) if data else np.empty(0, kind)


def int32(values: Any) -> Any:
    """Look at a numpy array as Arrow integers."""
    import numpy as np
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values.astype(np.int32, copy=False))])


def spread(numbers: pa.Array, places: Any) -> pa.Array:
    """Put places where numbers are, and nulls where they are null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not numbers.null_count:
        return int32(places)
    empty = pa.nulls(len(numbers), pa.int32())
    return pc.replace_with_mask(empty, pc.is_valid(numbers), int32(places))
