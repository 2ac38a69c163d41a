"""Requests and pushes through a real anywidget object, as a front end sends and gets them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import pyarrow as pa
import pytest
from inline_snapshot import snapshot

from nbtrace._query.tree import tree
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace._widgets import wire as module
from nbtrace._widgets.base import SpanWidget
from nbtrace._widgets.packing import packed
from nbtrace._widgets.trace import TraceWidget
from nbtrace._widgets.wire import PREVIEWED, Wire
from tests.query.tables import row, table
from tools.make_fixtures import Clock

TRACE = "0af7651916cd43dd8448eb211c80319c"

Sent = tuple[dict[str, Any], list[memoryview]]

PATIENCE_S = 60
"""Seconds for what comes in milliseconds where nothing else wants the processor."""


class FrontEnd:
    """The other end of a widget's comm."""

    def __init__(self, widget: SpanWidget) -> None:
        self._widget = widget
        self.sent: Queue[Sent] = Queue()
        comm: Any = widget.comm
        comm.publish_msg = self._receive

    def _receive(self, _kind: str, *, data: Any, buffers: Any = None, **_: object) -> None:
        if data and data["method"] == "custom":
            self.sent.put((data["content"], buffers or []))

    def send(self, content: object) -> None:
        message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
        self._widget._handle_msg(message)  # pyright: ignore[reportPrivateUsage]

    def ask(self, content: dict[str, Any]) -> Sent:
        """Send a request and give its reply; pushes may come before it, and stay."""
        self.send(content)
        pushed: list[Sent] = []
        while (message := self.sent.get(timeout=PATIENCE_S))[0].get("id") != content["id"]:
            pushed.append(message)
        for one in pushed:
            self.sent.put(one)
        return message


@pytest.fixture
def open_widget(store: Store) -> Iterator[Callable[..., tuple[TraceWidget, FrontEnd]]]:
    """Open a widget on the store, with its front end."""
    opened: list[TraceWidget] = []

    def start(snapshot: Callable[[], Snapshot] = store.snapshot, of: Store = store) -> tuple[TraceWidget, FrontEnd]:
        widget = TraceWidget(snapshot, of.subscribe)
        opened.append(widget)
        return widget, FrontEnd(widget)

    yield start
    for widget in opened:
        widget.close()


def read(buffers: list[memoryview]) -> pa.Table:
    (buffer,) = buffers
    return pa.ipc.open_stream(pa.py_buffer(buffer)).read_all()


def test_a_tree_is_answered_as_arrow(open_widget: Any, spans: Snapshot) -> None:
    _, front_end = open_widget()
    reply, buffers = front_end.ask({"id": 7, "kind": "tree", "version": 3})
    now = reply.pop("now_unix_ms")
    assert reply == {"id": 7, "kind": "tree", "version": 3, "revision": 0, "start_unix_ms": 1_790_000_000_000}
    assert now <= time.time_ns() // 10**6
    # As text, since an unknown number is a NaN, which equals nothing.
    assert str(read(buffers).to_pydict()) == str(packed(tree(spans, latest=PREVIEWED)).to_pydict())


def test_a_name_is_sent_up_to_where_a_row_shows_it() -> None:
    names = ["é" * 300, "é" * 301, "short"]
    rows = packed(tree(table(*(row(number + 1, name=name) for number, name in enumerate(names)))))
    assert rows["name"].to_pylist() == ["é" * 300, "é" * 300 + "…", "short"]


def test_a_search_is_answered_with_the_spans_and_where_in_them_it_is(open_widget: Any) -> None:
    _, front_end = open_widget()
    reply, buffers = front_end.ask({"id": 3, "kind": "search", "version": 3, "text": "Umbrella"})
    assert reply == {"id": 3, "kind": "search", "version": 3, "revision": 0}
    assert [(row["span_id"].hex()[-2:], row["places"]) for row in read(buffers).to_pylist()] == snapshot(
        [("05", 1), ("07", 1), ("08", 1), ("01", 2)]
    )


def test_first_words_are_answered_of_the_spans_that_are_there(open_widget: Any, spans: Snapshot) -> None:
    _, front_end = open_widget()
    drawn = tree(spans, latest=PREVIEWED).select(["trace_id", "span_id", "summary"]).to_pylist()
    keys = [row["trace_id"].hex() + row["span_id"].hex() for row in drawn]
    reply, buffers = front_end.ask({"id": 3, "kind": "preview", "version": 3, "spans": "ff" * 24 + "".join(keys[2:])})
    assert reply == {"id": 3, "kind": "preview", "version": 3, "revision": 0}
    assert read(buffers).to_pylist() == drawn[2:]
    refused, _ = front_end.ask({"id": 4, "kind": "preview", "version": 3, "spans": "?"})
    assert refused["error"] == "no spans '?': expected 48 hex digits a span"


def test_a_cancelled_search_is_not_answered(open_widget: Any, spans: Snapshot) -> None:
    began, cancelled = threading.Event(), threading.Event()

    def snapshot() -> Snapshot:
        if threading.current_thread().name.startswith("nbtrace-search"):
            began.set()
            assert cancelled.wait(PATIENCE_S)
        return spans

    _, front_end = open_widget(snapshot)
    front_end.send({"id": 1, "kind": "search", "version": 3, "text": "umbrella"})
    assert began.wait(PATIENCE_S)
    front_end.send({"id": 1, "kind": "cancel", "version": 3})
    cancelled.set()
    _threads_are_over("nbtrace-search")
    assert front_end.sent.empty()
    front_end.send({"id": 1, "kind": "cancel", "version": 3})
    assert front_end.ask({"id": 2, "kind": "tree", "version": 3})[0]["id"] == 2


def test_a_closed_widget_searches_no_more(open_widget: Any, spans: Snapshot) -> None:
    began, closed = threading.Event(), threading.Event()

    def snapshot() -> Snapshot:
        began.set()
        assert closed.wait(PATIENCE_S)
        return spans

    widget, front_end = open_widget(snapshot)
    front_end.send({"id": 1, "kind": "search", "version": 3, "text": "umbrella"})
    assert began.wait(PATIENCE_S)
    widget.close()
    closed.set()
    _threads_are_over("nbtrace-search")
    assert front_end.sent.empty()


def test_a_span_is_answered_ready_for_reading(open_widget: Any) -> None:
    _, front_end = open_widget()
    reply, buffers = front_end.ask(
        {"id": 1, "kind": "span", "version": 3, "trace_id": TRACE, "span_id": "0000000000000008"}
    )
    assert reply == {
        "id": 1, "kind": "span", "version": 3, "revision": 0, "trace_id": TRACE, "span_id": "0000000000000008",
        "choice": 0, "note": "",
    }  # fmt: skip
    (span,) = read(buffers).to_pylist()
    assert {name: span[name] for name in ("name", "status", "start_time", "system_instructions")} == snapshot(
        {
            "name": "chat smollm2-135m-instruct",
            "status": "unset",
            "start_time": "2026-09-21T14:13:22.950000000Z",
            "system_instructions": None,
        }
    )
    assert json.loads(span["attributes"]) == snapshot(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.prompt.name": "summarise",
            "gen_ai.prompt.variable.words": "five",
            "gen_ai.prompt.version": "2",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "smollm2-135m-instruct",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.response.model": "smollm2-135m-instruct",
            "gen_ai.usage.input_tokens": 37,
            "gen_ai.usage.output_tokens": 9,
            "nbtrace.cost.reason": "no price known",
            "nbtrace.cost.state": "unpriced",
            "nbtrace.prompt.template": "Summarise in {words} words: {text}",
            "nbtrace.usage.state": "reported",
        }
    )
    assert json.loads(span["resource"]) == snapshot({"attributes": {"service.name": "notebook", "process.pid": 4242}})


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (
            {"id": 1, "kind": "span", "version": 3, "trace_id": TRACE, "span_id": "00000000000000ff"},
            "no span '00000000000000ff' among the 11 spans shown; it may have been cleared",
        ),
        (
            {"id": 1, "kind": "span", "version": 3, "trace_id": TRACE, "span_id": "<b>"},
            "no span '<b>' among the 11 spans shown; it may have been cleared",
        ),
        (
            {"id": 1, "kind": "tree", "version": 1},
            "this widget was drawn by another version of nbtrace (protocol 1, not 3); run its cell again",
        ),
    ],
)
def test_what_cannot_be_answered_is_said_in_words(open_widget: Any, request_: dict[str, Any], error: str) -> None:
    _, front_end = open_widget()
    assert front_end.ask(request_) == ({"id": 1, "kind": request_["kind"], "version": 3, "error": error}, [])


def test_a_failure_of_ours_is_shown_in_the_widget(open_widget: Any) -> None:
    def fail() -> Snapshot:
        raise OSError("disk on fire")

    _, front_end = open_widget(fail)
    reply, _ = front_end.ask({"id": 1, "kind": "tree", "version": 3})
    assert reply["error"] == "OSError: disk on fire"


@pytest.mark.parametrize(
    "message", [None, "tree", [], {}, {"id": 1}, {"id": "1", "kind": "tree"}, {"id": 1, "kind": "x"}]
)
def test_what_is_no_request_is_ignored(open_widget: Any, message: object) -> None:
    _, front_end = open_widget()
    front_end.send(message)
    assert front_end.ask({"id": 2, "kind": "tree", "version": 3})[0]["id"] == 2
    assert front_end.sent.empty()


def test_many_changes_are_one_push(open_widget: Any, store: Store) -> None:
    _, front_end = open_widget()
    front_end.ask({"id": 1, "kind": "tree", "version": 3})
    clock = Clock(store)
    for start in range(50):
        clock.span("step", start, start + 1)
    first, _ = front_end.sent.get(timeout=PATIENCE_S)
    assert (first["kind"], first["version"]) == ("changed", 3)
    assert front_end.ask({"id": 2, "kind": "tree", "version": 3})[0]["revision"] >= first["revision"]


def test_a_stream_that_grows_is_pushed_piece_by_piece(open_widget: Any) -> None:
    store = Store()
    said: list[str] = []

    def detail() -> dict[str, Any]:
        message = [{"role": "assistant", "parts": [{"type": "text", "content": "".join(said)}]}]
        return {
            "gen_ai.output.messages": json.dumps(message),
            "nbtrace.stream.outcome": "unfinished",
            "nbtrace.stream.output_tokens_per_second": float(len(said)),
        }

    _, front_end = open_widget(store.snapshot, store)
    span = Clock(store).span("chat m", 0, None, gen_ai__operation__name="chat")
    rates: list[Any] = []
    for number, piece in enumerate(("Once", " upon", " a time")):
        front_end.ask({"id": number, "kind": "tree", "version": 3})
        said.append(piece)
        store.progressed(span, detail)
        push, _ = front_end.sent.get(timeout=PATIENCE_S)
        assert push["kind"] == "changed"
        _, buffers = front_end.ask({"id": number + 10, "kind": "tree", "version": 3})
        rates += read(buffers)["output_rate"].to_pylist()
    assert rates == [1.0, 2.0, 3.0]
    store.progressed(span, detail)  # nothing new
    assert front_end.ask({"id": 30, "kind": "tree", "version": 3})[0]["kind"] == "tree"
    _timers_are_over()
    assert front_end.sent.empty()


def test_changes_elsewhere_are_not_pushed(open_widget: Any, store: Store, spans: Snapshot) -> None:
    looked = threading.Event()
    looks = 0

    def one_trace() -> Snapshot:
        nonlocal looks
        looks += 1
        if looks == 2:
            looked.set()
        return spans

    _, front_end = open_widget(one_trace)
    front_end.ask({"id": 1, "kind": "tree", "version": 3})
    Clock(store).span("elsewhere", 0, 1)
    assert looked.wait(PATIENCE_S)
    reply, _ = front_end.ask({"id": 2, "kind": "tree", "version": 3})
    assert reply["kind"] == "tree"
    assert front_end.sent.empty()


def test_a_widget_that_nobody_looks_at_follows_nothing(open_widget: Any, store: Store) -> None:
    open_widget()
    before = set(threading.enumerate())
    Clock(store).span("step", 0, 1)
    assert set(threading.enumerate()) <= before


def test_a_closed_widget_follows_nothing(open_widget: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PUSH_INTERVAL_S", 3600.0)  # none is pushed before the widget is closed
    widget, front_end = open_widget()
    front_end.ask({"id": 1, "kind": "tree", "version": 3})
    before = set(threading.enumerate())
    Clock(store).span("step", 0, 1)
    (timer,) = set(threading.enumerate()) - before
    assert isinstance(timer, threading.Timer)
    assert (timer.daemon, timer.interval) == (True, 3600.0)
    widget.close()
    _timers_are_over()
    Clock(store).span("step", 1, 2)
    assert set(threading.enumerate()) <= before
    assert front_end.sent.empty()


def test_a_push_leaves_no_thread_behind(open_widget: Any, store: Store) -> None:
    _, front_end = open_widget()
    front_end.ask({"id": 1, "kind": "tree", "version": 3})
    Clock(store).span("step", 0, 1)
    front_end.sent.get(timeout=PATIENCE_S)
    _timers_are_over()


def test_requests_are_answered_while_other_threads_add_spans(open_widget: Any, store: Store) -> None:
    _, front_end = open_widget()
    clock = Clock(store)
    adding = threading.Thread(target=lambda: [clock.span("step", start, start + 1) for start in range(300)])
    adding.start()
    for number in range(20):
        front_end.send({"id": number, "kind": "tree", "version": 3})
    adding.join()
    answers = []
    while len(answers) < 20:
        message, buffers = front_end.sent.get(timeout=PATIENCE_S)
        if message["kind"] == "tree":
            answers.append((message["id"], read(buffers).num_rows >= 11))
    assert answers == [(number, True) for number in range(20)]


def test_a_change_made_while_noting_a_change_does_not_lock_up(store: Store) -> None:
    """A garbage collection may end a span anywhere, so also inside `Wire`."""
    callbacks: list[Callable[[], None]] = []

    def subscribe(callback: Callable[[], None]) -> Callable[[], None]:
        callbacks.append(callback)
        return lambda: None

    wire = Wire(store.snapshot, subscribe, lambda _content, _buffers: None)
    wire.handle({"id": 1, "kind": "tree", "version": 3})
    with wire._lock:  # pyright: ignore[reportPrivateUsage]
        callbacks[0]()
    wire.close()
    assert len(callbacks) == 1


def _threads_are_over(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def _timers_are_over() -> None:
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(PATIENCE_S)
    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_what_is_drawn_and_what_is_remembered_of_it_are_of_one_moment(store: Store) -> None:
    sent: list[Any] = []
    looks: list[Snapshot] = []

    def look() -> Snapshot:
        looks.append(store.snapshot())
        return looks[-1]

    wire = Wire(look, store.subscribe, lambda content, _: sent.append(content))
    wire.handle({"id": 1, "kind": "tree", "version": 3})
    assert ([one["kind"] for one in sent], len(looks)) == (["tree"], 1)
    wire.close()
