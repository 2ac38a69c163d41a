"""Every text that a session keeps, each once, and the spans that have it: for a look at all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace._store.kept import UNIQUE, VALUE_KINDS, how
from nbtrace._store.schema import COLUMNS

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

_TEXTS: Final = 1024
"""Texts that are fetched at a time."""
_BYTES: Final = VALUE_KINDS.index("bytes")
_TEXTUAL: Final = ("word", "words", "messages", "answers", "attributes", "events", "links")
_HOW: Final = {
    column.name: "word" if column.type == "dictionary" or column.name in UNIQUE else how(column) for column in COLUMNS
}
"""How the columns are kept, those of text by one word each."""


class Piece(NamedTuple):
    """A text, and where it is."""

    name: str
    """The column, or the attribute."""
    text: str
    row: int
    """The first of the spans that have it."""
    spans: int
    """How many spans have it."""


def pieces(spans: Snapshot) -> Iterator[Piece]:
    """Give every text of some spans; names of attributes are texts named `attribute name`."""
    held: dict[tuple[str, str | int], tuple[int, int]] = {}
    names = [name for name, kept in _HOW.items() if kept in _TEXTUAL]
    row = 0
    for batch in spans.kept.select(names).to_batches():
        for kept in batch.to_pylist():
            for key in dict.fromkeys(_of_row(kept)):
                first, count = held.get(key, (row, 0))
                held[key] = first, count + 1
            row += 1
    numbers = sorted({text for _, text in held if isinstance(text, int)})
    found = dict(_fetched(spans, numbers))
    for (name, text), (first, count) in held.items():
        yield Piece(name, found[text] if isinstance(text, int) else text, first, count)


def _of_row(row: Mapping[str, Any]) -> Iterator[tuple[str, str | int]]:
    for name, value in row.items():
        if value is None:
            continue
        match _HOW[name]:
            case "word":
                yield name, value
            case "attributes":
                yield from _of_attributes(value)
            case "events" | "links":
                for one in value:
                    if said := one.get("name"):
                        yield "event name", said
                    yield from _of_attributes(one["attributes"] or ())
            case "answers":
                yield from ((name, one) for pair in value for one in pair.values() if one is not None)
            case _:
                yield from ((name, one) for one in value if one is not None)


def _of_attributes(attributes: Any) -> Iterator[tuple[str, str | int]]:
    for one in attributes:
        yield "attribute name", one["key"]
        value = one["value"] if one["content"] is None else one["content"]
        if value is not None and one["kind"] != _BYTES:
            yield one["key"], value


def _fetched(spans: Snapshot, numbers: list[int]) -> Iterator[tuple[int, str]]:
    import numpy as np

    from nbtrace._store.texts import int32

    for start in range(0, len(numbers), _TEXTS):
        some = numbers[start : start + _TEXTS]
        texts: Any = spans.texts.take(int32(np.array(some, np.int32))).to_pylist()
        yield from zip(some, texts, strict=True)
