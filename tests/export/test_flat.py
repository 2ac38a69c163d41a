"""Spans as cells of a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

from nbtrace._export.destination import export
from tests.export import rich
from tests.query.tables import chat, table


def test_a_csv_file_has_what_fits_into_cells_and_the_report_the_rest(tmp_path: Path) -> None:
    report = export(rich.session(), tmp_path / "session.csv")
    with (tmp_path / "session.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    call = rows[2]
    assert [row["name"] for row in rows] == [name for _, _, name, *_ in rich.SPANS]
    assert {name: call[name] for name in ("start_time", "duration_ms", "input_tokens", "cost_usd", "tags")} == {
        "start_time": "2025-11-26 00:00:02.123456+00:00",
        "duration_ms": "1000.000001",
        "input_tokens": "120",
        "cost_usd": "0.00125",
        "tags": "draft, library",
    }
    assert (call["trace_id"], call["span_id"]) == (f"{rich.TRACE:032x}", f"{3:016x}")
    assert "ö🦉" in call["input_messages"]
    assert report.left_out == (
        "types",
        "attributes without a column of their own",
        "events",
        "links",
        "scores",
        "resource and scope",
        "nanoseconds",
    )
    assert (report.spans, report.format, report.bytes) == (9, "CSV", (tmp_path / "session.csv").stat().st_size)
    looked = export(rich.session(), tmp_path / "other.csv", dry_run=True)
    assert (looked.bytes, (tmp_path / "other.csv").exists()) == (report.bytes, False)


def test_what_a_spreadsheet_would_compute_is_text(tmp_path: Path) -> None:
    bad = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1")
    report = export(table(*(chat(number, name=name) for number, name in enumerate((*bad, "a=1")))), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [*(f"'{name}" for name in bad), "a=1"]
    assert report.notes == ("An apostrophe is before what a spreadsheet would compute: 5 of the texts",)
