"""What an export did, in a form that a person reads under a cell.

The report names everything that did not arrive. Secrets in a URL never reach it: the destination is masked before the
report is built.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nbtrace import semconv
from nbtrace._query.endings import is_exported

NAMED: Final = 5
"""Attributes that are named in words."""


@dataclass(frozen=True)
class ExportReport:
    """What was written or sent, and what was not."""

    destination: str
    """The path as it was given, or the endpoint's URL with its secrets masked."""
    format: str
    """`Parquet`, `OTLP JSON` or `OTLP`."""
    spans: int
    """Spans that are at the destination now."""
    bytes: int
    """Size of the file, or of all requests as they went over the wire."""
    requests: int
    """HTTP requests that the receiver took; 0 for a file."""
    left_out: tuple[str, ...] = ()
    """What is not at the destination, and why."""
    notes: tuple[str, ...] = ()
    """What is there and may still surprise its reader."""
    scores: int = 0
    """Judgements that arrived by the backend's own API; others go with the spans."""

    def __repr__(self) -> str:
        sent = f", {_count(self.requests, 'request')}" if self.requests else ""
        judged = f" and {scores_in_words(self.scores)}" if self.scores else ""
        text = f"{_count(self.spans, 'span')}{judged} → {self.destination} ({self.format}, {_size(self.bytes)}{sent})."
        if self.left_out:
            text += f" Left out: {'; '.join(self.left_out)}."
        for note in self.notes:
            text += f" {note}."
        return text

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


@dataclass(frozen=True, repr=False)
class DryRun(ExportReport):
    """What an export would write or send; `bytes` are those before compression, `requests` those it would take."""

    attributes: dict[str, int] = field(default_factory=dict[str, int])
    """Names of attributes, and how many spans have each."""
    masked: int = 0
    """Parts of texts that are masked."""
    cut: int = 0
    """Attributes that are longer than the receiver keeps."""
    masks: dict[str, int] = field(default_factory=dict[str, int])
    """Names of what has masked parts, and how many."""
    cuts: dict[str, int] = field(default_factory=dict[str, int])
    """Names of attributes that are cut, and on how many spans."""
    sample: dict[str, Any] | None = None
    """One span as it would be sent, as OTLP JSON: the first LLM call, or else the first span."""

    def __repr__(self) -> str:
        sent = f", {_count(self.requests, 'request')}" if self.requests else ""
        text = f"Dry run: {_count(self.spans, 'span')} would go to {self.destination} ({self.format}, "
        text += f"{_size(self.bytes)}{sent}), with {_count(len(self.attributes), 'attribute')} by name, "
        text += f"{self.masked:,} masked{_of(self.masks)} and {self.cut:,} cut{_of(self.cuts)}. "
        text += "Nothing was sent or written."
        if self.left_out:
            text += f" Left out: {'; '.join(self.left_out)}."
        return text + "".join(f" {note}." for note in self.notes)


def _of(names: dict[str, int]) -> str:
    """Name the first few, the most frequent first."""
    if not names:
        return ""
    most = sorted(names, key=lambda name: -names[name])
    more = f" and {len(most) - NAMED:,} more" if len(most) > NAMED else ""
    return f" ({', '.join(most[:NAMED])}{more})"


def scores_in_words(number: int) -> str:
    """Count scores."""
    return _count(number, "score")


def joined(words: Sequence[str]) -> str:
    """Put words into a sentence: `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def unended_in_words(messages: Sequence[str | None]) -> Iterator[str]:
    """Say how many spans run, and how many did when they were exported to where they are from.

    Args:
        messages: the status messages of spans that have no end, nor been interrupted.
    """
    exported = sum(map(is_exported, messages))
    yield from counted_in_words(len(messages) - exported, "still running")
    yield from counted_in_words(exported, f"that {semconv.NOT_ENDED}")


def counted_in_words(number: int, why: str) -> Iterator[str]:
    """Say why some spans are left out, if there are any."""
    if number:
        yield f"{spans_in_words(number)} {why}"


def spans_in_words(number: int) -> str:
    """Count spans."""
    return _count(number, "span")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _size(number: int) -> str:
    if number < 1000:  # noqa: PLR2004
        return f"{number} B"
    size, unit = number / 1000, "KB"
    for larger in ("MB", "GB"):
        if size >= 999.95:  # noqa: PLR2004 - what one decimal rounds to 1000.0
            size, unit = size / 1000, larger
    return f"{size:.1f} {unit}"


def unsaid_in_words(number: int) -> Iterator[str]:
    """Say how many spans a backend's words failed for, if any."""
    if number:
        yield f"{spans_in_words(number)} without some of the backend's words, as saying them failed"
