"""Makes one row of the rows of a call that several instrumentations saw.

The row that has the call stays as it is and gains what it lacks: attributes, events, links. Where both say something
else its own word holds, and the other's is kept in `nbtrace.also_said`, with what the other span was. Figures that only
mean something together, its tokens and its cost, are those of one span: of another if the call itself has no tokens. A
call whose answer could not be used, so that only the other span failed, has failed. Messages whose every part the row
has in another form are not kept twice; all else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa

from nbtrace import semconv
from nbtrace._store.attributes import plain
from nbtrace._store.call_rows import CORE, Row, read_rows, text_of
from nbtrace._store.columns import booleans, dictionary, fixed, nulls_of, numbers, structs
from nbtrace._store.expand import list_offsets
from nbtrace._store.forms import Leaves, is_known, leaves_of, may_be_known, parsed
from nbtrace._store.kept import kept_schema
from nbtrace._store.nested import JSON, STRING
from nbtrace._store.schema import PROMOTED
from nbtrace._store.texts import Texts, int32
from nbtrace._store.values import to_json, written

MARKS: Final = frozenset({semconv.DUPLICATE_OF, semconv.DUPLICATE_OPERATION, semconv.SPAN_TYPE})
"""What says that a span repeats a call, and is not true of the one that has it."""

SAID: Final = (semconv.ALSO_SEEN_BY, semconv.ALSO_SEEN_AS, semconv.ALSO_SAID)

PRICING: Final = frozenset({semconv.COST_STATE, semconv.COST_REASON, semconv.COST_BUCKETS, semconv.COST_SOURCE})
"""What nbtrace says of a cost, and not the other span."""

FIGURES: Final = PRICING | {
    semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS, semconv.USAGE_CACHE_READ, semconv.USAGE_CACHE_WRITE,
    semconv.USAGE_REASONING, semconv.USAGE_STATE, semconv.USAGE_COST,
}  # fmt: skip
"""Tokens, and what was made of them: all are of one span."""

TOKENS: Final = (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)

REQUEST: Final = frozenset(
    {
        semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.INPUT_VALUE, semconv.TOOL_DEFINITIONS,
        semconv.OUTPUT_TYPE, semconv.REQUEST_OPTIONS,
    }
)  # fmt: skip
"""What was asked for, besides its parameters; a replay goes by it."""

ERROR: Final = 2
"""The status of a span that failed."""

_OWN: Final = ("trace_id", "parent_span_id", "scope", "attributes")
"""What is told of a merged span in a way of its own."""


def merge(calls: pa.RecordBatch, repeats: pa.RecordBatch, owners: Sequence[int], texts: Texts) -> pa.RecordBatch:
    """Give the rows of calls with what the rows that repeat them add.

    Args:
        calls: rows that stay, as they are kept.
        repeats: rows that go, in the order of their starts.
        owners: the call of each of those, by number; best one call after the other.
        texts: what the numbers of texts mean.
    """
    merged = [_Merged(row) for row in read_rows(calls, texts)]
    for number, (row, owner) in enumerate(zip(read_rows(repeats, texts), owners, strict=True)):
        merged[owner].add(row, len(calls) + number)
        if owner not in owners[number + 1 : number + 2]:
            merged[owner].forget()
    filled = {name for one in merged for name in one.taken}
    arrays: list[Any] = []
    for name, array in zip(calls.schema.names, calls.columns, strict=True):
        match name:
            case "attributes" | "events" | "links":
                arrays.append(_lists(name, array, repeats.column(name), merged))
            case _ if name in filled:
                rows = np.array([one.taken.get(name, row) for row, one in enumerate(merged)])
                arrays.append(pa.concat_arrays([array, repeats.column(name)]).take(int32(rows)))
            case _:
                arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=kept_schema())


class _Merged:
    """A call as it becomes.

    Args:
        row: as it was.
    """

    def __init__(self, row: Row) -> None:
        self._row = row
        self._known: Row = row["attributes"]
        self._is_captured = semconv.CLIENT_NAME in self._known
        """Whether nbtrace has seen the whole request, so that what the row lacks was not asked for."""
        self._has_failed = row["status_code"] == ERROR
        self._leaves: Leaves | None = None
        self.taken: dict[str, int] = {}
        """Columns that are another row's, and which."""
        self.without: set[str] = set()
        """Attributes that are its own no more."""
        self.attributes: list[tuple[int, str]] = []
        """Attributes that are another row's: which, and the key."""
        self.events: list[tuple[int, int]] = []
        self.links: list[tuple[int, int]] = []
        """The same of events and links, by their number in the row."""
        self._events = [_event(one) for one in row["events"]]
        self._links = [_link(one) for one in row["links"]]
        self.places: list[tuple[bytes, bytes]] = []
        """Spans in other traces below which a merged span was, by trace and span id."""
        self.by = _listed(self._known.get(semconv.ALSO_SEEN_BY))
        self.spans = _listed(self._known.get(semconv.ALSO_SEEN_AS))
        self.said = _listed(parsed(str(self._known.get(semconv.ALSO_SAID))))

    def add(self, row: Row, number: int) -> None:
        """Take what a row that repeats the call adds."""
        if not any(token in self._known for token in TOKENS) and semconv.REPLAYED_FROM not in self._known:
            self._take_figures(row, number)
        if row["status_code"] == ERROR and not self._has_failed:
            self._take_failure(row, number)
        differs = dict(self._filled(row, number))
        described = parsed(row["scope"] or "")
        scope = str(described.get("name", "")) if isinstance(described, dict) else ""
        self.by += [scope] if scope not in self.by else []
        self.spans.append(row["span_id"].hex())
        told: Row = {"span_id": row["span_id"].hex(), "scope": scope}
        if row["trace_id"] != self._row["trace_id"]:
            told["trace_id"] = row["trace_id"].hex()
            if row["parent_span_id"] is not None:
                self.places.append((row["trace_id"], row["parent_span_id"]))
        if row["parent_span_id"] is not None:
            told["parent_span_id"] = row["parent_span_id"].hex()
        others = {name: row[name] for name in CORE if name not in told and name not in _OWN}
        told |= {name: value for name, value in others.items() if value and value != self._row[name]}
        self.said.append(told | ({"attributes": differs} if differs else {}))
        self.events += [(number, place) for place in _new(self._events, map(_event, row["events"]))]
        self.links += [(number, place) for place in _new(self._links, map(_link, row["links"]))]

    def _filled(self, row: Row, number: int) -> Iterator[tuple[str, Any]]:
        """Take the attributes that are not known yet, and give those whose values are others."""
        ours = PRICING | ({semconv.USAGE_COST} if semconv.COST_BUCKETS in row["attributes"] else set[str]())
        for key, value in row["attributes"].items():
            if key in MARKS or key in SAID or key in ours or value is None:
                continue
            mine = self._known.get(key)
            is_lacking = mine is None and not (self._is_captured and _is_asked(key))
            if mine == value:
                continue
            if may_be_known(key, value, is_lacking=is_lacking) and self._says(text_of(value)):
                continue
            if is_lacking and key not in FIGURES and key != semconv.ERROR_TYPE:
                self._take(key, row, number)
            else:
                yield key, text_of(value)

    def _take(self, key: str, row: Row, number: int) -> None:
        self._known[key] = row["attributes"][key]
        if key in row["columns"]:
            self.taken[PROMOTED[key].name] = number
        else:
            self.attributes.append((number, key))

    def _take_figures(self, row: Row, number: int) -> None:
        """Take the tokens of a call that knows of none, with what they cost."""
        if any(token in row["attributes"] for token in TOKENS):
            self.without |= FIGURES
            self.taken |= {PROMOTED[key].name: number for key in FIGURES if key in PROMOTED}
            for key in FIGURES & self._known.keys():
                del self._known[key]
            for key in FIGURES & row["attributes"].keys():
                self._take(key, row, number)

    def _take_failure(self, row: Row, number: int) -> None:
        """Take the status of a span that failed where the call did not: its answer could not be used."""
        self._has_failed = True
        self.taken |= dict.fromkeys(("status_code", "status_message"), number)
        if semconv.ERROR_TYPE in row["attributes"] and semconv.ERROR_TYPE not in self._known:
            self._take(semconv.ERROR_TYPE, row, number)

    def _says(self, messages: str) -> bool:
        """Say whether every part of messages is known, in whatever form."""
        if self._leaves is None:
            self._leaves = leaves_of({key: text_of(value) for key, value in self._known.items()})
        return is_known(messages, self._leaves)

    def forget(self) -> None:
        """Let go of what is only there to compare more rows with."""
        self._leaves = None

    def own(self) -> dict[str, str]:
        """Give the attributes that tell of the merged spans, as they are kept."""
        return {
            semconv.ALSO_SEEN_BY: to_json(self.by),
            semconv.ALSO_SEEN_AS: to_json(self.spans),
            semconv.ALSO_SAID: written(self.said),
        }


def _lists(name: str, calls: Any, repeats: Any, merged: list[_Merged]) -> Any:
    """Give the attributes, events or links of calls, with those that were added."""
    flat = pa.concat_arrays([calls.flatten(), repeats.flatten()])
    offsets = [*list_offsets(calls)[:-1].tolist(), *(len(calls.flatten()) + list_offsets(repeats)).tolist()]
    ends = [*offsets[1 : len(calls)], len(calls.flatten())]
    picked = [[*range(start, end)] for start, end in zip(offsets, ends, strict=False)]
    kind = kept_schema().field(name).type
    if name == "attributes":
        keys: list[str] = flat.field("key").to_pylist()
        own = [one.own() for one in merged]
        for row, one in enumerate(merged):
            kept = [place for place in picked[row] if keys[place] not in own[row] and keys[place] not in one.without]
            added = [_place(keys, key, offsets[number], offsets[number + 1]) for number, key in one.attributes]
            first = len(flat) + len(SAID) * row
            picked[row] = [*kept, *added, *range(first, first + len(SAID))]
        flat = pa.concat_arrays([flat, _texts(kind.value_type, own)])
    elif name == "events":
        times = flat.field("time_unix_nano").to_pylist()
        for row, one in enumerate(merged):
            picked[row] += [offsets[number] + place for number, place in one.events]
            picked[row].sort(key=lambda place: times[place] or 0)
    else:
        made = list(chain.from_iterable(one.places for one in merged))
        first = len(flat)
        flat = pa.concat_arrays([flat, _links(kind.value_type, made)])
        for row, one in enumerate(merged):
            picked[row] += [offsets[number] + place for number, place in one.links]
            picked[row] += range(first, first + len(one.places))
            first += len(one.places)
    lengths = [len(one) for one in picked]
    if not any(lengths):
        return nulls_of(kind, len(calls))
    made_of = flat.take(int32(np.array([*chain.from_iterable(picked)])))
    starts = int32(np.concatenate([[0], np.cumsum(lengths)]))
    is_none = booleans([length == 0 for length in lengths])
    return pa.ListArray.from_arrays(starts, made_of, type=kind, mask=is_none)


def _place(keys: Sequence[str], key: str, start: int, end: int) -> int:
    return next(place for place in range(end - 1, start - 1, -1) if keys[place] == key)


def _texts(kind: Any, rows: Sequence[Mapping[str, str]]) -> Any:
    """Keep the attributes that tell of merged spans, in their rows: no other span has the same."""
    size = len(rows) * len(SAID)
    return structs(
        kind,
        size,
        [
            dictionary([*SAID] * len(rows)),
            numbers(pa.int8(), "b", [JSON, JSON, STRING] * len(rows)),
            dictionary([row[key] for row in rows for key in SAID]),
            nulls_of(pa.int32(), size),
        ],
    )


def _links(kind: Any, places: Sequence[tuple[bytes, bytes]]) -> Any:
    """Make links to spans."""
    made = {
        "trace_id": fixed(16, [trace for trace, _ in places]),
        "span_id": fixed(8, [span for _, span in places]),
    }
    return structs(kind, len(places), [made.get(field.name, nulls_of(field.type, len(places))) for field in kind])


def _event(event: Row) -> Any:
    """Give what two instrumentations that tell the same event say alike: not the time, nor the stack."""
    said = plain(event["attributes"])
    if event["name"] == "exception":
        return event["name"], str(said.get("exception.type")).rpartition(".")[2], said.get("exception.message")
    return event["name"], event["time_unix_nano"], said


def _is_asked(key: str) -> bool:
    return key in REQUEST or key.startswith(("gen_ai.request.", "openai.request.", "anthropic.request."))


def _link(link: Row) -> tuple[bytes, bytes]:
    return link["trace_id"], link["span_id"]


def _new(known: list[Any], given: Iterable[Any]) -> Iterator[int]:
    """Give the places of what is not known yet, and know it from then on."""
    for place, one in enumerate(given):
        if one not in known:
            known.append(one)
            yield place


def _listed(value: Any) -> list[Any]:
    """Take a list, and of anything else, which a file may have by that name, none."""
    return [*value] if isinstance(value, list) else []
