"""Numbers are worded one way, and rounding never makes an odd unit."""

from __future__ import annotations

import pytest

from nbtrace._query import text


@pytest.mark.parametrize(
    ("usd", "state", "worded"),
    [
        (None, "unpriced", "unpriced"),
        (float("nan"), None, "unpriced"),
        (0.0, "priced", "$0.00"),
        (0.0000123, "priced", "$0.000012"),
        (0.0031, "priced", "$0.0031"),
        (0.0031, "estimated", "~$0.0031"),
        (0.0996, None, "$0.10"),
        (0.9999, None, "$1.00"),
        (1234.5, None, "$1,234.50"),
        (-0.0031, None, "-$0.0031"),
    ],
)
def test_cost(usd: float | None, state: str | None, worded: str) -> None:
    assert text.cost(usd, state) == worded


@pytest.mark.parametrize(
    ("nanoseconds", "worded"),
    [
        (None, "running"),
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (999_700, "1.00 ms"),
        (312_400_000, "312 ms"),
        (99_960_000, "100 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1.00 s"),
        (1_240_000_000, "1.24 s"),
        (59_400_000_000, "59.4 s"),
        (59_600_000_000, "1 min 00 s"),
        (83_000_000_000, "1 min 23 s"),
        (3_600_000_000_000, "1 h 00 min"),
        (7_384_000_000_000, "2 h 03 min"),
        (-5, "-5 ns"),
    ],
)
def test_duration(nanoseconds: int | None, worded: str) -> None:
    assert text.duration(nanoseconds) == worded


def test_tokens() -> None:
    assert [text.tokens(count) for count in (None, 0, 12345)] == ["unknown", "0", "12,345"]


def test_a_share_is_in_percent_and_a_score_is_not_whatever_they_are_called() -> None:
    figures = {"error_rate": 0.5, "check.within_s": 0.5, "score.hit_rate": 0.5, "latency_p95_s": 0.5}
    assert [text.figure(name, value) for name, value in figures.items()] == ["50.0%", "50.0%", "0.5", "500 ms"]
