"""Threads and executors started in a cell keep its context.

A new thread begins with an empty context, so a call made in it would belong to no cell. While open, a thread takes over
the OpenTelemetry context of whoever started it, and a job that of whoever submitted it. Nothing else is changed:
asyncio tasks and `asyncio.to_thread` carry the context already.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from nbtrace._guard import guard


class ThreadCapture:
    """Wraps `Thread.start` and `ThreadPoolExecutor.submit` while open."""

    def __init__(self) -> None:
        self._unwrap: list[Callable[[], None]] = []
        self.enabled = True

    def open(self) -> None:
        """Wrap both methods."""
        self._wrap(threading.Thread, "start", self._start)
        self._wrap(ThreadPoolExecutor, "submit", self._submit)

    def close(self) -> None:
        """Put back what was there."""
        self.enabled = False
        while self._unwrap:
            self._unwrap.pop()()

    def _wrap(self, kind: type, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        original = kind.__dict__[name]
        wrapper = make(original)
        setattr(kind, name, wrapper)

        def unwrap() -> None:
            if kind.__dict__.get(name) is wrapper:
                setattr(kind, name, original)

        self._unwrap.append(unwrap)

    def _start(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def start(thread: threading.Thread) -> None:
            if not self.enabled:
                return original(thread)
            # On the instance: the `run` of a subclass must keep working, and the class must stay as it is.
            own = vars(thread).get("run")
            with guard("threads"):
                thread.run = functools.partial(_run_thread, otel_context.get_current(), thread, own, thread.run)
            try:
                return original(thread)
            except BaseException:  # it was started before, or the system has no more threads
                _put_back(thread, own)
                raise

        return start

    def _submit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def submit(executor: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if self.enabled:
                # An empty context counts too: the worker's own is that of the cell that happened to start it.
                return original(executor, _run, otel_context.get_current(), fn, *args, **kwargs)
            return original(executor, fn, *args, **kwargs)

        return submit


def _run_thread(
    context: Context, thread: threading.Thread, own: Callable[[], None] | None, function: Callable[[], None]
) -> None:
    _put_back(thread, own)  # or the thread would keep itself alive
    _run(context, function)


def _put_back(thread: threading.Thread, own: Callable[[], None] | None) -> None:
    """Leave the thread with the `run` it had: its class's, or one that somebody put on the instance."""
    if own is None:
        vars(thread).pop("run", None)
    else:
        thread.run = own


def _run(context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = otel_context.attach(context)
    try:
        return function(*args, **kwargs)
    finally:
        otel_context.detach(token)
