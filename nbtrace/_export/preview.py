"""Looks at what an export would send: everything is chosen, prepared and encoded, and nothing leaves.

One pass over the rows that a receiver would get counts their attributes and masks and takes a sample, while the encoder
that the export has makes bytes of them, so that the numbers are those of the export.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson

from nbtrace import semconv
from nbtrace._export import otlp_json
from nbtrace._export.batch import Row, batches, encoded
from nbtrace._export.encodings import ENCODINGS
from nbtrace._export.prepare import Prepared, cuts_told
from nbtrace._export.report import DryRun, unsaid_in_words
from nbtrace._store.attributes import plain
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    from nbtrace._export.delivery import Parcel, Receiver
    from nbtrace._store.snapshot import Snapshot

MASK: Final = re.compile(r"\[redacted: [\w .-]{1,80}\]")


class Seen:
    """What passed: how many spans have each attribute, what is masked and cut, and one span as it would be sent."""

    def __init__(self) -> None:
        self.attributes: Counter[str] = Counter()
        self.masks: Counter[str] = Counter()
        self.cuts: Counter[str] = Counter()
        self.sample: dict[str, Any] | None = None
        self._is_call = False

    def passing(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Look at rows on their way."""
        for row in rows:
            names = [key for key, column in PROMOTED.items() if row[column.name] is not None]
            self.attributes.update([*names, *(one["key"] for one in row["attributes"] or ())])
            for name, text in _texts(row):
                if found := len(MASK.findall(text)):
                    self.masks[name] += found
            self.cuts.update(_cuts(row))
            is_call = row["operation"] is not None
            if self.sample is None or (is_call and not self._is_call):
                self.sample, self._is_call = orjson.loads(otlp_json.encode(row)), is_call
            yield row

    def told(self, cut: int) -> dict[str, Any]:
        """Give what a report has of it, where so many attributes were cut."""
        counts = {"masked": self.masks.total(), "cut": cut, "masks": dict(self.masks), "cuts": dict(self.cuts)}
        return {"attributes": dict(self.attributes), "sample": self.sample, **counts}


def preview(parcel: Parcel, to: Receiver) -> DryRun:
    """Say what an export to a receiver would send."""
    seen = Seen()
    size = requests = 0
    encoding = ENCODINGS[to.endpoint.protocol]
    for batch in batches(encoded(seen.passing(parcel.prepared), encoding.encode), to.request_bytes):
        size += len(encoding.request(batch))
        requests += 1
    notes = (*parcel.notes, *unsaid_in_words(parcel.prepared.unsaid))
    told = (parcel.left_out, notes, len(parcel.scores) if parcel.has_api else 0)
    return DryRun(to.shown, "OTLP", len(parcel), size, requests, *told, **seen.told(parcel.prepared.cut))


def preview_lines(table: Snapshot, shown: str, left_out: tuple[str, ...]) -> DryRun:
    """Say what a file of OTLP JSON lines would have."""
    seen = Seen()
    size = sum(len(line) for line, _ in otlp_json.lines(seen.passing(Prepared(table))))
    return _of_file(table, (shown, "OTLP JSON", left_out), size, seen)


def preview_file(table: Snapshot, shown: str, kind: str, parts: Iterable[bytes] | None) -> DryRun:
    """Say what a page of these parts would have, or without them a Parquet file."""
    seen = Seen()
    for _ in seen.passing(Prepared(table)):
        pass
    if parts is not None:
        return _of_file(table, (shown, kind, ()), sum(map(len, parts)), seen)
    from nbtrace._store import parquet

    with tempfile.TemporaryFile() as file:
        parquet.write(table, file)
        return _of_file(table, (shown, kind, ()), file.tell(), seen)


def _of_file(table: Snapshot, told: tuple[str, str, tuple[str, ...]], size: int, seen: Seen) -> DryRun:
    shown, kind, left_out = told
    return DryRun(shown, kind, len(table), size, 0, left_out, **seen.told(0))


def _texts(row: Row) -> Iterator[tuple[str, str]]:
    """Give the texts of a span by name."""
    own = {"name": "name", "status message": "status_message"}
    for name, column in (own | {key: column.name for key, column in PROMOTED.items()}).items():
        value = row[column]
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                yield name, text
    for holder in (row, *(row["events"] or ()), *(row["links"] or ())):
        for one in holder["attributes"] or ():
            yield one["key"], one["string"] or one["json"] or ""


def _cuts(row: Row) -> Iterator[str]:
    """Give the names of the attributes of a span that are cut, as it says itself."""
    told = plain([one for one in row["attributes"] or () if one["key"] == semconv.CUT])
    for text in cuts_told(told.get(semconv.CUT)):
        yield text.partition(": ")[0]
