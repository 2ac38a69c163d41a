"""What many spans have in common is said once, and each gets what it would get if it stood alone."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pyarrow as pa
import pytest

from nbtrace import _guard
from nbtrace._export import otlp, sizes, wire
from nbtrace._export.backends import NAMES
from nbtrace._export.backends.backend import Backend
from nbtrace._export.facts import Facts
from nbtrace._export.prepare import Prepared
from nbtrace._store.scores import Score, encode_scores
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from tests.export.test_otlp import same_as_rows
from tests.query.tables import chat, row, table


def message(role: str, *contents: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content} for content in contents]}


CALL = {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "look", "arguments": {"a": 1}}]}
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": [1]}]}
SENT = (
    [message("user", "hi")], [message("user", "hi"), message("assistant", "ho", "and"), message("user", 'ö🦉\n"')],
    [message("user", "x" * 3000)], [CALL, RESULT], [],
)  # fmt: skip
TEXTS = (None, *(json.dumps(one, ensure_ascii=False) for one in SENT), "[1, {", '"text"', '[7, {"role": "user"}]')
ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {"key": "gen_ai.request.temperature", "double": 0.5},
    {"key": "input.value", "string": "1 + 1"},
    {"key": "input.value", "string": '{"a": 1}'},
    {"key": "gen_ai.retrieval.documents", "json": None, "string": '[{"id": "7", "content": "Ada", "score": 0.5}]'},
    {"key": "gen_ai.usage.text.input_tokens", "int": 7},
    {"key": "gen_ai.tool.call.arguments", "string": '{"title": "Spans"}'},
    {"key": "langfuse.trace.tags", "string": "of somebody else"},
    {"key": "nbtrace.cut", "json": '{"arrayValue":{"values":[{"stringValue":"before"}]}}'},
    {"key": "llm.input_messages.0.message.role", "string": "of somebody else"},
    {"key": "nbtrace.metadata.a", "int": 1},
    {"key": "nbtrace.metadata.b", "string": "y" * 5000},
    {"key": "nbtrace.prompt.template", "string": "Say {x}"},
    {"key": "user.id", "int": 7},
)
VALUES: dict[str, tuple[Any, ...]] = {
    "operation": ("chat", "chat", "chat", "chat", "embeddings", "execute_tool", "retrieval", "invoke_agent", None),
    "span_type": (None, None, None, None, "cell", "chain", "guardrail"),
    "name": ("chat m", "step", "chat m"),
    "status_code": (0, 2), "status_message": (None, "no"), "refusal": (None, None, "I cannot"),
    "user_id": (None, "ada"), "session_id": (None, "s"), "conversation_id": (None, "c", ""), "tags": (None, ["a", "b"]),
    "request_model": ("m", None), "provider": ("openai", None), "finish_reasons": (["stop"], None),
    "input_tokens": (None, 0, 7, 2**40), "output_tokens": (3, None), "cache_read_tokens": (None, 2),
    "cache_write_tokens": (None, 1), "reasoning_tokens": (None, 1),
    "cost_usd": (None, 0.5, 0.0, -0.0, math.nan), "time_to_first_chunk_s": (None, 0.25, math.inf),
    "prompt_name": (None, "p"), "prompt_version": (None, "3", "three"), "attempts": (None, 2), "cell_id": (None, "c1"),
    "input_messages": TEXTS, "output_messages": TEXTS,
    "tool_definitions": (None, '[{"type":"function","name":"look"}]'),
    "system_instructions": (None, '[{"type":"text","content":"Be brief"}]'),
}  # fmt: skip
READ = (
    "gen_ai.retrieval.documents", "gen_ai.tool.call.id", "gen_ai.tool.name", "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result", "gen_ai.agent.name", "gen_ai.request.seed", "gen_ai.usage.text.input_tokens",
    "input.value", "output.value", "nbtrace.prompt.template", "nbtrace.prompt.variable.x", "nbtrace.cut",
    "nbtrace.cost.reason", "nbtrace.metadata.user_id", "nbtrace.metadata.cost_usd", "nbtrace.metadata.attempts",
    "nbtrace.metadata.operation.cost", "nbtrace.metadata.logfire.msg", "tool.id", "langsmith.metadata.user_id",
    "operation.cost", "user.id", "gen_ai.conversation.id",
)  # fmt: skip
"""Names that overlays read, say, or say twice."""
ODD: tuple[dict[str, Any], ...] = (
    {"string": "text"}, {"string": ""}, {"string": "[1, {"}, {"string": '[{"role": "user"}, 7]'}, {"int": 5},
    {"int": 0}, {"double": 0.5}, {"double": 0.0}, {"double": -0.0}, {"double": math.nan}, {"bool": True},
    {"bytes": b"ab"}, {},
    {"json": '{"intValue":"18446744073709551615"}'}, {"json": '{"arrayValue":{"values":[]}}'},
    {"json": '{"arrayValue":{"values":[{"intValue":"1"}]}}'},
    {"json": '{"arrayValue":{"values":[{"boolValue":true}]}}'},
    {"json": '{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}}'},
    {"json": '{"kvlistValue":{"values":[]}}'},
    *({"string": f'[{{"id": {one}, "content": {one}, "score": {one}, "more": {one}}}]'}
      for one in ("[0.5, 1]", '{"a": 1}', "18446744073709551615", "true", "null", '"high"')),
)  # fmt: skip
"""What somebody else may have written there."""
ODD_VALUES: dict[str, tuple[Any, ...]] = {
    "time_to_first_chunk_s": (0.25, 1e12, -1e12, 1e300, math.inf), "prompt_name": ("p",),
    "prompt_version": ("3", "9" * 5000, "18446744073709551617", "²", ""), "input_tokens": (7, 2**63 - 1),
}  # fmt: skip
NOWHERE: Any = None
"""The address of a backend that nobody sends to."""


def many(count: int = 240) -> Snapshot:
    """Give spans of a few traces in several batches, each fact with every other one, and judgements of some."""
    chosen = random.Random(11)
    store = Store()
    made: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        facts = {name: chosen.choice(some) for name, some in VALUES.items()}
        parent = chosen.choice([None, None, number - 1, 10_000])
        some = [one for one in ATTRIBUTES if not chosen.randrange(4)]
        keys = dict.fromkeys(one["key"] for one in some)
        facts["attributes"] = [next(one for one in some if one["key"] == key) for key in keys]
        made.append(row(number, parent or 0, trace=number // 9 + 1, start=chosen.randrange(50), **facts))
    for start in range(0, count, 80):
        store.adopt(table(*made[start : start + 80]))
    scores = [
        Score(one["trace_id"], one["span_id"], name, chosen.random(), source="human", time_unix_nano=5)
        for one in made[::7]
        for name in ("kind", "short")[: chosen.randrange(1, 3)]
    ]
    return store.snapshot().judged(pa.Table.from_batches([encode_scores(scores)]))


@pytest.mark.parametrize("name", NAMES)
def test_each_of_many_spans_is_encoded_as_if_it_stood_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "ROWS", 60)
    monkeypatch.setattr(sizes, "BYTES", 100_000)
    same_as_rows(many(), name)


def test_what_is_encoded_together_is_bounded_by_its_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "BYTES", 100_000)
    spans = many()
    together = [list(wire.Batch(one, spans.texts).encoded()) for one in sizes.batches(spans)]
    assert [one for some in together for one in some] == list(wire.encoded(spans))
    assert max(sum(len(one.span) for one in some) - 1_000 * len(some) for some in together) < sizes.BYTES
    monkeypatch.setattr(sizes, "BYTES", 1)
    assert all(one.num_rows == 1 for one in sizes.batches(table(*(chat(n, input_messages=TEXTS[1]) for n in (1, 2)))))


@pytest.mark.parametrize("name", NAMES)
def test_whatever_stands_where_a_backend_reads_goes_out_as_if_its_span_stood_alone(name: str) -> None:
    chosen = random.Random(7)
    made = [
        row(
            number,
            **{column: chosen.choice(some) for column, some in (VALUES | ODD_VALUES).items()},
            attributes=[{"key": key, **chosen.choice(ODD)} for key in chosen.sample(READ, 9)],
        )
        for number in range(1, 150)
    ]
    same_as_rows(table(*made), name)


def test_what_is_below_a_prefix_keeps_the_order_of_each_span() -> None:
    one, other = ({"key": f"nbtrace.metadata.{name}", "int": 1} for name in "ab")
    spans = [chat(n, attributes=[one, other] if n % 2 else [other, one]) for n in range(1, 9)]
    same_as_rows(table(*spans), "phoenix")


def test_a_part_that_fails_says_nothing_of_its_span_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(span: Facts) -> dict[str, Any]:
        return {"length": len(span.attributes["input.value"])}

    monkeypatch.setattr(_guard, "reraise", False)
    backend = Backend("some", NOWHERE, (lambda span: {"said": span.name}, failing))
    odd = {"key": "input.value", "int": 7}
    spans = table(*(chat(n, attributes=[odd if n % 3 else odd | {"int": None, "string": "x"}]) for n in range(1, 10)))
    same_as_rows(spans, backend)
    prepared = Prepared(spans, backend)
    body = b"".join(one.span for one in otlp.spans(prepared))
    assert (prepared.unsaid, body.count(b"length"), body.count(b"said")) == (6, 3, 9)


def test_of_parts_that_say_the_same_the_last_one_counts() -> None:
    """Also where only spans that come later have it from several."""
    parts = (
        lambda span: {"a": 1, "b": span.name} if span.user_id else {"a": None},
        lambda span: {"b": 2.5 if span.user_id == "bob" else None},
        lambda span: {"a": 3} if span.user_id == "ada" else {},
    )  # fmt: skip
    store = Store()
    for start, users in ((1, (None, "eve")), (10, ("ada", None)), (20, ("ada", "bob", "eve"))):
        store.adopt(table(*(chat(start + at, user_id=user) for at, user in enumerate(users * 2))))
    same_as_rows(store.snapshot(), Backend("some", NOWHERE, parts))


def test_what_is_taken_away_may_be_said_anew() -> None:
    def part(span: Facts) -> dict[str, Any]:
        return {"user.id": "ada", "input.value": "1 + 1", "new": 1}

    without = frozenset({"user.id", "input.value", "nobody's", "gen_ai.input.messages"})
    same_as_rows(many(40), Backend("some", NOWHERE, (part,), without=without))


def test_a_part_is_asked_once_for_all_spans_with_the_facts_that_it_reads() -> None:
    """And again for those of which it reads more, which it tells only when it is asked."""
    asked: list[tuple[Any, ...]] = []

    def part(span: Facts) -> dict[str, Any]:
        asked.append((span.name, span.user_id if span.name == "b" else None))
        return {"said": f"{span.name} {span.user_id if span.name == 'b' else ''}"}

    spans = table(*(chat(n, name="ab"[n % 2], user_id=f"user {n % 10}", input_tokens=n) for n in range(1, 101)))
    body = b"".join(one.span for one in otlp.spans(Prepared(spans, Backend("some", NOWHERE, (part,)))))
    for user in range(1, 10, 2):
        assert body.count(f"b user {user}".encode()) == 10
    assert len(asked) < 20
