# ruff: noqa: E402 - run as a script, it looks for the project first
"""What judging a hundred thousand spans costs: `python tests/bench/bench_evaluate.py`.

Prints and judges nothing. The goal is 20 s for three built-in checks; their floor is reading the answers of the same
spans once. A check that takes the whole span costs an object a span.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from nbtrace import Session, check, checks
from nbtrace._evaluating import evaluated
from nbtrace._query.rows import Rows
from tests.bench.bench_query import spans

COUNT = 100_000


@check
def short(answer: str | None) -> bool:
    """Read one column."""
    return len(answer or "") < 4


@check
def cheap(span: Any) -> bool:
    """Take the whole span."""
    return (span.cost_usd or 0) < 0.005


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print everything."""
    many = spans(COUNT)
    session = Session()
    floor = seconds(lambda: Rows(many.snapshot).values("answer"))
    print(f"{COUNT:,} spans; reading their answers {floor:.2f} s")
    three = [checks.contains("5"), checks.latency(5), checks.length(at_most=4)]
    for what, some in (
        ("three built-in checks", three),
        ("a function of the answer", [short]),
        ("a function of the span", [cheap]),
    ):
        took = seconds(lambda some=some: evaluated(session, many, some, progress=False))
        print(f"{what:<26} {took:6.2f} s   {COUNT * len(some) / took:10,.0f} judgements a second   x{took / floor:.1f}")


if __name__ == "__main__":
    main()
