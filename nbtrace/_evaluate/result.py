"""What an evaluation came to: a row for each span and check that had something to say, and a row a check for all of it.

A pass rate comes with its 95 % interval of Wilson (1927), as `scipy.stats.binomtest(...).proportion_ci("wilson")` and
`statsmodels.stats.proportion.proportion_confint(..., method="wilson")` have it: it stays within 0 and 1, and holds for
few spans and for rates near the ends.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._query.result import Result
from nbtrace._query.scored import FAIL, PASS
from nbtrace._query.text import counted
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._evaluate.check import Check

_Z: Final = 1.959963984540054
"""Of the standard normal distribution, what 95 % lie within."""
_SHOWN_FAILURES: Final = 3
_SHOWN_LABELS: Final = 6

COLUMNS: Final = (
    "check", "version", "trace_id", "span_id", "value", "label", "explanation", "expected", "error", "cached",
)  # fmt: skip


def wilson(passed: int, of: int) -> tuple[float, float]:
    """Give the 95 % interval of a rate.

    Examples:
        >>> [round(end, 4) for end in wilson(9, 10)]
        [0.5958, 0.9821]
    """
    if not of:
        return math.nan, math.nan
    rate, square = passed / of, _Z * _Z
    middle = rate + square / (2 * of)
    spread = _Z * math.sqrt(rate * (1 - rate) / of + square / (4 * of * of))
    low, high = ((middle + sign * spread) / (1 + square / of) for sign in (-1, 1))
    return (0.0 if passed == 0 else low), (1.0 if passed == of else high)


class Evaluation(Result):
    """What checks said of spans, as `nbtrace.evaluate` gives it: a row a span and check.

    Args:
        table: with the columns of `COLUMNS`.
        checks: in their order.
        nothing: of how many spans each check had nothing to say.
        left_out: what was not judged, in words.
        has_references: whether any span had one.
    """

    __slots__ = ("_checks", "_nothing", "left_out")

    def __init__(
        self,
        table: pa.Table,
        checks: Sequence[Check],
        nothing: Mapping[str, int],
        left_out: Sequence[str],
        *,
        has_references: bool,
    ) -> None:
        super().__init__(table)
        self._checks = tuple(checks)
        self._nothing = dict(nothing)
        self.left_out = (*left_out, *(() if has_references else self._unreferenced()))
        """Which spans were not judged, and why."""

    def _unreferenced(self) -> Iterator[str]:
        """Say which checks said nothing at all, for want of references."""
        for check in self._checks:
            count = self._nothing.get(_id(check), 0)
            if check.reference is not None and count and not len(self._of(check)):
                why = "it takes a reference, and no span has one; evaluate(..., references=[...]) gives each its own"
                yield f"{counted(count, 'span')} by {check.name}: {why}"

    def summary(self) -> Result:
        """Give a row a check.

        Returns:
            `check`, `version`, how many spans were `judged`, for how many the check `raised` instead, and how many had
            `nothing` to be judged; how many `passed`, of those that are a pass or a fail the `pass_rate` with the ends
            of its 95 % interval (`pass_low`, `pass_high`, Wilson's); the `mean` of the numbers; and the `labels` with
            their counts.
        """
        import pyarrow as pa

        rows = [self._summed(check) for check in self._checks]
        kinds: dict[str, Any] = dict.fromkeys(("check", "version", "labels"), pa.string())
        kinds |= dict.fromkeys(("judged", "raised", "nothing", "passed"), pa.int64())
        kinds |= dict.fromkeys(("pass_rate", "pass_low", "pass_high", "mean"), pa.float64())
        order = ("check", "version", "judged", "raised", "nothing", "passed", "pass_rate", "pass_low", "pass_high", "mean", "labels")  # fmt: skip  # noqa: E501
        return Result(pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[name]) for name in order])))

    def _summed(self, check: Check) -> dict[str, Any]:
        table = self._of(check)
        errors, labels, values = (table[name].to_pylist() for name in ("error", "label", "value"))
        raised = sum(error is not None for error in errors)
        said = Counter(label for label in labels if label is not None)
        passed, of = said[PASS], said[PASS] + said[FAIL]
        low, high = wilson(passed, of)
        known = [value for value in values if value is not None]
        return {
            "check": check.name,
            "version": check.full_version,
            "judged": len(errors) - raised,
            "raised": raised,
            "nothing": self._nothing.get(_id(check), 0),
            "passed": passed if of else None,
            "pass_rate": passed / of if of else None,
            "pass_low": low if of else None,
            "pass_high": high if of else None,
            "mean": math.fsum(known) / len(known) if known else None,
            "labels": _counted(said),
        }

    def _of(self, check: Check) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        same: Any = pc.and_(
            pc.equal(self.table["check"], pa.scalar(check.name)),
            pc.equal(self.table["version"], pa.scalar(check.full_version)),
        )
        return self.table.filter(same)

    @property
    def failures(self) -> Result:
        """The evaluations in which the check raised: `error` is the class, `explanation` the traceback.

        What a check judged and did not let pass is in `not_passed`.
        """
        import pyarrow.compute as pc

        return Result(self.table.filter(pc.is_valid(self.table["error"])))

    @property
    def not_passed(self) -> Result:
        """What was judged and is a fail, each with its explanation."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return Result(self.table.filter(pc.equal(self.table["label"], pa.scalar(FAIL))))

    def confusion(self, check: str | None = None) -> Result:
        """Give how often each label was given where each was expected: a row an expected label, a column a given one.

        Args:
            check: the name of a check with references; by default the only one.

        Raises:
            UsageError: there are several, and none was named.
            NotFoundError: there is none that has both labels and references.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        known: Any = self.table.filter(pc.and_(pc.is_valid(self.table["expected"]), pc.is_valid(self.table["label"])))
        names = known["check"].unique().to_pylist()
        if not names or (check is not None and check not in names):
            there = ", ".join(names) or "none"
            message = f"no check {check!r} gave labels where others were expected; those that did: {there}"
            raise NotFoundError(message)
        if check is None and len(names) > 1:
            raise UsageError.argument("check", f"one of: {', '.join(names)}", check)
        known = known.filter(pc.equal(known["check"], pa.scalar(check or names[0])))
        pairs = Counter(zip(known["expected"].to_pylist(), known["label"].to_pylist(), strict=True))
        labels = sorted({label for pair in pairs for label in pair})
        columns = {label: pa.array([pairs[expected, label] for expected in labels], pa.int64()) for label in labels}
        return Result(pa.table({"expected": pa.array(labels, pa.string()), **columns}))

    def __repr__(self) -> str:
        lines = [_shown(line) for note in self._notes() for line in note.splitlines()]
        return "\n".join([repr(self.summary()), *lines])

    def _repr_html_(self) -> str:
        notes = "".join(f"<pre>{escape(note)}</pre>" for note in self._notes())
        return f"<div>{self.summary()._repr_html_()}{notes}</div>"

    def _notes(self) -> list[str]:
        """Say what was left out, and show the first of what was raised."""
        failures = self.failures.table
        rows: list[dict[str, Any]] = failures.slice(0, _SHOWN_FAILURES).to_pylist()
        notes = [f"left out: {one}" for one in self.left_out]
        notes += [f"{row['check']} raised for span {row['span_id']}:\n{row['explanation']}" for row in rows]
        if len(failures) > len(rows):
            notes.append(f"and {len(failures) - len(rows):,} more; .failures has all of them")
        return notes


def _shown(line: str) -> str:
    """Make every character of a line one that a terminal only shows: a traceback quotes what a model has said."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


def _id(check: Check) -> str:
    return f"{check.name} {check.full_version}"


def _counted(labels: Counter[str]) -> str | None:
    if not labels:
        return None
    most = labels.most_common(_SHOWN_LABELS)
    more = [f"{len(labels) - len(most)} others"] if len(labels) > len(most) else []
    return ", ".join([*(f"{label} {count:,}" for label, count in most), *more])


def table_of(said: pa.Table) -> pa.Table:
    """Make the rows of an evaluation of scores, each with what was `expected` and whether it is `cached`."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        "check": said["name"],
        "version": said["evaluator_version"],
        **{
            name: pa.array([one.hex() for one in cast("Any", said)[name].to_pylist()], pa.string())
            for name in ("trace_id", "span_id")
        },
        "value": said["value"],
        "label": said["label"],
        "explanation": said["explanation"],
        "expected": said["expected"],
        "error": said["error_type"],
        "cached": said["cached"],
    }
    return pa.table(columns)
