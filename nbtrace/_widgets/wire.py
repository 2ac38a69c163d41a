"""Answer a widget's requests from immutable snapshots, and tell it when the spans have changed.

Requests may arrive on a thread of their own while a cell runs (JupyterLab gives widgets a subshell), on the main
thread after it (other hosts), or from two browsers at once; answering therefore reads a snapshot and sends, nothing
else. A search takes longer, and all widgets share the thread that requests arrive on, so it has a thread of its own, on
which it can be cancelled. Changes come from the user's threads at any rate and are pushed at most ten times a second,
by a timer that exists only while a push is due, so that an idle widget has no thread. Nothing is pushed before a view
has asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from nbtrace._guard import guard
from nbtrace._widgets.protocol import (
    PROTOCOL_VERSION,
    Changed,
    ErrorReply,
    PreviewReply,
    SearchReply,
    SpanReply,
    TreeReply,
)
from nbtrace.errors import NbtraceError, NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

Look = Callable[[], "Snapshot"]
Subscribe = Callable[[Callable[[], None]], Callable[[], None]]
Send = Callable[[Any, "list[memoryview] | None"], None]

PREVIEWED: Final = 500
"""Spans that have their first words with the tree, those of the latest traces: each costs the reading of a message. The
others are asked for theirs when they are in sight."""

KEY_BYTES: Final = 24
"""Of a trace id and a span id."""

PUSH_INTERVAL_S: Final = 0.1
"""The front end drops a kernel's messages above 1000 a second, and no eye needs more than ten."""


class Outline(NamedTuple):
    """What a widget would draw differently if it were another."""

    spans: pa.Table
    running: pa.Table


class Wire:
    """The kernel's end of one widget."""

    def __init__(self, snapshot: Look, subscribe: Subscribe, send: Send) -> None:
        self._snapshot = snapshot
        self._subscribe = subscribe
        self._send = send
        self._lock = threading.RLock()
        """Reentrant: a garbage collection while it is held may end a span, which is a change."""
        self._revision = 0
        self._timer: threading.Timer | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._seen: object = None
        self._searches: dict[int, threading.Event] = {}
        """What ends each search that is going on."""

    def handle(self, request: object) -> None:
        """Answer one message of the JavaScript; ignore what is not a request."""
        if not isinstance(request, dict):
            return
        message = cast("dict[str, Any]", request)
        number, kind = message.get("id"), message.get("kind")
        if not isinstance(number, int):
            return
        match kind:
            case "tree":
                self._answer(number, kind, message, lambda: self._tree(number))
            case "span":
                self._answer(number, kind, message, lambda: self.span(number, message))
            case "preview":
                self._answer(number, kind, message, lambda: self._preview(number, str(message.get("spans"))))
            case "search":
                over = self._searches[number] = threading.Event()
                look = partial(self._look, number, message, over)
                threading.Thread(target=look, name="nbtrace-search", daemon=True).start()
            case "cancel" if number in self._searches:
                self._searches[number].set()
            case _:
                return

    def _answer(
        self, number: int, kind: str, message: dict[str, Any], make: Callable[[], tuple[Any, pa.Table] | None]
    ) -> None:
        try:
            _check_version(message.get("version"))
            made = make()
        except Exception as error:  # noqa: BLE001 - shown in the widget, where the user is looking
            words = str(error) if isinstance(error, NbtraceError) else f"{type(error).__name__}: {error}"
            self._send(ErrorReply(id=number, kind=kind, version=PROTOCOL_VERSION, error=words), None)
        else:
            if made is not None:
                reply, table = made
                self._send(reply, [ipc(table)])

    def close(self) -> None:
        """Stop listening for changes."""
        with self._lock:
            timer, self._timer = self._timer, None
            unsubscribe, self._unsubscribe = self._unsubscribe, None
            for over in list(self._searches.values()):
                over.set()
        if timer is not None:
            timer.cancel()
        if unsubscribe is not None:
            unsubscribe()

    def _tree(self, number: int) -> tuple[TreeReply, pa.Table]:
        from nbtrace._query.tree import start_unix_nano, tree
        from nbtrace._widgets.packing import packed

        self._listen()
        revision = self._revision
        spans = self._snapshot()
        self._seen = self.outline(spans)
        drawn = tree(spans, latest=PREVIEWED)
        start = start_unix_nano(drawn) // 10**6
        reply = TreeReply(
            id=number,
            kind="tree",
            version=PROTOCOL_VERSION,
            revision=revision,
            start_unix_ms=start,
            now_unix_ms=time.time_ns() // 10**6,
        )
        return reply, packed(drawn)

    def span(self, number: int, message: dict[str, Any]) -> tuple[SpanReply, pa.Table]:
        """Answer with a span, prepared for reading."""
        from nbtrace._widgets.reading import reading

        revision = self._revision
        row = find(self._snapshot(), str(message.get("span_id")), str(message.get("trace_id")))
        reply = SpanReply(
            id=number,
            kind="span",
            version=PROTOCOL_VERSION,
            revision=revision,
            trace_id=row["trace_id"][0].as_py().hex(),
            span_id=row["span_id"][0].as_py().hex(),
            choice=0,
            note="",
        )
        return reply, reading(row)

    def _preview(self, number: int, keys: str) -> tuple[PreviewReply, pa.Table]:
        """Answer with the first words of spans, in any order; what is not there is left out."""
        reply = PreviewReply(id=number, kind="preview", version=PROTOCOL_VERSION, revision=self._revision)
        return reply, previewed(self._snapshot(), keys)

    def _look(self, number: int, message: dict[str, Any], over: threading.Event) -> None:
        """Answer a search, on a thread of its own."""
        with guard("widgets"):
            try:
                self._answer(number, "search", message, lambda: self._search(number, message, over))
            finally:
                self._searches.pop(number, None)

    def _search(
        self, number: int, message: dict[str, Any], over: threading.Event
    ) -> tuple[SearchReply, pa.Table] | None:
        from nbtrace._query.search import search

        revision = self._revision
        found = search(self._snapshot(), str(message.get("text")), is_over=over.is_set)
        reply = SearchReply(id=number, kind="search", version=PROTOCOL_VERSION, revision=revision)
        return None if over.is_set() else (reply, found)

    def _listen(self) -> None:
        with self._lock:
            if self._unsubscribe is None:
                self._unsubscribe = self._subscribe(self._changed)

    def outline(self, spans: Snapshot) -> object:
        """Take what tells two snapshots apart: which spans there are, which are over, and how far the others are."""
        import pyarrow.compute as pc

        going = spans.filter(pc.is_null(spans["duration_ns"]))
        return Outline(spans.select(["span_id", "duration_ns"]), going.select(["output_messages", "attributes"]))

    def _changed(self) -> None:
        """Note a change, on the thread that made it, and see to it that a push is due."""
        with self._lock:
            self._revision += 1
            if self._timer is not None or self._unsubscribe is None:
                return
            self._timer = threading.Timer(PUSH_INTERVAL_S, self._push)
            self._timer.daemon = True
            self._timer.start()

    def _push(self) -> None:
        """Tell the JavaScript, unless the change was in spans that this widget does not show."""
        with self._lock:
            self._timer = None
            revision = self._revision
        with guard("widgets"):
            outline = self.outline(self._snapshot())
            if outline == self._seen:
                return
            self._seen = outline
            self._send(Changed(kind="changed", version=PROTOCOL_VERSION, revision=revision), None)


def ipc(table: pa.Table) -> memoryview:
    """Encode a table as one Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return memoryview(sink.getvalue())


def find(spans: Snapshot, span_id: str, trace_id: str) -> Snapshot:
    """Return the row of a span; the first, if several have its ids.

    Raises:
        NotFoundError: If no span has those ids.
    """
    import pyarrow.compute as pc

    from nbtrace._store.columns import fixed

    try:
        wanted = {"span_id": (8, bytes.fromhex(span_id)), "trace_id": (16, bytes.fromhex(trace_id))}
    except ValueError:
        wanted = {}
    found = spans if wanted and all(len(value) == width for width, value in wanted.values()) else spans.slice(0, 0)
    for name, (width, value) in wanted.items():
        if found.num_rows:
            is_it = pc.equal(found[name], fixed(width, [value])[0])
            found = found.take(pc.indices_nonzero(is_it))
    if not found.num_rows:
        msg = f"no span {span_id!r} among the {len(spans)} spans shown; it may have been cleared"
        raise NotFoundError(msg)
    return found.slice(0, 1)


def previewed(spans: Snapshot, keys: str) -> pa.Table:
    """Give the first words of spans.

    Args:
        spans: All that are shown.
        keys: Trace id and span id of each that is wanted, 48 hex digits.

    Raises:
        NotFoundError: The keys are no hex digits.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._query.preview import previews
    from nbtrace._store.columns import binary, strings
    from nbtrace._store.remap import keys as keys_of

    try:
        ids = bytes.fromhex(keys)
    except ValueError:
        msg = f"no spans {keys[:100]!r}: expected 48 hex digits a span"
        raise NotFoundError(msg) from None
    wanted = binary(pa.binary(), [ids[at : at + KEY_BYTES] for at in range(0, len(ids), KEY_BYTES)])
    found = spans.take(pc.index_in(wanted, value_set=keys_of(spans.kept).combine_chunks()).drop_null())
    columns = [found["trace_id"], found["span_id"], strings(pa.string(), previews(found))]
    return pa.table(columns, names=["trace_id", "span_id", "summary"])


def _check_version(version: object) -> None:
    if version != PROTOCOL_VERSION:
        drawn = f"protocol {version}, not {PROTOCOL_VERSION}"
        msg = f"this widget was drawn by another version of nbtrace ({drawn}); run its cell again"
        raise NbtraceError(msg)
