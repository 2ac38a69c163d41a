"""The rows that somebody means."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import pandas as pd
import pytest

from nbtrace._query.select import below, find_span, find_trace, of_trace, without_cells
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import NotFoundError, UsageError
from tests.query.tables import chat, row, table

SPANS = table(
    row(1, span_type="cell"),
    chat(2, 1, start=1),
    row(3, 2, start=2),
    chat(4, trace=0x1A << 120, start=9),
    row(5, trace=2, start=10),
)


def ids(some: Snapshot) -> list[int]:
    values: list[Any] = some["span_id"].to_pylist()
    return [int.from_bytes(value, "big") for value in values]


def test_a_trace_by_its_id() -> None:
    assert ids(of_trace(SPANS, "0" * 31 + "1")) == [1, 2, 3]


def test_the_trace_that_is_meant() -> None:
    assert [find_trace(SPANS, some) for some in (None, "1A", "0" * 31 + "2")] == [
        f"1a{'0' * 30}",
        f"1a{'0' * 30}",
        f"{2:032x}",
    ]


@pytest.mark.parametrize("digits", ["f", "0"])
def test_no_trace_or_two_are_refused(digits: str) -> None:
    with pytest.raises(NotFoundError):
        find_trace(SPANS, digits)


def test_without_a_call_there_is_no_last_trace() -> None:
    with pytest.raises(NotFoundError):
        find_trace(table(row(1)))


def test_a_span_and_all_below_it() -> None:
    assert [ids(below(SPANS, span)) for span in (1, 2, 5, 9)] == [[1, 2, 3], [2, 3], [5], []]


def test_spans_that_are_each_others_parents_are_found_once() -> None:
    assert ids(below(table(row(1, 2), row(2, 1)), 1)) == [1, 2]


def test_spans_that_are_no_cells() -> None:
    assert ids(without_cells(SPANS)) == [2, 3, 4, 5]


def test_a_trace_id_is_text() -> None:
    with pytest.raises(UsageError) as raised:
        find_trace(SPANS, cast("str", 123))
    assert str(raised.value) == "the trace id is int 123; expected text: 32 hex digits, or the first few of them"


def test_the_span_that_is_meant() -> None:
    spans = table(chat(0x1A << 56), chat(0x1B << 56), row(2))
    whole = {"span_id": (2).to_bytes(8, "big"), "name": "x"}

    class Named(NamedTuple):
        span_id: str

    given: list[Any] = ["1a", "1B" + "0" * 14, whole["span_id"], whole, pd.Series({"span_id": "00" * 7 + "02"})]
    assert [find_span(spans, one) for one in (*given, Named("1a"))] == [0, 1, 2, 2, 2, 0]
    assert [find_span(spans, one) for one in (None, 7, {"id": "1a"})] == [None, None, None]


@pytest.mark.parametrize(("given", "found"), [("1", "2 spans begin"), ("f", "no span begins")])
def test_a_span_that_nobody_can_find(given: str, found: str) -> None:
    spans = table(chat(0x1A << 56), chat(0x1B << 56), row(2))
    with pytest.raises(NotFoundError) as raised:
        find_span(spans, given)
    assert str(raised.value) == f"{found} with {given!r}; there are 3"
