"""Mends what spans say of each other: ids that two have, spans that are their own ancestors.

Looked for on whole columns, so that a million sound spans take a moment; only what has to be mended is read row by row.
Of spans that are the same in ids, name and times one is kept, as files that were written twice have them, and a start
whose end is there too is superseded by it. Others with ids that are taken get an id of their own. A circle of parents
is cut at its earliest span, as the tree would.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._read.judgements import finite
from nbtrace._store.values import to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbtrace._read.found import Account
    from nbtrace._store.snapshot import Snapshot

    Ids = NDArray[np.uint64]

TAKEN: Final = "span id that another span has"
CIRCLE: Final = "parents in a circle"


def mended(snapshot: Snapshot, account: Account) -> Snapshot:
    """Give spans whose ids and parents make a forest, with scores that are numbers."""
    import numpy as np

    snapshot = finite(snapshot, account)
    if not len(snapshot):
        return snapshot
    traces, spans = _ids(snapshot, "trace_id", 2), _ids(snapshot, "span_id", 1)[:, 0]
    order = np.argsort(spans, kind="stable")
    repeated = np.zeros(len(spans), bool)
    same = spans[order][1:] == spans[order][:-1]
    repeated[order[1:][same]] = repeated[order[:-1][same]] = True
    gone, renamed = _repeated(snapshot, np.flatnonzero(repeated), account)
    cut = _circles(snapshot, traces, spans, order)
    changed = sorted({*renamed, *cut} - gone)
    if gone or changed:
        unchanged = np.ones(len(spans), bool)
        unchanged[[*gone, *changed]] = False
        return with_rows(snapshot, unchanged, _rewritten(snapshot, changed, renamed, cut, account))
    return snapshot


def _ids(snapshot: Snapshot, name: str, words: int) -> Ids:
    """Read ids as numbers, a null as zero."""
    import numpy as np

    column: Any = snapshot.kept.column(name).combine_chunks()
    width = 8 * words
    found = np.frombuffer(column.buffers()[1], np.uint64, len(column) * words, column.offset * width).reshape(-1, words)
    if column.null_count:
        found = np.where(np.asarray(column.is_valid())[:, None], found, 0)
    return found


def _repeated(snapshot: Snapshot, rows: Any, account: Account) -> tuple[set[int], dict[int, bytes]]:
    """Say which rows go, and which get another id."""
    import pyarrow as pa

    gone: set[int] = set()
    renamed: dict[int, bytes] = {}
    if not len(rows):
        return gone, renamed
    names = ("trace_id", "span_id", "name", "start_time_unix_nano", "duration_ns")
    table = snapshot.take(pa.array(rows)).select(names)
    ended: dict[Any, set[Any]] = {}
    listed = list(zip(rows.tolist(), zip(*(table[name].to_pylist() for name in names), strict=True), strict=True))
    # Rows with an end first: a start is superseded by any end that goes with it.
    for row, (trace, span, name, start, duration) in sorted(listed, key=lambda one: (one[1][4] is None, one[0])):
        known = ended.setdefault((trace, span), set())
        if (name, start, duration) in known or (duration is None and any(one[:2] == (name, start) for one in known)):
            gone.add(row)
            account.left_out["span that is there twice"] += 1
        elif known:
            seed = b"%d " % len(known) + (trace or b"") + (span or b"")
            renamed[row] = blake2b(seed, digest_size=8).digest()
        known.add((name, start, duration))
    return gone, renamed


def _circles(snapshot: Snapshot, traces: Ids, spans: Ids, order: NDArray[np.int64]) -> set[int]:
    """Find the earliest row of each circle of parents."""
    import numpy as np

    above = _ids(snapshot, "parent_span_id", 1)[:, 0]
    places = np.minimum(np.searchsorted(spans[order], above), len(spans) - 1)
    rows = order[places]
    is_known = (above != 0) & (spans[rows] == above) & (traces[rows] == traces).all(axis=1)
    parents = np.where(is_known, rows, -1)
    up = parents.copy()
    for _ in range(len(up).bit_length()):
        going = np.flatnonzero(up >= 0)
        if not len(going):
            return set()
        up[going] = up[up[going]]
    on_circle: set[int] = set(up[up >= 0].tolist())  # so many steps up lead into a circle, and round it
    starts = snapshot.column("start_time_unix_nano").to_pylist() if on_circle else []
    earliest: set[int] = set()
    while on_circle:
        circle = [on_circle.pop()]
        while (row := int(parents[circle[-1]])) != circle[0]:
            circle.append(row)
        on_circle -= set(circle)
        earliest.add(min(circle, key=lambda one: (starts[one] or 0, one)))
    return earliest


def _rewritten(
    snapshot: Snapshot, changed: list[int], renamed: dict[int, bytes], cut: set[int], account: Account
) -> list[dict[str, Any]]:
    """Give changed rows, with word of what was changed."""
    import pyarrow as pa

    found = snapshot.take(pa.array(changed, pa.int64())).table().to_pylist()
    for row, values in zip(changed, found, strict=True):
        repairs = [*([TAKEN] if row in renamed else []), *([CIRCLE] if row in cut else [])]
        values["span_id"] = renamed.get(row, values["span_id"])
        values["parent_span_id"] = None if row in cut else values["parent_span_id"]
        values["attributes"] = _marked(values["attributes"] or [], repairs)
        account.repaired.update(repairs)
    return found


def _marked(attributes: list[dict[str, Any]], repairs: list[str]) -> list[dict[str, Any]]:
    """Add repairs to those that attributes tell of."""
    known = [one["json"] for one in attributes if one["key"] == semconv.REPAIRED and one["json"]]
    others = [one for one in attributes if one["key"] != semconv.REPAIRED]
    said = [word["stringValue"] for text in known for word in json.loads(text)["arrayValue"]["values"]]
    return [*others, {"key": semconv.REPAIRED, "json": to_json([*said, *repairs])}]


def with_rows(snapshot: Snapshot, staying: NDArray[np.bool_], rows: list[dict[str, Any]]) -> Snapshot:
    """Give the rows that stay, and behind them others."""
    import numpy as np
    import pyarrow as pa

    from nbtrace._store.kept import kept_schema
    from nbtrace._store.remap import remap
    from nbtrace._store.schema import schema
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._store.texts import Texts, int32

    new = Snapshot.of(pa.Table.from_pylist(rows, schema=schema()))
    behind = int32(np.arange(len(new.texts)) + len(snapshot.texts))
    texts = Texts((*snapshot.texts.chunks, *new.texts.chunks))
    added = [remap(batch, behind) for batch in new.kept.to_batches()]
    kept = pa.Table.from_batches([*snapshot.kept.filter(pa.array(staying)).to_batches(), *added], schema=kept_schema())
    return Snapshot(kept, texts, snapshot.scores)
