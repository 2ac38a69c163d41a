"""A tree has every span once, in the order that a reader expects, whatever the parents say."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace import metrics, semconv
from nbtrace._query.branch import Branch, branch, end_of
from nbtrace._query.frame import Spans
from nbtrace._query.totals import summarize
from nbtrace._query.tree import CALL, COLUMNS, ERROR, FAILURE, INTERRUPTED, UNFINISHED, start_unix_nano, tree
from nbtrace._store.snapshot import Snapshot
from nbtrace._widgets.listing import list_text
from nbtrace._widgets.static import tree_text
from tests.query.tables import START, chat, row, table


def shape(drawn: pa.Table) -> list[tuple[int, int, int]]:
    """Give id, depth and parent's row of each row."""
    columns: list[list[Any]] = [drawn[name].to_pylist() for name in ("span_id", "depth", "parent")]
    return [(int.from_bytes(span_id), depth, parent) for span_id, depth, parent in zip(*columns, strict=True)]


def test_a_cell_with_two_calls() -> None:
    text = '[{"role":"%s","parts":[{"type":"text","content":"%s"}]}]'
    drawn = tree(
        table(
            chat(
                3,
                1,
                start=20,
                ms=30,
                finish_reasons=["stop", "length"],
                time_to_first_chunk_s=0.004,
                usage_state="reported",
                input_messages=text % ("user", "Hi"),
                output_messages=text % ("assistant", "Hello  you"),
            ),
            chat(
                2, 1, start=10, ms=None, response_model=None, input_tokens=None, output_tokens=None, cost_usd=None,
                cost_state=None, provider="openai", input_messages=text % ("user", "Hi"),
            ),
            row(1, 99, ms=25, span_type="cell", cell_id="c", execution_count=7, cell_run=2, status_code=2,
                error_type="E", attributes=[attribute("other", "x"), attribute("nbtrace.cell.source", "\n a = 1\nb")]),
        ),
        summaries=2,
    )  # fmt: skip
    drawn.validate(full=True)
    nothing = dict.fromkeys(COLUMNS)
    assert start_unix_nano(drawn) == START
    assert drawn.to_pylist() == [
        nothing
        | {
            "span_id": (1).to_bytes(8), "trace_id": (1).to_bytes(16), "parent": -1, "depth": 0, "name": "span 1",
            "type": "cell", "title": "a = 1", "start_ms": 0.0, "duration_ms": 25.0, "flags": ERROR | FAILURE,
            "error_type": "E", "cell_id": "c", "execution_count": 7, "cell_run": 2,
        },
        nothing
        | {
            "span_id": (2).to_bytes(8), "trace_id": (1).to_bytes(16), "parent": 0, "depth": 1, "name": "span 2",
            "type": "llm", "model": "m", "provider": "openai", "start_ms": 10.0, "flags": CALL, "summary": "Hi",
        },
        nothing
        | {
            "span_id": (3).to_bytes(8), "trace_id": (1).to_bytes(16), "parent": 0, "depth": 1, "name": "span 3",
            "type": "llm", "model": "m-1", "start_ms": 20.0, "duration_ms": 30.0, "first_chunk_ms": 4.0,
            "input_tokens": 10.0, "output_tokens": 5.0, "cost_usd": 0.5, "flags": CALL,
            "finish_reasons": "stop,length",
        },
    ]  # fmt: skip
    assert branch(drawn, 0, 3) == Branch(
        spans=3, calls=2, input_tokens=10, output_tokens=5, cost_usd=0.5, unpriced=0, estimated=0, errors=1, running=1,
        unfinished=0, interrupted=0, end_ms=50.0,
    )  # fmt: skip
    assert [end_of(drawn, row) for row in range(3)] == [3, 2, 3]


CUT: dict[str, Any] = {
    "ms": None, "status_code": 2, "status_message": semconv.INTERRUPTED, "error_type": "interrupted",
}  # fmt: skip


def attribute(key: str, text: str) -> dict[str, Any]:
    return {"key": key, "string": text, "int": None, "double": None, "bool": None, "bytes": None, "json": None}


def test_a_stream_that_goes_on_has_a_rate_and_what_a_kernels_end_cut_is_neither_running_nor_unfinished() -> None:
    stream: dict[str, Any] = {"operation": "chat", "stream_outcome": "unfinished", "ms": None}
    rate = attribute("nbtrace.stream.output_tokens_per_second", "") | {"string": None, "double": 12.5}
    drawn = tree(
        table(
            row(1, ms=None),
            row(2, 1, start=1, **stream, attributes=[attribute("x", "y"), rate]),
            row(3, 1, start=2, **stream),
            row(4, 1, start=3, operation="chat", **CUT),
            row(5, 1, start=4, operation="chat", stream_outcome="exhausted", attributes=[rate]),
        )
    )
    assert drawn["output_rate"].to_pylist() == [None, 12.5, None, None, None]
    flags: list[Any] = drawn["flags"].to_pylist()
    assert [flag & (UNFINISHED | INTERRUPTED) for flag in flags] == [
        0, UNFINISHED, UNFINISHED, INTERRUPTED, 0,
    ]  # fmt: skip
    whole = branch(drawn, 0, 5)
    assert (whole.running, whole.unfinished, whole.interrupted) == (1, 2, 1)
    words = [set(line.split()) & {"running", "unfinished", "interrupted"} for line in tree_text(drawn).splitlines()]
    assert words[1:] == [{"running"}, {"unfinished"}, {"unfinished"}, {"interrupted"}, set()]


def test_what_was_interrupted_is_an_error_wherever_it_is_told() -> None:
    spans = Spans(table(row(1, ms=40), row(2, 1, operation="chat", start=1, **CUT), row(3, 1, ms=None, start=2)))
    chosen = {
        status: [one["span_id"][-1] for one in spans.filter(status=status)] for status in ("ok", "error", "running")
    }
    assert chosen == {"ok": ["1"], "error": ["2"], "running": ["3"]}
    counted = metrics(spans, by="status", calls_only=False)
    assert dict(zip(counted["status"], counted["errors"], strict=True)) == {"ok": 0, "error": 1, "running": 0}
    assert "running" not in repr(spans.filter(status="error")[0])
    assert re.findall("<td>(running|interrupted)</td>", spans._repr_html_()) == ["interrupted", "running"]
    whole = list_text(tree(table(row(1, ms=40), row(2, 1, operation="chat", start=1, **CUT))))
    assert ("interrupted" in whole, "running" in whole) == (True, False)


def test_what_has_failed_and_not_ended_runs_and_has_its_error() -> None:
    failing: dict[str, Any] = {"ms": None, "status_code": 2, "error_type": "interrupted", "status_message": "by me"}
    spans = Spans(table(row(1, ms=None), row(2, 1, start=1, **failing), row(3, 2, start=2)))
    assert repr(spans) == "<Spans: 3 spans, 0 LLM calls, 1 error, 2 running>"
    chosen = {
        status: [one["span_id"][-1] for one in spans.filter(status=status)] for status in ("ok", "error", "running")
    }
    assert chosen == {"ok": ["3"], "error": ["2"], "running": ["1", "2"]}
    assert repr(spans[1]) == "<span span: span 2 · running · interrupted>"
    assert re.findall("<td>(running|interrupted)</td>", spans._repr_html_()) == ["running", "running"]
    drawn = tree(spans.snapshot)
    flags: list[Any] = drawn["flags"].to_pylist()
    assert [flag & (ERROR | INTERRUPTED) for flag in flags] == [0, ERROR, 0]
    lines = tree_text(drawn).splitlines()
    assert ("1 error · 2 running" in lines[0], lines[2].split()[3:]) == (True, ["running", "✕", "interrupted"])


def test_an_empty_table_is_an_empty_tree_with_all_columns() -> None:
    drawn = tree(table())
    assert (drawn.num_rows, drawn.column_names) == (0, list(COLUMNS))
    assert drawn.schema == tree(table(row(1))).schema


def test_traces_stay_together_in_order_of_their_first_root() -> None:
    drawn = tree(table(row(1, start=5), row(2, trace=2, start=1), row(3, start=9), row(4, trace=2, start=7)))
    assert shape(drawn) == [(2, 0, -1), (4, 0, -1), (1, 0, -1), (3, 0, -1)]


def test_the_latest_whole_traces_get_their_first_words() -> None:
    said = '[{"role": "user", "parts": [{"type": "text", "content": "%s"}]}]'
    rows = [chat(own, trace=own // 2 + 1, start=own, input_messages=said % own) for own in range(6)]
    found = {most: tree(table(*rows), latest=most)["summary"].to_pylist() for most in (0, 1, 3, 5, 6)}
    two, none = ["4", "5"], [None] * 4
    assert found == {0: [*none, None, None], 1: [*none, None, None], 3: none + two,
                     5: [None, None, "2", "3", *two], 6: ["0", "1", "2", "3", *two]}  # fmt: skip


def test_an_agent_that_repeats_the_tokens_of_its_calls_is_not_counted_twice() -> None:
    agent = row(1, operation="invoke_agent", input_tokens=10, output_tokens=5, cost_usd=0.5)
    drawn = tree(table(agent, chat(2, 1, cost_state="estimated"), chat(3, 1, cost_usd=None)))
    assert branch(drawn, 0, 3) == Branch(
        spans=3, calls=2, input_tokens=20, output_tokens=10, cost_usd=0.5, unpriced=1, estimated=1, errors=0, running=0,
        unfinished=0, interrupted=0, end_ms=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("span_type", "operation", "shown"),
    [
        ("cell", "chat", "cell"),
        ("guardrail", None, "guardrail"),
        ("unheard of", None, "span"),
        (None, "embeddings", "embedding"),
        (None, "execute_tool", "tool"),
        (None, "retrieval", "retrieval"),
        (None, "invoke_agent", "agent"),
        (None, "invoke_workflow", "chain"),
        (None, "unheard of", "span"),
        (None, None, "span"),
    ],
)
def test_a_span_has_a_type_for_the_reader(span_type: str | None, operation: str | None, shown: str) -> None:
    assert tree(table(row(1, span_type=span_type, operation=operation)))["type"].to_pylist() == [shown]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({1: 1}, [(1, 0, -1)]),
        ({1: 2, 2: 1}, [(1, 0, -1), (2, 1, 0)]),
        ({1: 3, 2: 3, 3: 2}, [(2, 0, -1), (3, 1, 0), (1, 2, 1)]),
        ({1: 3, 2: 1, 3: 2}, [(1, 0, -1), (2, 1, 0), (3, 2, 1)]),
    ],
    ids=["own parent", "two", "tail of a cycle", "three"],
)
def test_spans_in_a_circle_are_cut_into_a_tree(parents: dict[int, int], expected: list[tuple[int, int, int]]) -> None:
    assert shape(tree(table(*(row(own, parent, start=own) for own, parent in parents.items())))) == expected


def test_spans_with_the_same_id_are_all_shown_under_the_first_parent() -> None:
    drawn = tree(table(row(1, start=0), row(1, start=1), row(2, 1, start=2), row(2, 1, start=3)))
    assert shape(drawn) == [(1, 0, -1), (2, 1, 0), (2, 1, 0), (1, 0, -1)]


def test_a_chain_of_ten_thousand_spans_is_no_recursion() -> None:
    count = 10_000
    drawn = tree(table(*(chat(own, own - 1, start=own) for own in range(1, count + 1))))
    assert drawn["depth"].to_pylist() == list(range(count))
    assert drawn["parent"].to_pylist() == list(range(-1, count - 1))


small = st.integers(1, 6)
graph = st.lists(
    st.builds(
        lambda span_id, parent, trace, start, ms, call: (chat if call else row)(
            span_id, parent, trace=trace, start=start, ms=ms
        ),
        small, st.none() | small, st.integers(1, 2), st.none() | st.integers(0, 5), st.none() | st.integers(0, 5),
        st.booleans(),
    ),
    max_size=14,
)  # fmt: skip


@given(graph)
def test_any_parents_at_all_make_a_forest_of_every_span(rows: list[dict[str, Any]]) -> None:
    drawn = tree(table(*rows))
    drawn.validate(full=True)
    out = drawn.to_pylist()
    assert Counter((one["trace_id"], one["span_id"]) for one in out) == Counter(
        (one["trace_id"], one["span_id"]) for one in rows
    )
    path: list[int] = []
    for index, one in enumerate(out):
        assert one["depth"] <= len(path)
        del path[one["depth"] :]
        assert one["parent"] == (path[-1] if path else -1)
        path.append(index)
        assert end_of(drawn, index) == next(
            (later for later in range(index + 1, len(out)) if out[later]["depth"] <= one["depth"]), len(out)
        )
    totals = summarize(table(*rows))
    whole = branch(drawn, 0, len(out))
    names = [field for field in Branch.__dataclass_fields__ if field != "end_ms"]
    assert {name: getattr(whole, name) for name in names} == {name: getattr(totals, name) for name in names}


def test_columns_of_several_batches_with_nulls_are_read_as_one() -> None:
    rows = [chat(own, 1, start=own, cost_usd=None if own % 3 else own, cell_run=own) for own in range(1, 20)]
    whole = table(*rows)
    parts = Snapshot(pa.concat_tables([whole.kept.slice(first, 5) for first in range(0, 20, 5)]), whole.texts)
    assert tree(parts).equals(tree(whole))
    assert tree(whole.slice(3, 9)).equals(tree(table(*rows[3:12])))
