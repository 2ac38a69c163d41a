"""Ratings by hand: what a reader says of a span in a widget, by a key, becomes a score."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._store.scores import Score
from nbtrace._widgets.protocol import PROTOCOL_VERSION, RateReply
from nbtrace._widgets.wire import Wire, find
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._widgets.wire import Look, Subscribe

Rate = Callable[[Score], None]

RATING: Final = "rating"
"""The name of the scores that a reader gives by hand."""
BEST: Final = 5
"""Ratings go from 1 to this."""


class RatingWire(Wire):
    """Takes ratings of spans, besides what every widget asks.

    Args:
        rate: keeps a score.
        snapshot: returns the spans.
        subscribe: registers a callback for changes.
        send: sends a message.
    """

    def __init__(self, rate: Rate, snapshot: Look, subscribe: Subscribe, send: Any) -> None:
        super().__init__(snapshot, subscribe, send)
        self._rate = rate

    def handle(self, request: object) -> None:
        """Answer one message of the JavaScript."""
        match request:
            case {"id": int(number), "kind": "rate"}:
                message = cast("dict[str, Any]", request)
                self._answer(number, "rate", message, lambda: self._rated(number, message))
            case _:
                super().handle(request)

    def _rated(self, number: int, message: dict[str, Any]) -> tuple[RateReply, pa.Table]:
        import pyarrow as pa

        value = message.get("value")
        if not isinstance(value, int) or not 1 <= value <= BEST:
            raise UsageError.argument("value", f"a rating from 1 to {BEST}", value)
        span = find(self._snapshot(), str(message.get("span_id")), str(message.get("trace_id")))
        ids = span["trace_id"][0].as_py(), span["span_id"][0].as_py()
        self._rate(Score(*ids, RATING, float(value), source="human", time_unix_nano=time.time_ns()))
        return RateReply(id=number, kind="rate", version=PROTOCOL_VERSION, revision=self._revision), pa.table({})
