"""The calls that had ended before there was a budget, with what they came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._store.attributes import plain_column
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbtrace._store.snapshot import Snapshot

_SCOPE: Final = '"name":"nbtrace"'
"""In the scope of our own spans; calls that only other instrumentations see are not counted when they end either."""


def ended_calls(snapshot: Snapshot, *, since_ns: int) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """Give the id and attributes of each call that nbtrace made the span of, and that is over.

    Args:
        snapshot: among which to look.
        since_ns: what began earlier was paid by another kernel, whose session was resumed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted: Any = pc.is_in(snapshot["operation"], value_set=pa.array(sorted(semconv.LLM_OPERATIONS)))
    ours: Any = pc.match_substring(snapshot["scope"].cast(pa.string()), _SCOPE)
    began: Any = pc.greater_equal(snapshot["start_time_unix_nano"], pa.scalar(since_ns))
    wanted = pc.and_(pc.and_(wanted, ours), pc.and_(pc.is_valid(snapshot["duration_ns"]), began))
    calls = snapshot.filter(wanted)
    names = {column.name: key for key, column in PROMOTED.items() if column.name in _COLUMNS}
    rows = calls.select(["span_id", *names]).to_pylist()
    for row, attributes in zip(rows, plain_column(calls["attributes"]), strict=True):
        promoted = {key: row[name] for name, key in names.items() if row[name] is not None}
        yield row["span_id"], {**attributes, **promoted}


_COLUMNS: Final = frozenset(
    (
        "request_model",
        "response_model",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "cost_state",
        "cell_id",
        "cell_run",
    )
)
