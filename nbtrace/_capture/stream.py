"""Streams: kept as the user reads them, and heard to their end.

The user's stream object stays the one the client made. Inside it, what its decoder reads is kept (`decoder`), and its
iterator is wrapped to hear of the end. Whatever way the reading ends, the call hears of it exactly once.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

from nbtrace._capture import decoder
from nbtrace._capture.messages import loads
from nbtrace._guard import guard

_guarded: Final = guard("capture")

Outcome = str
"""One of the words of `semconv.STREAM_OUTCOME`."""


class Passed(Protocol):
    """What of a response's body the user has read, in whatever form it passed."""

    is_stream: bool
    """Whether it is made of server-sent events."""
    is_parsed: bool
    """Whether the client makes objects of it; it does not where the user reads the response raw."""

    def __len__(self) -> int:
        """Grows with everything that passes."""
        ...

    def size(self) -> int:
        """Give about how many bytes are held."""
        ...

    def events(self) -> list[tuple[str, int]]:
        """Give the data of each server-sent event, and when it came in nanoseconds since the epoch."""
        ...

    def last(self) -> list[str]:
        """Give the data of the last two events: the very last may be the closing `[DONE]`."""
        ...

    def content(self) -> bytes:
        """Give what passed as one text."""
        ...

    def is_whole(self) -> bool:
        """Say whether nothing more would have come, although nobody has asked for more."""
        ...


class StreamReader(Protocol):
    """What a call offers to the stream it belongs to."""

    passed: Passed | None
    hides_usage: bool
    """Whether the chunk that tells the usage is kept from the user."""
    span: Any
    """Its span."""
    at_end: Callable[[Any], object] | None
    """What the reader is to hear at the end; it may raise."""

    def progress(self, now_ns: int) -> int:
        """Hear that there is something to show; gives when to be told again."""
        ...

    def stream_over(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Hear that nothing more will be read; later words are ignored."""
        ...


def follow(stream: Any, call: StreamReader) -> None:
    """Have `call` see the events of a client's `Stream` or `AsyncStream` and hear of its end.

    However a user closes a stream (its `close`, a `with` block, the client's stream helper), its response is closed, so
    that is where to listen. What listens there keeps neither the stream nor the call alive, and nothing here refers to
    what refers to it: Anthropic's streams are closed as soon as they are dropped, and stay so.
    """
    response, listener = stream.response, weakref.ref(call)
    is_async = hasattr(stream.__class__, "__anext__")  # which a proxy has of what it stands for
    # First, because some make the iterator on a copy.
    stream._decoder, call.passed = decoder.beside(stream._decoder, response, call)  # noqa: SLF001
    source = stream._iterator  # noqa: SLF001 - the one place where a stream's chunks pass
    reader: Any = _aread(source, call) if is_async else _read(source, call)
    readers = weakref.ref(reader), weakref.ref(source)
    if is_async:

        async def aclose() -> None:
            vars(response).pop("aclose", None)
            try:
                await response.aclose()
            finally:
                _closed(listener(), readers)

        response.aclose = aclose
    else:

        def close() -> None:
            vars(response).pop("close", None)
            try:
                response.close()
            finally:
                _closed(listener(), readers)

        response.close = close
    stream._iterator = reader  # noqa: SLF001


def _closed(call: StreamReader | None, readers: tuple[weakref.ref[Any], ...]) -> None:
    """Tell the call, unless the stream is closed from within or dropped: then the one who reads knows why."""
    with _guarded:
        if call is not None and not any(_is_running(reader()) for reader in readers):
            call.stream_over("closed")


def _is_running(generator: Any) -> bool:
    return generator is None or getattr(generator, "gi_running", False) or getattr(generator, "ag_running", False)


def _read(source: Iterator[Any], call: StreamReader) -> Iterator[Any]:
    try:
        yield from source
    except BaseException as error:
        broken(call, error)
        raise
    call.stream_over("exhausted")
    if call.at_end is not None:
        call.at_end(call)


async def _aread(source: AsyncIterator[Any], call: StreamReader) -> AsyncIterator[Any]:
    try:
        async for chunk in source:
            yield chunk
    except BaseException as error:
        broken(call, error)
        raise
    call.stream_over("exhausted")
    if call.at_end is not None:
        call.at_end(call)


def broken(call: StreamReader, error: BaseException) -> None:
    """Tell the call what ended the reading, which the reader is about to be told too."""
    with _guarded:
        call.stream_over(outcome(error), error)


def outcome(error: BaseException) -> Outcome:
    """Say what an error in the middle of reading means for the stream."""
    if isinstance(error, GeneratorExit):
        return "abandoned"
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return "error" if isinstance(error, Exception) else "interrupted"


class Chunk(NamedTuple):
    """One event of a stream that says something."""

    body: dict[str, Any]
    arrived_ns: int
    """Nanoseconds since the epoch."""


def chunks(events: list[tuple[str, int]]) -> list[Chunk]:
    """Read the chunks out of a stream's events.

    None are the closing `[DONE]` and what comes after it, a `ping`, and what the client raises.
    """
    found: list[Chunk] = []
    for text, arrived_ns in events:
        if text.startswith("[DONE]"):
            break
        with suppress(ValueError):
            body = loads(text)
            if isinstance(body, dict) and not body.get("error") and body.get("type") != "ping":
                found.append(Chunk(body, arrived_ns))
    return found


def unrecorded(passed: Passed | None) -> str:
    """Say why the content of an answer is not recorded."""
    if passed is None:
        return "the response is not of the form in which this endpoint answers; its content is not recorded"
    return f"the response was read no further than {len(passed.content())} bytes; its content is not recorded"
