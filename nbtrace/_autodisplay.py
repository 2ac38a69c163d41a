"""The line under each cell that made LLM calls.

A cell without calls shows nothing and costs nothing. A call that ends after its cell, in a task or thread, brings the
cell's line up to date, or makes it appear: each finished cell keeps the context that its output belongs to.
"""

from __future__ import annotations

import contextvars
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import thread_time
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._capture.cells import CellRun
from nbtrace._guard import guard
from nbtrace._prompts.text import PromptText
from nbtrace._query.totals import CALLS
from nbtrace._session import Session
from nbtrace._trace.sink import Detail

if TYPE_CHECKING:
    from IPython.display import DisplayHandle
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._prompts.difference import Difference
    from nbtrace._query.watching import Alert
    from nbtrace._store.snapshot import Snapshot

_REMEMBERED: Final = 256
"""Finished cells whose line follows late calls; calls of older ones are stored all the same."""

_DELAY_S: Final = 0.2
"""Late spans are gathered this long before a line is drawn again."""

_SHARE: Final = 10
"""Drawing again may take one part in so many of the time: late calls by the thousand are not to wait for their line."""

_COMPARED: Final = 200
"""LLM calls of a cell up to which they are compared with those of its run before."""

_LONGEST_S: Final = 5.0
"""A line is never older than this."""


@dataclass(eq=False)
class _Cell:
    run: CellRun
    context: contextvars.Context = field(repr=False)
    handle: DisplayHandle | None = None


class AutoDisplay:
    """Shows what a cell's calls came to, and hears of late ones.

    Args:
        session: the session whose spans are shown.
        mode: gives `off`, `summary` or `widget` at the end of a cell.
        updates: whether the front end can change a line it has shown (a terminal cannot).
    """

    def __init__(self, session: Session, mode: Callable[[], str], *, updates: bool) -> None:
        self._session = session
        self._mode = mode
        self._updates = updates
        self._calls: Counter[int] = Counter()
        self._cells: OrderedDict[int, _Cell] = OrderedDict()
        self._late: set[int] = set()
        self._timer: threading.Timer | None = None
        self._delay = _DELAY_S
        self._lock = threading.RLock()  # a garbage collection in here may end a stream
        self._drawing = threading.RLock()
        """Held while a line is drawn: the cell's end and a late call may both want to show it for the first time."""

    def open(self) -> Callable[[], None]:
        """Hear of what starts, and of what happens in the traces of finished cells; returns what ends that."""
        add = self._session.intake.add
        return add(started=self._started, progressed=self._heard, ended=self._heard, traces=self._cells)

    def _started(self, span: ReadableSpan) -> None:
        """Count an LLM call for the cell it belongs to."""
        context = span.context
        if context is not None and (span.attributes or {}).get(semconv.OPERATION_NAME) in CALLS:
            self._calls[context.trace_id] += 1
            if context.trace_id in self._cells:
                self._note(context.trace_id)

    def _heard(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Have a finished cell drawn again, as a span of its has come to something."""
        if span.context is not None:
            self._note(span.context.trace_id)

    def finished(self, run: CellRun) -> None:
        """Show the line of a cell that is over."""
        cell = _Cell(run, contextvars.copy_context())
        if self._updates:
            self._cells[run.trace_id] = cell
            if len(self._cells) > _REMEMBERED:
                self._calls.pop(self._cells.popitem(last=False)[0], None)
        self._draw(cell)
        if not self._updates and run.span.parent is None:
            self._calls.pop(run.trace_id, None)

    def alert(self, alerts: Iterable[Alert]) -> None:
        """Show which watched rules are broken, or hold again, after a cell."""
        from IPython.display import display

        from nbtrace._widgets.alert import alert_pictures

        for one in alerts:
            display(alert_pictures(one), raw=True)

    def close(self) -> None:
        """Draw what is due and stop following."""
        if self._timer is not None:
            self._timer.cancel()
            self._redraw()
        self._cells.clear()

    def _note(self, trace_id: int) -> None:
        timer = None
        with self._lock:
            self._late.add(trace_id)
            if self._timer is None:
                timer = self._timer = threading.Timer(self._delay, self._redraw)
        if timer is not None:  # a start waits for the thread, in which a collection may come here
            timer.daemon = True
            timer.start()

    def _redraw(self) -> None:
        with self._lock:
            late, self._late, self._timer = self._late, set(), None
        began = thread_time()
        for trace_id in late:
            cell = self._cells.get(trace_id)
            if cell is not None:
                with guard("display"):
                    self._draw(cell)
        self._delay = min(max(_DELAY_S, _SHARE * (thread_time() - began)), _LONGEST_S)

    def _draw(self, cell: _Cell) -> None:
        mode = self._mode()
        if mode == "off" or not self._calls[cell.run.trace_id]:
            return
        from IPython.display import display

        with self._drawing:
            if mode == "summary":
                shown: Any = self._bundle(cell.run)
            else:
                shown = None if cell.handle else self._session.trace(f"{cell.run.trace_id:032x}")
            if shown is None:
                return
            if cell.handle is None:
                # Its first output has to say which cell it belongs to; a change is found by its display id.
                cell.handle = cell.context.run(display, shown, raw=mode == "summary", display_id=True)
            else:
                cell.handle.update(shown, raw=True)

    def _bundle(self, run: CellRun) -> dict[str, Any] | None:
        """Build the line; none if the calls of the cell's trace are all of other cells."""
        from nbtrace._query.select import below, without_cells
        from nbtrace._query.totals import summarize
        from nbtrace._query.tree import tree
        from nbtrace._widgets.static import ROWS
        from nbtrace._widgets.summary import summary_html, summary_text

        spans = self._session.trace_table(f"{run.trace_id:032x}")
        if run.span.parent is not None:  # the cell ran inside a span of the user's, which may hold other cells too
            spans = below(spans, run.span.get_span_context().span_id)
        # A cell that failed says so itself; the line counts what failed in it.
        summary = summarize(without_cells(spans))
        if not summary.calls:
            return None
        difference = self._difference(run, summary.calls)
        notes = [*self._unheld(run, spans), *self._session.spending.line(run.attributes)]
        html = summary_html(tree(spans, summaries=ROWS), summary, difference, notes)
        plain = summary_text(summary, is_changed=difference is not None, notes=notes)
        return {"text/html": html, "text/plain": plain}

    def _unheld(self, run: CellRun, spans: Snapshot) -> list[str]:
        """Say which prompts the cell rendered and its calls do not know, because their texts were changed."""
        began, ended = (getattr(run.span, name, None) for name in ("start_time", "end_time"))
        if began is None:
            return []
        rendered = [one for one in PromptText.rendered.copy() if began <= one.made_ns <= (ended or one.made_ns)]
        if not rendered:
            return []
        from nbtrace._query.prompts import unheld

        return [f"{version} rendered, its text in no call" for version in unheld(rendered, spans)]

    def _difference(self, run: CellRun, calls: int) -> Difference | None:
        """Compare what the cell asked with what it asked when it ran before; none if that is the same, or unknown."""
        from nbtrace._prompts.difference import Difference
        from nbtrace._query.cell_runs import changed

        number = run.attributes.get(semconv.CELL_RUN)
        if calls > _COMPARED or not isinstance(number, int) or number <= 1:
            return None
        texts = changed(self._session.spans(), str(run.attributes[semconv.CELL_ID]), number)
        return Difference("changed since the last run", *texts) if texts is not None else None
