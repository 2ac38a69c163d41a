"""The way of every span of a session to those who keep, write and count it.

It is walked twice by each call, so whom to tell is looked up when they come, not when there is something to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sized
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from nbtrace._guard import caught, guard
from nbtrace._trace.duplicates import Calls
from nbtrace._trace.gate import Gate
from nbtrace._trace.sink import Detail

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


_Told = tuple[
    Callable[["ReadableSpan"], None] | None,
    Callable[["ReadableSpan", Detail], None] | None,
    Callable[["ReadableSpan", Detail | None], None] | None,
    Container[int] | None,
]


class Budgets(Protocol):
    """What counts every call that was made, recorded or not."""

    @property
    def limits(self) -> Sized:
        """Those that are set: without any, nothing is counted."""
        ...

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Count a span that is over."""
        ...


class Intake:
    """A sink of spans that tells others of those that are recorded, and keeps apart what of them fails.

    Args:
        calls: told of what begins, once spans of other instrumentations are to be expected.
        gate: says what is recorded.
        budgets: told of what ends, after all others.
    """

    def __init__(self, calls: Calls, gate: Gate, budgets: Budgets) -> None:
        self._calls = calls
        self._gate = gate
        self._budgets = budgets
        self._lock = RLock()
        self._told: tuple[_Told, ...] = ()
        self._set(())

    def add(
        self,
        *,
        started: Callable[[ReadableSpan], None] | None = None,
        progressed: Callable[[ReadableSpan, Detail], None] | None = None,
        ended: Callable[[ReadableSpan, Detail | None], None] | None = None,
        traces: Container[int] | None = None,
    ) -> Callable[[], None]:
        """Also tell of what `SpanSink` has under these names, after those that came before; returns what ends that.

        Args:
            started: told of each span that has begun.
            progressed: told of a running span that has come to something.
            ended: told of each span that is over.
            traces: the ids of those of which the latter two are told, as they are by then; by default all.
        """
        told = started, progressed, ended, traces

        def leave() -> None:
            with self._lock:
                self._set(tuple(one for one in self._told if one is not told))

        with self._lock:
            self._set((*self._told, told))
        return leave

    def _set(self, told: tuple[_Told, ...]) -> None:
        self._told = told
        self._starting = tuple(one for one, _, _, _ in told if one is not None)
        self._going_on = tuple((one, traces) for _, one, _, traces in told if one is not None)
        self._ending = tuple((one, traces) for _, _, one, traces in told if one is not None)

    def forked(self) -> None:
        """Go on in a forked process with a lock of its own."""
        self._lock = RLock()

    def started(self, span: ReadableSpan) -> None:
        """Take a span that has begun."""
        try:
            if self._calls.watching:
                self._calls.started(span)
            if not self._gate.lets_all and not self._gate.started(span):
                return
        except Exception as error:  # noqa: BLE001 - as the guard does
            caught("trace", error)
        for tell in self._starting:
            try:
                tell(span)
            except Exception as error:  # noqa: BLE001 - as the guard does
                caught("store", error)

    def progressed(self, span: ReadableSpan, detail: Detail) -> None:
        """Take a running span that has come to something."""
        with guard("trace"):
            if not self._gate.progressed(span):
                return
        for tell, traces in self._going_on:
            with guard("store"):
                if traces is None or (span.context is not None and span.context.trace_id in traces):
                    tell(span, detail)

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Take a span that is over, with those that the gate had held because of it."""
        for admitted, its_detail in ((span, detail),) if self._gate.lets_all else self._gate.ended(span, detail):
            for tell, traces in self._ending:
                try:
                    if traces is None or (admitted.context is not None and admitted.context.trace_id in traces):
                        tell(admitted, its_detail)
                except Exception as error:  # noqa: BLE001 - as the guard does
                    caught("store", error)
        if self._budgets.limits:
            # Only now: a call that ends while the first budget is set is either in the table or counted here.
            with guard("budget"):
                self._budgets.ended(span, detail)
