"""Responses that the client hands out unread: what passes on its way to the user is kept.

`with_streaming_response`, and `with_raw_response` of a stream, give an object whose body comes from the network while
it is read, in any of a dozen ways. All of them end in one attribute, the HTTP response's `stream`, so a tap stands in
for that and hands every piece on as it is. Nothing else is touched. A stream that is parsed out of such an object is
followed as one that the client had returned itself.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from time import time_ns
from typing import Any

from nbtrace._capture.pieces import Pieces, events, is_event_stream
from nbtrace._capture.stream import StreamReader, broken, follow
from nbtrace._guard import guard


class RawBody(Pieces):
    """The bytes that were read of a response of any kind, as the server sent them."""

    __slots__ = ("_encoding", "_kind", "_length", "is_stream")
    is_parsed = False

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.is_stream = is_event_stream(response)
        self._encoding: str = response.headers.get("content-encoding", "")
        self._length: str | None = response.headers.get("content-length")
        self._kind: Any = type(response)

    def is_whole(self) -> bool:
        if self.is_stream:
            return b"".join(self.parts[-2:]).rstrip().endswith(b"[DONE]")
        return str(self.size()) == self._length

    def content(self) -> bytes:
        return b"".join(self._decoded(self.parts[:]))

    def events(self) -> list[tuple[str, int]]:
        arrivals = self.arrivals[:]
        return events(self._decoded(self.parts[: len(arrivals)]), arrivals)

    def last(self) -> list[str]:
        return [text for text, _ in self.events()[-2:]] if self.is_stream else []

    def _decoded(self, parts: list[bytes]) -> list[bytes]:
        if self._encoding in ("", "identity"):
            return parts
        if self._encoding == "gzip":  # piece by piece: what was left in the middle is readable so far
            read = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress
            return list(map(read, parts))
        # As the HTTP library does it for itself, which fails for a response that was left.
        whole = self._kind(200, headers={"content-encoding": self._encoding}, content=b"".join(parts)).content
        return [whole]


def unread(returned: Any) -> Any:
    """Give the HTTP response of what a client returned, if its body has not been read; None otherwise."""
    held = getattr(returned, "__dict__", {})
    response = held.get("http_response", returned)
    known = getattr(response, "__dict__", {})
    return response if "is_stream_consumed" in known and "_content" not in known else None


def listen(returned: Any, response: Any, call: StreamReader) -> None:
    """Have `call` see the body of a response while the user reads it, and hear of its end."""
    pieces = RawBody(response)
    tap = _Tap(response.stream, call, pieces)
    call.passed = pieces
    response.stream = tap
    if pieces.is_stream and returned is not response:
        _follow_parsed(returned, tap, call)


def _follow_parsed(returned: Any, tap: _Tap, call: StreamReader) -> None:
    """Have the stream that will be parsed out of a raw response followed by its events."""
    reference, parse = weakref.ref(returned), type(returned)._parse  # noqa: SLF001 - where all its `parse` end

    def parsed(**kwargs: Any) -> Any:
        raw = reference()
        vars(raw).pop("_parse", None)
        stream = parse(raw, **kwargs)
        with guard("capture"):
            if "_decoder" in vars(stream):
                tap.give_way()
                follow(stream, call)
        return stream

    returned._parse = parsed  # noqa: SLF001


class _Tap:
    """Stands in for the byte stream of an HTTP response and keeps what passes."""

    def __init__(self, stream: Any, call: StreamReader, pieces: RawBody) -> None:
        self._stream = stream
        self._call: StreamReader | None = call
        self._pieces = pieces

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - nobody sets it
        """The HTTP libraries ask whether it is one of theirs, and others what else it is."""
        return type(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def give_way(self) -> None:
        """Keep nothing: somebody else does."""
        self._call = None

    def __iter__(self) -> Iterator[bytes]:
        call, pieces = self._call, self._pieces
        if call is None:
            yield from self._stream
            return
        due = 0
        try:
            for part in self._stream:
                now = time_ns()
                pieces.parts.append(part)
                pieces.arrivals.append(now)
                if now >= due:
                    due = call.progress(now)
                yield part
        except GeneratorExit:  # no more will be read; its close, or its being dropped, says so
            raise
        except BaseException as error:
            broken(call, error)
            raise
        call.stream_over("exhausted")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        call, pieces, stream = self._call, self._pieces, self._stream.__aiter__()
        due = 0
        try:
            async for part in stream:
                if call is not None:
                    now = time_ns()
                    pieces.parts.append(part)
                    pieces.arrivals.append(now)
                    if now >= due:
                        due = call.progress(now)
                yield part
        except GeneratorExit:
            raise
        except BaseException as error:
            if call is not None:
                broken(call, error)
            raise
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        if call is not None:
            call.stream_over("exhausted")

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._closed()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._closed()

    def _closed(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.stream_over("closed")
