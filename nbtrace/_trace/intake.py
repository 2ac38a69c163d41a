"""The way of every span of a session to those who keep, write and count it.

It is walked twice by each call, so whom to tell is looked up when they come, not when there is something to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import TYPE_CHECKING, Protocol

from nbtrace._guard import caught, guard
from nbtrace._trace.duplicates import Calls
from nbtrace._trace.gate import Gate
from nbtrace._trace.sink import Detail, SpanSink

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


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
        self._sinks: tuple[SpanSink, ...] = ()
        self._set()

    def add(self, sink: SpanSink) -> Callable[[], None]:
        """Also tell `sink`, after those that came before; returns what ends that."""
        self._set(*self._sinks, sink)
        return lambda: self._set(*(one for one in self._sinks if one is not sink))

    def _set(self, *sinks: SpanSink) -> None:
        self._sinks = sinks
        self._starting = tuple(sink.started for sink in sinks)
        self._ending = tuple(sink.ended for sink in sinks)

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
        for sink in self._sinks:
            with guard("store"):
                sink.progressed(span, detail)

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Take a span that is over, with those that the gate had held because of it."""
        for admitted, its_detail in ((span, detail),) if self._gate.lets_all else self._gate.ended(span, detail):
            for tell in self._ending:
                try:
                    tell(admitted, its_detail)
                except Exception as error:  # noqa: BLE001 - as the guard does
                    caught("store", error)
        if self._budgets.limits:
            # Only now: a call that ends while the first budget is set is either in the table or counted here.
            with guard("budget"):
                self._budgets.ended(span, detail)
