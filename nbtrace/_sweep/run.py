"""Makes the calls of a sweep at the same time: in threads, or as tasks of an event loop on a thread of its own.

One thread, the caller's, hands out the calls and hears how they ended, so that an interrupt meets nothing half done.
Its event loop may be running, as a notebook's is: the loop of the calls is another one.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

from nbtrace import semconv
from nbtrace._sweep.pace import ATTEMPTS, Pace, is_limited, retry_after
from nbtrace._trace import pressure
from nbtrace._trace.provider import inheriting
from nbtrace.errors import BudgetError

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from nbtrace._sweep.caller import Caller
    from nbtrace._sweep.plan import Task

NAME = "compare"
"""The name of the span above each call."""


@dataclass(frozen=True)
class Making:
    """How a task's call is made and recorded."""

    caller: Caller
    sweep_id: str
    context: Context
    """The caller's: that of the cell."""
    step: Callable[[Mapping[str, Any]], Any]
    """Makes the span above a call."""
    keep: Callable[[], None]
    """Writes what has ended to the disk, so that it is not paid again."""
    refused: SimpleQueue[Any] = field(default_factory=SimpleQueue[Any])
    """The 429s after which a client tries again by itself."""

    @contextmanager
    def _within(self, task: Task) -> Generator[Any]:
        known = {semconv.SWEEP_ID: self.sweep_id, semconv.SWEEP_KEY: task.key}
        token = otel_context.attach(inheriting(known, self.context))
        heard = pressure.LISTENER.set(self.refused.put)
        try:
            with self.step(
                {
                    semconv.SWEEP_INPUT: task.row,
                    semconv.SWEEP_INPUT_HASH: task.input_hash,
                    semconv.SWEEP_REPEAT: task.repeat,
                }
            ) as step:
                yield step
        finally:
            pressure.LISTENER.reset(heard)
            otel_context.detach(token)
            self.keep()

    def call(self, task: Task) -> None:
        """Make a call here."""
        with self._within(task) as step:
            answer = self.caller.make(task)
            if inspect.isawaitable(answer):  # of a function that does not look like an async one
                answer = asyncio.run(_awaited(answer))
            if self.caller.keeps_output:
                step.output(answer)
            elif task.options.get("stream"):
                deque(answer, maxlen=0)

    async def acall(self, task: Task) -> None:
        """Make a call in the event loop that runs here."""
        with self._within(task) as step:
            answer = await self.caller.make(task)
            if self.caller.keeps_output:
                step.output(answer)
            elif task.options.get("stream"):
                async for _ in answer:
                    pass


async def _awaited(answer: Any) -> Any:
    return await answer


Submit = Callable[["Task"], "Future[None]"]


@contextmanager
def submitting(making: Making, width: int) -> Generator[Submit]:
    """Give what starts a call; calls that are under way at the end of the block go on, and no more are started."""
    if not making.caller.is_async:
        pool = ThreadPoolExecutor(width, thread_name_prefix="nbtrace-compare")
        try:
            yield lambda task: pool.submit(making.call, task)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run_loop, args=[loop], name="nbtrace-compare", daemon=True)
    thread.start()

    def end() -> None:
        ended = asyncio.run_coroutine_threadsafe(_rest(making.caller.close), loop)
        ended.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))

    try:
        yield lambda task: asyncio.run_coroutine_threadsafe(making.acall(task), loop)
    except BaseException:
        end()
        raise
    end()
    thread.join()


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _rest(close: Callable[[], Any] | None) -> None:
    """Let what is under way end, and close what was opened for it."""
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)  # pyright: ignore[reportArgumentType] - there is one
    if close is not None:
        await close()


def run(
    tasks: Iterable[Task],
    submit: Submit,
    pace: Pace,
    over: Callable[[Task, BaseException | None], None],
    refused: SimpleQueue[Any],
) -> None:
    """Make calls until all are over; an error of one is told to `over`, and ends nothing.

    Args:
        tasks: the calls.
        submit: starts one.
        pace: how many go out at the same time.
        over: told of each that is over.
        refused: 429s that clients have met meanwhile.

    Raises:
        BudgetError: a budget stopped one; those under way have ended.
    """
    waiting, flying = deque(tasks), dict[Future[None], "Task"]()
    again: Counter[str] = Counter()
    stopped: BudgetError | None = None
    while waiting or flying:
        while not refused.empty():
            pace.limited(retry_after(refused.get()))
        while waiting and len(flying) < pace.width and not pace.pause():
            task = waiting.popleft()
            flying[submit(task)] = task
        if not flying:
            time.sleep(pace.pause())
            continue
        done, _ = wait(flying, timeout=(pace.pause() or None) if waiting else None, return_when=FIRST_COMPLETED)
        for future in done:
            task, error = flying.pop(future), future.exception()
            if isinstance(error, BudgetError):
                stopped = error
                waiting.clear()
            elif error is not None and is_limited(error) and again[task.key] < ATTEMPTS and stopped is None:
                again[task.key] += 1
                pace.limited(retry_after(getattr(error, "response", None)))
                waiting.append(task)
            else:
                if error is None:
                    pace.succeeded()
                over(task, error)
    if stopped is not None:
        raise stopped
