"""What is around a call: for whom it is made, in which session, and what came before it in another process.

Everything below a `with` block takes it over. Traces go on across processes by the W3C headers `traceparent` and
`baggage`, through OpenTelemetry's own propagators: `opentelemetry.propagate.inject` sends our spans' context on as any
other's, and `headers` here takes in what another process sent. For whom it is goes along only where that is asked for:
baggage reaches whomever headers are injected for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from opentelemetry import baggage as otel_baggage
from opentelemetry import context as otel_context
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import plain
from nbtrace._guard import guard
from nbtrace._trace.current import leave
from nbtrace._trace.provider import inherited, inheriting
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context


CARRIED: Final = (semconv.USER_ID, semconv.SESSION_ID, semconv.CONVERSATION_ID)
"""What baggage may say, under the names that the attributes have."""


class Around:
    """Attributes for every span made below, as `nbtrace.context` makes it.

    Args:
        user: whom the calls are made for.
        session: the user's session.
        conversation: the conversation's real id, if there is one.
        tags: words to find the spans by.
        metadata: more facts, by name.
        headers: those of a request, whose trace goes on here; for whom it is, if its baggage says so.
        baggage: whether user, session and conversation are put into the baggage.
    """

    def __init__(
        self,
        *,
        user: str | None = None,
        session: str | None = None,
        conversation: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        baggage: bool = False,
    ) -> None:
        if isinstance(tags, str):
            message = f"tags are a list of words, such as [{tags!r}]; got the text {tags!r}"
            raise UsageError(message)
        self._headers = headers
        self._carries = baggage
        named = {semconv.USER_ID: user, semconv.SESSION_ID: session, semconv.CONVERSATION_ID: conversation}
        self._attributes: dict[str, AttributeValue] = {k: str(v) for k, v in named.items() if v is not None}
        if tags:
            self._attributes[semconv.TAGS] = tuple(map(str, tags))
        for key, value in (metadata or {}).items():
            with guard("capture"):  # a value may be anything, and fail to be shown
                kept = value if isinstance(value, (bool, int, float)) else plain.text(value)
                self._attributes[f"{semconv.METADATA}{key}"] = kept
        self._tokens: list[Token[Context] | None] = []

    def __enter__(self) -> Self:
        token = None
        with guard("capture"):
            context = otel_context.get_current()
            if self._headers is not None:
                from opentelemetry import propagate

                lower = {key.lower(): value for key, value in self._headers.items()}
                context = propagate.extract(lower, context)
            attributes = {**_carried(context), **self._attributes} if self._headers is not None else self._attributes
            if self._carries:
                context = _carrying({**inherited(), **attributes}, context)
            token = otel_context.attach(inheriting(attributes, context))
        self._tokens.append(token)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        token = self._tokens.pop()
        if token is not None:
            with guard("capture"):
                leave(token)


def _carried(context: Context) -> dict[str, AttributeValue]:
    """Give what the baggage says of whom it is for."""
    return {key: str(value) for key in CARRIED if (value := otel_baggage.get_baggage(key, context)) is not None}


def _carrying(attributes: Mapping[str, AttributeValue], context: Context) -> Context:
    """Put into the baggage whom it is for."""
    for key in CARRIED:
        if key in attributes:
            context = otel_baggage.set_baggage(key, str(attributes[key]), context)
    return context
