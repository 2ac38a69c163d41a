"""Arrow columns as numpy arrays and back, without the ways that import pandas (`to_numpy`, `pa.array`, `pa.scalar`).

A numpy array of ours shares the memory of a column that is one batch, and every array comes with a mask of what is
known: nulls stay nulls, whatever the bytes below them are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import DTypeLike, NDArray

    Mask = NDArray[np.bool_]


def known(column: pa.ChunkedArray) -> Mask:
    """Say for each row whether it has a value."""
    import numpy as np

    return _joined([_known(chunk) for chunk in column.chunks], np.bool_)


def numbers(column: pa.ChunkedArray, dtype: DTypeLike) -> NDArray[Any]:
    """Read numbers whose layout is `dtype`; where a value is unknown there is any."""
    import numpy as np

    parts = [_buffer(chunk, 1, dtype)[chunk.offset : chunk.offset + len(chunk)] for chunk in column.chunks]
    return _joined(parts, np.dtype(dtype))


def booleans(column: pa.ChunkedArray) -> Mask:
    """Read booleans; where a value is unknown there is any."""
    import numpy as np

    return _joined([_bits(chunk, chunk.buffers()[1]) for chunk in column.chunks], np.bool_)


def lengths(column: Any) -> NDArray[np.int32]:
    """Count the elements of each list; a null has none."""
    import numpy as np
    import pyarrow as pa

    counts = pa.chunked_array([column.value_lengths()], type=pa.int32())
    return np.where(known(counts), numbers(counts, np.int32), 0)


def fixed(column: pa.ChunkedArray, width: int) -> NDArray[Any]:
    """Read byte strings of one width as a matrix of bytes; a null is zeros."""
    import numpy as np

    parts: list[NDArray[Any]] = []
    for chunk in column.chunks:
        rows = _buffer(chunk, 1, np.uint8).reshape(-1, width)[chunk.offset : chunk.offset + len(chunk)]
        parts.append(np.where(_known(chunk)[:, None], rows, 0) if chunk.null_count else rows)
    return _joined(parts, np.uint8, width)


def codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], pa.Array]:
    """Read text as numbers of words: for each row the place of its word, -1 for none, and the words."""
    import numpy as np
    import pyarrow as pa

    is_encoded = pa.types.is_dictionary(column.type)
    encoded: Any = column.unify_dictionaries() if is_encoded else column.dictionary_encode()
    if not encoded.num_chunks:
        return np.zeros(0, np.int32), pa.nulls(0, column.type.value_type if is_encoded else column.type)
    indices = pa.chunked_array([chunk.indices for chunk in encoded.chunks])
    found = numbers(indices, np.int32)
    return np.where(known(indices), found, -1).astype(np.int32, copy=False), encoded.chunk(0).dictionary


def column(kind: pa.DataType, values: NDArray[Any], mask: Mask | None = None) -> pa.Array:
    """Build an Arrow array over the memory of a numpy array."""
    import numpy as np
    import pyarrow as pa

    content: Any = np.packbits(values, bitorder="little") if kind == pa.bool_() else np.ascontiguousarray(values)
    bits: Any = None if mask is None or mask.all() else np.packbits(mask, bitorder="little")
    return pa.Array.from_buffers(
        kind, len(values), [bits if bits is None else pa.py_buffer(bits), pa.py_buffer(content)]
    )


def words(places: NDArray[Any], dictionary: pa.Array) -> pa.Array:
    """Build a column of text that repeats: `places` in a dictionary, -1 for null.

    Words that are not used are left out, and the places are of the narrowest integers that hold them.
    """
    import numpy as np
    import pyarrow as pa

    mask = places >= 0
    used = np.zeros(len(dictionary), np.bool_)
    used[places[mask]] = True
    if not used.all():
        places = np.where(mask, (np.cumsum(used) - 1)[places] if len(used) else -1, -1)
        dictionary = dictionary.filter(column(pa.bool_(), used)) if used.any() else dictionary.slice(0, 0)
    kind = next(kind for kind in (np.int8, np.int16, np.int32) if len(dictionary) <= np.iinfo(kind).max)
    arrow: dict[Any, pa.DataType] = {np.int8: pa.int8(), np.int16: pa.int16(), np.int32: pa.int32()}
    return pa.DictionaryArray.from_arrays(column(arrow[kind], np.where(mask, places, 0).astype(kind), mask), dictionary)


def _known(chunk: pa.Array) -> Mask:
    import numpy as np

    bits = chunk.buffers()[0]
    return np.ones(len(chunk), np.bool_) if bits is None or not chunk.null_count else _bits(chunk, bits)


def _bits(chunk: pa.Array, buffer: Any) -> Mask:
    import numpy as np

    if buffer is None:
        return np.zeros(len(chunk), np.bool_)
    unpacked = np.unpackbits(np.frombuffer(buffer, np.uint8), count=chunk.offset + len(chunk), bitorder="little")
    return unpacked[chunk.offset :].astype(np.bool_)


def _buffer(chunk: pa.Array, index: int, dtype: DTypeLike) -> NDArray[Any]:
    import numpy as np

    buffer: Any = chunk.buffers()[index]
    kind = np.dtype(dtype)
    if buffer is None:  # a column of nothing but nulls need not have any values
        width = chunk.type.bit_width // 8
        return np.zeros((chunk.offset + len(chunk)) * width // kind.itemsize, kind)
    return np.frombuffer(buffer, kind, buffer.size // kind.itemsize)


def _joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike, width: int | None = None) -> NDArray[Any]:
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0 if width is None else (0, width), dtype)
