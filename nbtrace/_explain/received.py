"""What each backend gets of one span, beside the plain span: computed by what exports to it, and not from a table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from nbtrace import semconv
from nbtrace._explain.places import PLACES, read_as
from nbtrace._export import otlp_json
from nbtrace._export.backends import NAMES, find
from nbtrace._export.batch import Row
from nbtrace._export.prepare import Prepared
from nbtrace._store.attributes import plain_value
from nbtrace._widgets.markup import clip, visible
from nbtrace._widgets.static import more

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace._export.backends.backend import Backend
    from nbtrace._export.traces import Around
    from nbtrace._store.snapshot import Snapshot

Json = dict[str, Any]
HOUR: Final = 3600 * 10**9
NAMED: Final = 5
"""Attributes that a sentence names."""
KEY: Final = 80
"""Characters of a name in it."""


class Change(NamedTuple):
    """An attribute that a backend gets otherwise than it is."""

    sign: str
    """`+` if it is added, `-` if it is left out, `~` if it is said otherwise."""
    key: str
    value: Any
    """As OTLP JSON has values; none if it is left out."""
    meaning: str
    """What the backend reads it as, or why it does not get it."""


class Received(NamedTuple):
    """What one backend makes of the span."""

    backend: str
    seen: str
    """Where its users meet it."""
    same: int
    """How many attributes it gets as they are."""
    changes: tuple[Change, ...]
    limits: tuple[str, ...]
    """What is lost there, or would be, a sentence each."""


def document(row: Row) -> Json:
    """Give a span as the exporter writes it; one that has not ended is without its end."""
    times = {name: row[name] or 0 for name in ("start_time_unix_nano", "duration_ns")}
    found: Json = orjson.loads(otlp_json.request(list(otlp_json.spans([row | times]))))
    span = span_of(found)
    if row["duration_ns"] is None:
        del span["endTimeUnixNano"]
    if row["start_time_unix_nano"] is None:
        del span["startTimeUnixNano"]
    return found


def plain(value: Json | None) -> Any:
    """Read a value of OTLP JSON; what is no such value is given as it stands."""
    try:
        return value and plain_value(value)
    except (LookupError, TypeError, ValueError, AttributeError):
        return value


def span_of(found: Json) -> Json:
    """Give the one span of a document."""
    return found["resourceSpans"][0]["scopeSpans"][0]["spans"][0]


def received(span: Snapshot, traces: Mapping[bytes, Around]) -> Iterator[Received]:
    """Say of each backend what it makes of a span.

    Args:
        span: the one span, with its judgements.
        traces: what is said of its trace.
    """
    (row,) = Prepared(span)
    plain = _attributes(document(row))
    is_orphan = row["parent_span_id"] is not None and row["span_id"] in traces[row["trace_id"]].root_ids
    for name in NAMES:
        backend = find(name)
        if backend is not None:
            (made,) = Prepared(span, backend, traces=traces)
            sent = document(made)
            long = _longest(backend, plain)
            changes = tuple(_changes(name, plain, _attributes(sent), long))
            changed = sum(one.sign != "+" for one in changes)
            limits = tuple(_limits(backend, row, len(orjson.dumps(sent)), long, is_orphan=is_orphan))
            yield Received(name, PLACES[name].seen, len(plain) - changed, changes, limits)


def _attributes(found: Json) -> Json:
    return {one["key"]: one["value"] for one in span_of(found).get("attributes", ())}


def _changes(name: str, plain: Mapping[str, Any], sent: Mapping[str, Any], long: list[str]) -> Iterator[Change]:
    for key, value in sent.items():
        if plain.get(key) != value:
            meaning = "what was cut" if key == semconv.CUT else "cut" if key in long else read_as(name, key)
            yield Change("~" if key in plain else "+", key, value, meaning)
    for key in plain:
        if key not in sent:
            yield Change("-", key, None, "it would be misread; the same is said in another way")


def _longest(backend: Backend, plain: Mapping[str, Any]) -> list[str]:
    """Name the texts that are longer than a backend keeps."""
    most = backend.limits.attribute_bytes
    texts = {key: value.get("stringValue", "") for key, value in plain.items()}
    return [] if most is None else [key for key, text in texts.items() if len(text.encode()) > most]


def _named(keys: list[str]) -> str:
    """Name a few attributes, and say how many others there are."""
    return ", ".join([*(clip(visible(key), KEY) for key in keys[:NAMED]), *more(len(keys) - NAMED, "more attribute")])


def _limits(backend: Backend, row: Row, size: int, long: list[str], *, is_orphan: bool) -> Iterator[str]:
    limits = backend.limits
    if row["duration_ns"] is None:
        yield "It has not ended, and is not sent before it does."
    if limits.attribute_bytes is not None:
        told = f"{_named(long)} {'is' if len(long) == 1 else 'are'} longer and cut" if long else "no text is longer"
        yield f"An attribute has at most {limits.attribute_bytes:,} bytes there: {told}."
    if limits.hours is not None:
        hours = (time.time_ns() - (row["start_time_unix_nano"] or 0)) / HOUR
        told = "this one may not be kept" if hours > limits.hours else "this one is younger"
        yield f"A span that began more than {limits.hours:g} hours ago may not be kept there: {told}."
    if limits.request_bytes is not None:
        told = "too large" if size > limits.request_bytes else "small enough"
        yield f"A request has at most {limits.request_bytes:,} bytes: with {size:,} the span is {told}."
    if limits.drops_orphans:
        its = "this one's is there" if row["parent_span_id"] else "this one is a root"
        told = "this one becomes a root before it goes" if is_orphan else its
        yield f"A span whose parent never comes is lost there: {told}."
