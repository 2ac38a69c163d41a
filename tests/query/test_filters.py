"""The words by which spans are chosen, over whole columns and through the table that a user holds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from nbtrace import Session, prompt
from nbtrace._query.frame import Spans
from nbtrace.errors import NotFoundError, UsageError
from tests.query.tables import START, chat, row, table

SECOND = 1000
SPANS = Spans(
    table(
        row(1, span_type="cell", name="cell [3]", cell_id="a*b", execution_count=3, cell_run=1),
        chat(
            2, 1, start=1 * SECOND, name="chat gpt-4o", request_model="gpt-4o", response_model="gpt-4o-2024",
            cell_id="a*b", execution_count=3, cell_run=1, tags=["draft", "v1"], user_id="ada", session_id="s",
            conversation_id="c", provider="openai", prompt_name="sum", prompt_version="1", resource="{}",
            input_messages='[{"role":"user","parts":[{"type":"text","content":"say \\"Hällo\\" twice"}]}]',
        ),
        chat(
            3, 1, start=2 * SECOND, name="chat o3", request_model="o3", response_model=None, status_code=2,
            cell_id="a*b", execution_count=4, cell_run=2, tags=["final"], user_id="Ada", prompt_name="sum",
            prompt_version="2", resource="{}", error_type="RateLimitError",
        ),
        row(4, trace=2, start=3 * SECOND, operation="execute_tool", span_type=None, ms=None,
            attributes=[{"key": "where", "string": "in the Attic", "json": None}]),
        row(5, trace=2, start=4 * SECOND, operation="invoke_agent", span_type="guardrail",
            events=[{"name": "exception", "attributes": [{"key": "exception.message", "string": "too LOUD"}]}]),
        row(6, trace=0x2F << 120, start=None, name="ünïcode\nname"),
    )
)  # fmt: skip


def chosen(**filters: Any) -> list[int]:
    return [int(one.span_id, 16) for one in SPANS.filter(**filters)]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(START / 1e9 + seconds, UTC)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"name": None, "last": None}, [1, 2, 3, 4, 5, 6]),
        ({"since": at(2)}, [3, 4, 5]),
        ({"since": at(2).isoformat(), "until": at(4)}, [3, 4]),
        ({"until": at(1)}, [1]),
        ({"since": timedelta(days=1)}, []),
        ({"since": "7d"}, []),
        ({"since": date(2000, 1, 1), "until": "2001-02-03"}, []),
        ({"since": datetime.max.replace(tzinfo=UTC)}, []),
        ({"cell": "a*b"}, [1, 2, 3]),
        ({"cell": 4}, [3]),
        ({"cell": ("a*b", 1)}, [1, 2]),
        ({"run": 2}, [3]),
        ({"run": "latest"}, [3, 4, 5, 6]),
        ({"trace": "0" * 31 + "2"}, [4, 5]),
        ({"trace": "2F"}, [6]),
        ({"trace": SPANS[3]}, [4, 5]),
        ({"kind": "llm"}, [2, 3]),
        ({"kind": ("tool", "guardrail", "cell")}, [1, 4, 5]),
        ({"kind": "span"}, [6]),
        ({"status": "ok"}, [1, 2, 5, 6]),
        ({"status": ["error", "running"]}, [3, 4]),
        ({"name": "chat o3"}, [3]),
        ({"name": "chat"}, []),
        ({"name": "chat *"}, [2, 3]),
        ({"name": re.compile("^CHAT", re.IGNORECASE)}, [2, 3]),
        ({"name": ["cell [[]?]", re.compile("o3$")]}, [1, 3]),
        ({"name": "*name"}, [6]),
        ({"name": re.compile("^ü.*name$", re.DOTALL)}, [6]),
        ({"name": re.compile("^name$", re.MULTILINE)}, [6]),
        ({"name": []}, []),
        ({"model": "gpt-4o"}, [2]),
        ({"model": "gpt-4o-????"}, [2]),
        ({"model": "[!g]3"}, [3]),
        ({"model": "[op]3"}, [3]),
        ({"operation": "execute_tool"}, [4]),
        ({"provider": "openai"}, [2]),
        ({"prompt": "sum"}, [2, 3]),
        ({"user": "ada"}, [2]),
        ({"session": "s", "conversation": "c"}, [2]),
        ({"tag": "draft"}, [2]),
        ({"tag": ["v?", "final"]}, [2, 3]),
        ({"text": 'SAY "HÄLLO"'}, [2]),
        ({"text": "attic"}, [4]),
        ({"text": "too loud"}, [5]),
        ({"text": "exception.message"}, [5]),
        ({"text": "ratelimit"}, [3]),
        ({"text": "DRAFT"}, [2]),
        ({"text": "nowhere"}, []),
        ({"last": 2}, [4, 5]),
        ({"last": 9}, [1, 2, 3, 4, 5, 6]),
        ({"kind": "llm", "last": 1}, [3]),
    ],
    ids=str,
)  # fmt: skip
def test_filters_choose(filters: dict[str, Any], ids: list[int]) -> None:
    assert chosen(**filters) == ids


def test_filters_of_an_empty_table_choose_nothing() -> None:
    filters: dict[str, Any] = {
        "since": "1h", "cell": 1, "run": "latest", "kind": "llm", "status": "ok", "name": "x*", "model": "m",
        "tag": "t", "text": "x", "last": 1,
    }  # fmt: skip
    for name, value in filters.items():
        assert len(Spans(table()).filter(**{name: value})) == 0


def test_a_version_of_a_prompt_is_told_from_another() -> None:
    prompt("sum", "{a}")
    second = prompt("sum", "{a} {b}")
    assert [chosen(prompt=one) for one in (prompt("sum", "{a}"), second)] == [[2], [3]]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"colour": 1}, r"^unknown filter 'colour'; expected one of: since, until, cell, run, trace, kind, .*, last$"),
        ({"since": "yesterday"}, r"^cannot use since='yesterday'; expected a datetime, ISO text as in .*'7d', '1w'$"),
        ({"since": "999999999w"}, r"^cannot use since='999999999w'; expected a timedelta or a number with a unit"),
        ({"since": "0m"}, r"^cannot use since='0m'; expected a timedelta or a number with a unit"),
        ({"until": 5}, r"^cannot use until=5; expected a datetime"),
        ({"since": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "expected a datetime"),
        ({"cell": 1.5}, "expected a cell's id, the number in its brackets, or 'current'"),
        ({"cell": True}, "expected a cell's id"),
        ({"run": "last"}, r"^cannot use run='last'; expected the number of a run, from 1, or 'latest'$"),
        (
            {"kind": "model"},
            r"^unknown kind 'model'; expected one of: cell, llm, .*, attempt, span$",
        ),
        ({"kind": []}, r"^cannot use kind=\[\]; expected one or more of cell, llm"),
        ({"status": "failed"}, r"^unknown status 'failed'; expected one of: ok, error, running$"),
        ({"status": 2}, "unknown status 2"),
        ({"name": 7}, r"^cannot use name=7; expected a text, a pattern such as 'gpt-4\*', a compiled regular"),
        ({"user": [1]}, r"^cannot use user=\[1\]; expected a text"),
        ({"tag": re.compile(r"(?=x)")}, r"^cannot use tag='\(\?=x\)'; expected a regular expression that RE2 can read"),
        ({"text": ""}, "expected a text to look for"),
        ({"last": 0}, r"^cannot use last=0; expected a number of spans, from 1$"),
        ({"last": True}, "expected a number of spans"),
    ],
    ids=str,
)
def test_what_a_filter_cannot_use_is_refused_with_what_it_takes(filters: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SPANS.filter(**filters)


def test_a_trace_that_is_not_there_is_said() -> None:
    for digits in ("feed", "0", "f" * 32):
        with pytest.raises(NotFoundError, match=r"trace(s begin| begins) with"):
            SPANS.filter(trace=digits)


def test_the_latest_run_is_the_one_that_began_last() -> None:
    runs = table(
        chat(1, start=0, cell_id="a", cell_run=1, resource="before"),
        chat(2, start=1, cell_id="a", cell_run=2, resource="before"),
        chat(3, start=5, cell_id="a", cell_run=1, resource="after the kernel's restart"),
        chat(4, start=9, cell_id="a", cell_run=2, resource="before"),  # made late, by a thread of that run
        chat(5, start=2, cell_id="b", cell_run=1, resource="before"),
        chat(6, start=3, cell_id="b", cell_run=1, resource="before"),
        chat(7),
        chat(8, start=1, cell_id="c", cell_run=1, scope="before"),
        chat(9, start=2, cell_id="c", cell_run=1, scope="after"),
    )
    assert [int(one.span_id, 16) for one in Spans(runs).filter(run="latest")] == [3, 5, 6, 7, 9]


def test_only_a_cell_can_ask_for_the_current_one(session: Session) -> None:
    with pytest.raises(NotFoundError, match=r"^no cell is running here; give the cell's id or the number in its"):
        session.spans(cell="current")
    assert len(session.spans(cell="x")) == 0


def test_choosing_among_the_chosen() -> None:
    later = SPANS[1:]
    cases: list[tuple[dict[str, Any], list[int]]] = [({"tag": "final"}, [3]), ({"text": "too loud"}, [5])]
    for filters, ids in cases:
        assert [int(one.span_id, 16) for one in later.filter(**filters)] == ids
    in_trace = SPANS.filter(trace="0" * 31 + "2")
    assert [int(one.span_id, 16) for one in in_trace.filter(text="LOUD", kind="guardrail")] == [5]
