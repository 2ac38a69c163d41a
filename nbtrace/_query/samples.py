"""Samples of calls to compare: what is known of two selections, or of the groups of one, as arrays and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace._query import text
from nbtrace._query.grouping import group_of
from nbtrace._query.rows import Rows
from nbtrace._query.scored import Judged, scores_of
from nbtrace._query.totals import ERROR
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans

NUMBERS: Final = {
    "input_tokens": ("input_tokens", 1.0),
    "output_tokens": ("output_tokens", 1.0),
    "latency_s": ("duration_ns", 1e9),
    "first_chunk_s": ("time_to_first_chunk_s", 1.0),
    "cost_usd": ("cost_usd", 1.0),
}
"""Figures of a call that are numbers: a column, and what it is divided by."""
WORDS: Final = ("finish_reasons", "refusal", "error", "response_model")
COLUMNS: Final = (
    *(column for column, _ in NUMBERS.values()), "finish_reasons", "refusal", "error_type", "status_code",
    "response_model",
)  # fmt: skip
MOST_GROUPS: Final = 8
NONE: Final = "none"

Vectors = str | Callable[[list[str]], Any] | Sequence[Any]
"""An attribute with a list of numbers, a function of answers, or vectors of both samples."""


class Sample(NamedTuple):
    """What is known of some calls."""

    calls: int
    numbers: dict[str, Any]
    words: dict[str, list[str]]
    scores: dict[str, list[Judged]]
    vectors: Any = None


class Samples(NamedTuple):
    """Two samples, and what they are called."""

    before: str
    after: str
    one: Sample
    other: Sample


def samples(
    before: Spans, after: Spans | None, by: str | None, vectors: Vectors | None
) -> tuple[list[Samples], list[str]]:
    """Take what is to be compared: two selections, their groups of one name, or each group with the first to begin.

    Groups are of calls: with `by` the scores of other spans do not count.

    Returns:
        Two samples each, and the names of groups that are left out.

    Raises:
        UsageError: there is nothing to compare with, no such column, or the vectors do not fit.
    """
    if by is None:
        if after is None:
            message = (
                "drift() compares two selections, drift(before, after), or groups of one, drift(spans, by='model')"
            )
            raise UsageError(message)
        one, other = _arrays(vectors)
        taken = sample(_calls(before), one, before), sample(_calls(after), other, after)
        return [Samples("before", "after", *taken)], []
    if vectors is not None and not isinstance(vectors, str) and not callable(vectors):
        raise UsageError.argument("embeddings", "with by=, the name of an attribute or a function of answers", vectors)
    groups, rest = _grouped(before, by)
    if after is None:
        found, left_out = _against_first(groups, vectors)
        return found, [*left_out, *rest]
    later, more = _grouped(after, by)
    both = [name for name in groups if name in later][:MOST_GROUPS]
    found = [
        Samples(f"{name} before", f"{name} after", sample(groups[name], vectors), sample(later[name], vectors))
        for name in both
    ]
    return found, [*(name for name in {**groups, **later} if name not in both), *rest, *more]


def _against_first(groups: Mapping[str, Spans], vectors: Vectors | None) -> tuple[list[Samples], list[str]]:
    """Pair each group with the first one; of too many groups, those that have most calls."""
    if not groups:
        return [], []
    first, *others = groups
    kept = sorted(others, key=lambda name: -len(groups[name]))[: MOST_GROUPS - 1]
    one = sample(groups[first], vectors)
    found = [Samples(first, name, one, sample(groups[name], vectors)) for name in others if name in kept]
    return found, [name for name in others if name not in kept]


def _arrays(vectors: Vectors | None) -> tuple[Any, Any]:
    if vectors is None or isinstance(vectors, str) or callable(vectors):
        return vectors, vectors
    if len(vectors) != 2:  # noqa: PLR2004 - before and after
        raise UsageError.argument("embeddings", "two arrays, of before and of after, a vector a row", type(vectors))
    return vectors[0], vectors[1]


def _grouped(spans: Spans, by: str) -> tuple[dict[str, Spans], list[str]]:
    """Divide calls by a column, in the order in which they began; and say how many it is not set of."""
    import numpy as np

    calls = _calls(spans)
    values = [value for (value,) in group_of(calls, [by])]
    starts = [start or 0 for start in calls.words_of(["start_time_unix_nano"])["start_time_unix_nano"].to_pylist()]
    order = np.argsort(np.array(starts, np.int64), kind="stable")
    rows: dict[str, list[int]] = {}
    for at in order.tolist():
        if (value := values[at]) is not None:
            rows.setdefault(str(value), []).append(at)
    unset = sum(value is None for value in values)
    rest = [f"{text.counted(unset, 'call')} without {by}"] if unset else []
    return {name: calls.ordered(each) for name, each in rows.items()}, rest


def _calls(spans: Spans) -> Spans:
    """Choose the calls that have ended."""
    return spans.filter(kind="llm", status=["ok", "error"])


def sample(calls: Spans, vectors: Any = None, judged: Spans | None = None) -> Sample:
    """Read what is known of some calls, and the scores of the spans that they are among; without those, their own."""
    import numpy as np

    table = calls.words_of(COLUMNS)
    numbers: dict[str, Any] = {}
    for name, (column, unit) in NUMBERS.items():
        values = table[column].drop_null().to_numpy().astype(np.float64) / unit
        numbers[name] = np.sort(values[np.isfinite(values)])
    failed = [code == ERROR for code in table["status_code"].to_pylist()]
    errors = [
        (kind or "error") if is_failed else NONE
        for kind, is_failed in zip(table["error_type"].to_pylist(), failed, strict=True)
    ]
    words = {
        "finish_reasons": [", ".join(map(str, each)) for each in table["finish_reasons"].to_pylist() if each],
        "refusal": [each or NONE for each in table["refusal"].to_pylist()],
        "error": errors,
        "response_model": [each for each in table["response_model"].to_pylist() if each],
    }
    scores: dict[str, list[Judged]] = {}
    for each in scores_of((calls if judged is None else judged).snapshot).values():
        for name, said in each.items():
            scores.setdefault(name, []).append(said)
    return Sample(len(calls), numbers, words, scores, None if vectors is None else _vectors(calls, vectors))


def _vectors(calls: Spans, given: Any) -> Any:
    """Read vectors: an array a row each, of those calls that have one.

    Raises:
        UsageError: they are none.
    """
    import numpy as np

    rows = Rows(calls.snapshot)
    if isinstance(given, str):
        found = [one[given] for one in rows.attributes() if given in one]
    elif callable(given):
        answers = [answer for answer in rows.values("answer") if answer]
        found = given(answers) if answers else []
    else:
        found = given
    try:
        made = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        made = None
    if made is not None and not made.size:
        return np.empty((0, 0))
    if made is None or made.ndim != 2 or not np.isfinite(made).all():  # noqa: PLR2004 - rows and columns
        raise UsageError.argument("embeddings", "finite numbers, a vector of the same length a row", type(found))
    return made
