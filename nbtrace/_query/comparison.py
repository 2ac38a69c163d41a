"""Calls compared: versions of prompts as columns, what they were asked as rows, a cell for each.

A *variant* is what a user may have changed: the version of the prompt, the model, the settings of the request. An
*input* is the variables that the prompt was rendered with. A cell has a run or several, and a figure of it is their
mean; what is unknown in one of them is left out of the mean, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace import semconv
from nbtrace._query.preview import first_line, said
from nbtrace._query.totals import CALLS, ERROR
from nbtrace._store.attributes import plain_column
from nbtrace._store.values import written
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._query.frame import Spans
    from nbtrace._query.result import Result
    from nbtrace._store.snapshot import Snapshot

FIGURES: Final = ("cost_usd", "latency_s", "first_chunk_s", "input_tokens", "output_tokens")
"""What a run is measured by, besides its scores."""
_REQUEST: Final = "gen_ai.request."
_NO_SETTINGS: Final = frozenset((semconv.REQUEST_MODEL, semconv.REQUEST_STREAM, semconv.REQUEST_STREAM_CURSOR))
COLUMNS: Final = (
    "trace_id", "span_id", "start_time_unix_nano", "duration_ns", "status_code", "status_message", "error_type",
    "prompt_name", "prompt_version", "request_model", "response_model", "finish_reasons", "refusal", "output_messages",
    "input_tokens", "output_tokens", "cost_usd", "cost_state", "usage_state", "time_to_first_chunk_s",
)  # fmt: skip


class Variant(NamedTuple):
    """One of the things compared."""

    prompt: str
    version: str
    model: str | None
    settings: tuple[tuple[str, str], ...] = ()
    """Parameters of the request by name, such as `temperature`, and their values as JSON."""


@dataclass(frozen=True, slots=True)
class Run:
    """One call, as one run of a cell."""

    variant: Variant
    variables: tuple[tuple[str, str], ...]
    """What the prompt was rendered with, by name."""
    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    start_ns: int
    output: str
    """What was said, without reasoning."""
    finish: str
    """Why it ended, the reasons joined."""
    error: str | None
    """Class of the error and what it says; none if there was none."""
    figures: Mapping[str, float]
    """Those of `FIGURES` that are known; seconds, tokens, US dollars."""
    cost_state: str | None
    usage_state: str | None = None
    """`estimated` where the tokens are."""
    is_over: bool = True
    template: str | None = None
    """What the prompt was rendered from, as the span has it."""
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    """The last number of each name that the call was given."""


class Comparison:
    """Runs in a table of variants and inputs.

    Args:
        runs: in order of their start.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self.variants = _sorted(runs)
        """The columns: by prompt, version, model and settings."""
        self.inputs = tuple(dict.fromkeys(run.variables for run in runs))
        """The rows, in order of their first use."""
        self.labels = _labels(self.variants)
        """The names of the variants, each by what tells it from the others."""
        self.score_names = tuple(sorted({name for run in runs for name in run.scores}))
        """The names of all scores."""
        self._rows = {each: row for row, each in enumerate(self.inputs)}
        self._columns = {each: column for column, each in enumerate(self.variants)}
        self._cells: dict[tuple[int, int], list[Run]] = {}
        for run in runs:
            self._cells.setdefault(self.place(run), []).append(run)

    @classmethod
    def of(cls, calls: Snapshot) -> Comparison:
        """Compare calls, each of which is of a version of a prompt."""
        return cls(list(_runs(calls)))

    def place(self, run: Run) -> tuple[int, int]:
        """Give the row and column of a run."""
        return self._rows[run.variables], self._columns[run.variant]

    def cell(self, row: int, column: int) -> tuple[Run, ...]:
        """Give the runs of an input with a variant, the earliest first; none if there are none."""
        return tuple(self._cells.get((row, column), ()))

    def figure(self, row: int, column: int, name: str) -> float | None:
        """Give the mean of a figure, or of the score of that name, over the runs of a cell that have it."""
        known = [
            value
            for run in self.cell(row, column)
            if run.error is None and (value := run.figures.get(name, run.scores.get(name))) is not None
        ]
        return math.fsum(known) / len(known) if known else None

    def baseline(self, given: int | str | None = None) -> int:
        """Find the column to compare with.

        Args:
            given: a version's number, or the label of a variant; the first variant by default.

        Raises:
            UsageError: there is no such variant, or several.
        """
        if given is None:
            return 0
        found = [
            column
            for column, one in enumerate(self.variants)
            if str(given) in (self.labels[column], one.version, f"v{one.version}")
        ]
        if not found:
            raise UsageError.unknown("baseline", str(given), self.labels)
        if len(found) > 1:
            several = ", ".join(repr(self.labels[column]) for column in found)
            raise UsageError.argument("baseline", f"one of {several}", given)
        return found[0]

    def table(self) -> pa.Table:
        """Give a row a run: what was asked of which variant, what came back, every figure and score."""
        import pyarrow as pa

        names = list(dict.fromkeys(name for variables in self.inputs for name, _ in variables))
        places = map(self.place, self.runs)
        rows = [_row(run, self.labels[column], row) for run, (row, column) in zip(self.runs, places, strict=True)]
        columns: dict[str, Any] = {name: pa.array([row[name] for row in rows], kind) for name, kind in _types().items()}
        for name in names:
            columns[f"input.{name}"] = pa.array([dict(run.variables).get(name) for run in self.runs], pa.string())
        for name in self.score_names:
            columns[f"score.{name}"] = pa.array([run.scores.get(name) for run in self.runs], pa.float64())
        return pa.table(columns)

    def result(self) -> Result:
        """Give `table` with the doors to the data frame libraries."""
        from nbtrace._query.result import Result

        return Result(self.table())


class Comparing:
    """A comparison of calls that come: made again when there are others, or scores, and not for each look.

    Args:
        calls: Gives the calls as they are now.
        make: Compares them.
    """

    def __init__(self, calls: Callable[[], Snapshot], make: Callable[[Snapshot], Comparison]) -> None:
        self._calls = calls
        self._make = make
        self._made: tuple[object, Comparison] | None = None

    def __call__(self) -> Comparison:
        """Compare the calls as they are now; what a running one has come to is seen at its end."""
        calls = self._calls()
        seen = calls["span_id"], calls["duration_ns"], len(calls.scores)
        made = self._made
        if made is None or made[0] != seen:
            made = self._made = seen, self._make(calls)
        return made[1]


def calls_of(spans: Spans, prompts: Sequence[str]) -> Snapshot:
    """Find the calls made with prompts.

    Args:
        spans: among which to look.
        prompts: their names.

    Raises:
        NotFoundError: there is none with any of them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    words = spans.words_of(["prompt_name", "operation"])
    names, operations = (words[name].cast(pa.string()) for name in ("prompt_name", "operation"))
    wanted: Any = pc.and_(
        pc.is_in(names, value_set=pa.array(prompts, pa.string())),
        pc.is_in(operations, value_set=pa.array(sorted(CALLS))),
    )
    found = spans.snapshot.filter(wanted)
    if not len(found):
        raise NotFoundError.no_calls(prompts, sorted(name for name in names.unique().to_pylist() if name))
    return found


def _sorted(runs: Sequence[Run]) -> tuple[Variant, ...]:
    """Sort the variants: versions by their number, those that have none by their first use."""
    first: dict[tuple[str, str], int] = {}
    for run in runs:
        first.setdefault(run.variant[:2], len(first))

    def key(one: Variant) -> tuple[Any, ...]:
        number = int(one.version) if one.version.isdecimal() else math.inf
        return one.prompt, number, first[one[:2]], one.model or "", one.settings

    return tuple(sorted({run.variant for run in runs}, key=key))


def _labels(variants: Sequence[Variant]) -> tuple[str, ...]:
    several = [len({one[part] for one in variants}) > 1 for part in range(3)]
    common = set[tuple[str, str]].intersection(*(set(one.settings) for one in variants)) if variants else set()
    return tuple(" · ".join(_label(one, several, common)) for one in variants)


def _label(variant: Variant, several: Sequence[bool], common: set[tuple[str, str]]) -> Iterator[str]:
    if several[0]:
        yield variant.prompt
    yield f"v{variant.version}" if variant.version.isdecimal() else variant.version
    if several[2]:
        yield variant.model or "no model"
    yield from (f"{name} {value}" for name, value in variant.settings if (name, value) not in common)


def _runs(calls: Snapshot) -> Iterator[Run]:
    scores = scores_of(calls)
    columns = calls.select(COLUMNS).to_pylist()
    attributes = plain_column(calls["attributes"])
    for row in sorted(range(len(columns)), key=lambda row: columns[row]["start_time_unix_nano"] or 0):
        yield run_of(columns[row], attributes[row], scores)


def _error(row: Mapping[str, Any]) -> str:
    kind = str(row["error_type"] or "error").removeprefix("builtins.")
    why = first_line(row["status_message"] or "")
    return f"{kind}: {why}" if why else kind


def run_of(row: Mapping[str, Any], attributes: Mapping[str, Any], scores: Mapping[tuple[bytes, bytes], Any]) -> Run:
    """Make a run of a call: its columns (`COLUMNS`), attributes, and the scores of all spans."""
    settings = {
        name.removeprefix(_REQUEST): written(value)
        for name, value in attributes.items()
        if name.startswith(_REQUEST) and name not in _NO_SETTINGS
    }
    variables = {
        name.removeprefix(semconv.PROMPT_VARIABLE): str(value)
        for name, value in attributes.items()
        if name.startswith(semconv.PROMPT_VARIABLE)
    }
    duration = row["duration_ns"]
    figures = {
        "cost_usd": row["cost_usd"],
        "latency_s": None if duration is None else duration / 1e9,
        "first_chunk_s": row["time_to_first_chunk_s"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
    }
    model = row["request_model"] or row["response_model"]
    return Run(
        Variant(row["prompt_name"], row["prompt_version"] or "", model, tuple(sorted(settings.items()))),
        tuple(sorted(variables.items())),
        row["trace_id"].hex(),
        row["span_id"].hex(),
        row["start_time_unix_nano"] or 0,
        said(row["output_messages"]),
        ", ".join(row["finish_reasons"] or ()) or (row["refusal"] or ""),
        _error(row) if row["status_code"] == ERROR else None,
        {name: float(value) for name, value in figures.items() if value is not None and math.isfinite(value)},
        row["cost_state"],
        row["usage_state"],
        duration is not None,
        attributes.get(semconv.PROMPT_TEMPLATE),
        scores.get((row["trace_id"], row["span_id"]), {}),
    )


def scores_of(calls: Snapshot) -> dict[tuple[bytes, bytes], dict[str, float]]:
    """Give the last number of each name that spans were given, by their ids."""
    found: dict[tuple[bytes, bytes], dict[str, float]] = {}
    names = ["trace_id", "span_id", "name", "value"]
    for row in calls.scores.select(names).to_pylist():
        if row["value"] is not None and math.isfinite(row["value"]):
            found.setdefault((row["trace_id"], row["span_id"]), {})[row["name"]] = row["value"]
    return found


def _row(run: Run, label: str, row: int) -> dict[str, Any]:
    return {
        "variant": label,
        "prompt": run.variant.prompt,
        "version": run.variant.version,
        "model": run.variant.model,
        "settings": ", ".join(f"{name} {value}" for name, value in run.variant.settings),
        "input": row,
        "output": run.output,
        "finish": run.finish or None,
        "error": run.error,
        **{name: run.figures.get(name) for name in FIGURES},
        "cost_state": run.cost_state,
        "usage_state": run.usage_state,
        "trace_id": run.trace_id,
        "span_id": run.span_id,
    }


def _types() -> dict[str, Any]:
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    kinds = dict.fromkeys(("variant", "prompt", "version", "model", "settings"), text) | {"input": pa.int64()}
    kinds |= dict.fromkeys(("output", "finish", "error"), text) | dict.fromkeys(FIGURES, number)
    return kinds | dict.fromkeys(("cost_state", "usage_state", "trace_id", "span_id"), text)
