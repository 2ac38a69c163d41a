"""What a call sent and got, held as it came, and what is read of it once somebody looks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import attempts, messages, pieces, prompts, providers, stream, usage_chunk
from nbtrace._capture.cuts import cut
from nbtrace._capture.estimate import estimated_usage
from nbtrace._capture.pace import pace, rate
from nbtrace._capture.wire import Body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import Span

    from nbtrace._capture.failure import Failure
    from nbtrace._capture.providers import Server
    from nbtrace._capture.wire import Wire
    from nbtrace._prompts.text import PromptText


class Exchange:
    """A request and its response, and how they are read: the detail of their span.

    What it holds are texts and numbers, hardly any containers: each of those that is alive makes the garbage
    collector's rounds longer, some three microseconds a call in a process with openai loaded.
    """

    __slots__ = (
        "_failure", "_headers", "_identity", "_prompt", "_rendered", "_request", "_response", "hides_usage", "outcome",
        "passed", "server", "span", "wire",
    )  # fmt: skip

    span: Span
    """The call's."""
    wire: Wire
    """The wire format of its endpoint."""
    server: Server
    """Whom it is for."""
    passed: stream.Passed | None
    """What of a stream has been read."""
    outcome: str | None
    """How the stream ended, unless it was whole."""
    hides_usage: bool
    """Whether the chunk that tells a stream's usage is one that the user has not asked for."""
    _identity: dict[str, AttributeValue]
    _request: bytes | None
    _response: bytes | None
    _headers: bytes
    """The response's, as `attempts.packed` gives them."""
    _failure: Failure | None
    _prompt: dict[str, AttributeValue] | None
    _rendered: tuple[PromptText, ...] | None

    def __call__(self) -> dict[str, AttributeValue]:
        """Build every attribute that the request and the response give: it is its span's detail."""
        request = messages.loads(self._request) if self._request is not None else {}
        response, measures, chunks = self._answer()
        arrivals = [one.arrived_ns for one in chunks]
        found = self._identity | self.wire.request(request)  # limits of the user's provider may have cut it
        found |= measures | self._client()
        found |= cut(self.span.start_time, [one.body for one in chunks], arrivals)
        found |= self.wire.content(request, response)
        if self._rendered:
            found |= prompts.made_of(self._rendered, *map(request.get, self.wire.spoken))
        found |= (self._prompt or {}) | attempts.kept(self._headers) | self._error()
        if self._request is None:
            found[semconv.INCOMPLETE] = "the request could not be copied; see the log"
        elif response is None and (self.span.status.is_ok or self.passed is not None):
            found[semconv.INCOMPLETE] = stream.unrecorded(self.passed)
        elif response is not None and self.wire.is_estimable and semconv.USAGE_STATE not in found:
            found |= estimated_usage(found)
        return found | rate(self.span.start_time, arrivals, found.get(semconv.USAGE_OUTPUT_TOKENS))

    def _error(self) -> dict[str, AttributeValue]:
        return self._failure.attributes() if self._failure is not None else {}

    def _answer(self) -> tuple[Body | None, dict[str, AttributeValue], Sequence[stream.Chunk]]:
        """Give the response's body, if it is known, what identifies and measures it, and when its chunks came."""
        body, found, chunks = self._measured()
        if body is not None and providers.of_server(self.server.host, self.server.port) is None:
            told = providers.of_answer(self._header("server"), body)
            found |= {semconv.PROVIDER_NAME: told} if told is not None else {}
        return body, found, chunks

    def _measured(self) -> tuple[Body | None, dict[str, AttributeValue], Sequence[stream.Chunk]]:
        passed = self.passed  # which a reader in another thread may settle meanwhile
        outcome = self.outcome or ("unfinished" if passed is not None else None)
        found: dict[str, AttributeValue] = {} if outcome is None else {semconv.STREAM_OUTCOME: outcome}
        if passed is None or not passed.is_stream:
            body = self._whole()
            return body, found | (self.wire.response(body) if body is not None else {}), ()
        chunks = stream.chunks(passed.events())
        if self.hides_usage:
            found[semconv.STREAM_USAGE_REQUESTED] = True
        shown = [one for one in chunks if not (self.hides_usage and usage_chunk.is_extra(one.body))]
        arrivals = [one.arrived_ns for one in shown]
        body = self.wire.fold([chunk.body for chunk in chunks])
        return body, found | self.wire.response(body) | pace(self.span.start_time, arrivals), shown

    def _header(self, name: str) -> str:
        return attempts.unpacked(self._headers).get(name, "")

    def _mime_type(self) -> str:
        return self._header("content-type").split(";")[0]

    def _whole(self) -> Body | None:
        if self._response is not None and self._mime_type() == pieces.EVENT_STREAM:  # a mock had it in hand
            return self.wire.fold([one.body for one in stream.chunks(pieces.events([self._response], [0]))])
        if self.wire.decode is not None:
            return self.wire.decode(self._response, self._mime_type()) if self._response is not None else None
        with suppress(ValueError):  # a raw response may be no JSON
            body = messages.loads(self._response) if self._response is not None else None
            return body if isinstance(body, dict) else None
        return None

    def _client(self) -> dict[str, AttributeValue]:
        told = zip((semconv.CLIENT_NAME, semconv.CLIENT_VERSION), self.server.client, strict=True)
        return {key: value for key, value in told if value}
