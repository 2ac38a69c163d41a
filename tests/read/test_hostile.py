"""Files that are not what they should be: a clear error, or a repair that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrace
from nbtrace._opened import Opened
from nbtrace._query.tree import tree
from nbtrace._read import parquet
from nbtrace._store.schema import schema
from nbtrace.errors import NbtraceError, ReadError, UnsupportedVersionError
from tests.query.tables import row
from tests.read.making import recorded
from tests.read.test_open import FORMATS, document, written

GOOD = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "name": "a",
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000"}  # fmt: skip
SECOND = {**GOOD, "spanId": "0" * 15 + "2", "name": "b"}
NONE: dict[str, int] = {}


def opened(path: Path, *spans: Any) -> Opened:
    """Open spans in OTLP JSON, and see that they can be drawn and written again."""
    path = path / "spans.jsonl"
    path.write_text(document(*spans))
    found = nbtrace.open(path)
    drawn = tree(found.snapshot())
    assert drawn.num_rows == len(found)
    for name in ("again.jsonl", "again.parquet"):
        found.export(path.with_name(name))
    return found


def repairs(found: Opened) -> list[Any]:
    return [span.attributes.get("nbtrace.repaired") for span in found.spans()]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"traceId": "ab"}, ["trace id of 1 bytes"]),
        ({"traceId": "0" * 32}, ["no trace id"]),
        ({"spanId": "zz"}, ["no span id"]),
        ({"spanId": 7}, ["no span id"]),
        ({"parentSpanId": "0a0b"}, ["parent id of 2 bytes"]),
        ({"name": 7}, ["name is no text"]),
        ({"name": "\ud800"}, ["text without an encoding"]),
        ({"kind": 9}, ["unknown kind"]),
        ({"kind": "SPAN_KIND_CLIENT"}, ["unknown kind"]),
        ({"status": {"code": -1}}, ["unknown status"]),
        ({"flags": 2**40}, ["unknown flags"]),
        ({"startTimeUnixNano": "NaN"}, ["no start"]),
        ({"startTimeUnixNano": -1}, ["start is no time"]),
        ({"startTimeUnixNano": str(2**63)}, ["start is no time"]),
        ({"startTimeUnixNano": float("nan")}, ["no start"]),
        ({"endTimeUnixNano": "0"}, ["no end"]),
        ({"endTimeUnixNano": float("inf")}, ["no end"]),
        ({"endTimeUnixNano": "1"}, ["end before start"]),
        ({"attributes": [{"key": "a", "value": {"stringValue": "1"}}] * 2}, ["attribute given twice"]),
        ({"attributes": [{"key": "a", "value": {"intValue": "x"}}]}, ["value of no type"]),
        ({"attributes": [{"key": 7, "value": {"boolValue": True}}]}, ["key is no text"]),
        ({"attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "-5"}}]},
         ["gen_ai.usage.input_tokens is no amount"]),
        ({"attributes": [{"key": "gen_ai.usage.cost", "value": {"doubleValue": "NaN"}}]},
         ["gen_ai.usage.cost is no amount"]),
        ({"events": [{"name": None, "timeUnixNano": "x"}]}, ["no time of an event"]),
        ({"links": [{}]}, ["no trace id of a link", "no span id of a link"]),
    ],
)  # fmt: skip
def test_a_span_that_is_not_as_it_should_be_says_what_was_repaired(
    changed: dict[str, Any], said: list[str], tmp_path: Path
) -> None:
    found = opened(tmp_path, {**GOOD, **changed}, SECOND)
    assert repairs(found) == [said, None]
    assert (found.repaired, found.left_out) == (dict.fromkeys(said, 1), NONE)


def test_flags_come_as_they_were_written(tmp_path: Path) -> None:
    link = {"traceId": "0" * 31 + "7", "spanId": "0" * 15 + "8", "flags": 1}
    found = opened(tmp_path, {**GOOD, "flags": 1, "links": [link]}, {**SECOND, "flags": 0x301})
    assert found.spans().table["flags"].to_pylist() == [1, 0x301]
    assert [links and links[0]["flags"] for links in found.spans().table["links"].to_pylist()] == [1, []]


def test_children_find_parents_whose_ids_are_of_the_wrong_length(tmp_path: Path) -> None:
    found = opened(tmp_path, {**GOOD, "spanId": "0a"}, {**SECOND, "parentSpanId": "0a"})
    parent, child = found.spans()
    assert child.parent_span_id == parent.span_id


def test_values_that_are_nested_too_deeply_are_kept_as_text(tmp_path: Path) -> None:
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(100):
        value = {"arrayValue": {"values": [value]}}
    found = opened(tmp_path, {**GOOD, "attributes": [{"key": "a", "value": value}]})
    assert repairs(found) == [["nested too deeply"]]
    assert "deep" in str(found.spans()[0].attributes["a"])


def test_what_has_the_ids_of_another_gets_its_own_and_what_is_the_same_goes(tmp_path: Path) -> None:
    found = opened(tmp_path, GOOD, GOOD, {**GOOD, "name": "other", "kind": 9}, {**GOOD, "endTimeUnixNano": "0"})
    assert sorted(span.name for span in found.spans()) == ["a", "other"]
    assert len({span.span_id for span in found.spans()}) == 2
    assert found.repaired == {"span id that another span has": 1, "no end": 1, "unknown kind": 1}
    assert repairs(found) == [None, ["unknown kind", "span id that another span has"]]
    assert found.left_out == {"span that is there twice": 2}


def test_parents_in_a_circle_are_cut_at_the_earliest(tmp_path: Path) -> None:
    ids = [f"{number:016x}" for number in range(1, 5)]
    spans = [
        {**GOOD, "spanId": ids[0], "parentSpanId": ids[0], "name": "own"},
        {**GOOD, "spanId": ids[1], "parentSpanId": ids[2], "name": "late", "startTimeUnixNano": "1700000000500000000"},
        {**GOOD, "spanId": ids[2], "parentSpanId": ids[1], "name": "early"},
        {**GOOD, "spanId": ids[3], "parentSpanId": ids[2], "name": "below"},
    ]
    found = opened(tmp_path, *spans)
    parents = {span.name: span.parent_span_id for span in found.spans()}
    assert parents == {"own": None, "late": ids[2], "early": None, "below": ids[2]}
    assert found.repaired == {"parents in a circle": 2}
    assert {span.name for span in found.spans() if "nbtrace.repaired" in span.attributes} == {"own", "early"}


def test_huge_texts_are_cut_as_those_of_a_session_are(tmp_path: Path) -> None:
    long = "x" * 5_000_000
    found = opened(tmp_path, {**GOOD, "name": long, "attributes": [{"key": "a", "value": {"stringValue": long}}]})
    (span,) = found.spans()
    assert len(span.name) < 4_200_000 > len(span.attributes["a"])
    assert [cut.partition(":")[0] for cut in span.attributes["nbtrace.cut"]] == ["a"]


def test_lines_and_parts_that_are_no_spans_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    lines = [document(GOOD), "{torn\n", '{"resourceLogs": []}\n', "[1]\n", '{"resourceSpans": {"a": 1}}\n',
             '{"resourceSpans": [7]}\n', document(7, SECOND)]  # fmt: skip
    path.write_text("".join(lines))
    found = nbtrace.open(path)
    assert [span.name for span in found.spans()] == ["a", "b"]
    assert found.left_out == {
        "line that is no JSON": 2, "document without spans": 1, "value that is no list": 1,
        "element that is no object": 2,
    }  # fmt: skip
    path.write_bytes(document(GOOD).encode().replace(b'"a"', b'"\xff"'))
    assert nbtrace.open(path).repaired == {"bytes that are no UTF-8": 1}
    path.write_text(json.dumps(json.loads(document(GOOD)), indent=2))
    assert len(nbtrace.open(path)) == 1


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_off_loses_its_end_or_says_why_it_cannot_be_read(name: str, tmp_path: Path) -> None:
    path = written(recorded(), tmp_path / name)
    whole = path.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:end])
        try:
            found = nbtrace.open(path)
        except ReadError:
            continue
        assert found.left_out or len(found) == 3
        assert len(found) <= 3


@settings(max_examples=30)
@given(st.sampled_from(FORMATS[1:]), st.integers(0, 3000), st.binary(min_size=1, max_size=8))
def test_bytes_that_are_changed_never_break_the_reading(
    tmp_path_factory: pytest.TempPathFactory, name: str, at: int, new: bytes
) -> None:
    path = written(recorded(), tmp_path_factory.mktemp("changed") / name)
    whole = path.read_bytes()
    path.write_bytes(whole[: at % len(whole)] + new + whole[at % len(whole) + len(new) :])
    try:
        found = nbtrace.open(path)
    except NbtraceError:
        return
    assert tree(found.snapshot()).num_rows == len(found)


def a_table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["trace_id"]), "its columns are .*; expected trace_id, span_id"),
        (lambda table: table.set_column(0, "trace_id", pa.array(["x"])), "widths must match; it may be"),
        (lambda table: table.set_column(8, "start_time_unix_nano", pa.array([float("nan")])), "Float value nan"),
    ],
)  # fmt: skip
def test_a_table_of_another_form_is_refused(
    change: Callable[[pa.Table], pa.Table], message: str, tmp_path: Path
) -> None:
    pq.write_table(change(a_table(row(1))), tmp_path / "a.parquet")
    with pytest.raises(ReadError, match=message):
        nbtrace.open(tmp_path / "a.parquet")


def test_a_table_says_what_it_has_too_much_and_too_little(tmp_path: Path) -> None:
    wrong = {**row(3), "input_tokens": -1, "cost_usd": float("nan")}
    table = a_table(row(1), {**row(2), "span_id": None}, row(1, 1), wrong)
    pq.write_table(table.append_column("mine", pa.array([1, 2, 3, 4])), tmp_path / "a.parquet")
    found = nbtrace.open(tmp_path / "a.parquet")
    assert found.left_out == {"column 'mine'": 1, "span without a span id": 1, "span that is there twice": 1}
    assert [(span.input_tokens, span.cost_usd) for span in found.spans()] == [(None, None), (None, None)]
    assert found.repaired == {"input_tokens is no amount": 1, "cost_usd is no amount": 1}


def test_a_file_of_a_newer_nbtrace_is_refused(tmp_path: Path) -> None:
    newer = a_table(row(1)).replace_schema_metadata({"nbtrace.schema_version": "99"})
    pq.write_table(newer, tmp_path / "a.parquet")
    with pytest.raises(UnsupportedVersionError, match="schema version 99"):
        nbtrace.open(tmp_path / "a.parquet")


def test_a_file_that_would_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x" * 2_000_000
    table = a_table(*({**row(number), "input_messages": f"{number}{text}"} for number in range(1, 9)))
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    monkeypatch.setattr(parquet, "MAX_BYTES", 10_000_000)
    with pytest.raises(ReadError, match=r"would take 16,\d+,\d+ bytes when it is decompressed, more than 10,000,000"):
        nbtrace.open(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"hello", r"it begins with b'hello'; expected Parquet, OTLP JSON lines or OTLP protobuf"),
        (b"\x1f\x8b\x08\0", "it is compressed by gzip; decompress it first"),
        (b"{}", r"there is no span in '.*', read as OTLP JSON; left out: document without spans \(1\)"),
        (b"{[", r"left out: line that is no JSON \(1\)"),
        (b"\x0a\xff", r"there is no span in '.*', read as OTLP"),
        (b"PAR1", "as Parquet: .*; it may be cut off"),
    ],
)
def test_what_is_no_file_of_spans_says_so(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=message):
        nbtrace.open(path)


def test_what_is_not_there_or_is_nothing_to_open_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"there is no file or directory '.*nowhere', nor an earlier session"):
        nbtrace.open(tmp_path / "nowhere")
    with pytest.raises(ReadError, match="there is no file of spans in"):
        nbtrace.open(tmp_path)
    for given_ in ("a\0b", "*", 7, None, [1]):
        with pytest.raises(ReadError, match=r"cannot (?:open|read)|there is no file"):
            nbtrace.open(given_)
    import pandas as pd

    with pytest.raises(ReadError, match="cannot read DataFrame as spans: its columns are x; expected"):
        nbtrace.open(pd.DataFrame({"x": [1]}))
