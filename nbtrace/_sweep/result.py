"""What a sweep came to, read from the spans: which calls have been made, and all of them side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._query.comparison import COLUMNS, Comparison, Run, Variant, run_of, scores_of
from nbtrace._query.totals import CALLS, ERROR
from nbtrace._store.attributes import plain_column
from nbtrace._store.values import written
from nbtrace._sweep.run import NAME

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._sweep.plan import Task

_STEP: Final = "chain"


def spans_of(snapshot: Snapshot, keys: Collection[str]) -> Snapshot:
    """Give the spans of the calls with these keys, of whatever sweep, and those above them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    steps: Any = pc.and_(pc.is_in(snapshot["span_type"], value_set=pa.array([_STEP])),
                         pc.is_in(snapshot["name"], value_set=pa.array([NAME])))  # fmt: skip
    traces = snapshot.filter(steps)["trace_id"].unique()
    calls: Any = pc.and_(
        pc.is_in(snapshot["operation"], value_set=pa.array(sorted(CALLS))),
        pc.is_in(snapshot["trace_id"], value_set=traces),
    )
    some = snapshot.filter(pc.or_(pc.fill_null(steps, False), pc.fill_null(calls, False)))
    wanted = [one.get(semconv.SWEEP_KEY) in keys for one in plain_column(some["attributes"])]
    return some.filter(pa.array(wanted, pa.bool_()))


def paid(snapshot: Snapshot, keys: Collection[str]) -> set[str]:
    """Give the keys of the calls that were made and went well."""
    spans = spans_of(snapshot, keys)
    rows = spans.select(["span_type", "status_code", "duration_ns"]).to_pylist()
    return {
        str(attributes[semconv.SWEEP_KEY])
        for row, attributes in zip(rows, plain_column(spans["attributes"]), strict=True)
        if row["span_type"] == _STEP and row["status_code"] != ERROR and row["duration_ns"] is not None
    }


def compared(spans: Snapshot, tasks: Mapping[str, Task]) -> Comparison:
    """Put calls side by side, of each task the last.

    Args:
        spans: as `spans_of` gives them.
        tasks: by their keys.
    """
    rows = spans.select([*COLUMNS, "span_type"]).to_pylist()
    attributes, scores = plain_column(spans["attributes"]), scores_of(spans)
    steps: dict[str, int] = {}
    calls: dict[str, list[int]] = defaultdict(list)
    for row in sorted(range(len(rows)), key=lambda row: rows[row]["start_time_unix_nano"] or 0):
        key = str(attributes[row][semconv.SWEEP_KEY])
        if rows[row]["span_type"] == _STEP:
            steps[key] = row
        else:
            calls[key].append(row)
    runs: list[Run] = []
    for key, task in tasks.items():
        if key in steps:
            step = rows[steps[key]]
            within = [row for row in calls[key] if _is_within(rows[row], step)]
            named = [row for row in within if rows[row]["prompt_name"] is not None]
            chosen = (named or within or [steps[key]])[-1]
            runs.append(_run(run_of(rows[chosen], attributes[chosen], scores), task, step, attributes[steps[key]]))
    return Comparison(sorted(runs, key=lambda run: run.start_ns))


def _is_within(call: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    start, duration = step["start_time_unix_nano"], step["duration_ns"]
    began = call["start_time_unix_nano"]
    return call["trace_id"] == step["trace_id"] and start <= began and (duration is None or began <= start + duration)


def _run(found: Run, task: Task, step: Mapping[str, Any], attributes: Mapping[str, Any]) -> Run:
    """Say of a call what the sweep knows of it; one that is not recorded gave what its function gave."""
    setting = tuple(sorted((name, written(value)) for name, value in task.setting.items()))
    failed = (step["error_type"] or "error") if step["status_code"] == ERROR else None
    return replace(
        found,
        variant=Variant(task.prompt.name, str(task.prompt.version), task.model or found.variant.model, setting),
        variables=task.variables,
        template=task.prompt.text,
        output=found.output or str(attributes.get(semconv.OUTPUT_VALUE, "")),
        error=found.error or failed,
    )
