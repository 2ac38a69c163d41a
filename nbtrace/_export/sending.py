"""Sends encoded spans to a receiver, and loses none of them for the sake of others.

A request that is too large (413) goes again in halves, and the following ones stay below what was taken. One that is
refused for what is in it (400, 422) goes again in parts, by traces first, until the spans that the receiver does not
take stand alone; the others arrive. One that is taken in part does not go again, as OTLP demands, and the receiver does
not say which spans it rejected. What is refused in the end is counted, with the receiver's words. A failure that
would meet every request ends the export: what had arrived is known to the ledger, so that the next one sends the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from nbtrace._export.batch import Encoded, batches
from nbtrace._export.post import post
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._export.endpoint import Endpoint

TOO_LARGE: Final = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
REJECTED: Final = frozenset({400, 422})
"""What receivers say to a request of which they cannot take a part."""

TRIED: Final = 8
"""Refusals without a single request taken, after which the receiver is believed to take nothing."""

TRACE_ID_BYTES: Final = 16


@dataclass
class Outcome:
    """What became of the spans so far."""

    spans: int = 0
    """Spans that the receiver took."""
    bytes: int = 0
    requests: int = 0
    refused: dict[str, int] = field(default_factory=dict[str, int])
    """Why spans did not arrive, and how many of them."""
    said: list[str] = field(default_factory=list[str])
    """What the receiver said to requests that it took."""


class Sender:
    """Sends spans to one endpoint.

    Args:
        endpoint: where to.
        request: makes the body of a request.
        taken: is told the keys of spans that arrived.
        refused: is told the keys of spans that the receiver has answered for and not all of which it took, how many of
            them it did not, and why; once it has taken a request, so that one that takes nothing yet refuses nothing.
        limit: largest body of a request in bytes.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        request: Callable[[Sequence[Encoded]], bytes],
        taken: Callable[[Iterable[bytes]], None],
        refused: Callable[[Iterable[bytes], int, str], None],
        limit: int,
    ) -> None:
        self.outcome = Outcome()
        self._endpoint = endpoint
        self._request = request
        self._taken = taken
        self._tell_refused = refused
        self._refusals: list[tuple[list[Encoded], int, str]] = []
        """What is not told yet."""
        self._limit = limit
        self._first_refusal: ExportError | None = None

    def send(self, spans: Iterable[Encoded], progress: Callable[[int], object]) -> Outcome:
        """Send all spans.

        Args:
            spans: in the order in which they go.
            progress: is told how many more are done.

        Raises:
            ExportError: the receiver was not reached, or takes nothing.
        """
        for batch in batches(spans, self._limit):
            for part in self._parts(batch):
                self._post(part)
                progress(len(part))
        if self._first_refusal is not None and not self.outcome.requests:
            raise self._first_refusal
        return self.outcome

    def _parts(self, batch: list[Encoded]) -> Iterator[list[Encoded]]:
        """Cut a batch that was made before the limit sank."""
        return batches(batch, self._limit)

    def _post(self, batch: list[Encoded]) -> None:
        body = self._request(batch)
        try:
            answer = post(self._endpoint, body)
        except ExportError as error:
            self._refused(error, batch, len(body))
            return
        self.outcome.requests += 1
        self.outcome.bytes += answer.sent_bytes
        rejected = min(answer.rejected, len(batch))
        self.outcome.spans += len(batch) - rejected
        if rejected:
            self._count(f"rejected by the receiver{f': {answer.message}' if answer.message else ''}", batch, rejected)
        elif answer.message and answer.message not in self.outcome.said:
            self.outcome.said.append(answer.message)
        if not rejected:  # the receiver does not say which, so all of them may be sent again
            self._taken(one.key for one in batch)
        self._tell()

    def _refused(self, error: ExportError, batch: list[Encoded], size: int) -> None:
        """Send the parts of a request that was refused as a whole."""
        self._first_refusal = self._first_refusal or error
        refusals = sum(self.outcome.refused.values())
        if error.status == TOO_LARGE and len(batch) > 1:
            self._limit = min(self._limit, max(size // 2, 1))
            parts = list(batches(batch, self._limit))
        elif error.status in REJECTED and len(parts := _halves(batch)) > 1:
            pass
        elif error.status in REJECTED | {TOO_LARGE} and (self.outcome.requests or refusals < TRIED):
            self._count(f"not taken ({error.answer})", batch, len(batch))
            return
        elif not self.outcome.requests:
            raise error
        else:
            raise ExportError.partly(error, self.outcome.spans) from error
        for part in parts:
            self._post(part)

    def _count(self, why: str, batch: list[Encoded], number: int) -> None:
        self.outcome.refused[why] = self.outcome.refused.get(why, 0) + number
        self._refusals.append((batch, number, why))
        self._tell()

    def _tell(self) -> None:
        while self.outcome.requests and self._refusals:
            batch, number, why = self._refusals.pop(0)
            self._tell_refused((one.key for one in batch), number, why)


def _halves(batch: list[Encoded]) -> list[list[Encoded]]:
    """Cut a batch in two, and a trace only if it is the last one; a single span is one part."""
    traces: dict[bytes, list[Encoded]] = {}
    for one in batch:
        traces.setdefault(one.key[:TRACE_ID_BYTES], []).append(one)
    groups = list(traces.values()) if len(traces) > 1 else [[one] for one in batch]
    middle = len(groups) // 2
    halves = (groups[:middle], groups[middle:])
    return [[one for group in half for one in group] for half in halves if half]
