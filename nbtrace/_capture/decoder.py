"""Stands in for the decoder inside a client's stream, and keeps what is read by it.

Of server-sent events the pieces of bytes are kept, on their way into the decoder. They pass through iterators of the
standard library only, so that no code of Python's runs for a piece; what the client has of a stream by then is what had
arrived. A stream in another form, and one that is read by `async for`, is kept event by event as the decoder gives it.
None of the client's event objects is kept: thousands of those make every garbage collection of the process slower.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import chain, compress, filterfalse, repeat, starmap, takewhile
from operator import gt
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from nbtrace._capture import usage_chunk
from nbtrace._capture.pieces import Pieces, is_event_stream

if TYPE_CHECKING:
    from nbtrace._capture.stream import Passed, StreamReader

_CLIENTS: Final = "._streaming"
"""Where the clients have their decoder of server-sent events: another, as Bedrock's, may read them differently."""


def beside(decoder: Any, response: Any, call: StreamReader, *, is_async: bool) -> tuple[Any, Passed]:
    """Give what stands in for a stream's decoder, and what keeps all that it reads.

    Args:
        decoder: the client's own.
        response: the HTTP library's.
        call: hears now and then that there is more to show.
        is_async: whether the stream is read by `async for`.
    """
    if is_async or not is_event_stream(response) or not type(decoder).__module__.endswith(_CLIENTS):
        events = Events()
        return _EventDecoder(decoder, events, call), events
    pieces = Pieces()
    return _PieceDecoder(decoder, pieces, call), pieces


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


class _Decoder:
    def __init__(self, decoder: Any, call: StreamReader) -> None:
        self._decoder = decoder
        self.nbtrace_span = call.span.get_span_context()
        """For `nbtrace.of`."""
        self._progress = call.progress
        self._hides = call.hides_usage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)


class _PieceDecoder(_Decoder):
    """A decoder of which the pieces that it reads are kept."""

    def __init__(self, decoder: Any, pieces: Pieces, call: StreamReader) -> None:
        super().__init__(decoder, call)
        self._pieces = pieces

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Any]:
        events = self._decoder.iter_bytes(chain.from_iterable(self._kept(iterator)))
        return filterfalse(usage_chunk.tells, events) if self._hides else events

    def _kept(self, iterator: Iterator[bytes]) -> Iterator[Iterator[bytes] | list[bytes]]:
        """Give what gives the pieces as they come, until there is one with which it is time to say so."""
        parts, arrivals = self._pieces.parts, self._pieces.arrivals
        kept = filterfalse(parts.append, iterator)
        times = filterfalse(arrivals.append, starmap(time_ns, repeat(())))
        due = 0
        while True:
            yield compress(kept, takewhile(partial(gt, due), times))  # which asks for the time once a piece is there
            if not arrivals or arrivals[-1] < due:  # it was not the time that ended it
                return
            due = max(self._progress(arrivals[-1]), arrivals[-1] + 1)
            yield parts[-1:]


class _EventDecoder(_Decoder):
    """A decoder of which the events that it gives are kept."""

    def __init__(self, decoder: Any, events: Events, call: StreamReader) -> None:
        super().__init__(decoder, call)
        self._events = events

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Any]:
        events = self._kept(self._decoder.iter_bytes(iterator))
        return filterfalse(usage_chunk.tells, events) if self._hides else events

    def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        events = self._akept(self._decoder.aiter_bytes(iterator))
        return _shown(events) if self._hides else events

    def _kept(self, events: Iterator[Any]) -> Iterator[Any]:
        keep, arrived = self._events.texts.append, self._events.arrivals.append
        due = 0
        for event in events:
            now = time_ns()
            arrived(now)
            keep(event.data)
            if now >= due:
                due = self._progress(now)
            yield event

    async def _akept(self, events: AsyncIterator[Any]) -> AsyncIterator[Any]:
        keep, arrived = self._events.texts.append, self._events.arrivals.append
        due = 0
        async for event in events:
            now = time_ns()
            arrived(now)
            try:
                keep(event._data)  # noqa: SLF001 - what `data` gives by a call of Python's, for each chunk
            except AttributeError:
                keep(event.data)
            if now >= due:
                due = self._progress(now)
            yield event


async def _shown(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for event in events:
        if not usage_chunk.tells(event):
            yield event
