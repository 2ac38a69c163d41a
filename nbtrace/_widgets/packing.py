"""A tree as it goes over the wire: without nulls, so that JavaScript reads each column as one typed array.

Unknown is NaN in a column of fractions, -1 in one of counts, and the empty text in one of words. Words are sent once
each, with a number of one, two or four bytes a row. What JavaScript can work out from other columns is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import arrays
from nbtrace._query.tree import COLUMNS as TREE_COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

LEFT_OUT: Final = ("depth",)

LONGEST: Final = 300
"""Characters of a word that a row shows at most; a longer one ends in an ellipsis, and the details have it all."""

COLUMNS: Final = tuple(name for name in TREE_COLUMNS if name not in LEFT_OUT)
"""The columns that JavaScript gets."""


def packed(tree: pa.Table) -> pa.Table:
    """Put a tree into the form that JavaScript reads."""
    import pyarrow as pa

    columns = [_packed(tree[name].combine_chunks()) for name in COLUMNS]
    return pa.Table.from_arrays(columns, names=list(COLUMNS))


def _packed(column: pa.Array) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if isinstance(column, pa.DictionaryArray):
        return _words(column)
    if not column.null_count:
        return column
    chunked = pa.chunked_array([column])
    unknown = np.nan if pa.types.is_floating(kind) else -1
    values = np.where(arrays.known(chunked), arrays.numbers(chunked, kind.to_pandas_dtype()), unknown)
    return arrays.column(kind, values.astype(kind.to_pandas_dtype()))


def _words(column: pa.DictionaryArray) -> pa.Array:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import strings

    indices = pa.chunked_array([column.indices])
    places = arrays.numbers(indices, column.indices.type.to_pandas_dtype()).astype(np.int32)
    none, more = strings(pa.string(), ["", "…"]).slice(0, 1), strings(pa.string(), ["…"])[0]
    words: Any = pc.coalesce(column.dictionary, none[0])
    clipped = pc.utf8_slice_codeunits(words, 0, LONGEST)
    is_long = pc.not_equal(pc.binary_length(words), pc.binary_length(clipped))
    known = pc.if_else(is_long, pc.binary_join_element_wise(clipped, more, none[0]), words)
    dictionary = pa.concat_arrays([none, known])
    return arrays.words(np.where(arrays.known(indices), places + 1, 0), dictionary)
