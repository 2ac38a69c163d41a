"""Checks over a PySpark data frame: Spark's workers judge the rows that they have, and the scores are a data frame.

Only the columns that the checks read leave the JVM, as Arrow; nothing is computed before somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from nbtrace._evaluate.check import SPAN, Check
from nbtrace._evaluate.judging import judged
from nbtrace._query.rows import NAMES, READABLE
from nbtrace._store.scores import COLUMNS
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS: Final = {"id16": "binary", "id8": "binary", "string": "string", "double": "double", "int": "bigint"}
"""Types of the columns of scores to Spark's names of them."""
_SCHEMA: Final = ", ".join(f"{name} {KINDS[kind]}" for name, kind, _ in COLUMNS)
_MADE_OF: Final = {
    "answer": ("output_messages", "attributes"),
    "question": ("input_messages", "attributes"),
    "tool_calls": ("output_messages",),
    "documents": ("attributes",),
    "type": ("span_type", "operation"),
    "start_time": ("start_time_unix_nano",),
}


def is_spark(frame: object) -> bool:
    """Say whether something is a data frame of PySpark's."""
    return type(frame).__module__.startswith("pyspark.sql")


def over(frame: Any, checks: Sequence[Check], references: object, width: int) -> Any:
    """Judge the spans of a data frame by checks.

    Args:
        frame: with columns of the schema, as `nbtrace.export` writes them to Parquet.
        checks: which must be known to the workers: what they import is installed there.
        references: the name of a column or attribute that has them, or none.
        width: of an async check, how many at the same time on each worker.

    Raises:
        UsageError: the references are no name.
    """
    if references is not None and not isinstance(references, str):
        raise UsageError.argument("references", "the name of a column or attribute of the data frame", references)
    wanted = read(checks, references)
    some = frame.select(*(name for name in frame.columns if name in wanted))

    def judge(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            found = judged(batch, checks, references, width)
            for name in ("trace_id", "span_id"):
                at = found.column_names.index(name)
                found = found.set_column(at, name, found[name].cast(pa.binary()))
            yield from found.to_batches()

    return some.mapInArrow(judge, _SCHEMA)


def read(checks: Sequence[Check], references: object = None) -> set[str]:
    """Name the columns that checks and references are made of, and those that say which spans are to be judged."""
    names = {what for check in checks for _, what in check.reads}
    if references is not None:
        names.add(references if isinstance(references, str) else SPAN if callable(references) else "span_id")
    if SPAN in names:
        return {*NAMES}
    found = {"trace_id", "span_id", "duration_ns", "attributes"}
    for name in names:
        found |= set(_MADE_OF.get(name, (name,))) if name in READABLE and name != "attributes" else {*NAMES}
    return found
