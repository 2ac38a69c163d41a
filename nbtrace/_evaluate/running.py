"""Runs a check over spans: in a row where it only computes, else several at the same time, in threads or in a loop.

The workers take one span after the other from what is left, so it makes no difference whether a check takes a
microsecond or a minute. The caller's thread only waits, so an interrupt meets nothing half done: what has been judged
is there, what is under way is let go.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context

from nbtrace import semconv
from nbtrace._evaluate.verdict import Failure, Outcome, Verdict
from nbtrace._trace.provider import inheriting
from nbtrace.errors import BudgetError

if TYPE_CHECKING:
    from nbtrace._evaluate.check import Check

Job = tuple[int, dict[str, Any]]
"""The number of a span, and what the check is called with for it."""
Around = Callable[["Check", int], AbstractContextManager[Callable[[Outcome], None]]]
"""What a run of a check stands in: it is told how it ended."""
Tell = Callable[[int, Outcome], None]

_LOOKS_S: Final = 0.1
"""How often the caller's thread looks how far it is."""


@dataclass
class _Left:
    """The jobs that are left, for several workers."""

    jobs: Iterator[Job]
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_over: bool = False
    stopped: BaseException | None = None
    """What ended it: a budget, or what a worker itself has died of."""

    def take(self) -> Job | None:
        with self.lock:
            return None if self.is_over else next(self.jobs, None)


def run(check: Check, jobs: Iterator[Job], tell: Tell, *, width: int, around: Around, look: Callable[[], None]) -> None:
    """Judge spans; whatever a check raises is a failure of that one.

    Args:
        check: the check.
        jobs: what it is called with.
        tell: told of each how it ended, from any thread.
        width: how many at the same time.
        around: what each run stands in.
        look: called on this thread now and then.

    Raises:
        BudgetError: a budget stopped a call of the check; what has been judged is told.
    """
    if check.is_quick:
        for number, given in jobs:
            tell(number, _judged(check, given))
            look()
        return
    left = _Left(jobs)
    # The calls that a check makes say so, and are not judged in their turn.
    context = inheriting({semconv.EVALUATION_NAME: check.name})

    def work() -> None:
        token = otel_context.attach(context)
        try:
            if check.is_async:
                asyncio.run(_loop(check, left, tell, width, around))
            else:
                _work(check, left, tell, around)
        except BaseException as error:  # noqa: BLE001 - it would end a thread, and nobody would hear of it
            left.stopped, left.is_over = left.stopped or error, True
        finally:
            otel_context.detach(token)

    count = 1 if check.is_async else width
    _waited(left, [threading.Thread(target=work, name="nbtrace-evaluate", daemon=True) for _ in range(count)], look)
    if left.stopped is not None:
        raise left.stopped


def _waited(left: _Left, threads: list[threading.Thread], look: Callable[[], None]) -> None:
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(_LOOKS_S)
                look()
    except BaseException:
        left.is_over = True
        raise


def _work(check: Check, left: _Left, tell: Tell, around: Around) -> None:
    while (job := left.take()) is not None:
        number, given = job
        with around(check, number) as end:
            outcome = _judged(check, given, left)
            end(outcome)
        if not left.is_over:
            tell(number, outcome)


async def _loop(check: Check, left: _Left, tell: Tell, width: int, around: Around) -> None:
    async def work() -> None:
        while (job := left.take()) is not None:
            number, given = job
            with around(check, number) as end:
                outcome = await _ajudged(check, given, left)
                end(outcome)
            if not left.is_over:
                tell(number, outcome)

    try:
        await asyncio.gather(*(work() for _ in range(width)))
    finally:
        if check.close is not None:
            await check.close()


def _judged(check: Check, given: dict[str, Any], left: _Left | None = None) -> Outcome:
    if check.lacks_answer(given):
        return None
    try:
        said = check.function(**given, **check.params)
        if not check.is_quick and inspect.isawaitable(said):  # of a function that does not look like an async one
            said = asyncio.run(_awaited(said))
        return Verdict.of(said)
    except BudgetError as error:
        if left is None:
            raise
        left.stopped, left.is_over = error, True
        return None
    except KeyboardInterrupt:
        if left is None:
            raise
        return None
    except BaseException as error:  # noqa: BLE001 - whatever a check raises, pytest's outcomes too
        return Failure.of(error)


async def _ajudged(check: Check, given: dict[str, Any], left: _Left) -> Outcome:
    if check.lacks_answer(given):
        return None
    try:
        return Verdict.of(await check.function(**given, **check.params))
    except BudgetError as error:
        left.stopped, left.is_over = error, True
        return None
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return Failure.of(error)  # of something that the check itself has waited for
    except BaseException as error:  # noqa: BLE001 - as above
        return Failure.of(error)


async def _awaited(said: Any) -> Any:
    return await said


def nothing(check: Check, number: int) -> AbstractContextManager[Callable[[Outcome], None]]:
    """Stand around nothing."""
    return nullcontext(lambda outcome: None)
