"""What is to be judged: which spans of what was given, and what should have come for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from nbtrace import semconv
from nbtrace._query.row import Span
from nbtrace._query.rows import READABLE, Rows
from nbtrace._query.text import counted
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._query.comparison import Comparison
    from nbtrace._store.snapshot import Snapshot

_EXPECTED = "a list as long as the spans, a dict by span id, a function of a span, or the name of an attribute"


@dataclass(frozen=True)
class Target:
    """Spans to judge."""

    spans: Any
    """A snapshot, or a table with columns of the schema."""
    references: list[Any] | None
    """Of each span, what should have come; none if there are no references."""
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    """Which spans are not judged, in words, and how many."""


def in_words(left_out: Mapping[str, int]) -> tuple[str, ...]:
    """Say what is not judged."""
    return tuple(f"{count:,} span{'s' * (count != 1)} {what}" for what, count in left_out.items() if count)


def of_spans(spans: Snapshot | pa.Table, references: object) -> Target:
    """Judge the spans of a selection that have ended and are not themselves of a check.

    Args:
        spans: a snapshot, or a table with columns of the schema.
        references: what should have come.

    Raises:
        UsageError: the references do not fit.
    """
    found = _of_each(spans, references)
    return _chosen(spans, found)


def of_comparison(snapshot: Snapshot, comparison: Comparison, references: object) -> Target:
    """Judge the calls of a comparison; a list of references has one for each of its inputs.

    Raises:
        UsageError: the references do not fit.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.remap import keys

    runs = {bytes.fromhex(run.trace_id + run.span_id): run for run in comparison.runs}
    there = keys(snapshot.kept).combine_chunks()
    spans = snapshot.filter(pc.is_in(there, value_set=pa.array(list(runs), there.type)))
    if references is None or isinstance(references, (str, Mapping)) or callable(references):
        return of_spans(spans, references)
    listed = list(cast("Sequence[Any]", references))
    if len(listed) != len(comparison.inputs):
        raise _too_few_or_many(listed, len(comparison.inputs), "input")
    ids = keys(spans.kept).combine_chunks().to_pylist()
    return _chosen(spans, [listed[comparison.place(runs[one])[0]] for one in ids])


def _chosen(spans: Snapshot | pa.Table, references: list[Any] | None) -> Target:
    import pyarrow as pa
    import pyarrow.compute as pc

    stored: Any = getattr(spans, "kept", spans)
    ended = pc.is_valid(stored["duration_ns"]).to_pylist()
    own = made_by_checks(stored["attributes"]) if "attributes" in stored.column_names else [False] * len(ended)
    chosen = [over and not ours for over, ours in zip(ended, own, strict=True)]
    if all(chosen):
        return Target(spans, references)
    if references is not None:
        references = [one for one, wanted in zip(references, chosen, strict=True) if wanted]
    left_out = {"not over yet": ended.count(False), "made by checks themselves": sum(own)}
    return Target(spans.filter(pa.array(chosen, pa.bool_())), references, left_out)


def made_by_checks(attributes: pa.ChunkedArray) -> list[bool]:
    """Say of each span, by its attributes, whether it is the evaluation of another, or a call that a check made."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: list[bool] = []
    for chunk in cast("Any", attributes).chunks:
        keys = chunk.flatten().field("key").cast(pa.string())
        parents = pc.list_parent_indices(chunk).filter(pc.equal(keys, pa.scalar(semconv.EVALUATION_NAME)))
        marked = [False] * len(chunk)
        for row in parents.to_pylist():
            marked[row] = True
        found += marked
    return found


def _of_each(spans: Snapshot | pa.Table, references: object) -> list[Any] | None:
    """Give what should have come of each span.

    Raises:
        UsageError: the references do not fit.
    """
    match references:
        case None:
            return None
        case str():
            return named(Rows(spans), references)
        case Mapping():
            given = cast("Mapping[Any, Any]", references)
            return [given.get(one) for one in Rows(spans).values("span_id")]
        case _ if callable(references):
            rows, function = Rows(spans), cast("Callable[[Span], Any]", references)
            return [function(Span.of(rows, at)) for at in range(len(rows))]
        case _:
            try:
                listed = list(cast("Sequence[Any]", references))
            except TypeError:
                raise UsageError.kind("references", references, _EXPECTED) from None
            if len(listed) != len(spans):
                raise _too_few_or_many(listed, len(spans), "span")
            return listed


def _too_few_or_many(references: Sequence[Any], count: int, what: str) -> UsageError:
    came, wanted = counted(len(references), "reference"), counted(count, what)
    return UsageError(f"cannot use {came} for {wanted}; expected one for each of them, in their order")


def named(rows: Rows, name: str) -> list[Any]:
    """Give a column, or an attribute, of each span."""
    if name in READABLE:
        return rows.values(name)
    return [one.get(name) for one in rows.values("attributes")]
