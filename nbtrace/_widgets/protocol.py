"""The messages between a widget's JavaScript and the kernel, and their version.

The JavaScript asks and gets exactly one answer with the same `id`: a reply whose one buffer is an Arrow IPC stream, or
an `ErrorReply` in words for the user. Only a request that it cancels stays without. The kernel speaks unasked only to
say that the spans have changed. A message of unknown kind is ignored by both sides. `js/src/wire/protocol.ts` states
the same types; `tests/fixtures/protocol.json` is what both are tested against.
"""

from __future__ import annotations

from typing import Final, Literal, TypedDict

PROTOCOL_VERSION: Final = 3
"""Raised when a message or a column of a buffer changes its meaning."""


class TreeRequest(TypedDict):
    """Ask for all spans as a tree."""

    id: int
    kind: Literal["tree"]
    version: int


class SpanRequest(TypedDict):
    """Ask for everything that is known of one span."""

    id: int
    kind: Literal["span"]
    version: int
    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""


class SearchRequest(TypedDict):
    """Ask which spans have a text in their messages, attributes or events."""

    id: int
    kind: Literal["search"]
    version: int
    text: str


class PreviewRequest(TypedDict):
    """Ask for the first words of some spans."""

    id: int
    kind: Literal["preview"]
    version: int
    spans: str
    """Their trace ids and span ids, 48 hex digits a span, without anything between."""


class Cancel(TypedDict):
    """Withdraw a request that has the same id."""

    id: int
    kind: Literal["cancel"]
    version: int


class CompareRequest(TypedDict):
    """Ask for the calls that are compared, and what they come to against a baseline."""

    id: int
    kind: Literal["compare"]
    version: int
    baseline: int
    """The number of a variant."""


class RateRequest(TypedDict):
    """Give a span a label by hand."""

    id: int
    kind: Literal["rate"]
    version: int
    trace_id: str
    span_id: str
    value: int
    """The number of the label, from 1."""


class NoteRequest(TypedDict):
    """Note something about a span by hand, beside its label."""

    id: int
    kind: Literal["note"]
    version: int
    trace_id: str
    span_id: str
    text: str
    """Empty to take the note back."""


class TreeReply(TypedDict):
    """Announce the buffer with the tree, one row a span in depth-first order."""

    id: int
    kind: Literal["tree"]
    version: int
    revision: int
    """Grows with every change; a `Changed` with a higher one makes this reply old."""
    start_unix_ms: int
    """The earliest start: milliseconds since the epoch, which the times in the tree are counted from."""
    now_unix_ms: int
    """By the clock that the spans were timed with, which the reader's need not agree with."""


class SpanReply(TypedDict):
    """Announce the buffer with one row: the span, prepared for reading."""

    id: int
    kind: Literal["span"]
    version: int
    revision: int
    trace_id: str
    span_id: str
    choice: int
    """The number of the label that the reader has given it by hand, from 1, or 0."""
    note: str
    """What the reader has noted, or nothing."""


class SearchReply(TypedDict):
    """Announce the buffer with one row a span found: which, and where in it the text is."""

    id: int
    kind: Literal["search"]
    version: int
    revision: int


class PreviewReply(TypedDict):
    """Announce the buffer with one row a span that is there: which, and its first words, or none."""

    id: int
    kind: Literal["preview"]
    version: int
    revision: int


class CompareReply(TypedDict):
    """Announce the buffer with one row a call."""

    id: int
    kind: Literal["compare"]
    version: int
    revision: int
    head: str
    """JSON: variants, inputs, names of scores, changes and sentences."""


class RateReply(TypedDict):
    """Say that a label is kept; its buffer is an empty table."""

    id: int
    kind: Literal["rate"]
    version: int
    revision: int


class NoteReply(TypedDict):
    """Say that a note is kept; its buffer is an empty table."""

    id: int
    kind: Literal["note"]
    version: int
    revision: int


class ErrorReply(TypedDict):
    """Say in words why there is no reply."""

    id: int
    kind: str
    version: int
    error: str


class Changed(TypedDict):
    """Tell that the spans are no longer those of the last reply."""

    kind: Literal["changed"]
    version: int
    revision: int
