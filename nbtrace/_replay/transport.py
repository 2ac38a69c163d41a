"""Where a replay answers: in the place of the HTTP client's transport, for requests of calls that have a recording.

All that is above it is the client's own: its objects, its streams, its errors and when it tries again. Everything else
that the process asks of the network passes untouched.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from threading import RLock
from types import ModuleType
from typing import Any, ClassVar, Final

from nbtrace._capture.call import under_way
from nbtrace._capture.finder import Finder
from nbtrace._capture.wrapping import Wrapping, is_wrapped
from nbtrace._replay.answer import Answer, Answers

_LIBRARIES: Final = ("httpx", "httpx2")
"""What the clients send by: httpx2 openai 3, httpx the others."""
_CLIENTS: Final = ("Client", "AsyncClient")
_PLACE: Final = "_transport_for_url"


class Transports:
    """Puts the recording in the place of the network while open, and until the last call is over that it answers."""

    _lock: ClassVar = RLock()
    _wrapping: ClassVar = Wrapping()
    _needed: ClassVar[int] = 0
    """By how many the wrappers are needed: replays that are on, and calls that are being answered."""

    def __init__(self) -> None:
        self._finder = Finder({f"{name}._client": self._wrap for name in _LIBRARIES})
        self._is_open = False

    def open(self) -> None:
        """Wrap the HTTP libraries, also those that are imported later."""
        with self._lock:
            for module in _loaded():
                self._wrap(module)
            sys.meta_path.insert(0, self._finder)
            self._is_open = True
            Transports._needed += 1

    def hold(self, answers: Answers) -> bool:
        """Stay in place until a call has all its answers; says no where they would not reach it."""
        with self._lock:
            if not self._is_open or not all(
                is_wrapped(getattr(module, name), _PLACE) for module in _loaded() for name in _CLIENTS
            ):
                return False
            Transports._needed += 1
            answers.over = self._let_go
            return True

    def close(self) -> None:
        """Answer no more calls, and put back what was there."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                if self._finder in sys.meta_path:
                    sys.meta_path.remove(self._finder)
                self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            Transports._needed -= 1
            if not Transports._needed:
                self._wrapping.restore()

    def _wrap(self, module: ModuleType) -> None:
        library = sys.modules[module.__name__.partition(".")[0]]
        for name in _CLIENTS:
            self._wrapping.replace(getattr(module, name), _PLACE, functools.partial(_instead, library))


def _loaded() -> list[ModuleType]:
    return [module for name in _LIBRARIES if (module := sys.modules.get(f"{name}._client")) is not None]


def _instead(library: ModuleType, original: Callable[..., Any]) -> Callable[..., Any]:
    def transport_for_url(self: Any, url: Any) -> Any:
        call = under_way()
        # A token that the client fetches on the way is no call of a model.
        is_its = call is not None and (url.host, url.port) == (call.server.host, call.server.port)
        answers = call.recorded if call is not None and is_its else None
        return original(self, url) if answers is None else _Recorded(library, answers)

    return transport_for_url


class _Recorded:
    """Stands in for a transport, sync and async."""

    def __init__(self, library: Any, answers: Answers) -> None:
        self._library = library
        self._answers = answers

    def handle_request(self, request: Any) -> Any:
        answer = self._answers.next()
        self._fail_at_once(answer, request)
        return self._response(answer, request)

    async def handle_async_request(self, request: Any) -> Any:
        from anyio.lowlevel import checkpoint

        await checkpoint()  # as at the network, or calls that are made at once would come one after another
        return self.handle_request(request)

    def _response(self, answer: Answer, request: Any) -> Any:
        body = _body(self._library)(self._library, answer, request)
        return self._library.Response(answer.status, headers=answer.headers, stream=body)

    def _fail_at_once(self, answer: Answer, request: Any) -> None:
        if not answer.has_response:
            raise failure(self._library, answer, request)


def failure(library: Any, answer: Answer, request: Any) -> Exception:
    """Make the HTTP library's error again that an attempt came to."""
    name, words = answer.failure or ("TransportError", "")
    kind = getattr(library, name, None)
    known = isinstance(kind, type) and issubclass(kind, library.TransportError)
    error = (kind if known else library.TransportError)(words, request=request)  # pyright: ignore[reportOptionalCall]
    if answer.cause is not None:
        error.__cause__ = type(answer.cause[0], (Exception,), {})(answer.cause[1])
    return error


class _Body:
    """A response's body, piece by piece."""

    def __init__(self, library: Any, answer: Answer, request: Any) -> None:
        self._library, self._answer, self._request = library, answer, request

    def _end(self) -> None:
        if self._answer.ends is not None:
            raise self._answer.ends
        if self._answer.failure is not None:
            raise failure(self._library, self._answer, self._request)

    def __iter__(self) -> Iterator[bytes]:
        from time import sleep

        for place, piece in enumerate(self._answer.pieces):
            if place < len(self._answer.waits_s):
                sleep(self._answer.waits_s[place])
            yield piece
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from anyio import sleep

        for place, piece in enumerate(self._answer.pieces):
            if place < len(self._answer.waits_s):
                await sleep(self._answer.waits_s[place])
            yield piece
        self._end()


@functools.cache
def _body(library: Any) -> type[_Body]:
    """Make the body's class one of the HTTP library's, which it asks for."""
    return type("Body", (_Body, library.SyncByteStream, library.AsyncByteStream), {})
