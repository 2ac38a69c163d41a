"""Sends one OTLP request, over HTTP here, and tries again what may pass.

What may pass is tried again, with growing pauses, within the endpoint's timeout: a busy server (429, 502, 503, 504,
`Retry-After` honoured) and a connection that failed. Everything else is told at once. Redirects are not followed,
because Python would turn the POST into a GET and the spans would be lost without a word.
"""

from __future__ import annotations

import gzip
import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import cache, partial
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any, Final

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from nbtrace._export.answer import CONNECTION_TRIES, PAUSES, Answer, Failure, short
from nbtrace._export.endpoint import LOOPBACK, Compression, Endpoint
from nbtrace._export.in_time import Http, Https
from nbtrace._export.there import UnreadError
from nbtrace._store.values import written
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

RETRYABLE: Final = frozenset({429, 502, 503, 504})
UNREADABLE: Final = frozenset({400, 415})
"""What receivers say that cannot unpack a compressed request; it is sent once more as it is."""

PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
ANSWER_BYTES: Final = 64 * 1024
PIECE_BYTES: Final = 1024 * 1024
DEEPEST: Final = 8
"""How deep in a JSON error its sentence may be."""
READ_MEBIBYTES: Final = 256
"""Longest answer to who asks: its JSON takes some times as much memory."""
COMPRESSION_LEVEL: Final = 6

Attempt = Callable[[Compression, float], Answer | Failure]
"""Sends the request once, packed so, and waits so many seconds at most."""

_random = Random()  # noqa: S311 - no secret; the module's own, because a seeded notebook draws from the global one


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Leave the redirect an error."""


def post(endpoint: Endpoint, body: bytes, *, is_otlp: bool = True) -> Answer:
    """Send an `ExportTraceServiceRequest` in the endpoint's form, or another document of JSON.

    Raises:
        ExportError: The receiver could not be reached or did not take the request.
    """
    compression = endpoint.compression if is_otlp else "none"
    attempt = (
        _over_grpc(endpoint, body) if is_otlp and endpoint.protocol == "grpc" else _over_http(endpoint, body, is_otlp)
    )
    deadline = time.monotonic() + endpoint.timeout
    pauses = iter(PAUSES)
    tries = 0
    while True:
        outcome = attempt(compression, max(deadline - time.monotonic(), 0.001))
        if isinstance(outcome, Answer):
            return outcome
        if outcome.is_unreadable and compression != "none":
            compression = "none"
            continue
        tries += 1
        pause = max(next(pauses, float("inf")), outcome.after)
        if tries >= outcome.tries or time.monotonic() + pause >= deadline:
            raise outcome.error
        sleep(pause)


def ask(endpoint: Endpoint, url: str, body: bytes | None = None) -> bytes | None:
    """Ask an address with the endpoint's headers, by a document of JSON if there is one; what is not there is none.

    Raises:
        ExportError: It could not be reached or does not tell.
    """
    kind = {} if body is None else {"content-type": "application/json"}
    headers = {"user-agent": "nbtrace", **endpoint.headers, **kind}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - as `_once`
    deadline = time.monotonic() + endpoint.timeout
    try:
        with _opener(endpoint, deadline).open(request, timeout=endpoint.timeout) as response:
            found = _read(response, READ_MEBIBYTES * PIECE_BYTES + 1)
            if len(found) > READ_MEBIBYTES * PIECE_BYTES:
                raise UnreadError(f"the answer is longer than {READ_MEBIBYTES} MiB")
            if len(found) < _promised(response.headers):
                raise ExportError.broke_off(endpoint.shown)
            return found
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise _refusal(endpoint, error).error from None
    except urllib.error.URLError as error:
        raise _no_connection(endpoint, error.reason).error from None
    except http.client.IncompleteRead:
        raise ExportError.broke_off(endpoint.shown) from None
    except (OSError, http.client.HTTPException) as error:
        raise _no_connection(endpoint, error).error from None


def sleep(seconds: float) -> None:
    """Wait a little longer than asked, so that clients that failed together do not return together."""
    time.sleep(seconds * _random.uniform(1.0, 1.2))


def _over_grpc(endpoint: Endpoint, body: bytes) -> Attempt:
    from nbtrace._export.over_grpc import call

    return lambda compression, timeout: call(endpoint, body, compression, timeout)


def _over_http(endpoint: Endpoint, body: bytes, is_otlp: bool) -> Attempt:
    kind = "x-protobuf" if is_otlp and endpoint.protocol != "http/json" else "json"
    plain = {"user-agent": "nbtrace", **endpoint.headers, "content-type": f"application/{kind}"}
    packed = cache(partial(_packed, body))

    def attempt(compression: Compression, timeout: float) -> Answer | Failure:
        sent, encoding = packed(compression)
        return _once(endpoint, sent, plain | encoding, timeout)

    return attempt


def _packed(body: bytes, compression: Compression) -> tuple[bytes, dict[str, str]]:
    if compression == "gzip":
        return gzip.compress(body, COMPRESSION_LEVEL, mtime=0), {"content-encoding": "gzip"}
    if compression == "deflate":
        return zlib.compress(body, COMPRESSION_LEVEL), {"content-encoding": "deflate"}
    return body, {}


def _once(endpoint: Endpoint, body: bytes, headers: dict[str, str], timeout: float) -> Answer | Failure:
    request = urllib.request.Request(endpoint.url, body, headers, method="POST")  # noqa: S310 - http(s) only, checked
    deadline = time.monotonic() + timeout
    try:
        with _opener(endpoint, deadline).open(request, timeout=timeout) as response:
            said = _read(response, ANSWER_BYTES)
            if len(said) < min(_promised(response.headers), ANSWER_BYTES):
                return Failure(ExportError.broke_off(endpoint.shown), CONNECTION_TRIES)
            return _answer(endpoint, len(body), response.headers, said)
    except urllib.error.HTTPError as error:
        with error:
            return _refusal(endpoint, error)
    except urllib.error.URLError as error:
        return _no_connection(endpoint, error.reason)
    except http.client.IncompleteRead:
        return Failure(ExportError.broke_off(endpoint.shown), CONNECTION_TRIES)
    except (OSError, http.client.HTTPException) as error:
        return _no_connection(endpoint, error)


def _opener(endpoint: Endpoint, deadline: float) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect(), Http(deadline), Https(deadline, endpoint.tls)]
    if endpoint.host in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy has a loopback of its own
    return urllib.request.build_opener(*handlers)


def _read(response: Any, most: int) -> bytes:
    """Read an answer, or so much of it."""
    parts: list[bytes] = []
    while most > 0 and (part := response.read1(min(most, PIECE_BYTES))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _promised(headers: Message) -> int:
    """Say how long the answer is to be."""
    length = headers.get("content-length", "")
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) else 0


def _answer(endpoint: Endpoint, sent: int, headers: Message, body: bytes) -> Answer | Failure:
    kind = headers.get_content_type()
    if kind in PAGES:
        return Failure(ExportError.not_otlp(endpoint.shown))
    try:
        if kind == "application/json":
            partial = orjson.loads(body or b"{}").get("partialSuccess", {})
            rejected, message = int(partial.get("rejectedSpans", 0)), str(partial.get("errorMessage", ""))
        else:
            parsed = ExportTraceServiceResponse.FromString(body).partial_success
            rejected, message = parsed.rejected_spans, parsed.error_message
    except (DecodeError, ValueError, AttributeError, TypeError):
        rejected, message = 0, ""  # a success whose text is not OTLP is a success
    return Answer(sent, max(rejected, 0), short(endpoint, message))


def _refusal(endpoint: Endpoint, error: urllib.error.HTTPError) -> Failure:
    status, headers = error.code, error.headers
    if status < HTTPStatus.BAD_REQUEST:
        return Failure(ExportError.redirected(endpoint.shown, status))
    try:
        body = _read(error, ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        body = b""
    message = short(endpoint, _message(headers.get_content_type(), body))
    told = ExportError.refused(endpoint.shown, status, short(endpoint, f"HTTP {status} {error.reason}"), message)
    if status not in RETRYABLE:
        return Failure(told, is_unreadable=status in UNREADABLE)
    return Failure(told, tries=1 + len(PAUSES), after=_retry_after(headers.get("retry-after", "")))


def _retry_after(value: str) -> float:
    """Read a number of seconds or an HTTP date; what is neither asks for nothing."""
    if re.fullmatch(r"\s*\d+\s*", value):
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError, OSError):  # or a date that the system cannot tell
        return 0.0


def _message(kind: str, body: bytes) -> str:
    if kind == "application/x-protobuf":
        try:
            # The body is a google.rpc.Status: like this message, an integer in field 1 and the text in field 2.
            return ExportTracePartialSuccess.FromString(body).error_message
        except DecodeError:
            return ""
    text = body.decode("utf-8", "replace")
    if kind in PAGES:
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
        return title[1] if title else ""
    if kind.endswith("json"):
        return next(_texts(text), text)
    return text


def _texts(text: str, depth: int = 0) -> Iterator[str]:
    """Find the sentence in a JSON error, under the names that servers use."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return
    for name in ("message", "error", "detail", "error_message", "errors"):
        if isinstance(found, dict) and found.get(name):
            inner = found[name]
            said = inner if isinstance(inner, str) else written(inner)
            yield said if said is inner or depth == DEEPEST else next(_texts(said, depth + 1), said)


def _no_connection(endpoint: Endpoint, cause: BaseException | str) -> Failure:
    shown, host, port = endpoint.shown, endpoint.host, endpoint.port
    match cause:
        case TimeoutError():
            return Failure(ExportError.timed_out(shown, endpoint.timeout))
        case ssl.SSLError():
            return Failure(ExportError.tls(shown, getattr(cause, "verify_message", "") or cause.reason or str(cause)))
        case socket.gaierror():
            return Failure(ExportError.unknown_host(shown, host), CONNECTION_TRIES)
        case ConnectionRefusedError():
            return Failure(ExportError.nothing_listens(shown, host, port), CONNECTION_TRIES)
        case OSError():
            reason = cause.strerror or str(cause) or type(cause).__name__
            return Failure(ExportError.broken(shown, host, port, short(endpoint, reason)), CONNECTION_TRIES)
        case _:
            return Failure(ExportError.not_spoken(shown, port, "HTTP"))
