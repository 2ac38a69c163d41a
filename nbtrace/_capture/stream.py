"""Streams: seen event by event as the user reads them, folded into one response when the span is stored.

The user's stream object stays the one the client made. Inside it, its decoder is asked to show each event's text and
its iterator is wrapped to hear of the end; per chunk that is one append. Texts are kept and not the client's chunk
objects: holding thousands of those makes every garbage collection of the process slower, by microseconds a chunk.
Whatever way the reading ends, the call hears of it exactly once.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from time import time_ns
from typing import Any, Final, Protocol

from nbtrace._capture.messages import loads

Outcome = str
"""One of the words of `semconv.STREAM_OUTCOME`."""


class StreamReader(Protocol):
    """What a call offers to the stream it belongs to."""

    events: list[str] | tuple[str, ...]
    """The data of each server-sent event that was read, as JSON."""
    first_chunk_ns: int | None

    def stream_over(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Hear that nothing more will be read; later words are ignored."""
        ...


def follow(stream: Any, call: StreamReader) -> None:
    """Have `call` see the events of a client's `Stream` or `AsyncStream` and hear of its end.

    However a user closes a stream (its `close`, a `with` block, the client's stream helper), its response is closed, so
    that is where to listen. What listens there keeps neither the stream nor the call alive, and nothing here refers to
    what refers to it: Anthropic's streams are closed as soon as they are dropped, and stay so.
    """
    events: list[str] = []
    call.events = events
    stream._decoder = _Decoder(stream._decoder, events)  # noqa: SLF001 - first: some make the iterator on a copy
    source = stream._iterator  # noqa: SLF001 - the one place where a stream's chunks pass
    response, listener = stream.response, weakref.ref(call)
    is_async = hasattr(source, "__anext__")
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
    if call is not None and not any(_is_running(reader()) for reader in readers):
        call.stream_over("closed")


def _is_running(generator: Any) -> bool:
    return generator is None or getattr(generator, "gi_running", False) or getattr(generator, "ag_running", False)


class _Decoder:
    """Stands in for a stream's decoder of server-sent events and keeps the data of each event that is read."""

    def __init__(self, decoder: Any, events: list[str]) -> None:
        self._decoder = decoder
        self._keep = events.append

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Any]:
        keep = self._keep
        for event in self._decoder.iter_bytes(iterator):
            keep(event.data)
            yield event

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        keep = self._keep
        async for event in self._decoder.aiter_bytes(iterator):
            keep(event.data)
            yield event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)


def _read(source: Iterator[Any], call: StreamReader) -> Iterator[Any]:
    try:
        for chunk in source:
            call.first_chunk_ns = time_ns()
            yield chunk
            break
        yield from source
    except BaseException as error:
        call.stream_over(_outcome(error), error)
        raise
    call.stream_over("exhausted")


async def _aread(source: AsyncIterator[Any], call: StreamReader) -> AsyncIterator[Any]:
    try:
        async for chunk in source:
            call.first_chunk_ns = time_ns()
            yield chunk
            break
        async for chunk in source:
            yield chunk
    except BaseException as error:
        call.stream_over(_outcome(error), error)
        raise
    call.stream_over("exhausted")


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, GeneratorExit):
        return "abandoned"
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return "error" if isinstance(error, Exception) else "interrupted"


def parse(events: Sequence[str]) -> list[dict[str, Any]]:
    """Read the chunks out of a stream's events.

    The closing `[DONE]` is none, nor is a `ping`, nor what the client raises.
    """
    chunks: list[dict[str, Any]] = []
    for event in events:
        with suppress(ValueError):
            chunk = loads(event)
            if isinstance(chunk, dict) and not chunk.get("error") and chunk.get("type") != "ping":
                chunks.append(chunk)
    return chunks


def fold(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Fold the chunks of a chat completion into the body that the whole response would have had."""
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key == "choices":
                for choice in value or ():
                    _fold_choice(choices, choice)
            elif value is not None:
                body[key] = value
    body["choices"] = [choices[index] for index in sorted(choices)]
    return body


def _fold_choice(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> None:
    index = choice.get("index") or 0
    whole = choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
    for key, value in choice.items():
        if key == "delta":
            _merge(whole["message"], value or {})
        elif key == "logprobs":
            _merge(whole, {key: value})
        elif value is not None:
            whole[key] = value


_WHOLE: Final = frozenset({"role", "id", "type", "format"})
"""Texts that come in one piece; some servers repeat them in every chunk."""


def _merge(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add what a delta brings: texts grow, objects merge, lists merge by the `index` of their elements or grow."""
    for key, value in delta.items():
        known = whole.get(key)
        if value is None:
            continue
        if isinstance(value, dict) and (known is None or isinstance(known, dict)):
            _merge(whole.setdefault(key, {}), value)
        elif isinstance(value, list) or isinstance(known, list):
            # Some servers send reasoning as a list of parts and the answer after it as text.
            if not isinstance(known, list):
                whole[key] = [] if known is None else [known]
            _extend(whole[key], value if isinstance(value, list) else [value])
        elif isinstance(value, str) and isinstance(known, str) and key not in _WHOLE:
            if not (key == "name" and value == known):
                whole[key] = known + value
        else:
            whole[key] = value


def _extend(parts: list[Any], more: list[Any]) -> None:
    for part in more:
        index = part.get("index") if isinstance(part, dict) else None
        if index is None:
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
            continue
        known = next((one for one in parts if isinstance(one, dict) and one.get("index") == index), None)
        if known is None:
            known = {"index": index}
            parts.append(known)
        _merge(known, part)
