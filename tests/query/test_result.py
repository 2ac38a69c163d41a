"""Tables that answer a question: what the eye gets, and what other libraries get."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nbtrace._query import shown
from nbtrace._query.frame import Spans
from nbtrace._query.result import Result
from nbtrace.errors import UsageError
from tests.query.tables import chat, table

SMALL = Result(
    pa.table(
        {
            "name": ["<b>", None, "two\nlines\u202e"],
            "cost": [0.5, None, 1 / 3],
            "n": pa.array([1, None, 2**60]),
            "id": [b"\xff\x00", b"", None],
            "when": [datetime(2026, 11, 25, tzinfo=UTC)] * 3,
            "list": [[1, 2], None, []],
            "long": ["x" * 100, "", "y"],
        }
    )
)


def test_a_result_is_drawn_as_text() -> None:
    assert repr(SMALL).split("\n") == [
        "name       cost    n                    id    when                       list   long",
        f"<b>        0.5     1                    ff00  2026-11-25 00:00:00+00:00  [1,2]  {'x' * 59}…",
        "                                              2026-11-25 00:00:00+00:00",
        "two lines  0.3333  1152921504606846976        2026-11-25 00:00:00+00:00  []     y",
        "[3 rows, 7 columns]",
    ]  # fmt: skip


def test_a_result_is_drawn_as_html_that_runs_nothing() -> None:
    html = SMALL._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "<td>&lt;b&gt;</td><td>0.5</td><td>1</td><td>ff00</td>" in html
    assert "<b>" not in html
    assert html.endswith("<p>3 rows, 7 columns</p></div>")


def test_what_is_not_shown_is_counted() -> None:
    wide = Result(pa.table({f"c{number}": range(shown.ROWS + 1) for number in range(shown.COLUMNS + 1)}))
    assert repr(wide).endswith("[21 rows, 31 columns; shown: 20 of 21 rows, 30 of 31 columns]")
    assert "c30" not in repr(wide)
    assert repr(Result(pa.table({}))) == "[0 rows, 0 columns]"
    assert repr(Result(pa.table({"a": [123_456.7]}))) == "a\n123,457\n[1 row, 1 column]"
    assert repr(Result(pa.table({"a": [1]}))) == "a\n1\n[1 row, 1 column]"


def test_columns_are_python_values() -> None:
    assert (len(SMALL), SMALL.columns[:2], SMALL["n"]) == (3, ["name", "cost"], [1, None, 2**60])
    with pytest.raises(UsageError, match=r"^unknown column 'm'; expected one of: name, cost, n, id, when, list, long$"):
        _ = SMALL["m"]


def test_every_library_takes_a_result() -> None:
    assert pa.table(SMALL).equals(SMALL.table)
    frame = SMALL.to_pandas()
    assert frame["n"].tolist() == [1, pd.NA, 2**60]
    assert SMALL.to_polars()["cost"].to_list() == SMALL["cost"]
    assert SMALL.to_duckdb().aggregate("max(n)").fetchall() == [(2**60,)]


def test_every_library_takes_spans() -> None:
    some = Spans(table(chat(1), chat(2)))
    assert isinstance(some.to_polars(), pl.DataFrame)
    assert some.to_polars().shape == some.table.shape
    assert some.to_duckdb().aggregate("sum(cost_usd), count(*)").fetchall() == [(1.0, 2)]


@pytest.mark.parametrize("given", [SMALL, Spans(table())], ids=["result", "spans"])
def test_a_library_that_is_missing_is_asked_for(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r"^to_polars\(\) needs polars, which is not installed: pip install polars$"):
        given.to_polars()
    with pytest.raises(UsageError, match=r'^to_duckdb\(\) needs duckdb, which .*: pip install "nbtrace\[sql\]"$'):
        given.to_duckdb()
