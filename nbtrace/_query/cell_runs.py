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
from nbtrace._query.attributes import plain
from nbtrace._query.comparison import COLUMNS, Comparison, Run, Variant, run_of, scores_of
from nbtrace._query.preview import first_line, spoken
from nbtrace._query.totals import CALLS
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans

_OWN: Final = ("cell_id", "cell_run", "execution_count", "resource", "scope", "system_instructions", "input_messages")


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


def of_cell(spans: Spans, cell: str | int | None = None) -> Comparison:
    """Compare the runs of a cell.

    Args:
        spans: among which to look.
        cell: the cell's id or the number in its brackets; by default the last one that made calls in several runs.

    Raises:
        NotFoundError: there is none with calls in two runs.
    """
    cell_id = None if cell is None else _id(spans, cell)
    runs = _runs(spans, cell_id)
    by_cell: dict[str, list[list[_Call]]] = defaultdict(list)
    for (own, *_), calls in runs.items():
        by_cell[own].append(calls)
    several = [runs for runs in by_cell.values() if len(runs) > 1]
    if not several:
        where = "no cell" if cell is None else f"the cell {cell!r}"
        message = f"{where} has made LLM calls in more than one run; run it again, then compare"
        raise NotFoundError(message if cell is None else message.replace("has made", "has not made"))
    return _compared(max(several, key=lambda runs: runs[-1][0].run.start_ns))


def changed(spans: Spans, cell: str, run: int) -> tuple[str, str] | None:
    """Give what a run of a cell asked, after what the run before it did; none where that is the same, or not known.

    Args:
        spans: among which to look.
        cell: the cell's id.
        run: the how-manieth of its runs.
    """
    runs = list(_runs(spans, cell).values())
    if len(runs) < 2:  # noqa: PLR2004 - the one before
        return None
    found = _compared(runs)
    asked = {one.variant.version: one.template or "" for one in found.runs}
    versions = list(asked)
    name = f"run {run}"
    at = versions.index(name) if name in versions else 0
    before, after = asked[versions[at - 1]], asked[versions[at]]
    return (before, after) if at and before != after else None


def _id(spans: Spans, cell: str | int) -> str:
    """Give the id of a cell, of which the number in the brackets of one run may be what is known."""
    found = spans.filter(cell=cell).snapshot["cell_id"]
    return found[0].as_py() if len(found) else str(cell)


def _runs(spans: Spans, cell_id: str | None) -> dict[tuple[Any, ...], list[_Call]]:
    """Give the calls of each run of a cell, or of every cell, the earliest first.

    Nothing here uses `pa.array` or `pa.table`, which import pandas: the cell's line asks too.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.columns import strings

    snapshot = spans.snapshot
    operations, cells = snapshot["operation"], snapshot["cell_id"]
    is_call = pc.is_in(operations, value_set=strings(pa.string(), sorted(CALLS)))
    own = pc.is_valid(cells) if cell_id is None else pc.is_in(cells, value_set=strings(pa.string(), [cell_id]))
    wanted: Any = pc.and_(is_call, own)
    calls = snapshot.filter(wanted)
    rows = calls.select([*COLUMNS, *_OWN]).to_pylist()
    attributes, scores = [plain(one) for one in calls["attributes"].to_pylist()], scores_of(calls)
    found: dict[tuple[Any, ...], list[_Call]] = defaultdict(list)
    for row in sorted(range(len(rows)), key=lambda row: rows[row]["start_time_unix_nano"] or 0):
        key = tuple(rows[row][name] for name in ("cell_id", "cell_run", "resource", "scope"))
        found[key].append(_call(rows[row], attributes[row], scores))
    return found


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


def _compared(runs: Sequence[Sequence[_Call]]) -> Comparison:
    placed = [list(_placed(calls)) for calls in runs]
    title = runs[-1][-1].run.variant.prompt
    labels: dict[Place, str] = {place: call.last for calls in placed for place, call in calls}
    numbers = {place: number for number, place in enumerate(labels, 1)}
    versions = _names([calls[0].run.variant.version for calls in runs])
    made: list[Run] = []
    for version, calls in zip(versions, placed, strict=True):
        asked = "\n\n".join(call.asked for place, call in calls if place.turn == 1)
        for place, call in calls:
            question = ((f"call {numbers[place]}", labels[place]),)
            variant = Variant(title, version, None)
            made.append(replace(call.run, variant=variant, variables=question, template=asked))
    return Comparison(made)


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
