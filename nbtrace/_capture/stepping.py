"""Functions of every form as steps: what stands in for a decorated one."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

from nbtrace._guard import guard

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from nbtrace._capture.steps import Step


def of_function(fresh: Callable[[], Step], function: Callable[..., Any]) -> Callable[..., Any]:
    """Make each run of a plain function a step."""

    def run(*args: Any, **kwargs: Any) -> Any:
        with fresh().called(function, args, kwargs) as step:
            result = function(*args, **kwargs)
            step.returned(result)
            return result

    return run


def of_coroutine(fresh: Callable[[], Step], function: Callable[..., Any]) -> Callable[..., Any]:
    """Make each run of an async function a step."""

    async def run(*args: Any, **kwargs: Any) -> Any:
        with fresh().called(function, args, kwargs) as step:
            result = await function(*args, **kwargs)
            step.returned(result)
            return result

    return run


def of_generator(fresh: Callable[[], Step], function: Callable[..., Any]) -> Callable[..., Any]:
    """Make each run of a generator a step, current while it runs and not while its reader does."""

    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        step = fresh().called(function, args, kwargs)
        source, count = function(*args, **kwargs), 0
        with step.paused() as resumed:
            advance = functools.partial(source.send, None)
            while True:
                try:
                    with resumed:
                        value = advance()
                except StopIteration as stop:
                    step.output(stop.value if count == 0 else {"yielded": count, "returned": stop.value})
                    return stop.value
                count += 1
                try:
                    advance = functools.partial(source.send, (yield value))
                except GeneratorExit:
                    step.output({"yielded": count})
                    with resumed:
                        source.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator's to handle, as without the step
                    advance = functools.partial(source.throw, error)

    return run


def of_async_generator(fresh: Callable[[], Step], function: Callable[..., Any]) -> Callable[..., Any]:
    """Make each run of an async generator a step, as of a plain one."""

    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        step = fresh().called(function, args, kwargs)
        source, count = function(*args, **kwargs), 0
        with step.paused() as resumed:
            advance = functools.partial(source.asend, None)
            while True:
                try:
                    with resumed:
                        value = await advance()
                except StopAsyncIteration:
                    step.output({"yielded": count})
                    return
                count += 1
                try:
                    advance = functools.partial(source.asend, (yield value))
                except GeneratorExit:
                    step.output({"yielded": count})
                    with resumed:
                        await source.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator's to handle, as without the step
                    advance = functools.partial(source.athrow, error)

    return run


class Resumed:
    """Makes a step's span current for as long as its generator runs; what its reader does is the reader's own.

    What the generator makes current itself, by a block around a `yield`, is so again when it runs on.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._bare: Context | None = None
        self._own: Context | None = None

    def __enter__(self) -> None:
        with guard("capture"):
            self._step.resume(self._own)
            if self._own is None:
                self._bare = otel_context.get_current()

    def __exit__(self, *_: object) -> None:
        with guard("capture"):
            now = otel_context.get_current()
            self._own = None if now is self._bare else now
            self._step.pause()
