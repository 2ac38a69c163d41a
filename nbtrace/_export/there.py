"""What a backend has of a trace, as its API tells it: the words in which backends say how theirs is read.

A backend tells of a span what it tells; what it does not tell, or in a way of its own, is none, and is not compared.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from nbtrace.errors import ExportError

ROOT: Final = b""
"""The parent of a span that has none."""

MICROSECOND: Final = 10**3
MILLISECOND: Final = 10**6

PAGES: Final = 1000
"""Most pages that are asked for of one trace."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SPAN_ID_BYTES: Final = 8


class UnreadError(ExportError):
    """What is there of a trace cannot be read."""

    def __init__(self, why: str = "the answer is not what the API is documented to give", status: int = 0) -> None:
        super().__init__(f"cannot read what is there: {why}")
        self.answer, self.status = why, status


class There(NamedTuple):
    """A span as it is there."""

    name: str | None = None
    parent: bytes | None = None
    start: int | None = None
    """In nanoseconds since 1970, and so is the end."""
    end: int | None = None
    precision: int = 1
    """Nanoseconds by which the times may be off."""

    def check(self) -> None:
        """See to it that all is what it should be.

        Raises:
            TypeError: it is not.
        """
        name, _, start, end, _ = cast("Any", self)
        if not isinstance(name, str | None) or not isinstance(start, int | None) or not isinstance(end, int | None):
            raise TypeError


@dataclass(frozen=True)
class Question:
    """What is asked of a backend: one trace."""

    trace: str
    """Its id in hex."""
    spans: Sequence[str]
    """Ids in hex of the spans that are looked for."""
    start: int
    """Nanoseconds since 1970 at which the first of them began."""
    end: int
    """Nanoseconds since 1970 at which the last of them ended."""
    resource: Mapping[str, str]
    """What routed them."""
    get: Callable[[str], Any]
    """Gives JSON at a path below the API's base, or nothing where nothing is."""
    post: Callable[[str, object], Any]
    """The same, asked by a document of JSON."""

    def some(self, number: int) -> Iterator[Sequence[str]]:
        """Give the ids of the spans, so many at a time."""
        for first in range(0, len(self.spans), number):
            yield self.spans[first : first + number]


def pages(ask: Callable[[str], Any], after: Callable[[Any], str | None]) -> Iterator[Any]:
    """Give an answer that comes in pages.

    Args:
        ask: gives the page at a cursor, the first by an empty one, or nothing.
        after: gives the cursor of the page that follows.

    Raises:
        ValueError: there are too many, or the same comes again and again.
    """
    known = {""}
    cursor = ""
    while (page := ask(cursor)) is not None:
        yield page
        cursor = after(page) or ""
        if not cursor:
            return
        if cursor in known or len(known) == PAGES:
            raise ValueError
        known.add(cursor)


Read = Callable[[Question], Mapping[bytes, There]]
"""Gives by id the spans that a backend has of a trace, also others than those that are looked for."""


def span_id(text: str | None) -> bytes:
    """Read an id in hex, or in base64 as protobuf's own JSON has it; what is empty, or all zeros, is no span."""
    if not text:
        return ROOT
    found = bytes.fromhex(text) if len(text) == 2 * SPAN_ID_BYTES else base64.b64decode(text, validate=True)
    return found if any(found) else ROOT


def moment(text: str | None) -> int | None:
    """Read a time of ISO 8601 in nanoseconds since 1970; without a zone it is of UTC."""
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return (aware - EPOCH) // timedelta(microseconds=1) * MICROSECOND


def from_otlp(resources: Iterable[Any], precision: int = 1) -> dict[bytes, There]:
    """Read spans of OTLP JSON, where what is empty is left out."""
    spans = (span for resource in resources for scope in resource["scopeSpans"] for span in scope["spans"])
    return {
        span_id(span["spanId"]): There(
            span.get("name", ""),
            span_id(span.get("parentSpanId")),
            int(span.get("startTimeUnixNano", 0)),
            int(span.get("endTimeUnixNano", 0)),
            precision,
        )
        for span in spans
    }
