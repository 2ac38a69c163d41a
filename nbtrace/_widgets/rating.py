"""Judgements by hand: what a reader says of a span in a widget, by a key and in a note, becomes a score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._store.labels import RATING, Judgement, Labels
from nbtrace._store.scores import Score
from nbtrace._widgets.protocol import PROTOCOL_VERSION, NoteReply, RateReply, SpanReply
from nbtrace._widgets.wire import Wire, find
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot
    from nbtrace._widgets.wire import Look, Subscribe

LONGEST_NOTE: Final = 10_000
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a reader is asked, who it is, and where the answers go."""

    keep: Callable[[Score], None]
    labels: Labels
    annotator: Callable[[], str | None]

    def trait(self) -> dict[str, Any]:
        """Say to the JavaScript what there is to choose from."""
        words = [one.shown for one in self.labels.choices]
        return {"name": self.labels.name, "words": words, "isRating": self.labels == RATING}


class RatingWire(Wire):
    """Takes judgements of spans, besides what every widget asks.

    Args:
        by_hand: what can be said, and what keeps it.
        snapshot: returns the spans.
        subscribe: registers a callback for changes.
        send: sends a message.
    """

    def __init__(self, by_hand: ByHand, snapshot: Look, subscribe: Subscribe, send: Any) -> None:
        super().__init__(snapshot, subscribe, send)
        self._by_hand = by_hand

    def handle(self, request: object) -> None:
        """Answer one message of the JavaScript."""
        match request:
            case {"id": int(number), "kind": "rate"}:
                message = cast("dict[str, Any]", request)
                self._answer(number, "rate", message, lambda: self._rated(number, message))
            case {"id": int(number), "kind": "note"}:
                message = cast("dict[str, Any]", request)
                self._answer(number, "note", message, lambda: self._noted(number, message))
            case _:
                super().handle(request)

    def _rated(self, number: int, message: dict[str, Any]) -> tuple[RateReply, pa.Table]:
        value, most = message.get("value"), len(self._by_hand.labels.choices)
        if not isinstance(value, int) or not 1 <= value <= most:
            raise UsageError.argument("value", f"the number of a label, from 1 to {most}", value)
        table = self._judge(message, lambda before: before._replace(number=value))
        return RateReply(id=number, kind="rate", version=PROTOCOL_VERSION, revision=self._revision), table

    def _noted(self, number: int, message: dict[str, Any]) -> tuple[NoteReply, pa.Table]:
        text = message.get("text")
        if not isinstance(text, str) or len(text) > LONGEST_NOTE:
            raise UsageError.argument("text", f"a note of up to {LONGEST_NOTE:,} characters", text)
        table = self._judge(message, lambda before: before._replace(note=text.strip()))
        return NoteReply(id=number, kind="note", version=PROTOCOL_VERSION, revision=self._revision), table

    def _judge(self, message: dict[str, Any], change: Callable[[Judgement], Judgement]) -> pa.Table:
        """Keep a label or a note beside what the same reader has said before of the span."""
        import pyarrow as pa

        labels = self._by_hand.labels
        snapshot = self._snapshot()
        span = find(snapshot, str(message.get("span_id")), str(message.get("trace_id")))
        ids = span["trace_id"][0].as_py(), span["span_id"][0].as_py()
        score = Score(*ids, labels.name, source="human", time_unix_nano=time.time_ns())
        self._by_hand.keep(labels.said(score, change(self._judgement(snapshot, *ids))))
        return pa.table({})

    def _judgement(self, spans: Snapshot, trace_id: bytes, span_id: bytes) -> Judgement:
        """Give what the reader has said of a span."""
        import pyarrow.compute as pc

        scores = spans.scores.filter(pc.field("span_id") == span_id)
        found = self._by_hand.labels.judged(scores, self._by_hand.annotator())
        return found.get((trace_id, span_id), Judgement())

    def span(self, number: int, message: dict[str, Any]) -> tuple[SpanReply, pa.Table]:
        """Answer with a span, and what the reader has said of it."""
        reply, table = super().span(number, message)
        said = self._judgement(self._snapshot(), bytes.fromhex(reply["trace_id"]), bytes.fromhex(reply["span_id"]))
        reply["choice"], reply["note"] = said
        return reply, table
