"""Keeps the spans of a session: cheap to add to, immutable to read.

Adding happens on the user's thread and only puts the span aside; it is encoded when somebody looks, or when many are
waiting. A reader gets a snapshot of one moment: every span that had arrived, ended ones in order of arrival and then
the running ones, which have no duration yet. An ended span supersedes its start by trace and span id, in `ended`.

Spans leave the waiting list only in the step that adds their encoded batch, so an interrupt loses none. The locks are
reentrant because a garbage collection inside the store may end the span of a stream that nobody holds any more.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from nbtrace import semconv
from nbtrace._guard import guard
from nbtrace._store.contents import Contents, Overlay
from nbtrace._store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.util.types import AttributeValue

    from nbtrace._store.contents import Interner
    from nbtrace._store.encode import Finished

    Attributes = Mapping[str, AttributeValue]
    Detail = Callable[[], Attributes]
    Finish = Callable[[ReadableSpan, Detail | None], Attributes]
    Mask = Callable[[ReadableSpan], ReadableSpan]
    Waiting = tuple[ReadableSpan, Detail | None]

WAITING_LIMIT: Final = 512
"""Ended spans that wait unencoded: enough for cheap batches, few enough for a short pause (some 15 ms)."""

CHUNK_ROWS: Final = 8192
CHUNK_BYTES: Final = 64 * 2**20
"""Batches are merged up to this size; larger ones are never copied again, and offsets of 32 bits always suffice."""


def merge_detail(span: ReadableSpan, detail: Detail | None) -> Attributes:
    """Give a span's attributes as they are, with those of its detail."""
    return {**own(span), **(detail() if detail is not None else {})}


def own(span: ReadableSpan) -> Attributes:
    """Copy the attributes of a span in one step, because others may be changing a running one."""
    return cast("Attributes", cast("dict[str, AttributeValue]", span.attributes or {}).copy())


class Moment(NamedTuple):
    """The store at one moment."""

    revision: int
    batches: tuple[pa.RecordBatch, ...]
    """All spans that had ended."""
    contents: Contents
    running: list[Waiting]


class Store:
    """The spans of one session, as a sink of spans and a source of tables.

    Args:
        finish: Makes the attributes to store from a span and its detail: evaluates, redacts, prices. It runs when the
            span is encoded: once after it has ended, unless interrupted, and for each look at it before.
        mask: Gives the span to store in place of one, for all that is not an attribute: name, status, events, links.
    """

    def __init__(self, finish: Finish | None = None, mask: Mask | None = None) -> None:
        self._finish: Finish = finish or merge_detail
        self._mask: Mask = mask or (lambda span: span)
        self._lock = threading.RLock()
        """Held for a few instructions at a time; whoever adds a span waits for nothing longer."""
        self._encoding = threading.RLock()
        """Held while encoding, so that two readers do not encode the same spans."""
        self._running: dict[tuple[int, int], Waiting] = {}
        self._waiting: list[Waiting] = []
        self._batches: tuple[pa.RecordBatch, ...] = ()
        self._contents = Contents()
        self._epoch = 0
        """Grows when `_waiting` is taken away or cleared, so that who was encoding it meanwhile starts again."""
        self._cached: tuple[int, Snapshot] | None = None
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self.revision = 0
        """Grows with every change."""

    def __len__(self) -> int:
        with self._lock:
            return sum(batch.num_rows for batch in self._batches) + len(self._waiting) + len(self._running)

    def started(self, span: ReadableSpan) -> None:
        """Show a span as running from now on."""
        context = span.context
        if context is None:
            return
        with self._lock:
            self._running[context.trace_id, context.span_id] = span, None
            self.revision += 1
        if self._callbacks:
            self._changed()

    def progressed(self, span: ReadableSpan, detail: Detail) -> None:
        """Show a running span with what its detail says at the time of each look; one that has ended stays as it is."""
        context = span.context
        key = (context.trace_id, context.span_id) if context is not None else None
        with self._lock:
            if key not in self._running:
                return
            self._running[key] = span, detail
            self.revision += 1
        if self._callbacks:
            self._changed()

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Take a span that is over, in place of the running one with its ids."""
        context = span.context
        if context is None:
            return
        with self._lock:
            self._running.pop((context.trace_id, context.span_id), None)
            self._waiting.append((span, detail))
            self.revision += 1
        if len(self._waiting) >= WAITING_LIMIT:
            self._relieve()
        if self._callbacks:
            self._changed()

    def snapshot(self) -> Snapshot:
        """Give all spans that have arrived, as they are now."""
        import pyarrow as pa

        from nbtrace._store.kept import kept_schema

        with self._encoding:
            now = self._encode_waiting()
            if self._cached is not None and self._cached[0] == now.revision and not now.running:
                return self._cached[1]
            batches, texts = now.batches, now.contents.texts
            if now.running:
                # Attributes of a running span may change without notice, so these rows are never kept.
                overlay = Overlay(now.contents)
                finished = [self._finished(span, detail) for span, detail in now.running]
                batches = (*batches, *_encode(finished, overlay, running=True))
                texts = overlay.texts()
            snapshot = Snapshot(pa.Table.from_batches(batches, schema=kept_schema()), texts)
            if not now.running:
                self._cached = now.revision, snapshot
            return snapshot

    def clear(self) -> None:
        """Forget every span. One that is running comes back when it ends."""
        with self._lock:
            self._running.clear()
            self._waiting = []
            self._batches = ()
            self._contents = Contents()
            self._epoch += 1
            self.revision += 1
        self._changed()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each change, on the thread that made it.

        Returns:
            A function that ends this.
        """
        with self._lock:
            self._callbacks = (*self._callbacks, callback)

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks = tuple(one for one in self._callbacks if one is not callback)

        return unsubscribe

    def _changed(self) -> None:
        for callback in self._callbacks:
            with guard("store"):
                callback()

    def _relieve(self) -> None:
        """Encode what waits, unless somebody is at it."""
        if self._encoding.acquire(blocking=False):
            try:
                self._encode_waiting()
            finally:
                self._encoding.release()

    def _encode_waiting(self) -> Moment:
        """Bring the batches up to date."""
        with self._encoding:
            while True:
                with self._lock:
                    epoch = self._epoch
                    waiting, running = self._waiting[:], list(self._running.values())
                    now = Moment(self.revision, self._batches, self._contents, running)
                if not waiting:
                    return now
                batches = self._with(now, waiting)
                with self._lock:
                    if epoch == self._epoch:
                        left = self._waiting[len(waiting) :]
                        self._epoch += 1
                        self._batches, self._waiting = batches, left
                        return now._replace(batches=batches)

    def _with(self, now: Moment, waiting: list[Waiting]) -> tuple[pa.RecordBatch, ...]:
        batches = now.batches
        for batch in _encode([self._finished(span, detail) for span, detail in waiting], now.contents):
            batches = _compact([*batches, batch])
        now.contents.commit()
        return batches

    def _finished(self, span: ReadableSpan, detail: Detail | None) -> Finished:
        from nbtrace._store.encode import Finished

        with guard("store"):
            return Finished(self._mask(span), self._finish(span, detail))
        return Finished(span, {**own(span), semconv.INCOMPLETE: "the attributes could not be completed"})


def _encode(finished: list[Finished], contents: Interner, *, running: bool = False) -> list[pa.RecordBatch]:
    """Encode spans together, or if one of them makes that fail, each by itself, so that only that one suffers."""
    from nbtrace._store.encode import Finished, encode

    with guard("store"):
        return [encode(finished, contents, running=running)]
    batches: list[pa.RecordBatch] = []
    for one in finished:
        bare = Finished(one.span, {semconv.INCOMPLETE: "the attributes could not be stored"})
        for attempt in (one, bare):
            with guard("store"):
                batches.append(encode([attempt], contents, running=running))
                break
    return batches


def _compact(batches: list[pa.RecordBatch]) -> tuple[pa.RecordBatch, ...]:
    """Merge the last batches while they are of similar size, so that there are few and each row is seldom copied."""
    while len(batches) > 1:
        before, last = batches[-2:]
        rows, size = before.num_rows + last.num_rows, before.nbytes + last.nbytes
        if before.num_rows > 2 * last.num_rows or rows > CHUNK_ROWS or size > CHUNK_BYTES:
            break
        batches[-2:] = [_merged(before, last)]
    return tuple(batches)


def _merged(before: pa.RecordBatch, last: pa.RecordBatch) -> pa.RecordBatch:
    """Put two batches into one, in which columns of nulls still share their memory."""
    import pyarrow as pa

    from nbtrace._store.columns import nulls_of

    rows = before.num_rows + last.num_rows
    columns = [
        nulls_of(one.type, rows)
        if one.null_count == len(one) and other.null_count == len(other)
        else pa.concat_arrays([one, other])
        for one, other in zip(before.columns, last.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=before.schema)
