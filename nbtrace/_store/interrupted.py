"""Makes rows of the spans that had begun when their kernel ended, so that a call of which two had is one.

A span whose call another has is marked as `_trace.duplicates` marks what ends, by which `folding` makes one row of
both. Of a start is only known what it is, and where in the tree: a span of another instrumentation repeats the one call
below it, in spans of others, or the call of ours right above it. If that call had ended it is complete, and the span
around it stays, as a `chain`. So does a span around several calls. What started without saying that it is a call, or in
a journal that does not say of which instrumentation it is, is told as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace import semconv
from nbtrace._store.encode import Finished
from nbtrace._store.forms import parsed

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.starts import Start

Key = tuple[bytes, bytes]
"""A trace's id and a span's."""

OURS: Final = "nbtrace"
"""The name of our instrumentation scope."""

ERROR: Final = 2
"""OTLP's status code of a failed span."""

DEPTH: Final = 3
"""How many instrumentations around one call are seen through."""

READ: Final = (
    "trace_id", "span_id", "parent_span_id", "scope", "operation", "request_model", "response_model", "duration_ns",
)  # fmt: skip


class _Span(NamedTuple):
    """What tells of a span which call it has."""

    span_id: bytes
    parent: Key | None
    scope: str | None
    """The name of its instrumentation, if that is known."""
    operation: str | None
    models: frozenset[str]
    has_ended: bool

    @property
    def is_call(self) -> bool:
        return self.operation in semconv.LLM_OPERATIONS and self.scope is not None

    def names(self, other: _Span) -> bool:
        """Whether nothing that the two say of their models tells them apart."""
        alike = self.models & other.models or not self.models or not other.models
        return (self.operation == "embeddings") == (other.operation == "embeddings") and bool(alike)


def interrupted(begun: Mapping[Key, Start], rows: Sequence[pa.RecordBatch]) -> tuple[list[Finished], int]:
    """Make what is known of spans into ones that can be encoded.

    Args:
        begun: the spans that had begun and of which there is no end.
        rows: the others of the session, as they are kept.

    Returns:
        The spans, and how many of them are marked as the repetition of another.
    """
    marks = dict(_marks(begun, rows))
    scopes = {start.scope: _scope(start.scope) for start in begun.values()}
    made = [_finished(start, marks.get(key, {}), scopes[start.scope]) for key, start in begun.items()]
    return made, sum(semconv.DUPLICATE_OF in mark for mark in marks.values())


def _marks(begun: Mapping[Key, Start], rows: Sequence[pa.RecordBatch]) -> Iterator[tuple[Key, dict[str, str]]]:
    """Give what is to be said of the spans that repeat calls."""
    spans = {key: _begun(start) for key, start in begun.items()}
    repeating = [key for key, span in spans.items() if span.is_call and span.scope != OURS]
    if not repeating:
        return
    spans |= _ended(rows, {trace for trace, _ in repeating})
    below: defaultdict[Key, list[_Span]] = defaultdict(list)
    for span in spans.values():
        if span.parent is not None:
            below[span.parent].append(span)
    for key in repeating:
        span = spans[key]
        found = _repeated(key, span, spans, below, DEPTH)
        if not found:
            continue
        mark = {semconv.DUPLICATE_OPERATION: str(span.operation), semconv.SPAN_TYPE: "chain"}
        if len(found) == 1 and not found[0].has_ended:
            mark[semconv.DUPLICATE_OF] = found[0].span_id.hex()
        yield key, mark


def _repeated(
    key: Key, span: _Span, spans: Mapping[Key, _Span], below: Mapping[Key, Sequence[_Span]], depth: int
) -> list[_Span]:
    """Find whose call a span of another instrumentation repeats."""
    inside = {one.span_id: one for one in _inside(key, spans, below, depth)}
    found = [one for one in inside.values() if one.names(span)]
    above = spans.get(span.parent) if span.parent is not None else None
    if not found and above is not None and above.is_call and above.scope == OURS and above.names(span):
        return [above]
    return found


def _inside(key: Key, spans: Mapping[Key, _Span], below: Mapping[Key, Sequence[_Span]], depth: int) -> Iterator[_Span]:
    """Give the calls below a span, and below the spans of others that are below it."""
    for span in below.get(key, ()):
        own = (key[0], span.span_id)
        if span.is_call:
            repeated = _repeated(own, span, spans, below, depth - 1) if span.scope != OURS and depth else []
            yield from repeated or [span]
        elif span.scope != OURS and depth:
            yield from _inside(own, spans, below, depth - 1)


def _begun(start: Start) -> _Span:
    parent = None if start.parent_span_id is None else (start.trace_id, start.parent_span_id)
    operation, model = (start.attributes.get(key) for key in (semconv.OPERATION_NAME, semconv.REQUEST_MODEL))
    return _Span(start.span_id, parent, start.scope, operation, _models([model]), has_ended=False)


def _ended(rows: Sequence[pa.RecordBatch], traces: set[bytes]) -> dict[Key, _Span]:
    """Read the rows of some traces."""
    found: dict[Key, _Span] = {}
    names: dict[str | None, str | None] = {}
    for batch in rows:
        ids: Any = batch.column("trace_id").to_pylist()
        for row in [number for number, trace in enumerate(ids) if trace in traces]:
            trace, span_id, parent, scope, operation, asked, answered, took = (
                batch.column(name)[row].as_py() for name in READ
            )
            if scope not in names:
                described = parsed(scope or "")
                names[scope] = str(described.get("name", "")) if isinstance(described, dict) else None
            found[trace, span_id] = _Span(
                span_id, None if parent is None else (trace, parent), names[scope], operation,
                _models([asked, answered]), took is not None,
            )  # fmt: skip
    return found


def _models(named: Iterable[object]) -> frozenset[str]:
    """Name models without the provider that a router puts before them."""
    return frozenset(str(model).rpartition("/")[2] for model in named if model is not None)


def _finished(start: Start, mark: Mapping[str, str], scope: Any) -> Finished:
    """Make what is known of a span into one that can be encoded."""
    span: Any = SimpleNamespace(
        name=start.name,
        context=_context(start.trace_id, start.span_id),
        parent=None if start.parent_span_id is None else _context(start.trace_id, start.parent_span_id),
        kind=SimpleNamespace(value=start.kind - 1),
        start_time=start.start_time_unix_nano,
        end_time=None,
        status=SimpleNamespace(status_code=SimpleNamespace(value=ERROR), description=semconv.INTERRUPTED),
        events=(),
        links=(),
        dropped_attributes=0,
        dropped_events=0,
        dropped_links=0,
        resource=SimpleNamespace(attributes={}, schema_url=""),
        instrumentation_scope=scope,
    )
    attributes = {**start.attributes, **mark, semconv.ERROR_TYPE: "interrupted"}
    if mark:
        del attributes[semconv.OPERATION_NAME]
    return Finished(span, attributes)


def _scope(name: str | None) -> Any:
    return None if name is None else SimpleNamespace(name=name, version=None, attributes={}, schema_url="")


def _context(trace_id: bytes, span_id: bytes) -> Any:
    trace, span = int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big")
    return SimpleNamespace(trace_id=trace, span_id=span, trace_flags=0, trace_state=None, is_remote=False)
