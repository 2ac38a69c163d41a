"""The runs of a cell side by side: for whoever names no prompts, and changes the text in the cell.

A call of one run and a call of another are the same question if they come from the same place: the same function, the
same of the lines that lead to calls, counted from the top, and the same turn there. So they find each other when lines
are added above them, and when the text changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace import semconv
from nbtrace._query.comparison import COLUMNS, Comparison, Run, Variant, run_of, scores_of
from nbtrace._query.preview import first_line, spoken
from nbtrace._query.totals import CALLS
from nbtrace._store.attributes import plain
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot

_RUN: Final = ("cell_run", "resource", "scope")
_OWN: Final = ("execution_count", "system_instructions", "input_messages")


class Place(NamedTuple):
    """Where in its cell a call is made."""

    function: str
    line: int
    """The how-manieth of the lines that lead to its calls, from 1."""
    turn: int
    """The how-manieth call there, from 1."""


class _Call(NamedTuple):
    run: Run
    function: str
    lines: tuple[int, int]
    """That of the cell, and that of the function."""
    asked: str
    """The request as text: instructions, messages, and above them model and settings."""
    last: str
    """The first line of the last message."""


def cell_of(spans: Spans, cell: str | int | None = None) -> str:
    """Find the cell that somebody means by its id, or by the number in its brackets.

    Args:
        spans: among which to look.
        cell: without it, the last cell that made LLM calls in more than one run.

    Raises:
        NotFoundError: it has not made calls in more than one run; or there is no such cell.
    """
    runs: dict[str, set[Any]] = defaultdict(set)
    last: dict[str, int] = {}
    for row in calls_of_cell(spans, None).select(["cell_id", "start_time_unix_nano", *_RUN]).to_pylist():
        own, start = row["cell_id"], row["start_time_unix_nano"] or 0
        runs[own].add(_run_key(row))
        last[own] = max(start, last.get(own, start))
    meant = set(last if cell is None else spans.filter(cell=cell).snapshot["cell_id"].to_pylist())
    several = [own for own in last if own in meant and len(runs[own]) > 1]
    if several:
        return max(several, key=last.__getitem__)
    said = "no cell has" if cell is None else f"the cell {cell!r} has not"
    message = f"{said} made LLM calls in more than one run; run it again, then compare"
    raise NotFoundError(message)


def of_cell(calls: Snapshot) -> Comparison:
    """Compare the runs of a cell by the calls made in it."""
    runs = _runs(calls)
    placed = [list(_placed(some)) for some in runs]
    title = runs[-1][-1].run.variant.prompt
    labels: dict[Place, str] = {place: call.last for some in placed for place, call in some}
    numbers = {place: number for number, place in enumerate(labels, 1)}
    versions = _names([some[0].run.variant.version for some in runs])
    made: list[Run] = []
    for version, some in zip(versions, placed, strict=True):
        asked = _asked(some)
        for place, call in some:
            question = ((f"call {numbers[place]}", labels[place]),)
            variant = Variant(title, version, None)
            made.append(replace(call.run, variant=variant, variables=question, template=asked))
    return Comparison(made)


def changed(spans: Spans, cell: str, run: int) -> tuple[str, str] | None:
    """Give what a run of a cell asked, after what the run before it did; none where that is the same, or not known.

    Args:
        spans: among which to look.
        cell: the cell's id.
        run: the how-manieth of its runs.
    """
    runs = _runs(calls_of_cell(spans, cell, runs=(run - 1, run)))
    if len(runs) < 2:  # noqa: PLR2004 - the one before
        return None
    before, after = (_asked(list(_placed(some))) for some in runs[-2:])
    return (before, after) if before != after else None


def _asked(placed: Sequence[tuple[Place, _Call]]) -> str:
    """Write what a run asked, of each place the first time."""
    return "\n\n".join(call.asked for place, call in placed if place.turn == 1)


def calls_of_cell(spans: Spans, cell: str | None, *, runs: Sequence[int] | None = None) -> Snapshot:
    """Give the LLM calls of a cell, or of all cells.

    Nothing here uses `pa.array` or `pa.table`, which import pandas: the cell's line asks too.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import numbers, strings

    snapshot = spans.snapshot
    cells = snapshot["cell_id"]
    wanted: Any = pc.is_in(snapshot["operation"], value_set=strings(pa.string(), sorted(CALLS)))
    own = pc.is_valid(cells) if cell is None else pc.is_in(cells, value_set=strings(pa.string(), [cell]))
    wanted = pc.and_(wanted, own)
    if runs is not None:
        wanted = pc.and_(wanted, pc.is_in(snapshot["cell_run"], value_set=numbers(pa.int64(), "q", list(runs))))
    return snapshot.filter(wanted)


def _run_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Tell the runs of a cell apart: they are counted by the recording that made them."""
    return tuple(row[name] for name in _RUN)


def _runs(calls: Snapshot) -> list[list[_Call]]:
    """Give the calls of each run of a cell, and the runs, the earliest first."""
    rows = calls.select([*COLUMNS, *_RUN, *_OWN]).to_pylist()
    attributes, scores = [plain(one) for one in calls["attributes"].to_pylist()], scores_of(calls)
    found: dict[tuple[Any, ...], list[_Call]] = defaultdict(list)
    for row in sorted(range(len(rows)), key=lambda row: rows[row]["start_time_unix_nano"] or 0):
        found[_run_key(rows[row])].append(_call(rows[row], attributes[row], scores))
    return list(found.values())


def _call(row: Mapping[str, Any], attributes: Mapping[str, Any], scores: Mapping[Any, Any]) -> _Call:
    name = f"cell [{row['execution_count']}]" if row["execution_count"] is not None else "cell"
    run = run_of({**row, "prompt_name": name, "prompt_version": f"run {row['cell_run']}"}, attributes, scores)
    settings = [run.variant.model or "", *(f"{name} {value}" for name, value in run.variant.settings)]
    messages = spoken(row["input_messages"])
    asked = [", ".join(filter(None, settings)), *spoken(row["system_instructions"]), *messages]
    function = str(attributes.get(semconv.CODE_FUNCTION_NAME, ""))
    cell, own = (attributes.get(name) for name in (semconv.CELL_LINE, semconv.CODE_LINE_NUMBER))
    lines = (cell if isinstance(cell, int) else 0, own if isinstance(own, int) else 0)
    last = first_line(messages[-1]) if messages else None
    return _Call(run, function, lines, "\n".join(filter(None, asked)), last or "")


def _placed(calls: Sequence[_Call]) -> Iterator[tuple[Place, _Call]]:
    lines: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for call in calls:
        lines[call.function].add(call.lines)
    turns: dict[tuple[str, int], int] = defaultdict(int)
    for call in calls:
        line = sorted(lines[call.function]).index(call.lines) + 1
        turns[call.function, line] += 1
        yield Place(call.function, line, turns[call.function, line]), call


def _names(versions: Sequence[str]) -> list[str]:
    """Name runs in the order in which they were; after a restart of the kernel a cell's runs count from 1 again."""
    if len(set(versions)) == len(versions):
        return list(versions)
    return [f"run {number}" for number in range(1, len(versions) + 1)]
