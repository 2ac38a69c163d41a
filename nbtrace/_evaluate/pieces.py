"""Judges the LLM calls of a dataset by an engine that reads it: DuckDB gives pieces of it, PySpark's workers judge.

Only the columns that the checks read are read, and what is in memory is a piece and what was said of all. A piece is
judged as a whole session is: the same spans are left out, and what its files say of them already is not asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace._evaluate.evaluating import Doing, Evaluating
from nbtrace._evaluate.result import Evaluation, table_of
from nbtrace._evaluate.spark import KINDS, is_spark, read
from nbtrace._evaluate.targets import in_words, of_spans
from nbtrace._query.engines import batches, collected, llm_calls
from nbtrace._store.scores import COLUMN, COLUMNS, scores_schema, unlisted
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._evaluate.check import Check

ROWS: Final = 4096
"""Spans of a piece: enough that a check which waits for answers is mostly waiting for many of them."""
_SAID: Final = (*((name, KINDS[kind]) for name, kind, _ in COLUMNS), ("expected", "string"), ("cached", "boolean"))
_SCHEMA: Final = ", ".join(f"{name} {kind}" for name, kind in (*_SAID, ("about", "string"), ("count", "bigint")))
"""What PySpark's workers give: rows of what was said, and rows that count what nothing was said of."""


class Judging(NamedTuple):
    """What is to be judged, and how."""

    checks: Sequence[Check]
    references: object
    before: pa.Table | None
    """Scores that are known besides those in the files; none to judge everything again."""


class _Before:
    """Scores that are known, in the order of their spans' ids, so that those of a piece are found without the others.

    Args:
        scores: all of them.
    """

    def __init__(self, scores: pa.Table) -> None:
        import numpy as np

        ids = _numbers(scores)
        self._scores = scores
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]

    def of(self, spans: pa.Table) -> pa.Table:
        """Give those of spans, and of others with the same ids in other traces."""
        import numpy as np
        import pyarrow as pa

        wanted = np.unique(_numbers(spans))
        first, end = (np.searchsorted(self._ids, wanted, side) for side in ("left", "right"))
        places = np.repeat(first - np.cumsum(end - first) + (end - first), end - first) + np.arange((end - first).sum())
        return self._scores.take(pa.array(np.sort(self._order[places]), pa.int64()))


def _numbers(rows: pa.Table) -> Any:
    """Look at the ids of spans as numbers."""
    import numpy as np
    import pyarrow as pa

    ids: Any = rows["span_id"].cast(pa.binary(8)).combine_chunks()
    return np.frombuffer(ids.buffers()[1] or b"", np.uint64, len(ids), 8 * ids.offset)


class _Said(NamedTuple):
    """What checks said of some spans."""

    tables: list[pa.Table]
    """Of each check, its scores with what was expected."""
    nothing: list[int]
    """Of each check, of how many spans it had nothing to say."""
    left_out: Counter[str]


def evaluated(frame: Any, judging: Judging, doing: Doing) -> Evaluation:
    """Judge the LLM calls of a frame.

    Args:
        frame: the spans of a dataset, as a relation of DuckDB's or a data frame of PySpark's.
        judging: what is to be judged.
        doing: how, and who hears of it.

    Raises:
        UsageError: the references go by order, which a dataset has none of.
        BudgetError: a budget stopped the calls of a check; what has been judged is kept.
    """
    references = judging.references
    if not (references is None or isinstance(references, str | Mapping) or callable(references)):
        expected = "the name of a column or attribute, a dict by span id, or a function of a span, for a dataset"
        raise UsageError.argument("references", expected, references)
    wanted = read(judging.checks, references) | {"attributes", *([COLUMN] if judging.before is not None else [])}
    some = llm_calls(frame, wanted)
    found = _by_workers(some, judging, doing) if is_spark(frame) else _here(some, judging, doing)
    every: list[list[pa.Table]] = [[] for _ in judging.checks]
    nothing, left_out = [0] * len(judging.checks), Counter[str]()
    for said in found:
        left_out += said.left_out
        for index, table in enumerate(said.tables):
            every[index].append(table)
            nothing[index] += said.nothing[index]
    return _evaluation(judging, every, nothing, left_out)


def _evaluation(
    judging: Judging, every: Sequence[Sequence[pa.Table]], nothing: Sequence[int], left_out: Counter[str]
) -> Evaluation:
    import pyarrow as pa

    empty = scores_schema().append(pa.field("expected", pa.string())).append(pa.field("cached", pa.bool_()))
    tables = [table_of(pa.concat_tables([empty.empty_table(), *tables])) for tables in every]
    counts = {f"{check.name} {check.full_version}": count for check, count in zip(judging.checks, nothing, strict=True)}
    has_references = judging.references is not None
    return Evaluation(
        pa.concat_tables(tables), judging.checks, counts, in_words(left_out), has_references=has_references
    )


def _here(frame: Any, judging: Judging, doing: Doing) -> Iterator[_Said]:
    """Judge pieces that DuckDB gives, one after the other."""
    import pyarrow as pa

    before = _Before(judging.before) if judging.before is not None else None
    for batch in batches(frame, ROWS):
        yield _judged(pa.Table.from_batches([batch]), judging, before, doing)


def _judged(spans: pa.Table, judging: Judging, before: _Before | None, doing: Doing) -> _Said:
    """Judge a piece."""
    import pyarrow as pa

    target = of_spans(spans, judging.references)
    known = pa.concat_tables([before.of(spans), unlisted(spans)]) if before is not None else None
    every = [Evaluating(check, target, known) for check in judging.checks]
    for one in every:
        one.run(doing)
    tables = [one.said for one in every if one.said is not None]
    return _Said(tables, [one.nothing for one in every], Counter(target.left_out))


def _by_workers(frame: Any, judging: Judging, doing: Doing) -> Iterator[_Said]:
    """Have PySpark's workers judge the rows that they have, and keep what they said."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows: Any = collected(frame.mapInArrow(_worker(judging, doing.width), _SCHEMA))
    counted = rows.filter(pc.is_valid(rows["about"]))
    counts = Counter[str]()
    for about, count in zip(counted["about"].to_pylist(), counted["count"].to_pylist(), strict=True):
        counts[about] += count
    said = rows.filter(pc.is_null(rows["about"])).select([name for name, _ in _SAID])
    for index, field in enumerate(scores_schema()):
        said = said.set_column(index, field, said[field.name].cast(field.type))
    new = said.filter(pc.invert(said["cached"])).select(scores_schema().names)
    doing.progress(len(said))
    if len(new):
        doing.keep(new)
    tables, nothing = list[pa.Table](), list[int]()
    for check in judging.checks:
        is_named: Any = pc.equal(said["name"], pa.scalar(check.name))
        is_its: Any = pc.and_(is_named, pc.equal(said["evaluator_version"], pa.scalar(check.full_version)))
        tables.append(said.filter(is_its))
        nothing.append(counts.pop(_nothing(check), 0))
    yield _Said(tables, nothing, counts)


def _worker(judging: Judging, width: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make what a worker does with its batches."""

    def judge(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        before = _Before(judging.before) if judging.before is not None else None
        for batch in batches:
            found = _judged(pa.Table.from_batches([batch]), judging, before, Doing(width, None, _unheard, _unheard))
            about = {_nothing(check): count for check, count in zip(judging.checks, found.nothing, strict=True)}
            about |= found.left_out
            counted = pa.table({"about": [*about], "count": pa.array(about.values(), pa.int64())})
            every = pa.concat_tables([*found.tables, counted], promote_options="default")
            for name in ("trace_id", "span_id"):
                every = every.set_column(every.column_names.index(name), name, every[name].cast(pa.binary()))
            yield from every.to_batches()

    return judge


def _nothing(check: Check) -> str:
    return f"nothing {check.name} {check.full_version}"


def _unheard(given: object) -> None:
    """Keep nothing: the driver does."""
