"""What is around a call: for whom it is made, in which session, and what came before it in another process.

Everything below a `with` block takes it over. Traces go on across processes by the W3C headers `traceparent` and
`baggage`, through OpenTelemetry's own propagators: `opentelemetry.propagate.inject` sends our spans' context on as any
other's, and `headers` here takes in what another process sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry import context as otel_context
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import plain
from nbtrace._guard import guard
from nbtrace._trace.provider import inheriting
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context


class Around:
    """Attributes for every span made below, as `nbtrace.context` makes it.

    Args:
        user: whom the calls are made for.
        session: the user's session.
        conversation: the conversation's real id, if there is one.
        tags: words to find the spans by.
        metadata: more facts, by name.
        headers: those of a request, whose trace goes on here.
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
    ) -> None:
        if isinstance(tags, str):
            message = f"tags are a list of words, such as [{tags!r}]; got the text {tags!r}"
            raise UsageError(message)
        self._headers = headers
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
            token = otel_context.attach(inheriting(self._attributes, context))
        self._tokens.append(token)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        token = self._tokens.pop()
        if token is not None:
            otel_context.detach(token)
