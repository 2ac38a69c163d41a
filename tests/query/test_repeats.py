"""A call is drawn below the span of a framework that repeats it, if that keeps it below all that it was below."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrace._query.tree import tree
from tests.query.tables import chat, row, table

CALL = 3


def repeat(span_id: int, parent: int | None, of: str | None = f"{CALL:016x}", **columns: Any) -> dict[str, Any]:
    """Give the row of a span that repeats a call."""
    mark = {"key": "nbtrace.duplicate_of", **dict.fromkeys(("int", "double", "bool", "bytes", "json")), "string": of}
    other = mark | {"key": "other"}
    columns = {"span_type": "chain", "request_model": "m", "attributes": [other, mark], **columns}
    return row(span_id, parent, **columns)


def drawn(*rows: dict[str, Any]) -> dict[int, int | None]:
    """Give the parent of each span, as it is drawn."""
    made = tree(table(*rows))
    spans: list[bytes] = made["span_id"].to_pylist()  # pyright: ignore[reportAssignmentType]
    above: list[int] = made["parent"].to_pylist()  # pyright: ignore[reportAssignmentType]
    ids = list(map(int.from_bytes, spans))
    return {one: ids[parent] if parent >= 0 else None for one, parent in zip(ids, above, strict=True)}


CHAIN = row(2, 1, span_type="chain")


def test_a_call_beside_its_chain_is_drawn_in_it_with_what_is_below_the_call() -> None:
    attempt = row(9, CALL, span_type="attempt")
    found = drawn(row(1), CHAIN, chat(CALL, 1, start=2), attempt, repeat(4, 2, start=1))
    assert found == {1: None, 2: 1, 4: 2, CALL: 4, 9: CALL}


def test_the_innermost_of_several_has_it() -> None:
    outer, inner = repeat(4, 2, start=1), repeat(5, 4, start=2, request_model=None, response_model="m")
    assert drawn(row(1), CHAIN, chat(CALL, 1, start=3), inner, outer)[CALL] == 5


@pytest.mark.parametrize(
    ("rows", "parent"),
    [
        ([CHAIN, chat(CALL, 8), row(8, 1), repeat(4, 2)], 8),  # the user's own step has it
        ([chat(CALL, 1), repeat(4, CALL)], 1),
        ([chat(CALL, 4), repeat(4, 1)], 4),
        ([chat(CALL), repeat(4, 1)], None),
        ([chat(CALL, 1), repeat(4, 1, of="not an id")], 1),
        ([chat(CALL, 1), repeat(4, 1, of="00ff")], 1),
        ([chat(CALL, 1), repeat(4, 1, of=None)], 1),
        ([chat(CALL, 1), repeat(4, 1, of=f"{99:016x}")], 1),
        ([chat(CALL, 1), repeat(4, 1, trace=2)], 1),
        ([chat(CALL, 1), repeat(4, 1, span_type="agent")], 1),
    ],
)
def test_where_it_would_leave_what_it_was_below_it_stays(rows: list[dict[str, Any]], parent: int | None) -> None:
    assert drawn(row(1), *rows)[CALL] == parent
