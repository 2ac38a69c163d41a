"""Scores: what people, code and models say of a span, in a table of their own.

A span is immutable and a judgement of it comes later, often more than one, so scores are rows that name a span. The
columns are those of the conventions' event `gen_ai.evaluation.result`, and who said it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from nbtrace import semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

Source = Literal["human", "code", "llm"]


@dataclass(frozen=True, slots=True)
class Score:
    """One judgement of one span."""

    trace_id: bytes
    """Of the span, 16 bytes."""
    span_id: bytes
    """Of the span, 8 bytes."""
    name: str
    """What is judged, such as `relevance` (`gen_ai.evaluation.name`)."""
    value: float | None = None
    """The number, in whatever scale the evaluator has (`gen_ai.evaluation.score.value`)."""
    label: str | None = None
    """The word, such as `pass` (`gen_ai.evaluation.score.label`)."""
    explanation: str | None = None
    """Why (`gen_ai.evaluation.explanation`)."""
    evaluator: str | None = None
    """Who or what judged: a user's name, a function's, a model's."""
    evaluator_version: str | None = None
    source: Source = "code"
    """Whether a person, a program or a model judged."""
    time_unix_nano: int = 0
    """When, in nanoseconds since the epoch."""
    error_type: str | None = None
    """Class of the error with which the judging failed (`error.type`); the explanation is its traceback then."""
    key: str | None = None
    """The same for the same judgement: by the same check, version, parameters and reference."""


COLUMN: Final = "scores"
"""The column of a file, or of a table made of it, that lists the scores of each span."""
EVENT: Final = "gen_ai.evaluation.result"
"""The conventions' event of a judgement, as which a span carries its scores in OTLP."""
ATTRIBUTES: Final = {
    "name": semconv.EVALUATION_NAME,
    "value": semconv.EVALUATION_VALUE,
    "label": semconv.EVALUATION_LABEL,
    "explanation": semconv.EVALUATION_EXPLANATION,
    "evaluator": semconv.EVALUATOR,
    "evaluator_version": semconv.EVALUATION_VERSION,
    "source": semconv.EVALUATION_SOURCE,
    "error_type": semconv.ERROR_TYPE,
}
"""What the event's attributes are called, by column."""

COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("trace_id", "id16", "OTLP trace id of the span, 16 bytes"),
    ("span_id", "id8", "OTLP span id of the span, 8 bytes"),
    ("name", "string", "what is judged: `gen_ai.evaluation.name`"),
    ("value", "double", "the number, on the evaluator's scale: `gen_ai.evaluation.score.value`"),
    ("label", "string", "the word: `gen_ai.evaluation.score.label`"),
    ("explanation", "string", "why: `gen_ai.evaluation.explanation`"),
    ("evaluator", "string", "who or what judged"),
    ("evaluator_version", "string", "its version"),
    ("source", "string", "`human`, `code` or `llm`"),
    ("time_unix_nano", "int", "when, nanoseconds since the epoch"),
    ("error_type", "string", "with what the judging failed: `error.type`; the explanation is the traceback then"),
    ("key", "string", "the same for the same check, version, parameters and reference"),
)
"""Name, type and meaning of each column."""


@cache
def scores_schema() -> pa.Schema:
    """Build the Arrow schema of the scores, each column with its meaning in its metadata (`doc`)."""
    import pyarrow as pa

    types = {
        "id16": pa.binary(16),
        "id8": pa.binary(8),
        "string": pa.string(),
        "double": pa.float64(),
        "int": pa.int64(),
    }
    return pa.schema([pa.field(name, types[kind], metadata={"doc": doc}) for name, kind, doc in COLUMNS])


def listed(kept: pa.Table, scores: pa.Table) -> tuple[Any, int]:
    """Give the scores of each row as a list, null where there are none, and how many scores are of no row."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.expand import bits
    from nbtrace._store.remap import keys
    from nbtrace._store.texts import int32, view

    rows = pc.index_in(keys(scores), value_set=keys(kept)).combine_chunks()
    found = np.flatnonzero(bits(rows.is_valid()))
    ranks = view(rows.drop_null())
    order = np.argsort(ranks, kind="stable")
    fields = list(scores_schema())[2:]
    chosen: Any = scores.take(int32(found[order]))
    structs = pa.StructArray.from_arrays([chosen.column(one.name).combine_chunks() for one in fields], fields=fields)
    lengths = np.bincount(ranks, minlength=len(kept))
    offsets = int32(np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))
    kind: Any = pa.list_(pa.field("element", structs.type))
    lists: Any = pa.ListArray.from_arrays(offsets, structs, type=kind, mask=pa.array(lengths == 0))
    return lists, len(scores) - len(found)


def unlisted(table: pa.Table) -> pa.Table:
    """Give the scores in a column of lists, if the table has it.

    Raises:
        pyarrow.ArrowInvalid: they are no scores.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if COLUMN not in table.column_names:
        return scores_schema().empty_table()
    lists: Any = table.column(COLUMN).combine_chunks()
    flat, rows = lists.flatten(), pc.list_parent_indices(lists)
    ids = [table.column(one).combine_chunks().take(rows) for one in ("trace_id", "span_id")]
    there = {one.name for one in flat.type}
    values = {one.name: flat.field(one.name) for one in list(scores_schema())[2:] if one.name in there}
    return completed(pa.table({"trace_id": ids[0], "span_id": ids[1], **values}))


LATER: Final = ("error_type", "key")
"""Columns that tables of an earlier nbtrace do not have."""


def completed(table: pa.Table) -> pa.Table:
    """Bring a table of scores, of an earlier nbtrace too, to the schema.

    Raises:
        pyarrow.ArrowInvalid: they are no scores.
    """
    import pyarrow as pa

    for name in LATER:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table), pa.string()))
    if set(table.column_names) != set(scores_schema().names):
        message = f"the columns of scores are {', '.join(scores_schema().names)}; these are {table.column_names}"
        raise pa.ArrowInvalid(message)
    return table.select(scores_schema().names).cast(scores_schema())


def encode_scores(scores: Sequence[Score]) -> pa.RecordBatch:
    """Encode scores."""
    import pyarrow as pa

    from nbtrace._store.columns import fixed, numbers, strings

    columns = {name: [getattr(score, name) for score in scores] for name, _, _ in COLUMNS}
    arrays: list[pa.Array] = []
    for name, kind, _ in COLUMNS:
        match kind:
            case "id16" | "id8":
                arrays.append(fixed(int(kind[2:]), columns[name]))
            case "string":
                arrays.append(strings(pa.string(), columns[name]))
            case "double":
                arrays.append(numbers(pa.float64(), "d", columns[name]))
            case _:
                arrays.append(numbers(pa.int64(), "q", columns[name]))
    return pa.RecordBatch.from_arrays(arrays, schema=scores_schema())


def masked(scores: pa.Table, mask: Callable[[str], str]) -> pa.Table:
    """Give scores with what may be kept of their explanations; each distinct one is looked at once."""
    import pyarrow as pa

    explanations = scores["explanation"].to_pylist()
    kept = {text: mask(text) or None for text in dict.fromkeys(explanations) if text is not None}
    if all(kept[text] == text for text in kept):
        return scores
    at = scores.column_names.index("explanation")
    column = pa.array([None if text is None else kept[text] for text in explanations], pa.string())
    return scores.set_column(at, scores.schema.field(at), column)
