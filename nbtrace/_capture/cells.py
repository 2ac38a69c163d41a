"""Each executed cell is a span, the parent of what happens in it.

IPython tells when a cell starts and ends. In between, the cell's span is the current one: for synchronous code, for the
task in which an async cell runs, for the tasks it makes and, by `threads`, for the threads it starts. An async cell's
end may be told in another context than its start, so nothing here relies on resetting a context variable by its token.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import unfinished
from nbtrace._guard import guard
from nbtrace._trace.provider import Tracing, below

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from opentelemetry.sdk.trace import Span


@dataclass(eq=False)
class CellRun:
    """One execution of one cell."""

    span: Span
    tracing: Tracing = field(repr=False)
    attributes: Mapping[str, AttributeValue]
    """The cell's identity, which every span in it takes over."""
    source: str
    info: Any
    """IPython's `ExecutionInfo`, by which start and end are matched."""
    before: Context = field(repr=False)
    """The context to return to."""
    outcome: str | None = None

    @property
    def trace_id(self) -> int:
        """The trace in which the cell's spans are."""
        return self.span.get_span_context().trace_id


class CellCapture:
    """Turns IPython's events into cell spans while open.

    Args:
        tracing: gives where spans are made, or None while nothing is recorded.
        shell: the running IPython.
        finished: called with every run that is over, after its span has ended.
    """

    def __init__(
        self, tracing: Callable[[], Tracing | None], shell: InteractiveShell, finished: Callable[[CellRun], None]
    ) -> None:
        self._tracing = tracing
        self._shell = shell
        self._finished = finished
        self._running: list[CellRun] = []
        self._runs: Counter[str] = Counter()

    def open(self) -> None:
        """Listen to IPython."""
        self._shell.events.register("pre_run_cell", self._pre_run_cell)
        self._shell.events.register("post_run_cell", self._post_run_cell)

    def close(self) -> None:
        """Stop listening, and end the span of the cell that is asking for it."""
        self._shell.events.unregister("pre_run_cell", self._pre_run_cell)
        self._shell.events.unregister("post_run_cell", self._post_run_cell)
        while self._running:
            self._end(self._running.pop(), "ok")

    def _pre_run_cell(self, info: Any) -> None:
        if not getattr(info, "store_history", True):
            return  # run by a tool, such as a variable inspector: not a cell of the notebook
        with guard("cells"):
            tracing = self._tracing()
            if tracing is None:
                return
            source = str(getattr(info, "raw_cell", "") or "")
            digest = sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
            cell_id = getattr(info, "cell_id", None) or digest
            self._runs[cell_id] += 1
            count = self._shell.execution_count - _counted_before_run()
            identity: dict[str, AttributeValue] = {
                semconv.CELL_ID: cell_id,
                semconv.CELL_EXECUTION_COUNT: count,
                semconv.CELL_RUN: self._runs[cell_id],
            }
            before = otel_context.get_current()
            span = tracing.start(
                f"cell [{count}]",
                attributes={semconv.SPAN_TYPE: "cell", semconv.CELL_SOURCE_HASH: digest, **identity},
            )
            self._running.append(CellRun(span, tracing, identity, source, info, before))
            otel_context.attach(below(span, inherit=identity))
            tracing.progress(span, lambda: {semconv.CELL_SOURCE: source})

    def _post_run_cell(self, result: Any) -> None:
        with guard("cells"):
            run = self._find(result)
            if run is None:
                return
            self._running.remove(run)
            error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
            # An interrupt cancels the task of an async cell.
            if result is None or isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
                self._end(run, "interrupted", error)
            else:
                self._end(run, "error" if error is not None else "ok", error)
            unfinished.tell_all()
            self._finished(run)

    def _find(self, result: Any) -> CellRun | None:
        """Match an end to its start: an empty cell ends without one, and an interrupted one without a result."""
        if result is None:
            return self._running[-1] if self._running else None
        for run in reversed(self._running):
            if run.info is result.info or run.source == getattr(result.info, "raw_cell", None):
                return run
        return None

    def _end(self, run: CellRun, outcome: str, error: BaseException | None = None) -> None:
        run.outcome = outcome
        span = run.span
        if trace.get_current_span() is span:
            otel_context.attach(run.before)
        if outcome != "ok":
            run.tracing.fail(span, str(error) if error is not None else outcome)
        if error is not None:
            span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
        source = run.source
        run.tracing.end(span, lambda: {semconv.CELL_SOURCE: source, semconv.CELL_OUTCOME: outcome})


@cache
def _counted_before_run() -> bool:
    """Whether IPython has already counted a cell when it tells of its start, as it does since 9.8."""
    from IPython import __version__

    return tuple(map(int, __version__.split(".")[:2])) >= (9, 8)
