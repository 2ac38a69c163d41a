"""A generator that is a step is read, sent to, thrown into and closed as before, and its span is as long as it is."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

import nbtrace
from nbtrace import Session, semconv
from tests.capture.reading import spans, told


def counter(session: Session, log: list[str]) -> Any:
    @session.span("count")
    def count(n: int) -> Generator[int, str | None, str]:
        try:
            for number in range(n):
                try:
                    log.append(str((yield number)))
                except ValueError:
                    log.append("thrown")
                    yield -1
        finally:
            log.append("closed")
        return "done"

    return count


def test_a_generator_sends_throws_returns_and_closes_as_before(session: Session) -> None:
    log: list[str] = []
    count = counter(session, log)
    assert inspect.isgeneratorfunction(count)
    running = count(5)
    assert next(running) == 0
    assert running.send("hello") == 1
    assert running.throw(ValueError()) == -1
    running.close()
    assert log == ["hello", "thrown", "closed"]

    def delegate() -> Generator[int, None, None]:
        log.append((yield from count(1)))

    assert list(delegate()) == [0]
    assert log[-1] == "done"
    del running
    abandoned = count(9)
    next(abandoned)
    del abandoned
    gc.collect()
    found = [one["attributes"].get(semconv.OUTPUT_VALUE) for one in spans(session)]
    assert found == ['{"yielded":3}', '{"yielded":1,"returned":"done"}', '{"yielded":1}']
    assert {one["status"] for one in spans(session)} == {"unset"}


def test_a_generators_reader_is_not_inside_it(session: Session) -> None:
    @session.span("source")
    def source() -> Generator[int]:
        for number in range(2):
            with session.span(f"inside {number}"):
                pass
            yield number

    for number in source():
        with session.span(f"outside {number}"):
            pass
    parents = {name: values["parent"] for name, values in told(session).items()}
    assert parents == {
        "source": None, "inside 0": "source", "inside 1": "source", "outside 0": None, "outside 1": None,
    }  # fmt: skip


async def test_an_async_generator_too(session: Session) -> None:
    @session.span("source", kind="retrieval")
    async def source(n: int) -> AsyncGenerator[int, str | None]:
        for number in range(n):
            await asyncio.sleep(0)
            with session.span(f"inside {number}"):
                pass
            yield number

    assert inspect.isasyncgenfunction(source)
    read: list[int] = []
    async for number in source(2):
        read.append(number)
        with session.span(f"outside {number}"):
            pass
    early = source(5)
    assert await anext(early) == 0
    await early.aclose()
    assert read == [0, 1]
    parents = {name: values["parent"] for name, values in told(session).items()}
    assert parents == {
        "retrieval source": None, "inside 0": "retrieval source", "inside 1": "retrieval source",
        "outside 0": None, "outside 1": None,
    }  # fmt: skip


def test_an_error_inside_a_generator_is_on_its_span(session: Session) -> None:
    @session.span("breaks")
    def breaks() -> Generator[int]:
        yield 1
        message = "inside"
        raise OSError(message)

    with pytest.raises(OSError, match="inside"):
        list(breaks())
    assert told(session)["breaks"]["status"] == "error"


async def test_an_async_generator_is_sent_to_thrown_into_and_closed_as_before(session: Session) -> None:
    log: list[str] = []

    @session.span("source")
    async def source() -> AsyncGenerator[int, str | None]:
        try:
            for number in range(9):
                try:
                    log.append(str((yield number)))
                except ValueError:
                    log.append("thrown")
                    yield -1
        finally:
            log.append("closed")

    running = source()
    assert await anext(running) == 0
    assert await running.asend("hello") == 1
    assert await running.athrow(ValueError()) == -1
    await running.aclose()
    failing = source()
    assert await anext(failing) == 0
    with pytest.raises(OSError, match="mine"):
        await failing.athrow(OSError("mine"))
    with pytest.raises(StopAsyncIteration):
        await anext(failing)
    assert log == ["hello", "thrown", "closed", "closed"]
    found = [(one["status"], one["attributes"].get(semconv.OUTPUT_VALUE)) for one in spans(session)]
    assert found == [("unset", '{"yielded":3}'), ("error", None)]


def test_what_a_generator_makes_current_is_so_again_when_it_is_read_on(session: Session) -> None:
    @session.span("source")
    def source() -> Generator[int]:
        with nbtrace.context(user="ada"), session.span("block"):
            for number in range(2):
                with session.span(f"inside {number}"):
                    pass
                yield number
        yield 2
        with session.span("after"):
            pass

    for number in source():
        with session.span(f"outside {number}"):
            pass
    found = {one["name"]: (values["parent"], one["attributes"].get(semconv.USER_ID)) for one, values in
             zip(spans(session), told(session).values(), strict=True)}  # fmt: skip
    assert found == {
        "source": (None, None), "block": ("source", "ada"), "after": ("source", None),
        "inside 0": ("block", "ada"), "inside 1": ("block", "ada"),
        "outside 0": (None, None), "outside 1": (None, None), "outside 2": (None, None),
    }  # fmt: skip


async def test_an_async_generator_that_is_left_inside_of_blocks_says_nothing(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    async def source() -> AsyncGenerator[int]:
        with nbtrace.context(user="ada"), session.span("block"):
            yield 1

    async def read() -> None:
        async for _ in source():
            break

    await asyncio.create_task(read())
    gc.collect()
    await asyncio.sleep(0.01)
    assert [one["name"] for one in spans(session)] == ["block"]
    assert caplog.records == []
