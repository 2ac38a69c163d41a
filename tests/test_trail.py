"""An audit says what was said to whom, and a later change of it is found at its span."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import nbtrace
from nbtrace import semconv
from nbtrace._cli import main
from nbtrace.errors import ExportError, ReadError
from tests.widgets.test_diff import call, recording

ADA = {semconv.USER_ID: "ada"}
CALLS = (
    call("Capital of France?", "Paris", **ADA),
    call("Capital of Spain?", "Madrid", **ADA),
    call("Capital of Italy?", "Rome", **{semconv.USER_ID: "bob"}),
    call("<script>alert(1)</script>", "No \x1b[31m", **ADA),
)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "audit.parquet"
    return path, nbtrace.audit(recording(*CALLS, scores={0: 1.0}), kind="llm").write(path)


def test_an_audit_is_verified_and_opened_as_spans(written: tuple[Path, str]) -> None:
    path, head = written
    found = nbtrace.audit.verify(path, head=head)
    assert (bool(found), found.spans, found.head, found.about["only kind"]) == (True, 4, head, "llm")
    assert repr(found) == f"4 spans are as they were written; head {head}"
    opened = nbtrace.open(path)
    assert [span.user_id for span in opened.spans()] == ["ada", "ada", "bob", "ada"]
    assert nbtrace.diff(recording(*CALLS, scores={0: 1.0}).spans(kind="llm"), opened).counts["same"] == 4


def changed(name: str, row: int, change: Callable[[Any], Any]) -> Callable[[pa.Table], pa.Table]:
    """Tamper with a value of a row."""

    def tamper(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(name)
        values = table[name].to_pylist()
        values[row] = change(values[row])
        return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))

    return tamper


def order(*rows: int) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.take(list(rows))


CHANGED = "what it says was changed"
PLACE = "it is out of its place: here was span"
BINDING = "it is not bound to what was before it: its hashes, or those before it, were changed"


@pytest.mark.parametrize(
    ("tamper", "problems"),
    [
        (order(0, 1, 2, 3), []),
        (changed("output_messages", 1, lambda said: [said[0].replace("Madrid", "Madrit")]), [(2, CHANGED)]),
        (changed("user_id", 2, lambda _: "eve"), [(3, CHANGED)]),
        (changed("scores", 0, lambda said: [said[0] | {"value": 0.5}]), [(1, CHANGED)]),
        (changed("audit_content", 1, lambda said: said[::-1]), [(2, CHANGED), (2, BINDING)]),
        (order(0, 2, 3), [(3, "span 2 is missing before it")]),
        (order(1, 2, 3), [(2, "span 1 is missing before it")]),
        (order(0, 1, 2), [(None, "its last span is not that of its head: it had 4 spans")]),
        (order(0, 2, 1, 3), [(3, f"{PLACE} 2"), (2, f"{PLACE} 3")]),
        (order(0, 1, 1, 2, 3), [(None, "spans are there twice")]),
    ],
)  # fmt: skip
def test_what_was_tampered_with_is_found_at_its_span(
    written: tuple[Path, str], tamper: Callable[[pa.Table], pa.Table], problems: list[tuple[int | None, str]]
) -> None:
    path, head = written
    table = pq.read_table(path)
    pq.write_table(tamper(table), path)
    found = nbtrace.audit.verify(path, head=head)
    assert [(one.number, one.what) for one in found.problems] == problems
    spans = recording(*CALLS).spans(kind="llm")
    assert [one.span_id for one in found.problems] == [number and spans[number - 1].span_id for number, _ in problems]


def test_what_an_audit_says_of_itself_is_bound_too(written: tuple[Path, str]) -> None:
    path, head = written
    table = pq.read_table(path)
    told = {name: value.replace(b'"llm"', b'"all"') for name, value in (table.schema.metadata or {}).items()}
    pq.write_table(table.replace_schema_metadata(told), path)
    assert [(one.number, one.what) for one in nbtrace.audit.verify(path, head=head).problems] == [(1, BINDING)]


def test_a_byte_that_is_no_text_any_more_is_found_too(written: tuple[Path, str]) -> None:
    path, _ = written
    table = pq.read_table(path)
    names = [b"chat m", b"chat \xff", b"chat m", b"chat m"]
    broken = pa.array(names, pa.binary()).view(pa.string())
    pq.write_table(table.set_column(table.column_names.index("name"), "name", broken), path)
    assert [(one.number, one.what) for one in nbtrace.audit.verify(path).problems] == [(2, CHANGED)]


def test_a_text_that_was_null_and_a_second_column_are_found_too(written: tuple[Path, str]) -> None:
    path, _ = written
    table = pq.read_table(path)
    at = table.column_names.index("error_type")
    odd = pa.array([None, b"\xff", None, None], pa.binary()).view(pa.string())
    pq.write_table(table.set_column(at, "error_type", odd), path)
    assert [(one.number, one.what) for one in nbtrace.audit.verify(path).problems] == [(2, CHANGED)]
    pq.write_table(table.add_column(0, "user_id", pa.array(["eve"] * 4)), path)
    assert [one.number for one in nbtrace.audit.verify(path).problems] == [None]


def test_a_page_takes_no_place_but_an_audits(tmp_path: Path) -> None:
    made = recording(*CALLS)
    made.export(tmp_path / "spans.parquet")
    before = (tmp_path / "spans.parquet").read_bytes()
    with pytest.raises(ExportError, match=r"spans\.parquet is there and no audit"):
        nbtrace.audit(made).write(tmp_path / "spans.html")
    assert (tmp_path / "spans.parquet").read_bytes() == before
    audit = nbtrace.audit(made)
    assert audit.write(tmp_path / "audit.html") == audit.write(tmp_path / "audit.html")


def test_one_that_was_chained_anew_is_found_by_the_head(written: tuple[Path, str]) -> None:
    path, head = written
    new = nbtrace.audit(recording(*CALLS[:3]), kind="llm").write(path)
    assert nbtrace.audit.verify(path)
    assert [one.what for one in nbtrace.audit.verify(path, head=head).problems] == [
        f"its head is {new}, and was {head}"
    ]


def test_a_page_says_what_was_said_to_whom_and_why(tmp_path: Path) -> None:
    head = nbtrace.audit(recording(*CALLS), user="ada").write(tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text("utf-8")
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page.partition("<body>")[2]))
    assert "Audit of 3 spans" in text
    assert f"head of the chain: {head}" in text
    assert (
        "to: ada · because of: root · model: m · cost: $0.50 asked user: Capital of France? said assistant: Paris"
        in text.replace(" $ ", " $")
    )
    assert "Rome" not in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert nbtrace.audit.verify(tmp_path / "audit.parquet", head=head).spans == 3


def test_the_command_writes_and_verifies(tmp_path: Path) -> None:
    source, path = tmp_path / "session.parquet", tmp_path / "audit.parquet"
    recording(*CALLS).export(source)
    run = CliRunner().invoke
    head = run(main, ["audit", "write", str(source), str(path), "--user", "ada"]).output.strip()
    assert (
        run(main, ["audit", "verify", str(path), "--head", head]).output
        == f"3 spans are as they were written; head {head}\n"
    )
    refused = run(main, ["audit", "verify", str(path), "--head", "0"])
    assert (refused.exit_code, refused.output.splitlines()[0]) == (1, "1 problem in 3 spans:")
    assert run(main, ["audit", "verify", str(source)]).exit_code == 2


def test_what_is_no_audit_is_refused(tmp_path: Path) -> None:
    recording(*CALLS).export(tmp_path / "session.parquet")
    with pytest.raises(ReadError, match=r"as an audit: it has no chain of hashes"):
        nbtrace.audit.verify(tmp_path / "session.parquet")
    missing = tmp_path / "none.parquet"
    with pytest.raises(ReadError, match=f"^there is no file '{re.escape(str(missing))}'; check the path$"):
        nbtrace.audit.verify(missing)
    missing.write_bytes(b"PAR1")
    with pytest.raises(ReadError, match="as an audit"):
        nbtrace.audit.verify(missing)
    with pytest.raises(ExportError, match=r"expected a path ending in \.parquet or \.html"):
        nbtrace.audit().write(tmp_path / "audit.txt")
