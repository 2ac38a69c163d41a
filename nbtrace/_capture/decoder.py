"""Stands in for the decoders inside a client's stream, and keeps what is read by them.

Of server-sent events the pieces of bytes are kept, where the HTTP library has them decoded: what the client has of a
stream by then is what had arrived, and no iterator of ours, which costs more than the keeping, stands between the two.
A stream in another form is kept event by event as the client's decoder gives it. None of the client's event objects is
kept: thousands of those make every garbage collection of the process slower.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import filterfalse
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from nbtrace._capture import usage_chunk
from nbtrace._capture.pieces import Pieces, is_event_stream

if TYPE_CHECKING:
    from nbtrace._capture.stream import Passed, StreamReader

_CLIENTS: Final = "._streaming"
"""Where the clients have their decoder of server-sent events: another, as Bedrock's, may read them differently."""
_PLAIN: Final = "IdentityDecoder"
"""What the HTTP libraries have for a body that is not packed; a hook may have put something else in its place."""
_NEVER: Final = 1 << 63
"""Nanoseconds since the epoch that no clock will show."""


def beside(decoder: Any, response: Any, call: StreamReader) -> tuple[Any, Passed]:
    """Give what stands in for a stream's decoder of events, and what keeps all that is read.

    Args:
        decoder: the client's own.
        response: the HTTP library's. Its content decoder is stood in for too, if it has one that changes nothing.
        call: hears now and then that there is more to show.
    """
    if is_event_stream(response) and type(decoder).__module__.endswith(_CLIENTS):
        pieces = Pieces()
        if _listen(response, pieces, call):
            return _Decoder(decoder, call), pieces
    events = Events()
    return _EventDecoder(decoder, events, call), events


class Events:
    """The events that were read of a stream; may be read while it grows."""

    __slots__ = ("arrivals", "texts")
    is_stream = is_parsed = True

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.arrivals: list[int] = []
        """Nanoseconds since the epoch; one is there before its text."""

    def __len__(self) -> int:
        return len(self.texts)

    def size(self) -> int:
        return sum(map(len, self.texts))

    def events(self) -> list[tuple[str, int]]:
        texts = self.texts[:]
        return list(zip(texts, self.arrivals[: len(texts)], strict=True))

    def last(self) -> list[str]:
        return self.texts[-2:]

    def content(self) -> bytes:
        return "\n".join(self.texts).encode()

    def is_whole(self) -> bool:
        return False


def _listen(response: Any, pieces: Pieces, call: StreamReader) -> bool:
    """Keep what a response's content decoder will decode; tells whether this response has one, and reads by it."""
    decoder = getattr(response, "_get_content_decoder", None)
    if decoder is None or "_content" in getattr(response, "__dict__", {}):
        return False
    # Where one of these is somebody's own, it may not decode, or change what is decoded.
    if any(made.__module__ != decoder.__module__ for made in (response.iter_bytes, response.aiter_bytes)):
        return False
    plain = decoder()
    if type(plain).__name__ != _PLAIN:
        return False
    response._decoder = body = _ContentDecoder(plain, pieces, call)  # noqa: SLF001 - where the library has its own
    return decoder() is body


class _ContentDecoder:
    """Stands in for a response's decoder that gives back what it gets."""

    __slots__ = ("decode", "flush")

    def __init__(self, decoder: Any, pieces: Pieces, call: StreamReader) -> None:
        self.flush = decoder.flush
        # In place of the library's function, itself one of Python's: a call more is what costs.
        self.decode = _keeping(pieces, weakref.ref(call), is_bare=isinstance(decoder.decode(b""), bytes))


def _keeping(
    pieces: Pieces, call: weakref.ref[StreamReader], *, is_bare: bool
) -> Callable[[bytes], bytes | tuple[bytes, ...]]:
    """Keep each piece, and give it back: bare, or in something to iterate over, as newer libraries do."""
    part, arrived = pieces.parts.append, pieces.arrivals.append
    due = 0

    def decode(piece: bytes) -> bytes | tuple[bytes, ...]:
        nonlocal due
        part(piece)
        now = time_ns()
        arrived(now)
        if now >= due:
            due = _told(call(), now)
        return piece if is_bare else (piece,)

    return decode


def _told(call: StreamReader | None, now_ns: int) -> int:
    return _NEVER if call is None else call.progress(now_ns)


class _Decoder:
    """Stands in for a stream's decoder of events."""

    def __init__(self, decoder: Any, call: StreamReader) -> None:
        self._decoder = decoder
        self.nbtrace_span = call.span.get_span_context()
        """For `nbtrace.of`."""
        self._hides = call.hides_usage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Any]:
        events = self._decoder.iter_bytes(iterator)
        return filterfalse(usage_chunk.tells, events) if self._hides else events

    def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        events = self._decoder.aiter_bytes(iterator)
        return _shown(events) if self._hides else events


async def _shown(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for event in events:
        if not usage_chunk.tells(event):
            yield event


class _EventDecoder(_Decoder):
    """One that keeps the events which it gives."""

    def __init__(self, decoder: Any, events: Events, call: StreamReader) -> None:
        super().__init__(decoder, call)
        self._events = events
        self._progress = call.progress
        self._due = 0

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Any]:
        for event in self._decoder.iter_bytes(iterator):
            self._keep(event)
            if not (self._hides and usage_chunk.tells(event)):
                yield event

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for event in self._decoder.aiter_bytes(iterator):
            self._keep(event)
            if not (self._hides and usage_chunk.tells(event)):
                yield event

    def _keep(self, event: Any) -> None:
        now = time_ns()
        self._events.arrivals.append(now)
        self._events.texts.append(event.data)
        if now >= self._due:
            self._due = self._progress(now)
