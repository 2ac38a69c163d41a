"""Spans in the hands of a user: a table for every library, and a readable one for people."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from nbtrace._query.frame import SHOWN_ROWS, Spans
from nbtrace._store.store import Store
from tests.query.tables import chat, row, table


def spans() -> Spans:
    return Spans(table(row(1, span_type="cell"), chat(2, 1, start=1, ms=1.5), chat(3, 1, trace=2, start=2, ms=None)))


def test_the_table_is_there_for_every_arrow_library() -> None:
    some = spans()
    assert len(some) == 3
    assert pa.table(some).equals(some.table)
    assert some.trace_ids() == ["0" * 31 + "1", "0" * 31 + "2"]


def test_pandas_gets_what_people_read_and_nothing_empty() -> None:
    some = Spans(table(*(one | {"start_time": 0} for one in spans().table.drop_columns(["start_time"]).to_pylist())))
    frame = some.to_pandas()
    assert list(frame.columns) == [
        "start_time", "name", "operation", "request_model", "duration_ms", "input_tokens", "output_tokens", "cost_usd",
        "cost_state", "trace_id", "span_id", "parent_span_id", "status_code", "span_type", "response_model",
    ]  # fmt: skip
    assert frame["duration_ms"].tolist() == [1.0, 1.5, pd.NA]
    assert frame["span_id"].tolist() == ["0" * 15 + digit for digit in "123"]
    assert str(frame["input_tokens"].dtype) == "Int64"


def test_what_only_a_data_frame_has_is_refused_with_the_way_to_it() -> None:
    some: Any = spans()
    with pytest.raises(TypeError, match=r"by number, .* not by str; a column is in \.to_pandas\(\)\['name'\]$"):
        some["name"]
    with pytest.raises(TypeError, match=r"not by tuple$"):
        some[0, 1]
    with pytest.raises(AttributeError, match=r"^'Spans' has no attribute 'head'; .*: \.to_pandas\(\)\.head$"):
        some.head()
    assert some[pd.Index([-1])[0]].span_id == some[2].span_id


def test_full_pandas_has_every_column_readable() -> None:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, SpanContext

    attributes: dict[str, Any] = {
        "text": "a", "int": 2**70, "float": 1.5, "bool": False, "bytes": b"\xff", "none": None,
        "list": [1, None, b"\xff", {"k": float("inf")}], "gen_ai.response.finish_reasons": ["stop"],
        "nbtrace.tags": ["draft", "b"], "nbtrace.attempts": 3, "nbtrace.attempts.rate_limited": 1.25,
    }  # fmt: skip
    context = SpanContext(1, 2, is_remote=False)
    events, links = [Event("e", {"n": 1}, timestamp=5)], [Link(context, {"why": "x"})]
    span = ReadableSpan("s", context, resource=Resource({}), start_time=0, end_time=2, events=events, links=links)
    store = Store(lambda span, detail: attributes)
    store.ended(span, None)
    some = Spans(store.snapshot())
    frame = some.to_pandas(full=True)
    assert set(frame.columns) == {*some.table.column_names, "duration_ms"}
    first: dict[Any, Any] = frame.iloc[0].to_dict()
    promoted = {
        "gen_ai.response.finish_reasons": first["finish_reasons"], "nbtrace.tags": first["tags"],
        "nbtrace.attempts": first["attempts"], "nbtrace.attempts.rate_limited": first["rate_limited_s"],
    }  # fmt: skip
    assert first["attributes"] | promoted == attributes
    assert (first["finish_reasons"], first["resource"], first["duration_ns"]) == (["stop"], "{}", 2)
    assert first["events"] == [
        {"time_unix_nano": 5, "name": "e", "attributes": {"n": 1}, "dropped_attributes_count": 0}
    ]
    assert [(link["span_id"], link["attributes"]) for link in first["links"]] == [("0" * 15 + "2", {"why": "x"})]
    assert {"finish_reasons", "tags", "attributes"} & set(some.to_pandas().columns) == {"finish_reasons", "tags"}


def test_an_empty_frame_still_has_its_first_columns() -> None:
    assert list(Spans(table()).to_pandas().columns) == ["start_time", "name", "duration_ms"]


@pytest.mark.parametrize(
    ("some", "shown"),
    [
        (Spans(table()), "<Spans: 0 spans, 0 LLM calls>"),
        (spans(), "<Spans: 3 spans, 2 LLM calls, 20 tokens in, 10 out, $1.00, 1 running>"),
        (
            Spans(table(chat(1, status_code=2, cost_state="estimated"))),
            "<Spans: 1 span, 1 LLM call, 10 tokens in, 5 out, ~$0.50, 1 error>",
        ),
    ],
    ids=["none", "some", "failed"],
)
def test_a_repr_is_one_line_of_totals(some: Spans, shown: str) -> None:
    assert repr(some) == shown


def test_html_shows_the_last_rows_and_escapes_them() -> None:
    many = Spans(table(*(chat(own, name=f"<{own}>", output_messages="<b>") for own in range(1, SHOWN_ROWS + 2))))
    html = many._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "11 LLM calls" in html
    assert "the last 10:" in html
    assert "&lt;1&gt;" not in html
    assert (
        "<tr><td>&lt;11&gt;</td><td>m-1</td><td>1.00 ms</td><td>10</td><td>5</td><td>$0.50</td><td>&lt;b&gt;</td></tr>"
        in html
    )
    assert "last" not in spans()._repr_html_()  # pyright: ignore[reportPrivateUsage]
