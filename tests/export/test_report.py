"""What a person reads under the cell."""

from __future__ import annotations

import pytest
from IPython.core.formatters import HTMLFormatter

from nbtrace._export.report import ExportReport


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (
            ExportReport("session.parquet", "Parquet", 12, 18_200, 0, ("1 span still running",)),
            "12 spans → session.parquet (Parquet, 18.2 KB). Left out: 1 span still running.",
        ),
        (
            ExportReport("http://localhost:4318", "OTLP", 1, 999, 1, (), ("Said", "Done")),
            "1 span → http://localhost:4318 (OTLP, 999 B, 1 request). Said. Done.",
        ),
        (
            ExportReport("http://localhost:4318", "OTLP", 12_345, 3_250_000_000, 1_000, ("a", "b")),
            "12,345 spans → http://localhost:4318 (OTLP, 3.2 GB, 1,000 requests). Left out: a; b.",
        ),
        (ExportReport("a", "Parquet", 0, 999_960, 0), "0 spans → a (Parquet, 1.0 MB)."),
    ],
)
def test_a_report_reads_as_a_sentence(report: ExportReport, text: str) -> None:
    assert repr(report) == text


def test_the_html_is_escaped() -> None:
    report = ExportReport("<b>.jsonl", "OTLP JSON", 1, 1, 0, ("<script>",))
    assert HTMLFormatter()(report) == ("<p>1 span → &lt;b&gt;.jsonl (OTLP JSON, 1 B). Left out: &lt;script&gt;.</p>")
