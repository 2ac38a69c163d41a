"""What went wrong with a call: the error as the client raised it, and what the server said of it.

Only texts and numbers are taken from an exception: held until the span is stored it would keep its traceback alive, and
with it every frame of the user's. The error's class and the HTTP status go on the span; what the server said may quote
the prompt and is part of the span's detail, as its message is kept from the user's exporters by `Tracing.fail`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from nbtrace import semconv
from nbtrace._capture import attempts, refusal, said
from nbtrace._capture.messages import dumps, loads, mapping
from nbtrace._capture.wire import Attributes, Body
from nbtrace._guard import guard


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, as texts and numbers."""

    kind: str
    """`error.type`: the exception's class, or the provider's code if there was no exception."""
    message: str | None
    status: int | None = None
    """The HTTP status, if there was a response."""
    said: bytes = b""
    """What the server said: a response's body, or an event of a stream."""
    cause: str | None = None
    """What the client's error came from, such as a refused connection."""
    headers: bytes = b""
    """Those of the response, as `attempts.packed` gives them."""

    def on_span(self) -> Attributes:
        """Give the attributes that anybody may see."""
        found: Attributes = {semconv.ERROR_TYPE: self.kind}
        if self.status is not None:
            found[semconv.HTTP_STATUS_CODE] = self.status
        return found

    def attributes(self) -> Attributes:
        """Give the attributes of what the server said."""
        found = self.on_span()
        if self.cause is not None:
            found[semconv.ERROR_CAUSE] = self.cause
        return found | said.attributes(self.said) | refusal.of_error(said.error_in(self.said))


def raised(error: BaseException) -> Failure:
    """Describe an exception that a client raised, or that ended its stream."""
    kind = type(error)
    made = Failure(f"{kind.__module__}.{kind.__qualname__}", _text(error))
    with guard("capture"):  # anybody's exception: its class and text are told even so
        response, status = getattr(error, "response", None), getattr(error, "status_code", None)
        headers = getattr(response, "headers", None)
        return replace(
            made,
            status=status if isinstance(status, int) else None,
            said=_said(error, response, status),
            cause=None if error.__cause__ is None else f"{type(error.__cause__).__name__}: {_text(error.__cause__)}",
            headers=attempts.packed(headers) if hasattr(headers, "raw") else b"",
        )
    return made


def answered(error: Body) -> Failure:
    """Describe an error that came as an answer."""
    kind = error.get("code") or error.get("type") or "error"
    return Failure(str(kind), str(error.get("message") or "") or None, said=dumps(dict(error)).encode())


def in_answer(said: str | bytes) -> Body | None:
    """Find the error in an answer that has nothing else, under a status of 200, as routers and proxies send it."""
    if (b'"error"' not in said) if isinstance(said, bytes) else ('"error"' not in said):
        return None
    with suppress(ValueError):
        body = mapping(loads(said))
        error = body.get("error")
        if error and not any(body.get(name) for name in ("choices", "content", "data", "output")):
            return error if isinstance(error, Mapping) else {"message": error}
    return None


def _said(error: BaseException, response: Any, status: object) -> bytes:
    # The public `content` raises for a body that was not read, as that of a stream.
    content = vars(response).get("_content") if response is not None else None
    if isinstance(status, int) and status >= said.REFUSED and isinstance(content, bytes):
        return content
    body: Any = getattr(error, "body", None)  # that of an event in a stream
    return dumps(body).encode() if isinstance(body, dict) else b""


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # noqa: BLE001 - anybody's exception
        return f"(an error without a text: its __str__ raised {type(problem).__name__})"


def request_of(error: BaseException | None) -> bytes | None:
    """Give the body of the request that an error tells of."""
    with suppress(RuntimeError, TypeError):  # an error without a request says so by raising
        return vars(getattr(error, "request", error)).get("_content")
    return None
