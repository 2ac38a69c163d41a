"""Exact quantiles of groups over pyarrow, for which narwhals has none (`group_by` with `quantile`, as of 2.29).

The keys of a row become one number, its group. Values are put together by group and each group is sorted, so that the
time hardly depends on how many groups there are. Loops here are over groups, never over rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import narwhals.stable.v2 as nw
    import numpy as np
    import pyarrow as pa

    Numbers = np.ndarray[Any, Any]
    Array = Any
    """What the stubs of pyarrow do not know the half of."""

GROUP: Final = "nbtrace_group"

FEW: Final = 2**16
"""Group numbers below this fit 16 bits, which numpy sorts stably in one pass."""


def grouped(
    rows: nw.DataFrame, keys: Sequence[str], sums: Sequence[nw.Expr], wanted: Mapping[str, tuple[str, float]]
) -> nw.DataFrame:
    """Aggregate rows of a pyarrow table by their keys.

    Args:
        rows: The rows, with their keys.
        keys: Names of the columns to group by, at least one.
        sums: Aggregations for every group.
        wanted: Quantiles by name, each of a column of numbers, from 0 to 1; null is left out.

    Returns:
        A row a group: the keys, the sums and the quantiles.
    """
    import narwhals.stable.v2 as nw
    import numpy as np
    import pyarrow as pa

    table: pa.Table = rows.to_native()
    groups, heads = numbered([table[key] for key in keys])
    summed = (
        nw.from_native(table.drop_columns(list(keys)).append_column(GROUP, pa.array(groups)), eager_only=True)
        .group_by(GROUP)
        .agg(*sums)
        .sort(GROUP)
        .drop(GROUP)
        .to_native()
    )
    columns = dict(zip(keys, heads, strict=True))
    columns |= dict(zip(summed.column_names, summed.columns, strict=True))
    for measure in dict.fromkeys(measure for measure, _ in wanted.values()):
        shares = {name: share for name, (of, share) in wanted.items() if of == measure}
        for name, values in quantiles(table[measure], groups, len(heads[0]), shares).items():
            columns[name] = pa.array(values, mask=np.isnan(values))
    return nw.from_native(pa.table(columns), eager_only=True)


def numbered(keys: Sequence[Array]) -> tuple[Numbers, list[Array]]:
    """Number the distinct combinations of keys in order of appearance.

    Returns:
        Each row's number, and each key's value by number.
    """
    import numpy as np
    import pyarrow as pa

    numbers, head = _coded(keys[0])
    heads = [head]
    for key in keys[1:]:
        more, head = _coded(key)
        size = max(len(head), 1)
        joined = pa.array(numbers.astype(np.int64) * size + more).dictionary_encode()
        first, second = np.divmod(joined.dictionary.to_numpy(), size)
        numbers = joined.indices.to_numpy()
        heads = [*(one.take(pa.array(first)) for one in heads), head.take(pa.array(second))]
    return numbers, heads


def _coded(key: Array) -> tuple[Numbers, Array]:
    """Number the values of one key; null, if there is any, is a value like the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = key if pa.types.is_dictionary(key.type) else key.dictionary_encode()
    joined = coded.unify_dictionaries().combine_chunks()
    values, numbers = joined.dictionary, joined.indices
    if numbers.null_count:
        numbers = pc.fill_null(numbers, len(values))
        values = pa.concat_arrays([values, pa.nulls(1, values.type)])
    return numbers.to_numpy(), values


def quantiles(values: Array, groups: Numbers, size: int, wanted: Mapping[str, float]) -> dict[str, Numbers]:
    """Give each wanted quantile of each of `size` groups; NaN for a group without values."""
    import numpy as np

    known = values.is_valid().to_numpy()
    numbers = groups[known].astype(np.uint16 if size <= FEW else np.int64)
    ordered = values.drop_null().to_numpy()[np.argsort(numbers, kind="stable")]
    counts = np.bincount(numbers, minlength=size)
    starts = np.cumsum(counts) - counts
    for group in np.flatnonzero(counts > 1):
        ordered[starts[group] : starts[group] + counts[group]].sort()
    found: dict[str, Numbers] = {}
    filled = counts > 0
    for name, share in wanted.items():
        at = (counts[filled] - 1) * share
        low = np.floor(at).astype(np.int64)
        left = ordered[starts[filled] + low]
        right = ordered[starts[filled] + np.minimum(low + 1, counts[filled] - 1)]
        found[name] = np.full(size, np.nan)
        found[name][filled] = left + (right - left) * (at - low)
    return found
