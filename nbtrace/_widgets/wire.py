"""Answer a widget's requests from immutable snapshots, and tell it when the spans have changed.

Requests may arrive on a thread of their own while a cell runs (JupyterLab gives widgets a subshell), on the main
thread after it (other hosts), or from two browsers at once; answering therefore reads a snapshot and sends, nothing
else. Changes come from the user's threads at any rate and are pushed at most ten times a second, by a timer that
exists only while a push is due, so that an idle widget has no thread. Nothing is pushed before a view has asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._guard import guard
from nbtrace._widgets.protocol import PROTOCOL_VERSION, Changed, ErrorReply, SpanReply, TreeReply
from nbtrace.errors import NbtraceError, NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

Look = Callable[[], "Snapshot"]
Subscribe = Callable[[Callable[[], None]], Callable[[], None]]
Send = Callable[[Any, "list[memoryview] | None"], None]

PUSH_INTERVAL_S: Final = 0.1
"""The front end drops a kernel's messages above 1000 a second, and no eye needs more than ten."""


SPAN_ID_BYTES: Final = 8


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
        self._seen: pa.Table | None = None

    def handle(self, request: object) -> None:
        """Answer one message of the JavaScript; ignore what is not a request."""
        if not isinstance(request, dict):
            return
        message = cast("dict[str, Any]", request)
        number, kind = message.get("id"), message.get("kind")
        if not isinstance(number, int) or kind not in ("tree", "span"):
            return
        try:
            _check_version(message.get("version"))
            reply, table = self._tree(number) if kind == "tree" else self._span(number, message.get("span_id"))
        except Exception as error:  # noqa: BLE001 - shown in the widget, where the user is looking
            words = str(error) if isinstance(error, NbtraceError) else f"{type(error).__name__}: {error}"
            self._send(ErrorReply(id=number, kind=kind, version=PROTOCOL_VERSION, error=words), None)
        else:
            self._send(reply, [ipc(table)])

    def close(self) -> None:
        """Stop listening for changes."""
        with self._lock:
            timer, self._timer = self._timer, None
            unsubscribe, self._unsubscribe = self._unsubscribe, None
        if timer is not None:
            timer.cancel()
        if unsubscribe is not None:
            unsubscribe()

    def _tree(self, number: int) -> tuple[TreeReply, pa.Table]:
        from nbtrace._query.tree import tree

        self._listen()
        revision = self._revision
        spans = self._snapshot()
        self._seen = _outline(spans)
        return TreeReply(id=number, kind="tree", version=PROTOCOL_VERSION, revision=revision), tree(spans)

    def _span(self, number: int, span_id: object) -> tuple[SpanReply, pa.Table]:
        from nbtrace._widgets.reading import reading

        revision = self._revision
        row = find(self._snapshot(), str(span_id))
        reply = SpanReply(
            id=number, kind="span", version=PROTOCOL_VERSION, revision=revision, span_id=row["span_id"][0].as_py().hex()
        )
        return reply, reading(row)

    def _listen(self) -> None:
        with self._lock:
            if self._unsubscribe is None:
                self._unsubscribe = self._subscribe(self._changed)

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
            outline = _outline(self._snapshot())
            if self._seen is not None and outline.equals(self._seen):
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


def find(spans: Snapshot, span_id: str) -> Snapshot:
    """Return the row of a span.

    Raises:
        NotFoundError: If no span has that id.
    """
    import pyarrow.compute as pc

    from nbtrace._store.columns import fixed

    try:
        wanted = bytes.fromhex(span_id)
    except ValueError:
        wanted = b""
    fits = len(wanted) == SPAN_ID_BYTES
    index = pc.index(spans["span_id"], fixed(SPAN_ID_BYTES, [wanted])[0]).as_py() if fits else -1
    if index < 0:
        msg = f"no span {span_id!r} among the {len(spans)} spans shown; it may have been cleared"
        raise NotFoundError(msg)
    return spans.slice(index, 1)


def _outline(spans: Snapshot) -> pa.Table:
    """Take what tells two snapshots apart: which spans there are, and which of them are over."""
    return spans.select(["span_id", "duration_ns"])


def _check_version(version: object) -> None:
    if version != PROTOCOL_VERSION:
        drawn = f"protocol {version}, not {PROTOCOL_VERSION}"
        msg = f"this widget was drawn by another version of nbtrace ({drawn}); run its cell again"
        raise NbtraceError(msg)
