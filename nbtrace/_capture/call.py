"""One LLM call under way: from the request to the ended span.

On the call's path only what cannot wait is done: the span, a hold on the bytes that came back, the end. Telling of the
start, and a hold on the bytes that the client sent (the user's message list will change before anyone looks), need not
lengthen the call: they come while the answer is awaited, if a connection is known to be free, so that the request is
out in no time. Turning the bytes into GenAI attributes is the span's *detail* and waits for the store to ask.
"""

from __future__ import annotations

import weakref
from threading import get_ident
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from nbtrace._capture import attempts, failure, messages, prompts, raw, stream
from nbtrace._capture.outgoing import place
from nbtrace._capture.providers import Identity, Server
from nbtrace._capture.retried import Retried
from nbtrace._capture.site import call_site
from nbtrace._capture.unfinished import PAUSE_NS, Unfinished
from nbtrace._capture.wire import Wire
from nbtrace._guard import caught, guard
from nbtrace._prompts.text import PromptText
from nbtrace._trace.current import attach, current, detach
from nbtrace._trace.provider import Tracing
from nbtrace._trace.span import entered

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from opentelemetry.context import Context

_guarded: Final = guard("capture")

_FAILED: Final = frozenset({"error", "cancelled", "interrupted"})
"""Outcomes of a stream that are its span's error, as the same end of a whole call is."""

_LEFT: Final = frozenset({"closed", "abandoned"})
"""Outcomes of a stream of which there may have been more to read."""

_ERROR: Final = b'"error"'
"""What every whole answer has in which `failure.in_answer` finds that it failed; most calls need not ask it."""

_READ: Final = frozenset({None, "exhausted"})
"""Outcomes after which the connection is free for the next call."""

_AT_ONCE_NS: Final = 5_000_000
"""A request that took longer than this to be out may have had to connect first, and so may the next one."""

_KEPT_NS: Final = 3_000_000_000
"""How long it stays open: the HTTP libraries close one that was not used for five seconds."""

_CALL: Final = otel_context.create_key("nbtrace-call")
"""Context key of the call whose request is under way, held weakly: tasks made in it keep the context."""


def under_way() -> Call | None:
    """Give the call whose request is under way here."""
    reference: Any = current().get(_CALL)
    call: Call | None = reference() if reference is not None else None
    return call if call is not None and not call.is_over else None  # an interrupt may have left it here


class Call(Retried):
    """A call of an endpoint whose wire format is known, and its span."""

    __slots__ = (
        "__weakref__",
        "_body",
        "_context",
        "_model",
        "_out_ns",
        "_token",
        "_unfinished",
        "at_end",
        "is_over",
        "is_told",
        "listens",
        "options_id",
        "place",
        "recorded",
        "replaying",
        "size",
    )

    def __init__(
        self, tracing: Tracing, wire: Wire, server: Server, body: dict[str, Any], identity: Identity | None = None
    ) -> None:
        self.is_over = True
        """Whether there is no span, or it has ended."""
        self._tracing = tracing
        self.wire = wire
        self.server = server
        model = body.get("model")
        self._model = None if model is None else str(model)
        self.options_id: int | None = None
        """By which a request is known while it is under way."""
        self.attempts = ()
        self._failure = self._prompt = self._rendered = None
        self._request = self._response = None
        self._headers = b""
        self._body: dict[str, Any] | None = body  # the user's, so let go of with the first response
        self.size = 0
        """Bytes that the call holds from its end until its attributes are built."""
        self.passed: stream.Passed | None = None
        self.outcome: str | None = None
        self.replaying: Callable[[Call], object] | None = None
        """What finds the recording that the call is answered from, while there is a replay; raises `ReplayMiss`."""
        self.recorded: Any = None
        """What was found, which hears by `over()` when no more is asked; none for a call that goes to its server."""
        self.at_end: Callable[[Call], object] | None = None
        """What the reader of a stream is to hear at its end; it may raise."""
        self.hides_usage = False
        self._unfinished: Unfinished | None = None
        self._token: Token[Context] | None = None
        self._context: Context | None = current()
        """Where the call is made, until that is of no more use."""
        name, self._identity = identity or server.identity(wire.operation, self._model)
        span = None
        now = time_ns()
        self.listens = server.connected_until_ns > now
        """Whether it is to hear when its request is out."""
        if self.listens:
            server.connected_until_ns = 0
            if server.is_out_at_once:
                span = tracing.untold(name, SpanKind.CLIENT, self._identity, self._context, now)
        self.is_told = span is None
        """Whether all who are to know of the call do; if not, they hear of it while its answer is awaited."""
        self.place = get_ident()
        """Where it is made: the thread, or of an async client the task."""
        self._out_ns = 0
        """When its request was out, as far as that was heard."""
        if span is None:
            self._find_prompts(body)
            given = self._identity | call_site(self._context)
            span = tracing.start(name, kind=SpanKind.CLIENT, attributes=given, context=self._context)
        self.span = span
        self.is_over = False

    def __del__(self) -> None:
        """End the span of a stream that nobody can read any more, also of one that nobody has begun to read."""
        if not getattr(self, "is_over", True):  # which is missing where making it failed
            self.stream_over("abandoned")

    def sent(self, content: bytes) -> None:
        """Take that the request is out, and its body."""
        self._out_ns = time_ns()
        self.tell()
        self._hold_request(content)

    def tell(self) -> None:
        """Tell of the call's start, where that was put off until its request was out, and of where it is made."""
        if self.is_told:
            return
        try:
            here = self._context or current()
            self._find_prompts(self._body or {})
            is_here = self.place in {get_ident(), place()}  # not where it is over because it was thrown away
            self._tracing.tell(self.span, call_site(here) if is_here else {}, here)
            self._context = None
        except Exception as failed:  # noqa: BLE001 - as the guard does
            caught("capture", failed)
        self.is_told = True  # but where the user interrupts: then its end tells

    def _find_prompts(self, body: dict[str, Any]) -> None:
        if PromptText.made:
            with _guarded:
                self._prompt = prompts.found_in(*map(body.get, self.wire.spoken)) or None
                self._rendered = None if self._prompt else tuple(PromptText.recent.copy())

    def enter(self, *, is_async: bool = False) -> None:
        """Make the span current, so that what the request causes becomes its child."""
        try:
            if is_async:
                self.place = place()
            here = self._context or current()
            if self.is_told:
                self._context = None
            made = entered(self.span, here)
            dict.__setitem__(made, _CALL, weakref.ref(self))  # which others may not, once it is theirs
            self._token = attach(made)
        except Exception as failed:  # noqa: BLE001 - as the guard does
            caught("capture", failed)

    def asked(self) -> dict[str, AttributeValue]:
        """Give the attributes that say what is asked for, before it is sent."""
        body = messages.loads(messages.written(self._body or {}))
        return self._identity | self.wire.request(body) | self.wire.content(body, None)

    def _leave(self) -> None:
        recorded, self.recorded = self.recorded, None
        if recorded is not None:
            recorded.over()
        token, self._token = self._token, None
        if token is not None:
            detach(token)

    def raised(self, error: BaseException) -> None:
        """Take what the user is about to see raised, and end the span."""
        with _guarded:
            try:
                self._leave()
            finally:
                self.end(error=error)

    def responded(self, response: Any, retries: int) -> None:
        """Take the HTTP response of the last attempt, before the client reads it into objects.

        Args:
            response: the HTTP library's response; its body is held if it has been read, which it is unless streamed.
            retries: how many attempts there were before.
        """
        if not self.is_told:
            self.tell()
        # The public `content` raises for a body that was not read; this is how both HTTP libraries keep one that was.
        self._response = vars(response).get("_content")
        if self._body is not None:
            self._hold_request(vars(vars(response).get("_request")).get("_content"))
        self._headers = attempts.packed(response.headers)
        if not self.server.keeps_connections:  # of HTTP/2, a request is out one frame after its body
            is_http2 = response.extensions.get("http_version") == b"HTTP/2"
            is_closed = response.headers.get("connection", "").lower() == "close"
            self.server.keeps_connections = not is_http2 and not is_closed
        if retries:
            self._over(response, None, time_ns())

    def _hold_request(self, content: bytes | None) -> None:
        """Take the body of the request that went out; where there is none, or no JSON, write what the user gave."""
        body, self._body = self._body, None
        if body is not None:
            self._request = content if content is not None and content[:1] == b"{" else messages.written(body)

    def returned(self, response: Any) -> None:
        """Take what the client returned to the user, and end the span unless its body is still to be read."""
        try:
            self._leave()
            if "_decoder" in getattr(response, "__dict__", ()):  # asking a pydantic model by `hasattr` costs 3 us
                stream.follow(response, self)
            elif self._response is None and (unread := raw.unread(response)) is not None:
                raw.listen(response, unread, self)
            else:
                self.end()
                return
            self._unfinished = Unfinished(self)
        except Exception as failed:  # noqa: BLE001 - as the guard does
            self.end()
            caught("capture", failed)

    def progress(self, now_ns: int) -> int:
        """Hear from the stream that it goes on, and give when to say so again."""
        with _guarded:
            if self._unfinished is not None:
                return self._unfinished.tick(now_ns)
        return now_ns + PAUSE_NS

    def show(self, detail: Unfinished) -> None:
        """Say that there is something to see before the end."""
        if not self.is_over:
            self._tracing.progress(self.span, detail)

    def stream_over(self, outcome: str, error: BaseException | None = None) -> None:
        """Hear from the stream that nothing more will be read."""
        with _guarded:
            if self.is_over or self.outcome is not None:
                return
            try:
                self._settle(outcome)
            finally:
                self.end(error=error if outcome in _FAILED else None)

    def _settle(self, outcome: str) -> None:
        passed = self.passed
        if outcome in _LEFT and passed is not None and passed.is_whole():
            outcome = "exhausted"
        if outcome == "exhausted" and passed is not None and not passed.is_stream:
            self._response, self.passed = passed.content(), None  # it came whole, if piece by piece
        else:
            self.outcome = outcome

    def end(self, error: BaseException | None = None) -> None:
        """End the span, once."""
        if self.is_over:
            return
        self.is_over = True
        if not self.is_told:
            self.tell()
        try:
            if self.attempts or self._unfinished is not None or self._body is not None or self._tracing.shared:
                self._conclude(error)
            if error is not None:
                self._fail(failure.raised(error))
            elif (
                self.passed is not None
                or self.wire.failure is not failure.in_answer
                or _ERROR in (self._response or b"")
            ):
                self._look_for_failure()
            held = self.passed.size() if self.passed is not None else 0
            self.size = held + len(self._request or b"") + len(self._response or b"")
        except Exception as failed:  # noqa: BLE001 - as the guard does
            caught("capture", failed)
        finally:
            self._tracing.end(self.span, self)
        if error is None and self.server.keeps_connections and self.outcome in _READ:
            self.server.connected_until_ns = (self.span.end_time or 0) + _KEPT_NS
            if self.listens:
                self.server.is_out_at_once = 0 < self._out_ns - (self.span.start_time or 0) < _AT_ONCE_NS

    def _conclude(self, error: BaseException | None) -> None:
        """Give the span what can only be told now, of a call that took more than one whole answer."""
        if self._unfinished is not None:
            self._unfinished.over()
        if self._body is not None:  # there was no response
            with _guarded:
                self._hold_request(failure.request_of(error))
        if self._tracing.shared:
            with _guarded:
                self.span.set_attributes(self._answer()[1])
        if self.attempts:
            with _guarded:
                self._attempts_over(error)

    def _look_for_failure(self) -> None:
        """See whether the answer itself says that it failed, under the status of a success."""
        if self.wire.failure is not None:
            for said in self.passed.last() if self.passed is not None else (self._response or b"",):
                if (told := self.wire.failure(said)) is not None:
                    self._fail(failure.answered(told))
                    break

    def _fail(self, what: failure.Failure) -> None:
        with _guarded:
            self._failure = what
            self._headers = self._headers or what.headers
            self._tracing.fail(self.span, what.message or None)
            self.span.set_attributes(what.on_span())
