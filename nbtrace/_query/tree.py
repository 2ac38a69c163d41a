"""Orders spans into parent-child trees, columnar in and out: what the widget and the static views draw.

Every row of the table comes out exactly once, whatever the parents say: a span whose parent is not in the table is a
root, spans that are each other's ancestors are cut at the earliest one, of several spans with one id the first is the
parent. All is done on whole columns; only the walk itself is a loop, over integers, so depth has no limit and time is
linear but for the sort by start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._query import arrays, endings, preview, totals
from nbtrace._query.kinds import OPERATION_TYPES, TYPES
from nbtrace._query.parents import NO_PARENT, parents_of
from nbtrace._query.text import REPLAYED as REPLAYED_STATE

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbtrace._store.snapshot import Snapshot

    Ints = NDArray[np.int64]

COLUMNS: Final = (
    "span_id", "trace_id", "parent", "depth", "name", "type", "model", "provider", "title", "start_ms", "duration_ms",
    "first_chunk_ms", "input_tokens", "output_tokens", "cost_usd", "flags", "error_type", "finish_reasons",
    "refusal", "cell_id", "execution_count", "cell_run", "output_rate", "summary",
)  # fmt: skip
"""The tree's columns. `parent` is a row of the tree, -1 for a root; `title` is the first line of a cell's source;
`output_rate` the tokens a second of a stream that has not ended; `summary` the first words of an answer."""

ERROR: Final = 1
"""Bits of `flags`. The span failed."""
FAILURE: Final = 2
"""It counts as an error: a failed attempt does not, since its call may have been answered, nor does a span that failed
with one below it."""
CALL: Final = 4
"""It is an LLM call: only these count for tokens and cost, since agents often repeat what their calls took."""
UNPRICED: Final = 8
"""A call that was answered and has no cost."""
ESTIMATED_COST: Final = 16
ESTIMATED_USAGE: Final = 32
UNFINISHED: Final = 64
"""A stream that has not been read to its end, nor given up; it does not run while nobody reads it. Or, in a file, a
span that had not ended when it was exported."""
INTERRUPTED: Final = 128
"""It had not ended when its kernel did, which is all that is known of its end."""
REPLAYED: Final = 256
"""A call that a recording answered, so that it cost nothing."""

FLAGS: Final = {"errors": FAILURE, "calls": CALL, "unpriced": UNPRICED, "estimated": ESTIMATED_COST}
"""The bits that say what `counted` says."""


def tree(table: Snapshot, *, summaries: int = 0, latest: int = 0) -> pa.Table:
    """Order spans depth-first, siblings by start, the spans of a trace together.

    Args:
        table: Spans of one or more traces.
        summaries: How many rows, from the first, get a `summary`; messages are the larger part of a store.
        latest: How many rows get one at most, from the last, in whole traces only.

    Returns:
        One row a span with `COLUMNS`; times are milliseconds after `start_unix_nano` in the schema's metadata, the
        earliest start in the table.
    """
    import numpy as np
    import pyarrow as pa

    begun = table["start_time_unix_nano"]
    has_start = arrays.known(begun)
    starts = np.where(has_start, arrays.numbers(begun, np.int64), 0)
    parents, depths = parents_of(table, starts)
    order = _depth_first(table, starts, parents)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    above = parents[order]
    origin = int(starts[has_start].min()) if has_start.any() else 0
    summed = range(summaries) if summaries else preview.latest(table, order, latest)
    columns = {
        "span_id": arrays.column(pa.binary(8), arrays.fixed(table["span_id"], 8)[order]),
        "trace_id": arrays.column(pa.binary(16), arrays.fixed(table["trace_id"], 16)[order]),
        "parent": arrays.column(pa.int32(), np.where(above < 0, NO_PARENT, places[above]).astype(np.int32)),
        "depth": arrays.column(pa.int32(), depths[order].astype(np.int32)),
        "type": _types(table, order),
        "title": _titles(table, order),
        "flags": arrays.column(pa.uint16(), _flags(table)[order]),
        "start_ms": arrays.column(pa.float64(), ((starts - origin) / 1e6)[order], has_start[order]),
        **_durations(table, order),
        **_facts(table, order),
        "summary": preview.summaries(table, order, summed),
    }
    drawn = pa.Table.from_arrays([columns[name] for name in COLUMNS], names=list(COLUMNS))
    return drawn.replace_schema_metadata({"start_unix_nano": str(origin)})


def forest(table: Snapshot) -> tuple[Snapshot, list[int]]:
    """Put spans depth-first, as `tree` does, and say of each at which place its parent is, -1 for a root."""
    import numpy as np

    begun = table["start_time_unix_nano"]
    starts = np.where(arrays.known(begun), arrays.numbers(begun, np.int64), 0)
    parents, _ = parents_of(table, starts)
    order = _depth_first(table, starts, parents)
    places = np.empty(len(order) + 1, np.int64)
    places[order] = np.arange(len(order))
    places[NO_PARENT] = NO_PARENT
    return table.take(order), places[parents[order]].tolist()


def start_unix_nano(tree: pa.Table) -> int:
    """Read the moment that a tree's times are counted from."""
    return int((tree.schema.metadata or {}).get(b"start_unix_nano", 0))


def _depth_first(table: Snapshot, starts: Ints, parents: Ints) -> Ints:
    """List the rows of a forest in order; the traces by their first root."""
    import numpy as np

    by_start = np.argsort(starts, kind="stable")
    roots = by_start[parents[by_start] == NO_PARENT]
    # The rows below a parent stand together, the last first, since the walk takes from the end of its list.
    backwards = by_start[::-1]
    children: list[int] = backwards[np.argsort(parents[backwards], kind="stable")].tolist()
    counts = np.bincount(parents[parents >= 0], minlength=len(parents))
    ends: list[int] = (len(roots) + np.cumsum(counts)).tolist()
    sizes: list[int] = counts.tolist()
    stack = _together(table, roots)[::-1]
    order: list[int] = []
    while stack:
        row = stack.pop()
        order.append(row)
        if sizes[row]:
            stack += children[ends[row] - sizes[row] : ends[row]]
    return np.array(order, np.int64)


def _together(table: Snapshot, roots: Ints) -> list[int]:
    """Put the roots of a trace together, the traces by their first."""
    import numpy as np

    traces, _ = arrays.codes(table["trace_id"])
    own = traces[roots]
    _, first, inverse = np.unique(own, return_index=True, return_inverse=True)
    return roots[np.argsort(first[inverse], kind="stable")].tolist()


def _types(table: Snapshot, order: Ints) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    from nbtrace._store.columns import strings

    kinds, kind_words = _words(table, "span_type")
    operations, operation_words = _words(table, "operation")
    of_kind = np.array([_place(word) for word in kind_words.to_pylist()] + [-1], np.int64)
    of_operation = np.array([_place(OPERATION_TYPES.get(word or "")) for word in operation_words.to_pylist()] + [-1])
    found = np.where(of_kind[kinds] >= 0, of_kind[kinds], of_operation[operations])
    shown = np.where(found >= 0, found, TYPES.index("span"))
    return arrays.words(shown[order], strings(pa.string(), TYPES))


def _place(word: str | None) -> int:
    return TYPES.index(word) if word in TYPES else -1


def _flags(table: Snapshot) -> NDArray[np.uint16]:
    import numpy as np

    each = {name: _booleans(column) for name, column in totals.counted(table).items() if name in FLAGS}
    status = table["status_code"]
    failed = arrays.known(status) & (arrays.numbers(status, np.int64) == totals.ERROR)
    going, exported, interrupted = (
        arrays.booleans(of(table.kept.column)) for of in (endings.going, endings.exported, endings.interrupted)
    )
    made = {FLAGS[name]: is_set for name, is_set in each.items()} | {
        ERROR: failed,
        ESTIMATED_USAGE: _among(table, "usage_state", "estimated"),
        UNFINISHED: exported | (going & arrays.known(table.kept.column("stream_outcome"))),
        INTERRUPTED: interrupted,
        REPLAYED: each["calls"] & _among(table, "cost_state", REPLAYED_STATE),
    }
    return np.bitwise_or.reduce([np.where(is_set, bit, 0).astype(np.uint16) for bit, is_set in made.items()])


def _booleans(column: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    import pyarrow as pa

    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    return arrays.known(chunked) & arrays.booleans(chunked)


def _durations(table: Snapshot, order: Ints) -> dict[str, pa.Array]:
    import numpy as np
    import pyarrow as pa

    whole, first = table["duration_ns"], table["time_to_first_chunk_s"]
    with np.errstate(over="ignore"):  # a file may say a time that no stream took
        first_ms = (arrays.numbers(first, np.float64) * 1e3).astype(np.float32)
    return {
        "duration_ms": arrays.column(
            pa.float64(), (arrays.numbers(whole, np.int64) / 1e6)[order], arrays.known(whole)[order]
        ),
        "first_chunk_ms": arrays.column(pa.float32(), first_ms[order], arrays.known(first)[order]),
    }


def _facts(table: Snapshot, order: Ints) -> dict[str, pa.Array]:
    """Take over the columns that the store has as they are shown."""
    import numpy as np
    import pyarrow as pa

    def text(name: str) -> pa.Array:
        places, words = _words(table, name)
        return arrays.words(places[order], words)

    def number(name: str, kind: pa.DataType, stored: Any, shown: Any) -> pa.Array:
        column = table[name]
        values = arrays.numbers(column, stored)[order].astype(shown)
        return arrays.column(kind, values, arrays.known(column)[order])

    return {
        **{name: text(name) for name in ("name", "provider", "error_type", "cell_id", "refusal")},
        "model": _models(table, order),
        "finish_reasons": _reasons(table, order),
        "input_tokens": number("input_tokens", pa.float64(), np.int64, np.float64),
        "output_tokens": _output_tokens(table, order),
        "cost_usd": number("cost_usd", pa.float64(), np.float64, np.float64),
        "execution_count": number("execution_count", pa.int32(), np.int64, np.int32),
        "cell_run": number("cell_run", pa.int32(), np.int64, np.int32),
        "output_rate": _rates(table, order),
    }


def _words(table: Snapshot, name: str) -> tuple[NDArray[np.int32], pa.Array]:
    """Read a column of words as the store keeps it, each word once."""
    return arrays.codes(table.kept.column(name))


def _models(table: Snapshot, order: Ints) -> pa.Array:
    """Name the model that answered, or else the one that was asked."""
    import numpy as np
    import pyarrow as pa

    answered, answering = _words(table, "response_model")
    asked, asking = _words(table, "request_model")
    places = np.where(answered >= 0, answered, np.where(asked >= 0, asked + len(answering), -1))
    return arrays.words(places[order], pa.concat_arrays([answering, asking]))


def _reasons(table: Snapshot, order: Ints) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import strings

    comma = strings(pa.string(), [","])[0]
    joined: list[Any] = [pc.binary_join(chunk, comma) for chunk in table["finish_reasons"].chunks]
    places, words = arrays.codes(pa.chunked_array(joined, type=pa.string()))
    return arrays.words(places[order], words)


def _output_tokens(table: Snapshot, order: Ints) -> pa.Array:
    """Read the output tokens; an embedding has none, which is not to say that they are unknown."""
    import numpy as np
    import pyarrow as pa

    stored, known = table["output_tokens"], arrays.known(table["output_tokens"])
    none = ~known & arrays.known(table["input_tokens"]) & _among(table, "operation", "embeddings")
    values = np.where(none, 0, arrays.numbers(stored, np.int64)).astype(np.float64)
    return arrays.column(pa.float64(), values[order], (known | none)[order])


def _rates(table: Snapshot, order: Ints) -> pa.Array:
    """Read how fast the streams come that have not ended: few rows, if any."""
    import numpy as np
    import pyarrow as pa

    from nbtrace._store.attributes import plain

    rates = np.full(table.num_rows, np.nan, np.float32)
    going = ~arrays.known(table["duration_ns"]) & arrays.known(table.kept.column("stream_outcome"))
    rows = np.flatnonzero(going)
    if len(rows):
        streams = table.take(arrays.column(pa.int64(), rows))["attributes"].to_pylist()
        found = [plain(attributes).get(semconv.STREAM_OUTPUT_RATE) for attributes in streams]
        rates[rows] = [rate if isinstance(rate, float) else np.nan for rate in found]
    return arrays.column(pa.float32(), rates[order], ~np.isnan(rates[order]))


def _titles(table: Snapshot, order: Ints) -> pa.Array:
    """Read the first line of each cell's source."""
    import numpy as np
    import pyarrow as pa

    from nbtrace._store.columns import strings

    cells = _among(table, "span_type", "cell")
    places = np.full(table.num_rows, -1)
    if not cells.any():
        return arrays.words(places, strings(pa.string(), []))
    lists: Any = table.filter(arrays.column(pa.bool_(), cells))["attributes"].combine_chunks()
    entries = lists.flatten()
    keys, names = arrays.codes(pa.chunked_array([entries.field("key")]))
    sources = np.array([*(name == semconv.CELL_SOURCE for name in names.to_pylist()), False])[keys]
    found, words = arrays.codes(pa.chunked_array([entries.field("string")]))
    lines = [preview.first_line(word or "") or "" for word in words.to_pylist()]
    owners = np.repeat(np.flatnonzero(cells), arrays.lengths(lists))[sources]
    places[owners] = found[sources]
    return arrays.words(places[order], strings(pa.string(), lines))


def _among(table: Snapshot, name: str, *wanted: str) -> NDArray[np.bool_]:
    """Say for each row whether its word is one of a few."""
    import numpy as np

    places, words = _words(table, name)
    return np.array([*(word in wanted for word in words.to_pylist()), False])[places]
