"""Judges a table of spans by checks and gives the scores as a table: what every engine does with a piece of its rows.

It knows of no session, so it runs wherever the rows are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from nbtrace._evaluate.running import Around, Job, nothing, run
from nbtrace._evaluate.targets import of_spans
from nbtrace._evaluate.verdict import Failure, Outcome
from nbtrace._query.rows import Rows
from nbtrace._store.scores import scores_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._evaluate.check import Check

BLOCK: Final = 4096
"""Spans whose columns are read at a time."""


def jobs(spans: Any, chosen: Sequence[int], check: Check, references: Sequence[Any] | None) -> Iterator[Job]:
    """Give what a check is called with for some of the spans, reading so many at a time.

    Args:
        spans: a snapshot or a table.
        chosen: the numbers of their rows.
        check: the check.
        references: of each row of `spans`, what should have come.
    """
    for start in range(0, len(chosen), BLOCK):
        some = chosen[start : start + BLOCK]
        rows = Rows(_taken(spans, some))
        expected = None if references is None else [references[row] for row in some]
        yield from zip(some, check.arguments(rows, expected), strict=True)


def _taken(spans: Any, rows: Sequence[int]) -> Any:
    """Take rows; those that follow one another without a copy."""
    if rows[-1] - rows[0] == len(rows) - 1:
        return spans.slice(rows[0], len(rows))
    return spans.take(list(rows))


def outcomes(
    spans: Any,
    chosen: Sequence[int],
    check: Check,
    references: Sequence[Any] | None,
    tell: Callable[[int, Outcome], None],
    *,
    width: int,
    around: Around = nothing,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Judge some of the spans by a check, telling of each how it ended; see `run`."""
    run(check, jobs(spans, chosen, check, references), tell, width=width, around=around, look=look)


def scores(
    spans: Any, check: Check, found: Sequence[tuple[int, Outcome]], references: Sequence[Any] | None = None
) -> pa.Table:
    """Make the table of scores of what a check said of rows; where it said nothing there is none."""
    import pyarrow as pa

    said = [(row, outcome) for row, outcome in found if outcome is not None]
    rows = pa.array([row for row, _ in said], pa.int64())
    values: list[Any] = [one for _, one in said]
    failed = [isinstance(one, Failure) for one in values]
    keys = check.keys(len(said), None if references is None else [references[row] for row, _ in said])
    now = time.time_ns()
    columns: dict[str, Any] = {
        "trace_id": spans["trace_id"].take(rows),
        "span_id": spans["span_id"].take(rows),
        "name": _same(check.name, len(said)),
        "value": [None if no else one.value for one, no in zip(values, failed, strict=True)],
        "label": [None if no else one.label for one, no in zip(values, failed, strict=True)],
        "explanation": [one.traceback if no else one.explanation for one, no in zip(values, failed, strict=True)],
        "evaluator": _same(check.evaluator, len(said)),
        "evaluator_version": _same(check.full_version, len(said)),
        "source": _same(check.source, len(said)),
        "time_unix_nano": [now] * len(said),
        "error_type": [one.error_type if no else None for one, no in zip(values, failed, strict=True)],
        "key": keys,
    }
    schema = scores_schema()
    return pa.Table.from_arrays([_column(columns[field.name], field.type) for field in schema], schema=schema)


def _same(value: str, count: int) -> list[str]:
    return [value] * count


def _column(values: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa

    return pa.array(values, kind) if isinstance(values, list) else values.cast(kind)


def judged(spans: pa.RecordBatch, checks: Sequence[Check], references: str | None = None, width: int = 1) -> pa.Table:
    """Judge all rows of a batch that are to be judged by all checks: what another engine has its workers do.

    Args:
        spans: a batch with columns of the schema.
        checks: the checks.
        references: the name of a column or attribute that has what should have come.
        width: how many at the same time.
    """
    import pyarrow as pa

    target = of_spans(pa.Table.from_batches([spans]), references)
    tables: list[pa.Table] = []
    for check in checks:
        found: list[tuple[int, Outcome]] = []
        every = range(len(target.spans))
        outcomes(
            target.spans, every, check, target.references, lambda row, one, to=found: to.append((row, one)), width=width
        )
        tables.append(scores(target.spans, check, sorted(found, key=itemgetter(0)), target.references))
    return pa.concat_tables([scores_schema().empty_table(), *tables])
