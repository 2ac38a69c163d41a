"""HTTP whose answers come by a deadline: a socket's own timeout is that of each byte, and these may come one by one."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl


class _InTime(io.RawIOBase):
    """What a socket receives, headers too, until a deadline on `time.monotonic()`."""

    def __init__(self, received: Any, its_socket: socket.socket, deadline: float) -> None:
        self._received, self._socket, self._deadline = received, its_socket, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_InTime(self.fp.detach(), sock, deadline))


def _connection(kind: Any, deadline: float, host: str, **options: Any) -> Any:
    made = kind(host, **options)
    made.response_class = partial(_Response, deadline=deadline)
    return made


class Http(urllib.request.HTTPHandler):
    """Opens `http` addresses."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self._connection: Any = partial(_connection, http.client.HTTPConnection, deadline)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Ask, and have the answer by the deadline."""
        return self.do_open(self._connection, req)


class Https(urllib.request.HTTPSHandler):
    """Opens `https` addresses."""

    def __init__(self, deadline: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(context=tls)
        self._connection: Any = partial(_connection, http.client.HTTPSConnection, deadline)
        self._tls = tls

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Ask, and have the answer by the deadline."""
        return self.do_open(self._connection, req, context=self._tls)
