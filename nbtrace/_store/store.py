"""Keeps the spans of a session: cheap to add to, immutable to read.

Adding happens on the user's thread and only puts the span aside; it is encoded when somebody looks, or beside the
user's code (`relief`) when much is waiting. A reader gets a snapshot of one moment: every span that had arrived, ended
ones in order of arrival and then the running ones, which have no duration yet, each call once (`folding`). An ended
span supersedes its start by trace and span id, when somebody asks.

Spans leave the waiting list only in the step that adds their encoded batch, so an interrupt loses none. The locks are
reentrant because a garbage collection inside the store may end the span of a stream that nobody holds any more.
"""

from __future__ import annotations

import threading
from time import sleep
from typing import TYPE_CHECKING, Final, NamedTuple

from nbtrace import semconv
from nbtrace._guard import guard
from nbtrace._imports import load
from nbtrace._store import forks
from nbtrace._store.batches import compact, encode_all
from nbtrace._store.contents import Contents, Overlay
from nbtrace._store.details import merge_detail, own, size_of
from nbtrace._store.following import Appended, Following, count
from nbtrace._store.relief import Relief
from nbtrace._store.running import Running
from nbtrace._store.scores import Score, encode_scores
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.spill import Spill, rows_size

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.details import Attributes, Detail
    from nbtrace._store.encode import Finished
    from nbtrace._store.folding import Folding
    from nbtrace._store.running import Waiting
    from nbtrace._store.wake import Wake

    Finish = Callable[[ReadableSpan, Detail | None], Attributes]
    Mask = Callable[[ReadableSpan], ReadableSpan]
    Batches = tuple[pa.RecordBatch, ...]

WAITING_LIMIT: Final = 512
"""Ended spans that wait unencoded: enough for cheap batches, few enough for whoever looks next to wait shortly."""
FLOOD: Final = 32 * WAITING_LIMIT
"""Of so many waiting spans a thread beside the caller cannot keep up with the encoding: the caller yields its turn."""
WAITING_BYTES: Final = 16 * 2**20
"""Bytes of requests and responses that they may hold: large ones wait in smaller numbers."""


class Moment(NamedTuple):
    """The store at one moment."""

    epoch: int
    revision: int
    batches: tuple[pa.RecordBatch, ...]
    """All spans that had ended."""
    contents: Contents
    running: list[Waiting]
    scores: tuple[pa.RecordBatch, ...]


class Sizes(NamedTuple):
    """What ended spans take, in bytes."""

    memory: int
    disk: int
    """Of those that were moved there, beyond the bound on memory; not the journal."""


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
        self._running = Running()
        """Those that wait are taken out when somebody asks."""
        self._waiting: list[Waiting] = []
        """What has ended and is not encoded. Appending takes no lock, so this stays the same list for good."""
        self._waiting_bytes = 0
        """What they hold; threads may count one less, until what waits is encoded and counted anew."""
        self._relief = Relief(self._encode_waiting)
        self._batches: tuple[pa.RecordBatch, ...] = ()
        self._settled = 0
        """How many of the first batches are on the disk."""
        self.spill = Spill()
        """The bound on what is kept in memory; none to begin with."""
        self._contents = Contents()
        self._scores_waiting: list[Score] = []
        self._scores: tuple[pa.RecordBatch, ...] = ()
        self._following = Following(self._contents.texts)
        self._folding: Folding | None = None
        """What makes one row of the rows of a call; none before a look."""
        self._epoch = 0
        """Grows when `_waiting` is taken away or cleared, so that who was encoding it meanwhile starts again."""
        self._cached: tuple[int, Snapshot] | None = None
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self._writer: Wake | None = None
        self._changes = 0
        """How many there were, but for the spans that wait."""
        forks.hear(self)

    def __len__(self) -> int:
        with self._lock:
            waiting = self._waiting[:]  # which may become more
            self._running.end(waiting)
            gone = self._folding.gone if self._folding is not None else 0
            return count(self._batches) - gone + len(waiting) + len(self._running)

    @property
    def revision(self) -> int:
        """Grows with every change."""
        with self._lock:
            return self._changes + len(self._waiting)

    def sizes(self) -> Sizes:
        """Give the bytes of the ended spans that are encoded, and of what a look made of them."""
        with self._lock:
            batches, settled, texts, folding = self._batches, self._settled, self._contents.texts, self._folding
        memory, (made, moved) = rows_size(batches[settled:]) + texts.in_memory, folding.sizes if folding else (0, 0)
        return Sizes(memory + made, rows_size(batches) + texts.nbytes - memory + moved)

    def started(self, span: ReadableSpan) -> None:
        """Show a span as running from now on."""
        with self._lock:
            is_new = self._running.begin(span)
            self._changes += is_new
        if is_new and self._callbacks:
            self._tell()

    def progressed(self, span: ReadableSpan, detail: Detail) -> None:
        """Show a running span with what its detail says at the time of each look; one that has ended stays as it is."""
        with self._lock:
            is_new = self._running.go_on(span, detail)
            self._changes += is_new
        if is_new and self._callbacks:
            self._tell()

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Take a span that is over, in place of the running one with its ids."""
        if span.context is None:
            return
        self._waiting.append((span, detail))
        self._waiting_bytes += getattr(detail, "size", 0)
        if len(self._waiting) >= WAITING_LIMIT or self._waiting_bytes >= WAITING_BYTES:
            self._relieve()
        if self._callbacks or (self._writer is not None and self._writer.is_silent()):
            self._changed()

    def snapshot(self) -> Snapshot:
        """Give all spans that have arrived, as they are now."""
        import pyarrow as pa

        from nbtrace._store.folding import Folding
        from nbtrace._store.scores import scores_schema

        with self._encoding:
            now = self._encode_waiting()
            if self._cached is not None and self._cached[0] == now.revision and not now.running:
                return self._cached[1]
            running, texts = (), now.contents.texts
            if now.running:
                # Attributes of a running span may change without notice, so these rows are never kept.
                overlay = Overlay(now.contents)
                running = tuple(encode_all([self._finished(*one) for one in now.running], overlay, running=True))
                texts = overlay.texts()
            scores = pa.Table.from_batches(now.scores, schema=scores_schema())
            with self._lock:
                folding = self._folding or Folding(self.spill)
                if now.contents is self._contents:  # and the store was not cleared meanwhile
                    self._folding = folding
            snapshot = folding.fold(now.batches, running, texts, self._settled).snapshot(texts, scores)
            if not now.running:
                self._cached = now.revision, snapshot
            return snapshot

    def score(self, score: Score) -> None:
        """Add a judgement of a span, whether it is in the store or not."""
        with self._lock:
            self._scores_waiting.append(score)
            self._changes += 1
        self._changed()

    def judge(self, scores: pa.Table) -> None:
        """Add many judgements of spans, as `scores_schema` has them."""
        with self._encoding:
            while self._install(self._encode_waiting(), (), tuple(scores.combine_chunks().to_batches())) is None:
                pass
            with self._lock:
                self._changes += 1
        self._changed()

    def clear(self) -> None:
        """Forget every span and score. A span that is running comes back when it ends."""
        with self._lock:
            running, contents = Running(), Contents()
            untold = self._following.cleared(contents.texts)
            self._changes += len(self._waiting) + 1
            # From here on nothing is called, as an interrupt would come there.
            self._contents, self._folding = contents, None
            self._batches = self._scores = ()
            self._settled, self._scores_waiting = 0, []
            self._following.untold = untold
            self._epoch += 1
            self._running, self._waiting_bytes = running, 0  # last, as what is let go of may look
            del self._waiting[:]
        self._changed()

    def forked(self) -> None:
        """Go on in a forked process with locks of its own and nobody following."""
        self._lock, self._encoding = threading.RLock(), threading.RLock()
        self._following = Following(self._contents.texts)

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

    def wake(self, writer: Wake) -> None:
        """Wake the one who writes whenever there is more to write: a span that has ended, a score."""
        self._writer = writer

    def follow(self, follower: Callable[[Appended], None]) -> Callable[[], None]:
        """Tell of all rows so far, and then of each batch that is added: every row once, in order, when it is encoded.

        Returns:
            A function that ends this.
        """
        with self._encoding:
            told = self.since(0, 0)
            self._following.add(follower)
            follower(told)

        def leave() -> None:
            with self._encoding:
                self._following.remove(follower)

        return leave

    def since(self, row: int, score: int) -> Appended:
        """Give what was added after so many ended spans and scores."""
        import pyarrow as pa

        from nbtrace._store.kept import kept_schema
        from nbtrace._store.scores import scores_schema

        with self._encoding:
            now = self._encode_waiting()
            rows = pa.Table.from_batches(now.batches, schema=kept_schema()).slice(row)
            scores = pa.Table.from_batches(now.scores, schema=scores_schema()).slice(score)
            return self._following.untold._replace(
                rows=tuple(rows.to_batches()), scores=tuple(scores.to_batches()), first_row=row, first_score=score
            )

    def settle(self) -> None:
        """Encode what waits, so that the followers hear of it."""
        self._encode_waiting()

    def unwritten(self) -> list[ReadableSpan]:
        """Give the spans that no follower was told of: those that run and those that wait."""
        with self._lock:
            waiting = self._waiting[:]
            self._running.end(waiting)
            return [span for span, _ in (*waiting, *self._running.all())]

    def _changed(self) -> None:
        if self._writer is not None and self._writer.is_silent():
            self._writer.set()
        self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            with guard("store"):
                callback()

    def _relieve(self) -> None:
        """Have what waits encoded, unless somebody is at it."""
        if self._relief.ask():
            if len(self._waiting) >= FLOOD:
                sleep(0)  # gives the thread its turn; nothing is waited for, as it may want a lock that the caller has
        elif self._encoding.acquire(blocking=False):
            try:
                self._encode_waiting()
            finally:
                self._encoding.release()

    def adopt(self, snapshot: Snapshot) -> int:
        """Take over the spans and scores of another session, but for spans that are here already.

        Returns:
            How many spans were new.
        """
        from nbtrace._store.remap import move, remap, without

        with self._encoding:
            while True:
                now = self._encode_waiting()
                rows = without(snapshot.kept.to_batches(), now.batches)
                numbers = move(snapshot.texts, now.contents)
                now.contents.commit()
                rows = tuple(remap(batch, numbers) for batch in rows)
                if self._install(now, rows, tuple(snapshot.scores.to_batches())) is not None:
                    with self._lock:
                        self._changes += 1
                    self._changed()
                    return count(rows)

    def _encode_waiting(self) -> Moment:
        """Bring the batches up to date, and tell the followers what that added."""
        load("pyarrow")
        with self._encoding:
            while True:
                with self._lock:
                    waiting, scores = self._waiting[:], self._scores_waiting[:]
                    self._running.end(waiting)
                    running = self._running.all()
                    revision = self._changes + len(waiting)  # meanwhile more may have ended
                    now = Moment(self._epoch, revision, self._batches, self._contents, running, self._scores)
                if not waiting and not scores and not self._following.is_due:
                    return now
                rows = tuple(encode_all([self._finished(*one) for one in waiting], now.contents)) if waiting else ()
                judged = (encode_scores(scores),) if scores else ()
                now.contents.commit()
                done = self._install(now, rows, judged, len(waiting), len(scores))
                if done is not None:
                    return done

    def _install(
        self, now: Moment, rows: Batches, scores: Batches, encoded: int = 0, scores_encoded: int = 0
    ) -> Moment | None:
        """Add batches to what was the store's at a moment, unless it was changed since then.

        Args:
            now: the moment.
            rows: new rows.
            scores: new scores.
            encoded: how many of the spans that wait they are.
            scores_encoded: the same of the scores.
        """
        batches, every_score = now.batches, now.scores
        for batch in rows:
            batches = compact((*batches, batch), self._settled)
        settled = self._settled
        with guard("store"):
            made = self._folding.sizes[0] if self._folding is not None and self.spill.limit is not None else 0
            if (moved := self.spill.relieve(batches, settled, now.contents.texts, made)) is not None:
                (batches, now.contents.texts), settled = moved, len(moved[0])
                if self._folding is not None:
                    self._folding.relieve()
        for batch in scores:
            every_score = compact((*every_score, batch))
        with self._lock:
            if now.epoch != self._epoch:
                return None
            untold = self._following.with_added(rows, scores, now.contents.texts)
            self._epoch += 1
            if settled > self._settled:
                self._settled, self._cached = settled, None  # which would keep in memory what no longer is
            self._batches, self._following.untold = batches, untold
            self._scores, self._scores_waiting = every_score, self._scores_waiting[scores_encoded:]
            self._changes += encoded
            del self._waiting[:encoded]
            self._waiting_bytes = sum(size_of(detail) for _, detail in self._waiting)
            now = now._replace(epoch=self._epoch, batches=batches, scores=every_score)
        self._following.tell()
        return now

    def _finished(self, span: ReadableSpan, detail: Detail | None) -> Finished:
        from nbtrace._store.encode import Finished

        with guard("store"):
            return Finished(self._mask(span), self._finish(span, detail))
        return Finished(span, {**own(span), semconv.INCOMPLETE: "the attributes could not be completed"})
