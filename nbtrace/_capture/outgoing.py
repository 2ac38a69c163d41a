"""The moment at which a request is out and its answer is awaited: what is done then lengthens no call.

The HTTP libraries send a body piece by piece, and ask for the next piece once one is sent. A body that is one piece of
known length is over with it, so whoever is asked for a second one knows that the server has the request (of HTTP/2, all
but the frame that ends it). A body that hands on the same bytes stands in for the request's own and hears of that. Some
transports never ask, or do so from elsewhere: there nothing is put off, so a call is told at once until the request of
one before it was heard to be out.
"""

from __future__ import annotations

import functools
import weakref
from asyncio import (
    _get_running_loop,  # pyright: ignore[reportPrivateUsage] - the public one raises where there is none
    current_task,
)
from collections.abc import AsyncIterator, Iterator
from threading import get_ident
from typing import Any, Final, Protocol

from nbtrace._guard import caught

LARGEST: Final = 64 * 1024
"""Bytes of a body that is out at once; a larger one may take seconds."""


class Waiting(Protocol):
    """A call with something to do while it waits."""

    place: int
    """Where it is made, and can do that: the thread, or of an async client the task."""

    def sent(self, content: bytes) -> None:
        """Take that the request is out, and its body."""
        ...

    def tell(self) -> None:
        """Do now what was put off."""
        ...


def place() -> int:
    """Tell by a number the task that runs here, or where there is none, the thread."""
    loop = _get_running_loop()
    return get_ident() if loop is None else id(current_task(loop))


class _Outgoing:
    """A body that says when it is out; mixed with the HTTP library's own."""

    def __init__(self, content: bytes, call: Waiting) -> None:
        self._stream = content  # under the name that the libraries keep it by
        self._nbtrace_call: weakref.ref[Waiting] | None = weakref.ref(call)  # a response that is kept has its request

    def __reduce__(self) -> tuple[type[Any], tuple[bytes]]:
        return type(self).__bases__[1], (self._stream,)

    def __iter__(self) -> Iterator[bytes]:
        yield self._stream
        self._nbtrace_out(get_ident())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._stream
        self._nbtrace_out(place())

    def _nbtrace_out(self, here: int) -> None:
        try:
            reference, self._nbtrace_call = self._nbtrace_call, None  # it may be sent again, after a redirect
            call = reference() if reference is not None else None
            if call is not None and call.place == here:
                call.sent(self._stream)
        except Exception as error:  # noqa: BLE001 - as the guard does
            caught("capture", error)


@functools.cache
def _kind(whole: type[Any]) -> type[Any] | None:
    """Give what stands in for bodies of a kind, if that is one piece of known length."""
    return type(whole.__name__, (_Outgoing, whole), {}) if whole.__name__ == "ByteStream" else None


def listen(request: Any, call: Waiting) -> None:
    """Let a call hear when its request is out; where nobody can tell, it is not put off any longer.

    Args:
        request: the HTTP library's, before it is sent.
        call: whose it is.
    """
    body = request.stream
    if isinstance(body, _Outgoing):
        return
    kind, content = _kind(type(body)), vars(request).get("_content")
    if kind is None or content is None or len(content) > LARGEST:
        call.tell()
    else:
        request.stream = kind(content, call)
