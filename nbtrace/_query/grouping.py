"""To which group each span belongs, in the words in which `aggregate` names groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbtrace._query.aggregate import KEYS
from nbtrace._query.kinds import kind
from nbtrace._query.totals import ERROR
from nbtrace._query.worked_out import WORKED_OUT
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans


def group_of(spans: Spans, by: Sequence[str]) -> list[tuple[Any, ...]]:
    """Give each span's group.

    Args:
        spans: the spans.
        by: columns, or words of `aggregate.KEYS` and `worked_out.WORKED_OUT`.

    Raises:
        UsageError: there is no such column, or it has more than one value a span.
    """
    return list(zip(*(_values(spans, name) for name in by), strict=True)) if by else [()] * len(spans)


def _values(spans: Spans, name: str) -> list[Any]:
    if name == "kind":
        table = spans.words_of(WORKED_OUT[name])
        return [kind(*each) for each in zip(*(column.to_pylist() for column in table.columns), strict=True)]
    if name == "status":
        table = spans.words_of(WORKED_OUT[name])
        ends = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return ["error" if code == ERROR else "running" if took is None else "ok" for took, code in ends]
    names = KEYS.get(name, (name,))
    known = spans.snapshot.column_names
    if not set(names) <= set(known):
        raise UsageError.unknown("column to group by", name, [*KEYS, *WORKED_OUT, *known])
    columns = [column.to_pylist() for column in spans.words_of(names).columns]
    values = [next((one for one in each if one is not None), None) for each in zip(*columns, strict=True)]
    if any(isinstance(value, list | dict) for value in values):
        raise UsageError.argument("by", "a column with one value a span", name)
    return [value.hex() if isinstance(value, bytes) else value for value in values]
