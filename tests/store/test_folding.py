"""One call that several instrumentations saw is one row, whatever ended first and whatever was looked at by then."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace import _guard, semconv
from nbtrace._store import calls
from nbtrace._store.attributes import plain
from nbtrace._store.folding import Folding
from nbtrace._store.schema import COLUMNS
from nbtrace._store.scores import Score, encode_scores
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.spill import Spill
from nbtrace._store.store import Store
from nbtrace._store.values import stored
from tests.query.tables import START, chat, row, table

CALL = 3
CHAIN = row(2, 1, span_type="chain")


def repeat(span_id: int, parent: int | None, of: str = f"{CALL:016x}", *, said: Any = None, **columns: Any) -> Any:
    """Give the row of a span that repeats a call."""
    marks = {semconv.DUPLICATE_OF: of, semconv.DUPLICATE_OPERATION: "chat"}
    attributes = [stored(key, value) for key, value in ({"note": "kept"} | marks | (said or {})).items()]
    columns = {"scope": '{"name":"framework"}', "span_type": "chain", "attributes": attributes, **columns}
    return row(span_id, parent, **columns)


def fold(*rows: dict[str, Any]) -> Snapshot:
    given = table(*rows)
    return Folding().fold(tuple(given.kept.to_batches()), (), given.texts).snapshot(given.texts, given.scores)


def parents(snapshot: Snapshot) -> dict[int, int | None]:
    """Give the parent of each span."""
    columns = snapshot.select(["span_id", "parent_span_id"]).to_pydict()
    ids = zip(columns["span_id"], columns["parent_span_id"], strict=True)
    return {int.from_bytes(one): None if above is None else int.from_bytes(above) for one, above in ids}


def call(snapshot: Snapshot) -> dict[str, Any]:
    """Give the row of the call, its attributes as plain values."""
    found = next(one for one in snapshot.table().to_pylist() if one["span_id"] == CALL.to_bytes(8))
    return found | {"attributes": plain(found["attributes"])}


def test_a_call_beside_its_repeat_takes_its_place_with_what_is_below_the_call() -> None:
    attempt = row(9, CALL, span_type="attempt")
    made = fold(row(1), CHAIN, chat(CALL, 1, start=2), attempt, repeat(4, 2, start=1), row(10, 4))
    assert parents(made) == {1: None, 2: 1, CALL: 2, 9: CALL, 10: 2}


def test_of_several_beside_it_the_innermost_has_it() -> None:
    outer, inner = repeat(4, 2, start=1), repeat(5, 8, start=2)
    made = fold(row(1), CHAIN, chat(CALL, 1, start=3), inner, row(8, 4), outer)
    assert parents(made) == {1: None, 2: 1, 8: 2, CALL: 8}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([CHAIN, chat(CALL, 8), row(8, 1), repeat(4, 2)], {2: 1, 8: 1, CALL: 8}),  # the user's own step has it
        ([chat(CALL, 1), repeat(4, CALL), row(5, 4), row(6, CALL)], {CALL: 1, 5: CALL, 6: CALL}),
        ([chat(CALL, 4), repeat(4, 1), row(5, 4)], {CALL: 1, 5: 1}),
        ([chat(CALL, 5), row(5, 4), repeat(4, 1)], {5: 1, CALL: 5}),
        ([chat(CALL, 6), *(repeat(one, one - 1) for one in (6, 5)), repeat(4, 1)], {CALL: 1}),
        ([chat(CALL), repeat(4, 1)], {CALL: None}),
        ([chat(CALL, 4), repeat(4, 77)], {CALL: 77}),
        ([chat(CALL, 1), repeat(4, 1), row(4, trace=2), row(6, 4, trace=2)], {CALL: 1, 4: None, 6: 4}),
        ([row(8, 1, trace=2), chat(CALL, 1), repeat(4, 8, trace=2), row(8, 1)], {CALL: 1, 8: 1}),
        ([chat(CALL, 4), repeat(4, 5), repeat(5, 4)], {CALL: None}),
        ([chat(CALL, 4), repeat(4, CALL)], {CALL: None}),
        ([chat(CALL, 1), repeat(4, 1, of="not an id"), repeat(5, 1, of="00ff")], {CALL: 1, 4: 1, 5: 1}),
        (
            [chat(CALL, 1), repeat(4, 1, of="-00000000000000f"), repeat(5, 1, of="0x00000000000003"), repeat(6, 1)],
            {CALL: 1, 4: 1, 5: 1},
        ),
        ([chat(CALL, 1), repeat(4, 1, of=f"{99:016x}"), row(5, 4)], {CALL: 1, 4: 1, 5: 4}),
        ([chat(CALL, 1), repeat(4, 1, of=f"{4:016x}"), repeat(5, 1, of=f"{4:016x}")], {CALL: 1, 4: 1, 5: 1}),
        (
            [chat(CALL, 7), row(7, 8), row(8, 7), repeat(4, 9), row(9, 10), row(10, 9)],
            {CALL: 7, 7: 8, 8: 7, 9: 10, 10: 9},
        ),
    ],
)
def test_parents_stay_true(rows: list[dict[str, Any]], expected: dict[int, int | None]) -> None:
    assert parents(fold(row(1), *rows)) == {1: None} | expected


def test_what_the_call_lacks_is_added_and_what_differs_is_kept_beside_it() -> None:
    event = {"time_unix_nano": START + 5, "name": "retry", "attributes": [], "dropped_attributes_count": 0}
    error = [stored("exception.type", "ValueError"), stored("exception.message", "no")]
    raised = {"time_unix_nano": START + 7, "name": "exception", "attributes": error, "dropped_attributes_count": 0}
    again = raised | {"time_unix_nano": START + 6}
    link = {"trace_id": bytes(16), "span_id": bytes(8), "trace_state": None, "flags": 0, "attributes": [],
            "dropped_attributes_count": 0}  # fmt: skip
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}])
    other_form = json.dumps({"messages": [{"type": "human", "content": "Hi", "name": None}]}, indent=40)
    more = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi, again"}]}])
    cool = [stored("temperature", 0.5)]
    of_call = chat(CALL, 1, input_messages=asked, events=[raised], attributes=cool, tags=["True"])
    said = {"temperature": 0.7, "input.value": other_form, "llm.input": more, "flags": ["a", "b"], "none": "[]",
            "yes": '{"is":true}'}  # fmt: skip
    repeats = repeat(
        4, 1, said=said, name="ChatModel", events=[event, again], links=[link], user_id="u", request_model="m",
        response_model="m", input_messages=more, output_messages=asked, output_tokens=7, reasoning_tokens=2,
        status_code=2,
    )  # fmt: skip
    found = call(fold(row(1), of_call, repeats))
    same = ("span_id", "name", "operation", "span_type", "output_tokens", "cost_usd", "input_messages")
    before = call(table(row(1), of_call))
    assert {name: found[name] for name in same} == {name: before[name] for name in same}
    assert found["reasoning_tokens"] is None  # of a total that is not this one
    assert (found["user_id"], found["output_messages"]) == ("u", asked)
    assert [one["name"] for one in found["events"]] == ["retry", "exception"]
    assert [one["span_id"] for one in found["links"]] == [bytes(8)]
    told = json.loads(found["attributes"].pop(semconv.ALSO_SAID))
    assert found["attributes"] == {
        "temperature": 0.5,
        "note": "kept",
        "llm.input": more,
        "flags": ["a", "b"],
        "none": "[]",
        "yes": '{"is":true}',
        semconv.ALSO_SEEN_BY: ["framework"],
        semconv.ALSO_SEEN_AS: [f"{4:016x}"],
    }
    differing = {"temperature": 0.7, semconv.INPUT_MESSAGES: more, semconv.RESPONSE_MODEL: "m",
                 semconv.USAGE_OUTPUT_TOKENS: 7, semconv.USAGE_REASONING: 2}  # fmt: skip
    place = {"parent_span_id": f"{1:016x}", "start_time_unix_nano": START, "duration_ns": 1_000_000}
    what = {"span_id": f"{4:016x}", "scope": "framework", "name": "ChatModel", "status_code": 2}
    assert told == [what | {key: place[key] for key in told[0] if key in place} | {"attributes": differing}]


def test_what_is_no_message_that_the_call_has_is_kept() -> None:
    question = [{"role": "user", "parts": [{"type": "text", "content": "Delete all of it?"}]}]
    flags = json.dumps(dict.fromkeys(("eu_only", "human_approved", "pii_found"), True), indent=40)
    of_call = chat(CALL, 1, input_messages=json.dumps(question), attributes=[stored("gen_ai.request.stream", True)])
    for said in (
        {"app.flags": flags},
        {"app.approved": json.dumps(question, indent=40)},
        {"input.value": json.dumps({"messages": [{"type": "system", "content": "Delete all of it?"}]}, indent=40)},
        {"input.value": json.dumps({"content": "Delete all of it?", "is_sure": True}, indent=40)},
        {"input.value": json.dumps({"refused": "Delete all of it?"}, indent=40)},
    ):
        found = call(fold(row(1), of_call, repeat(4, 1, said=said)))["attributes"]
        assert found | said == found
        assert "attributes" not in json.loads(found[semconv.ALSO_SAID])[0]
    same = {"messages": [{"type": "human", "content": "Delete all of it?"}], "stream": True}
    said = {"input.value": json.dumps(same, indent=40)}
    assert not call(fold(row(1), of_call, repeat(4, 1, said=said)))["attributes"].keys() & said.keys()


def test_what_two_others_tell_is_there_once() -> None:
    error = [stored("exception.type", "ValueError"), stored("exception.message", "no")]
    raised = {"time_unix_nano": START + 7, "name": "exception", "attributes": error, "dropped_attributes_count": 0}
    link = {"trace_id": bytes(16), "span_id": bytes(8), "trace_state": None, "flags": 0, "attributes": [],
            "dropped_attributes_count": 0}  # fmt: skip
    others = [repeat(one, 1, start=one, events=[raised], links=[link]) for one in (4, 5)]
    found = call(fold(row(1), chat(CALL, 1), *others))
    assert (len(found["events"]), len(found["links"])) == (1, 1)


def test_a_call_whose_answer_could_not_be_used_has_failed() -> None:
    failing = [
        repeat(one, 1, start=one, status_code=2, status_message=f"no JSON for {one}", error_type=f"Error{one}")
        for one in (4, 5)
    ]
    found = call(fold(row(1), chat(CALL, 1), *failing))
    assert [found[name] for name in ("status_code", "status_message", "error_type")] == [2, "no JSON for 4", "Error4"]
    told = json.loads(found["attributes"][semconv.ALSO_SAID])
    assert [one["status_message"] for one in told] == ["no JSON for 4", "no JSON for 5"]
    failed = chat(CALL, 1, status_code=2, status_message="no answer")
    assert call(fold(row(1), failed, *failing))["status_message"] == "no answer"


def test_nothing_is_added_to_a_request_that_nbtrace_captured() -> None:
    asked = json.dumps([{"role": "system", "parts": [{"type": "text", "content": "Be nice."}]}])
    said = {
        "gen_ai.request.seed": 1,
        "input.value": '{"content": ["Be nice."]}',
        "openai.request.tier": "a",
        "note": "kept",
    }
    repeats = repeat(4, None, said=said, system_instructions='["Be nice."]', tool_definitions='["other"]')
    captured = chat(CALL, 4, input_messages=asked, attributes=[stored(semconv.CLIENT_NAME, "openai")])
    found = call(fold(captured, repeats))
    assert [found[name] for name in ("system_instructions", "tool_definitions")] == [None, None]
    (told,) = json.loads(found["attributes"].pop(semconv.ALSO_SAID))
    assert {*found["attributes"]} == {semconv.CLIENT_NAME, "note", semconv.ALSO_SEEN_BY, semconv.ALSO_SEEN_AS}
    assert {*told["attributes"]} == {"gen_ai.request.seed", "openai.request.tier", semconv.TOOL_DEFINITIONS}


def test_of_a_call_without_tokens_the_other_spans_count_with_what_they_cost() -> None:
    unknown = chat(CALL, 4, input_tokens=None, output_tokens=None, cost_usd=None, cost_state="unpriced",
                   attributes=[stored(semconv.COST_REASON, "no token counts")])  # fmt: skip
    knows = repeat(4, None, said={semconv.COST_SOURCE: "a table"}, input_tokens=3, cost_usd=0.2, cost_state="priced")
    later = repeat(5, None, start=1, input_tokens=9, output_tokens=9)
    found = call(fold(unknown, repeat(6, None, start=-1), knows, later))
    figures = ("input_tokens", "output_tokens", "cost_usd", "cost_state")
    assert [found[name] for name in figures] == [3, None, 0.2, "priced"]
    assert found["attributes"][semconv.COST_SOURCE] == "a table"
    assert semconv.COST_REASON not in found["attributes"]
    told = json.loads(found["attributes"][semconv.ALSO_SAID])
    assert [one.get("attributes") for one in told] == [
        None, None, {semconv.USAGE_INPUT_TOKENS: 9, semconv.USAGE_OUTPUT_TOKENS: 9}
    ]  # fmt: skip
    replayed = unknown | {"attributes": [stored(semconv.REPLAYED_FROM, "a")]}
    assert call(fold(replayed, knows))["cost_usd"] is None


@pytest.mark.parametrize("odd", [5, "text", "[", '{"a":1}', "[[1]]", [], ["a"]])
def test_what_a_file_has_by_these_names_does_not_matter(odd: Any) -> None:
    own = [stored(key, odd) for key in (semconv.ALSO_SEEN_BY, semconv.ALSO_SEEN_AS, semconv.ALSO_SAID)]
    marked = dict.fromkeys((semconv.ALSO_SEEN_BY, semconv.ALSO_SEEN_AS, semconv.ALSO_SAID), odd)
    made = fold(chat(CALL, 4, attributes=own), repeat(4, None, said=marked, scope=str(odd)), repeat(5, None))
    found = call(made)["attributes"]
    assert parents(made) == {CALL: None}
    assert found[semconv.ALSO_SEEN_AS][-2:] == [f"{4:016x}", f"{5:016x}"]
    assert [one["span_id"] for one in json.loads(found[semconv.ALSO_SAID])[-2:]] == [f"{4:016x}", f"{5:016x}"]


def test_a_call_in_another_trace_is_linked_to_where_it_was_repeated() -> None:
    made = fold(row(1, trace=2), chat(CALL), repeat(4, 1, trace=2), row(5, 4, trace=2))
    assert parents(made) == {1: None, CALL: None, 5: 1}
    (link,) = call(made)["links"]
    assert (link["trace_id"], link["span_id"]) == ((2).to_bytes(16), (1).to_bytes(8))
    (told,) = json.loads(call(made)["attributes"][semconv.ALSO_SAID])
    assert told["trace_id"] == f"{2:032x}"


def test_of_spans_with_one_id_the_one_in_the_same_trace_has_the_call() -> None:
    made = fold(chat(CALL, trace=2), chat(CALL, 4), repeat(4, None), chat(CALL, trace=3))
    told = [plain(one).get(semconv.ALSO_SEEN_AS) for one in made["attributes"].to_pylist()]
    assert told == [None, [f"{4:016x}"], None]


def test_judgements_of_what_is_gone_are_those_of_the_call() -> None:
    given = table(chat(CALL, 4), repeat(4, None))
    judged = [Score((1).to_bytes(16), span_id.to_bytes(8), "check", 1.0) for span_id in (4, 5)]
    scores = pa.Table.from_batches([encode_scores(judged)])
    made = Folding().fold(tuple(given.kept.to_batches()), (), given.texts).snapshot(given.texts, scores)
    assert made.scores["span_id"].to_pylist() == [CALL.to_bytes(8), (5).to_bytes(8)]
    assert made.gone is not None
    assert parents(made.gone) == {4: None}


def test_a_call_that_cannot_be_merged_stays_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    real = calls.merge

    def failing(rows: pa.RecordBatch, *others: Any) -> pa.RecordBatch:
        if CALL.to_bytes(8) in rows.column("span_id").to_pylist():
            raise ValueError
        return real(rows, *others)

    monkeypatch.setattr(_guard, "reraise", False)
    monkeypatch.setattr(calls, "merge", failing)
    given = [chat(CALL, 4), repeat(4, None), chat(5, 6), repeat(6, None, of=f"{5:016x}")]
    assert parents(fold(*given)) == {CALL: 4, 4: None, 5: None}


def test_calls_are_merged_in_pieces_of_some_size(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [{"role": "user", "parts": [{"type": "text", "content": str(turn) * 1000}]} for turn in range(8)]
    sent = [json.dumps(asked[: turn + 1]) for turn in range(8)]
    given = [chat(10 + turn, 30 + turn, input_messages=text) for turn, text in enumerate(sent)]
    given += [repeat(30 + turn, None, of=f"{10 + turn:016x}") for turn in range(8)]
    real, sizes = calls.merge, list[int]()

    def measured(*merged: Any) -> pa.RecordBatch:
        sizes.append(Snapshot(pa.Table.from_batches(merged[:1]), merged[-1])["input_messages"].nbytes)
        return real(*merged)

    expected = rows_of(fold(*given))
    monkeypatch.setattr(calls, "PIECE_BYTES", 10_000)
    monkeypatch.setattr(calls, "merge", measured)
    assert rows_of(fold(*given)) == expected
    assert max(sizes) < 20_000 < sum(sizes)


def test_what_looks_make_is_counted_and_let_go() -> None:
    often, once = Store(), Store()
    for number in range(30):
        more = table(*([chat(CALL, 1)] if not number else []), repeat(10 + number, 1))
        often.adopt(more)
        often.snapshot()
        once.adopt(more)
    rows = once.sizes().memory
    assert rows_of(often.snapshot()) == rows_of(once.snapshot())
    made = once.sizes().memory - rows
    assert 0 < often.sizes().memory - rows < 4 * made
    once.spill.limit = rows + made // 2
    once.adopt(table(row(2)))
    assert once.sizes().disk > rows


@pytest.mark.parametrize("cleared", [False, True])
def test_what_happens_during_a_look_does_not_mix_with_it(monkeypatch: pytest.MonkeyPatch, *, cleared: bool) -> None:
    store, real = Store(), calls.merge
    texts = [number * 200 for number in "abc"]
    pairs = [
        table(chat(span_id, span_id + 1), repeat(span_id + 1, None, f"{span_id:016x}", said={"text": text}))
        for span_id, text in zip((3, 5, 7), texts, strict=True)
    ]

    def interrupted(*given: Any) -> pa.RecordBatch:
        monkeypatch.setattr(calls, "merge", real)
        if cleared:
            store.clear()
        store.adopt(pairs[1])
        store.spill.limit = 0  # so that all goes to the disk
        store.adopt(pairs[2])
        store.snapshot()
        return real(*given)

    monkeypatch.setattr(calls, "merge", interrupted)
    store.adopt(pairs[0])
    store.snapshot()
    told = [plain(one)["text"] for one in store.snapshot()["attributes"].to_pylist()]
    assert told == (texts[1:] if cleared else texts)
    assert len(store) == len(told)


TREES = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=24)
"""Of each span: how far before it its parent is, and whether it repeats a call before it."""


@settings(max_examples=25)
@given(tree=TREES, cuts=st.lists(st.integers(0, 24)), order=st.randoms(use_true_random=False), disk=st.booleans())
def test_rows_in_any_order_and_in_any_batches_come_to_the_same(
    tree: list[tuple[int, bool]], cuts: list[int], order: Any, disk: bool
) -> None:
    made: list[dict[str, Any]] = []
    for number, (back, repeats) in enumerate(tree, start=1):
        parent = number - back if 0 < back < number else None
        of = next((one for one in range(number - 1, 0, -1) if made[one - 1]["operation"]), None)
        if repeats and of is not None:
            made.append(repeat(number, parent, of=f"{of:016x}", start=number) | {"operation": None})
        else:
            made.append(chat(number, parent, start=number))
    expected = rows_of(fold(*made))
    gone = sum(one["operation"] is None for one in made)
    assert len(expected) == len(made) - gone
    left = set(expected)
    assert all(one["parent_span_id"] is None or one["parent_span_id"] in left for one in expected.values())

    order.shuffle(made)
    given = table(*made)
    spill = Spill()
    spill.limit = 0 if disk else None
    made_once, whole = Folding(spill), given.kept.combine_chunks()
    ends = sorted({0, *(cut for cut in cuts if cut < len(made)), len(made)})
    batches = tuple(whole.slice(start, end - start).to_batches()[0] for start, end in pairwise(ends))
    for count in range(len(batches)):
        made_once.fold(batches[:count], batches[count : count + 1], given.texts)
        made_once.fold(batches[:count], (), given.texts, settled=count if disk else 0)
        if disk:
            made_once.relieve()
    assert rows_of(made_once.fold(batches, (), given.texts).snapshot(given.texts)) == expected


def rows_of(snapshot: Snapshot) -> dict[bytes, dict[str, Any]]:
    names = [column.name for column in COLUMNS if column.name != "start_time"]
    return {one["span_id"]: one for one in snapshot.select(names).to_pylist()}
