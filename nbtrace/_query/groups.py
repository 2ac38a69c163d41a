"""Groups of LLM calls as a chart needs them: named, in order, and few enough to be told apart.

All figures are those of `metrics`. What is left out of a chart is counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace._query import named
from nbtrace._query.metrics import metrics
from nbtrace._query.search import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

MOST: Final = 12
"""Groups beside each other."""
MOST_OVER_TIME: Final = 6
"""Groups over time, where each is a colour."""

MISSING: Final = {"model": "no model", "cell": "outside of cells", "prompt": "no prompt", "provider": "no provider"}
TITLES: Final = {"prompt_version": "prompt version"}


class Groups(NamedTuple):
    """Groups of calls with their figures."""

    by: str
    """What they are groups of, in words; empty if there is one group."""
    labels: list[str]
    """The groups' names, the first one to be drawn first."""
    rows: list[dict[str, Any]]
    """A row a group, or a group and a time: its figures, `label`, and `time` if there is one."""
    whole: dict[str, Any]
    """The figures of all calls, those left out included."""
    left_out: int
    """How many groups are not among the rows."""
    is_over_time: bool
    """Whether each row has a time."""
    find: dict[str, str]
    """The text to look for, by the name of a group, to find its spans: `model:gpt-4o-mini`; none if it is too long."""


def groups(
    spans: object,
    *,
    by: str | Sequence[str],
    every: str | timedelta | None = None,
    quantiles: Mapping[str, tuple[str, float]] | None = None,
) -> Groups:
    """Group calls and name the groups; the arguments are those of `metrics`."""
    names = [by] if isinstance(by, str) else list(by)
    keys = [key for name in names for key in (("prompt", name) if name == "prompt_version" else (name,))]
    keys = list(dict.fromkeys(keys))
    rows = metrics(spans, by=keys, every=every, quantiles=quantiles).table.to_pylist()
    cells = _numbers(spans) if "cell" in keys and rows else {}
    for row in rows:
        row["label"] = _label(row, keys, cells)
    calls: Counter[str] = Counter()
    for row in rows:
        calls[row["label"]] += row["calls"]
    (whole,) = metrics(spans).table.to_pylist()
    labels = sorted(calls, key=lambda label: (-calls[label], label))[: MOST if every is None else MOST_OVER_TIME]
    if keys == ["cell"]:
        order = {row["label"]: cells.get(row["cell"], -1) for row in rows}
        labels.sort(key=lambda label: order[label])
    shown = [row for row in rows if row["label"] in labels]
    shown.sort(key=lambda row: (labels.index(row["label"]), row.get("time") or 0))
    title = " and ".join(TITLES.get(name, name) for name in names)
    find = {row["label"]: named.written((key, row[key]) for key in keys) for row in shown} if keys else {}
    find = {label: text for label, text in find.items() if len(text) <= LONGEST}
    return Groups(title, labels, shown, whole, len(calls) - len(labels), every is not None, find)


def _numbers(spans: object) -> dict[Any, int]:
    """Find the number in the brackets of each cell, the latest."""
    numbers: dict[Any, int] = {}
    for row in metrics(spans, by=("cell", "execution_count")).table.to_pylist():
        number = row["execution_count"]
        if number is not None:
            numbers[row["cell"]] = max(number, numbers.get(row["cell"], number))
    return numbers


def _label(row: dict[str, Any], keys: Sequence[str], cells: Mapping[Any, int]) -> str:
    words = [
        f"[{cells[row[key]]}]" if key == "cell" and row[key] in cells else str(row[key])
        for key in keys
        if row[key] is not None
    ]
    return " · ".join(words) or "".join(MISSING.get(key, f"no {key}") for key in keys[:1])
