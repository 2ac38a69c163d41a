"""The recorded calls of a snapshot, each with what its attempts came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._replay.asked import FETCH, Asked, asked, masks
from nbtrace._store.attributes import plain_column
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace._store.snapshot import Snapshot

OPERATIONS: Final = semconv.LLM_OPERATIONS | {"moderation", FETCH}
"""Those that a replay answers: what captured clients ask of models, and for a response that was made before."""
_CORE: Final = (
    "trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "duration_ns", "status_code", "status_message",
)  # fmt: skip
_ATTEMPT: Final = "attempt"
_MISSED: Final = ("nbtrace.errors.", "nbtrace.ReplayMiss")
"""How the error types begin of calls that nbtrace itself stopped."""


@dataclass
class Recording:
    """One recorded call."""

    attributes: Mapping[str, Any]
    trace_id: bytes
    span_id: bytes
    start_ns: int
    duration_ns: int | None
    status_code: int
    message: str | None
    attempts: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    """Attributes of the spans of its attempts, in order, if there were several."""
    waited_ns: int = 0
    """Nanoseconds from the start of the call to that of its last attempt; 0 if it was the only one."""

    @cached_property
    def endpoint(self) -> str:
        """The wire format that it spoke."""
        operation = str(self.attributes.get(semconv.OPERATION_NAME))
        if self.attributes.get(semconv.OPENAI_API_TYPE) == "responses" and operation != FETCH:
            return "responses"
        names = (self.attributes.get(semconv.CLIENT_NAME), self.attributes.get(semconv.PROVIDER_NAME))
        speaks = names[0] or names[1]
        return "messages" if operation == "chat" and speaks == "anthropic" else operation

    @cached_property
    def asked(self) -> Asked:
        """What was asked for."""
        return asked(self.attributes, self.endpoint)

    @cached_property
    def masks(self) -> int:
        """How many masks there are in the request."""
        return masks(self.asked)

    def shown(self, *, hides_usage: bool) -> Recording:
        """Give the recording as a call is to be answered that does, or does not, have its stream's usage hidden.

        What nbtrace asked for and hid then is nothing that the user's code knows.
        """
        if hides_usage or not self.attributes.get(semconv.STREAM_USAGE_REQUESTED):
            return self
        kept = {name: value for name, value in self.attributes.items() if name != semconv.USAGE_STATE}
        return replace(self, attributes=kept)


def recordings(snapshot: Snapshot) -> Iterator[Recording]:
    """Give the calls of a snapshot in the order in which they began.

    Left out are those that other instrumentations repeat, those that have not come to anything, and those that nbtrace
    itself stopped.
    """
    import pyarrow.compute as pc

    from nbtrace._store.columns import strings

    is_call: Any = pc.is_in(snapshot["operation"], value_set=strings(snapshot["operation"].type, sorted(OPERATIONS)))
    is_attempt: Any = pc.is_in(snapshot["span_type"], value_set=strings(snapshot["span_type"].type, [_ATTEMPT]))
    attempts: dict[bytes, list[dict[str, Any]]] = {}
    for each in _rows(snapshot.filter(is_attempt)):
        attempts.setdefault(each["parent_span_id"], []).append(each)
    for each in sorted(_rows(snapshot.filter(is_call)), key=lambda row: row["start_time_unix_nano"] or 0):
        attributes = each["attributes"]
        if semconv.DUPLICATE_OF in attributes or str(attributes.get(semconv.ERROR_TYPE)).startswith(_MISSED):
            continue
        own = sorted(
            attempts.get(each["span_id"], ()), key=lambda one: one["attributes"].get(semconv.HTTP_RESEND_COUNT) or 0
        )
        yield Recording(
            attributes,
            each["trace_id"],
            each["span_id"],
            each["start_time_unix_nano"] or 0,
            each["duration_ns"],
            each["status_code"] or 0,
            each["status_message"],
            [{**one["attributes"], semconv.ERROR_CAUSE: one["status_message"]} for one in own],
            _between(each, own[-1]) if own else 0,
        )


def _between(call: Mapping[str, Any], attempt: Mapping[str, Any]) -> int:
    began = [row["start_time_unix_nano"] or 0 for row in (call, attempt)]
    return max(0, began[1] - began[0])


def made_since(snapshot: Snapshot, began_ns: int) -> Snapshot:
    """Give the calls that were made of their servers since a moment, with the spans of their attempts."""
    import pyarrow as pa

    rows = _rows(snapshot)
    made = {
        row["span_id"]
        for row in rows
        if row["attributes"].get(semconv.OPERATION_NAME) in OPERATIONS
        and (row["start_time_unix_nano"] or 0) >= began_ns
        and semconv.REPLAYED_FROM not in row["attributes"]
        and not str(row["attributes"].get(semconv.ERROR_TYPE)).startswith(_MISSED)
    }
    wanted = [
        row["span_id"] in made
        or (row["parent_span_id"] in made and row["attributes"].get(semconv.SPAN_TYPE) == _ATTEMPT)
        for row in rows
    ]
    return snapshot.filter(pa.array(wanted, pa.bool_()))


def _rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = {column.name: key for key, column in PROMOTED.items()}
    rows = snapshot.select([*_CORE, *names]).to_pylist()
    for row, attributes in zip(rows, plain_column(snapshot["attributes"]), strict=True):
        promoted = {key: row[name] for name, key in names.items() if row[name] is not None}
        row["attributes"] = attributes | promoted
    return rows
