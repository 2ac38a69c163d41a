"""The words by which spans are chosen, each a function from columns to the rows that fit.

Everything is computed over whole columns. A value that a filter cannot use is refused with what it takes; a filter
that fits nothing gives no rows and no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, cast

from nbtrace._query.matching import Match, in_lists, matches
from nbtrace._query.moments import moment_ns
from nbtrace._query.runs import latest_runs
from nbtrace._query.search import having
from nbtrace._query.select import find_trace_id
from nbtrace._query.worked_out import WORDS, rows_with
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    Column = Any
    """A chunked array; the stubs of pyarrow do not know what its kernels take."""

    from nbtrace._store.snapshot import Snapshot

    Rows = Column
    """Says of each span whether it is chosen; never null."""


class Filters(TypedDict, total=False):
    """What `nbtrace.spans()` takes; a filter that is None is not there."""

    since: datetime | date | timedelta | str | None
    """Started at this moment or later: a datetime, ISO text, or how long ago (`timedelta`, `"15m"`, `"2h"`, `"7d"`)."""
    until: datetime | date | timedelta | str | None
    """Started before this moment."""
    cell: str | int | tuple[str, int] | None
    """Of a cell: its id, the number in its brackets, `"current"` for the run of the cell that asks, or id and run."""
    run: int | Literal["latest"] | None
    """Of the how-manieth run of its cell, or `"latest"`: of each cell its last run, and what is of no cell."""
    trace: object
    """Of a trace: 32 hex digits or the first few of them, or a span of it."""
    kind: str | Iterable[str] | None
    """What the span is: `llm`, `embedding`, `tool`, `retrieval`, `agent`, `chain`, `guardrail`, `cell`, ..."""
    status: Literal["ok", "error", "running"] | Iterable[str] | None
    """How it ended; `ok` is without an error."""
    name: Match | None
    """The span's name: a text, a pattern with `*`, `?` or `[...]`, `re.compile(...)`, or a list of these."""
    model: Match | None
    """The model that was asked or that answered, as `name`."""
    operation: Match | None
    """The GenAI operation, as `name`."""
    provider: Match | None
    """The GenAI provider, as `name`."""
    prompt: object
    """The prompt's name, as `name`; or a version of one, as `nbtrace.prompt` gives it."""
    user: Match | None
    """Whom the call was made for, as `name`."""
    session: Match | None
    """The user's session, as `name`."""
    conversation: Match | None
    """The conversation, as `name`."""
    tag: Match | None
    """One of the tags, as `name`."""
    text: str | None
    """Text that its name, messages, attributes or events have in them; case does not matter."""
    last: int | None
    """Only so many, the last ones by start, of those that all other filters choose."""


class Columns:
    """The columns of the spans that are chosen from."""

    def __init__(self, spans: Snapshot) -> None:
        self.spans = spans

    def __call__(self, name: str) -> Column:
        """Give a column; words that repeat are a dictionary."""
        import pyarrow as pa

        kept = self.spans.kept[name]
        return kept if pa.types.is_dictionary(kept.type) else self.spans[name]


def choose(spans: Snapshot, filters: Filters) -> Rows | None:
    """Say of each span whether all filters choose it; None if there is no filter.

    Args:
        spans: What is chosen from.
        filters: What was asked for; `last` is applied after all others.

    Raises:
        UsageError: A filter is unknown or has a value that it cannot use.
        NotFoundError: There is no such trace, or more than one.
    """
    import pyarrow.compute as pc

    given = {name: value for name, value in filters.items() if value is not None}
    for name in given:
        if name not in Filters.__annotations__:
            raise UsageError.unknown("filter", name, Filters.__annotations__)
    chosen: Any = None
    columns = Columns(spans)
    for name, value in given.items():
        if name != "last":
            rows = FILTERS[name](columns, value)
            chosen = rows if chosen is None else pc.and_(chosen, rows)
    return _last(columns, chosen, given["last"]) if "last" in given else chosen


def _since(columns: Columns, value: object) -> Rows:
    import pyarrow as pa
    import pyarrow.compute as pc

    return _known(pc.greater_equal(columns("start_time_unix_nano"), pa.scalar(moment_ns(value, name="since"))))


def _until(columns: Columns, value: object) -> Rows:
    import pyarrow as pa
    import pyarrow.compute as pc

    return _known(pc.less(columns("start_time_unix_nano"), pa.scalar(moment_ns(value, name="until"))))


def _cell(columns: Columns, value: object) -> Rows:
    import pyarrow as pa
    import pyarrow.compute as pc

    match value:
        case int() if not isinstance(value, bool):
            return _known(pc.equal(columns("execution_count"), pa.scalar(value)))
        case str():
            return matches(columns("cell_id"), value, name="cell", literal=True)
        case (str(own), int(run)):
            return pc.and_(_cell(columns, own), _run(columns, run))
        case _:
            raise UsageError.argument("cell", "a cell's id, the number in its brackets, or 'current'", value)


def _run(columns: Columns, value: object) -> Rows:
    import pyarrow as pa
    import pyarrow.compute as pc

    if value == "latest":
        return latest_runs(columns)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError.argument("run", "the number of a run, from 1, or 'latest'", value)
    return _known(pc.equal(columns("cell_run"), pa.scalar(value)))


def _trace(columns: Columns, value: object) -> Rows:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = find_trace_id(columns("trace_id"), str(getattr(value, "trace_id", value)))
    return _known(pc.equal(columns("trace_id"), pa.scalar(found, columns("trace_id").type)))


def _worked_out(name: str) -> Callable[[Columns, object], Rows]:
    return lambda columns, value: rows_with(columns, name, _words(value, name, WORDS[name]))


def _model(columns: Columns, value: object) -> Rows:
    import pyarrow.compute as pc

    asked, answered = (matches(columns(name), value, name="model") for name in ("request_model", "response_model"))
    return pc.or_(asked, answered)


def _prompt(columns: Columns, value: object) -> Rows:
    import pyarrow.compute as pc

    name, version = getattr(value, "name", None), getattr(value, "version", None)
    if name is None or version is None:
        return matches(columns("prompt_name"), value, name="prompt")
    versions = matches(columns("prompt_version"), str(version), name="prompt", literal=True)
    return pc.and_(matches(columns("prompt_name"), str(name), name="prompt", literal=True), versions)


def _tag(columns: Columns, value: object) -> Rows:
    import pyarrow as pa

    found: list[Any] = []
    for chunk in columns("tags").chunks:
        elements = matches(pa.chunked_array([chunk.flatten()]), value, name="tag")
        found.append(in_lists(chunk, elements.combine_chunks()))
    return pa.chunked_array(found, pa.bool_())


def _text(columns: Columns, value: object) -> Rows:
    if not isinstance(value, str) or not value:
        raise UsageError.argument("text", "a text to look for", value)
    return having(columns.spans, value)


def _matching(name: str, column: str) -> Callable[[Columns, object], Rows]:
    return lambda columns, value: matches(columns(column), value, name=name)


def _last(columns: Columns, chosen: Rows | None, count: object) -> Rows:
    """Keep the last of the chosen rows by start; one without a start counts as the first."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise UsageError.argument("last", "a number of spans, from 1", count)
    starts = pc.fill_null(columns("start_time_unix_nano"), -(2**63)).to_numpy()
    rows = np.arange(len(starts)) if chosen is None else np.flatnonzero(chosen.to_numpy())
    kept = np.zeros(len(starts), bool)
    kept[rows[np.argsort(starts[rows], kind="stable")[-count:]]] = True
    return pa.chunked_array([pa.array(kept)])


def _words(value: object, name: str, expected: Iterable[str]) -> list[str]:
    """Read one word or several out of a set of words."""
    several = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    valid = list(expected)
    for word in several:
        if word not in valid:
            raise UsageError.unknown(name, word, valid)
    if not several:
        raise UsageError.argument(name, f"one or more of {', '.join(valid)}", value)
    return cast("list[str]", several)


def _known(rows: Any) -> Rows:
    import pyarrow.compute as pc

    return pc.fill_null(rows, False)


FILTERS: Final[dict[str, Callable[[Columns, Any], Rows]]] = {
    "since": _since,
    "until": _until,
    "cell": _cell,
    "run": _run,
    "trace": _trace,
    "kind": _worked_out("kind"),
    "status": _worked_out("status"),
    "name": _matching("name", "name"),
    "model": _model,
    "operation": _matching("operation", "operation"),
    "provider": _matching("provider", "provider"),
    "prompt": _prompt,
    "user": _matching("user", "user_id"),
    "session": _matching("session", "session_id"),
    "conversation": _matching("conversation", "conversation_id"),
    "tag": _tag,
    "text": _text,
}
