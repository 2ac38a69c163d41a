"""A call that two instrumentations saw is one also where its kernel was killed in the middle of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from nbtrace import semconv
from nbtrace._query.frame import Spans
from nbtrace._query.totals import summarize
from nbtrace._store import starts as module
from nbtrace._store.frames import frame
from nbtrace._store.recovery import Recovered, recover
from tests.store.journals import journaled, only, span

CHAT = {semconv.OPERATION_NAME: "chat", semconv.REQUEST_MODEL: "m"}
ROUTED = CHAT | {semconv.REQUEST_MODEL: "openai/m"}
OTHER_MODEL = CHAT | {semconv.REQUEST_MODEL: "n"}
STEP = {semconv.SPAN_TYPE: "chain"}

Part = tuple[int, int | None, str, dict[str, Any]]


def part(number: int, parent: int | None, scope: str, attributes: dict[str, Any]) -> ReadableSpan:
    above = None if parent is None else SpanContext(7, parent, is_remote=False)
    return span(number, parent=above, attributes=attributes, instrumentation_scope=InstrumentationScope(scope))


def killed(directory: Path, *parts: Part, ended: int = 0) -> Recovered:
    """Give what is left of a session whose kernel died in these spans, after the last few of them had ended."""
    made = [part(*one) for one in parts]
    with journaled(directory) as (_, journal, both):
        for one in made:
            both.started(one)
        for one in made[len(made) - ended :]:
            both.ended(one, None)
        journal.flush()
        return recover(only(directory))


def told(found: Recovered) -> list[tuple[Any, ...]]:
    """Give of each span its id, its operation, its parent's id and what was merged into it."""
    return [
        (
            int(one["span_id"], 16),
            one["operation"],
            one["parent_span_id"] and int(one["parent_span_id"], 16),
            [int(other, 16) for other in one["attributes"].get(semconv.ALSO_SEEN_AS, ())],
        )
        for one in Spans(found.snapshot())
    ]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(1, None, "other", ROUTED), (2, 1, "nbtrace", CHAT)], [(2, "chat", None, [1])]),
        ([(1, None, "nbtrace", CHAT), (2, 1, "other", CHAT)], [(1, "chat", None, [2])]),
        ([(1, None, "a", CHAT), (2, 1, "b", {}), (3, 2, "b", CHAT), (4, 3, "nbtrace", CHAT)], [
            (2, None, None, []), (4, "chat", 2, [1, 3]),
        ]),
        ([(1, None, "other", CHAT), (2, 1, "nbtrace", OTHER_MODEL)], [(1, "chat", None, []), (2, "chat", 1, [])]),
        ([(1, None, "other", CHAT), (2, 1, "nbtrace", STEP), (3, 2, "nbtrace", CHAT)], [
            (1, "chat", None, []), (2, None, 1, []), (3, "chat", 2, []),
        ]),
        ([(1, None, "other", CHAT), (2, 1, "nbtrace", CHAT), (3, 1, "nbtrace", CHAT)], [
            (1, None, None, []), (2, "chat", 1, []), (3, "chat", 1, []),
        ]),
        ([(1, None, "other", {}), (2, 1, "nbtrace", CHAT)], [(1, None, None, []), (2, "chat", 1, [])]),
    ],
    ids=["around", "inside", "several", "another model", "a step between", "two calls", "not said to be a call"],
)  # fmt: skip
def test_a_call_that_two_had_begun_is_one_where_that_can_be_told(
    parts: list[Part], expected: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    found = killed(tmp_path, *parts)
    assert (told(found), found.interrupted) == (expected, len(expected))
    total = summarize(found.snapshot())
    assert (total.interrupted, total.calls) == (len(expected), sum(one[1] == "chat" for one in expected))
    taken = {scope for one in Spans(found.snapshot()) for scope in one["attributes"].get(semconv.ALSO_SEEN_BY, ())}
    merged = {number for one in expected for number in one[3]}
    assert taken == {scope for number, _, scope, _ in parts if number in merged}


def test_a_call_that_had_ended_is_as_it_was_and_what_is_around_it_is_no_call(tmp_path: Path) -> None:
    found = killed(tmp_path, (1, None, "other", CHAT), (2, 1, "nbtrace", CHAT), ended=1)
    assert told(found) == [(2, "chat", 1, []), (1, None, None, [])]
    assert found.snapshot()["status_message"].to_pylist() == [None, semconv.INTERRUPTED]
    assert summarize(found.snapshot()).calls == 1


def test_a_journal_that_does_not_say_of_which_instrumentation_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_scope(kind: int, shape: bytes) -> bytes:
        return frame(kind, json.dumps(json.loads(shape)[:3]).encode())

    with monkeypatch.context() as patch:
        patch.setattr(module, "frame", without_scope)
        found = killed(tmp_path, (1, None, "other", CHAT), (2, 1, "nbtrace", CHAT))
    assert told(found) == [(1, "chat", None, []), (2, "chat", 1, [])]
    assert found.snapshot()["scope"].to_pylist() == [None, None]
