"""What has changed between two recordings: span by span, as they are aligned, and in the figures of all of them.

A span has changed if it was asked, answered, set, scored or charged otherwise. That it took another time is told, and
is no change: no call takes the same time twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from nbtrace import semconv
from nbtrace._query.alignment import Forest, align
from nbtrace._query.kinds import kind
from nbtrace._query.preview import spoken
from nbtrace._query.scored import SCORE, Judged, score_figures, scores_of
from nbtrace._store.attributes import plain

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot

Rows = list[dict[str, Any]]

PIECE: Final = 512
"""Spans that are compared at a time: their messages are in memory."""

IDENTITY: Final = ("name", "span_type", "operation", "prompt_name", "cell_id", "attributes", "trace_id", "span_id")
COMPARED: Final = (
    "name", "operation", "provider", "request_model", "response_model", "prompt_name", "prompt_version", "error_type",
    "status_code", "finish_reasons", "refusal", "input_tokens", "output_tokens", "cost_usd", "duration_ns",
    "system_instructions", "input_messages", "output_messages", "tool_definitions", "attributes",
)  # fmt: skip

NUMBERS: Final = ("input_tokens", "output_tokens", "cost_usd", "duration_ns")
MESSAGES: Final = {
    "instructions": "system_instructions", "input": "input_messages", "output": "output_messages",
}  # fmt: skip
CONTENTS: Final = {
    "source": semconv.CELL_SOURCE, "arguments": semconv.TOOL_CALL_ARGUMENTS, "result": semconv.TOOL_CALL_RESULT,
    "query": semconv.RETRIEVAL_QUERY, "documents": semconv.RETRIEVAL_DOCUMENTS,
}  # fmt: skip
"""Attributes that are texts, by what they are called here."""
SETTINGS: Final = ("gen_ai.request.", "openai.request.", "anthropic.request.")
NO_SETTINGS: Final = frozenset((semconv.REQUEST_PREVIOUS_RESPONSE_ID, semconv.REQUEST_STREAM_CURSOR))
"""They name something of one call."""

FIGURES: Final = (
    "calls", "errors", "error_rate", "input_tokens", "output_tokens", "cost_usd", "unpriced", "latency_p50_s",
    "latency_p95_s",
)  # fmt: skip
"""Those of `nbtrace.metrics` that are compared."""


class Fact(NamedTuple):
    """Something that is otherwise; none is what is not there or not known."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A span of one recording, or of both."""

    kind: Literal["added", "removed", "changed", "same"]
    depth: int
    name: str
    """After, or of what was removed before."""
    type: str
    before: str | None
    """Its id in hex, and none of what was added."""
    after: str | None
    times: Fact
    """Nanoseconds, whether they are otherwise or not."""
    facts: tuple[Fact, ...] = ()
    """Words, numbers, settings and scores that are otherwise."""
    texts: tuple[Fact, ...] = ()
    """Texts that are otherwise, such as `input`: to be compared word by word."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed."""

    spans: tuple[Change, ...]
    """Every span of both, depth-first."""
    figures: tuple[Fact, ...]
    """`spans`, `FIGURES`, of each score its mean as `score.NAME`, and of each check its pass rate as `check.NAME`."""

    @property
    def counts(self) -> dict[str, int]:
        """How many spans were added, removed, changed, and stayed the same."""
        counted: dict[str, int] = dict.fromkeys(("added", "removed", "changed", "same"), 0)
        for one in self.spans:
            counted[one.kind] += 1
        return counted


def changes(before: Spans, after: Spans) -> Changes:
    """Compare two recordings."""
    from nbtrace._query.tree import forest

    (left, above), (right, other) = forest(before.snapshot), forest(after.snapshot)
    judged = (scores_of(left), scores_of(right))
    pairs = align(Forest(above, _keys(left)), Forest(other, _keys(right)))
    found: list[Change] = []
    for start in range(0, len(pairs), PIECE):
        piece = pairs[start : start + PIECE]
        rows = (_rows(left, [pair.before for pair in piece]), _rows(right, [pair.after for pair in piece]))
        for pair in piece:
            one = None if pair.before is None else rows[0][pair.before]
            two = None if pair.after is None else rows[1][pair.after]
            found.append(_change(pair.depth, one, two, judged))
    return Changes(tuple(found), tuple(_figures(before, after, judged)))


def _rows(spans: Snapshot, places: list[int | None]) -> dict[int, dict[str, Any]]:
    wanted = [place for place in places if place is not None]
    names = dict.fromkeys((*IDENTITY, *COMPARED))
    return dict(zip(wanted, spans.take(wanted).select(list(names)).to_pylist(), strict=True))


def _keys(spans: Snapshot) -> list[tuple[Any, ...]]:
    """Say what each span is the same by: what it is asked, what it is called, what kind it is."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(spans), PIECE):
        piece = spans.slice(start, PIECE)
        asked = piece.last_messages("input_messages").to_pylist()
        for row, message in zip(piece.select(IDENTITY).to_pylist(), asked, strict=True):
            what = kind(row["span_type"], row["operation"])
            attributes = plain(row["attributes"])
            called = row["prompt_name"] or "" if row["operation"] and what in ("llm", "embedding") else row["name"]
            called = row["cell_id"] if what == "cell" and row["cell_id"] else called
            given = [message, *(attributes.get(name) for name in CONTENTS.values())]
            digest = blake2b(repr(given).encode("utf-8", "replace"), digest_size=16).digest()
            group = (what, row["operation"])
            found.append(((*group, called, digest), (*group, called), group))
    return found


def _change(depth: int, before: Any, after: Any, judged: tuple[Any, Any]) -> Change:
    row = after or before
    times = Fact("duration_ns", before and before["duration_ns"], after and after["duration_ns"])
    own, other = (one and one["span_id"].hex() for one in (before, after))
    said = (depth, row["name"] or "", kind(row["span_type"], row["operation"]), own, other, times)
    if before is None or after is None:
        return Change("removed" if after is None else "added", *said)
    facts = tuple(_different(_facts(before, judged[0]), _facts(after, judged[1])))
    texts = tuple(_different(_texts(before), _texts(after)))
    return Change("changed" if facts or texts else "same", *said, facts, texts)


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Fact]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Fact(name, before.get(name), after.get(name))


def _facts(row: Mapping[str, Any], judged: Mapping[Any, Mapping[str, Judged]]) -> dict[str, Any]:
    """Read what of a span is a word or a number."""
    version = row["prompt_version"]
    settings = {
        name.partition("request.")[2]: value
        for name, value in plain(row["attributes"]).items()
        if name.startswith(SETTINGS) and name not in NO_SETTINGS
    }
    return {
        "name": row["name"],
        "provider": row["provider"],
        "model": row["request_model"],
        "answered by": row["response_model"],
        "prompt": row["prompt_name"] and f"{row['prompt_name']} v{version}",
        **dict(sorted(settings.items())),
        "error": (row["error_type"] or "error") if row["status_code"] == 2 else None,  # noqa: PLR2004 - OTLP's code
        "finish reasons": ", ".join(row["finish_reasons"] or ()) or None,
        "refused": row["refusal"],
        **{name: row[name] for name in NUMBERS if name != "duration_ns"},
        **_said_of(judged.get((row["trace_id"], row["span_id"]), {})),
    }


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    attributes = plain(row["attributes"])
    found = {name: "\n\n".join(spoken(row[column])) or None for name, column in MESSAGES.items()}
    found["tools"] = row["tool_definitions"]
    return found | {name: _said(attributes.get(key)) for name, key in CONTENTS.items()}


def _said(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


def _said_of(scores: Mapping[str, Judged]) -> dict[str, Any]:
    """Give what was said of a span: a number, or else a word."""
    return {f"{SCORE}{name}": one.label if one.value is None else one.value for name, one in scores.items()}


def _figures(before: Spans, after: Spans, judged: tuple[Any, Any]) -> Iterator[Fact]:
    from nbtrace._query.metrics import metrics

    yield Fact("spans", len(before), len(after))
    own, other = metrics(before), metrics(after)
    yield from (Fact(name, own[name][0], other[name][0]) for name in FIGURES)
    means = [score_figures(scores) for scores in judged]
    for name in sorted(set(means[0]) | set(means[1])):
        yield Fact(name, means[0].get(name), means[1].get(name))
