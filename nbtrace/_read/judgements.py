"""Scores out of files: spans carry them as the conventions' event `gen_ai.evaluation.result`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from nbtrace._store.scores import ATTRIBUTES, EVENT, Score, Source

if TYPE_CHECKING:
    from nbtrace._read.found import Account
    from nbtrace._read.spans import ReadEvent, ReadSpan
    from nbtrace._store.snapshot import Snapshot

NO_NUMBER: Final = "score that is no number"


def staying(span: ReadSpan, keep: Callable[[Score], object]) -> list[ReadEvent]:
    """Keep the judgements of a span as its scores.

    An event that says nothing beyond its score becomes the score; one that does stays an event too. Where nobody says
    who judged, it was a program.

    Returns:
        The events that stay.
    """
    ids = span.context.trace_id.to_bytes(16), span.context.span_id.to_bytes(8)
    events: list[ReadEvent] = []
    for event in span.events:
        said: Mapping[str, Any] = event.attributes if event.name == EVENT else {}
        known = _known(said)
        if known.get("name"):
            keep(Score(*ids, **known, time_unix_nano=event.timestamp or 0))
        if not known.get("name") or len(known) < len(said) or event.dropped_attributes or event.timestamp is None:
            events.append(event)
    return events


def finite(snapshot: Snapshot, account: Account) -> Snapshot:
    """Give spans whose scores have no NaN or infinity for a value, which would spoil a mean; the rest of them stays."""
    import pyarrow as pa
    import pyarrow.compute as pc

    scores = snapshot.scores
    values: Any = scores.column("value")
    is_sound: Any = pc.is_finite(values)
    wrong: int = pc.sum(pc.invert(is_sound)).as_py() or 0
    if not wrong:
        return snapshot
    account.repaired[NO_NUMBER] += wrong
    at = scores.column_names.index("value")
    sound: Any = pc.if_else(is_sound, values, pa.scalar(None, values.type))
    return snapshot.judged(scores.set_column(at, scores.schema.field(at), sound))


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a score has a field for."""
    found = {name: said.get(key) for name, key in ATTRIBUTES.items()}
    known: dict[str, Any] = {name: value for name, value in found.items() if isinstance(value, str)}
    if known.get("source") not in get_args(Source):
        known.pop("source", None)
    value = found["value"]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return known | {"value": float(value)}
    known.pop("value", None)
    return known
