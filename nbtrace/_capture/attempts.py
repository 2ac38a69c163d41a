"""The attempts behind a retried call, each a span below the call's.

The client retries by itself and tells nobody. What each attempt came to is seen where the client decides to wait for
the next one, and where it takes the last one's response. A call that was not retried has no such spans.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import said
from nbtrace._trace.redact.headers import PREFIXES, RECORDED

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

    from nbtrace._trace.provider import Tracing

TOO_MANY: Final = 429


@dataclass(slots=True)
class Attempt:
    """One request on the wire."""

    started_ns: int
    ended_ns: int
    status: int | None
    headers: bytes
    """As `packed` gives them."""
    error: BaseException | None = None
    wait_ns: int = 0
    """How long the client waited afterwards."""
    is_followed: bool = False
    """Whether it had waited to the end, and made another."""
    said: bytes = b""
    """The body of a refusal, where the client has read it: of a stream it does so for the last attempt only."""

    def attributes(self, number: int) -> dict[str, AttributeValue]:
        """Give the attributes of the attempt's span."""
        found: dict[str, AttributeValue] = {semconv.SPAN_TYPE: "attempt"}
        if number:
            found[semconv.HTTP_RESEND_COUNT] = number
        if self.status is not None:
            found[semconv.HTTP_STATUS_CODE] = self.status
        if self.error is not None:
            found[semconv.ERROR_TYPE] = f"{type(self.error).__module__}.{type(self.error).__qualname__}"
        elif self.status is not None and self.status >= said.REFUSED:
            found[semconv.ERROR_TYPE] = str(self.status)
        if self.wait_ns:
            found[semconv.ATTEMPT_WAIT] = self.wait_ns / 1e9
        return found | kept(self.headers)

    def message(self) -> str | None:
        """Give why it failed, in the words of the error or of the server."""
        if self.error is not None:
            return str(self.error)
        message = said.error_in(self.said).get("message")
        return message if isinstance(message, str) else None


def packed(headers: Any) -> bytes:
    """Hold a response's headers as bytes, until somebody asks which of them are recorded.

    Held as objects, those of all calls would make each garbage collection slower.
    """
    # The public `raw` copies this list, on the call's path; both HTTP libraries have it.
    return marshal.dumps(headers._list)  # noqa: SLF001


def unpacked(headers: bytes) -> dict[str, str]:
    """Give the values of headers that were `packed`, by their names in lower case; of several alike the last."""
    made: list[tuple[bytes, bytes, bytes]] = marshal.loads(headers) if headers else []  # noqa: S302 - dumped above
    return {name.decode("latin-1"): value.decode("latin-1") for _, name, value in made}


def kept(headers: bytes) -> dict[str, AttributeValue]:
    """Give the attributes of the response headers that are recorded."""
    return {
        semconv.HTTP_RESPONSE_HEADER + name: value
        for name, value in unpacked(headers).items()
        if name in RECORDED or name.startswith(PREFIXES)
    }


def of(response: Any, started_ns: int, ended_ns: int, error: BaseException | None = None) -> Attempt:
    """Describe an attempt by its HTTP response, or by the error that came instead."""
    if response is None:
        return Attempt(started_ns, ended_ns, None, b"", error)
    body = vars(response).get("_content") if response.status_code >= said.REFUSED else None
    return Attempt(started_ns, ended_ns, response.status_code, packed(response.headers), said=body or b"")


def totals(attempts: Sequence[Attempt]) -> dict[str, AttributeValue]:
    """Give what a call's own span says of its attempts."""
    waited = sum(attempt.wait_ns for attempt in attempts)
    limited = sum(attempt.wait_ns for attempt in attempts if attempt.status == TOO_MANY)
    found: dict[str, AttributeValue] = {
        semconv.ATTEMPTS_WAIT: waited / 1e9,
        semconv.ATTEMPTS_RATE_LIMITED: limited / 1e9,
    }
    return found | ({semconv.ATTEMPTS: len(attempts)} if len(attempts) > 1 else {})


def tell(tracing: Tracing, call: Span, attempts: Sequence[Attempt]) -> None:
    """Make the attempts' spans, below the call's."""
    for number, attempt in enumerate(attempts):
        attributes = attempt.attributes(number)
        failed = semconv.ERROR_TYPE in attributes
        tracing.past(
            f"attempt {number + 1}",
            parent=call,
            times_ns=(attempt.started_ns, attempt.ended_ns),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            status=Status(StatusCode.ERROR, attempt.message()) if failed else None,
            detail=partial(said.attributes, attempt.said),  # and not the error, which keeps its frames alive
        )
