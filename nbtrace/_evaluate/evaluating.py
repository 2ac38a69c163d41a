"""One check over all spans: what is known of them already stays, what is missing is made, and all of it is kept.

A score is known by its span and its key, which is of the check, its version, its parameters and the reference: spans do
not change, so that says all. What had failed is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace import semconv
from nbtrace._evaluate.judging import outcomes, scores
from nbtrace._evaluate.running import nothing
from nbtrace._evaluate.verdict import Failure, Outcome, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._evaluate.check import Check
    from nbtrace._evaluate.targets import Target

Step = Callable[[str, dict[str, Any]], Any]
"""Makes the span of an evaluation, by its name and attributes."""


class Doing(NamedTuple):
    """How checks are run, and who hears of it."""

    width: int
    step: Step | None
    """None where no session is, as in another engine's workers."""
    keep: Callable[[pa.Table], None]
    """Takes scores."""
    progress: Callable[[int], object]
    """Told how many more spans are judged."""


class Evaluating:
    """A check and the spans that it judges.

    Args:
        check: the check.
        target: the spans, and what should have come of them.
        before: scores that are there, in which to look; none to judge everything again.
    """

    def __init__(self, check: Check, target: Target, before: pa.Table | None) -> None:
        self.check = check
        self._target = target
        self._before = before
        self._known = {} if before is None else self._find(before)
        self.made = 0
        """How many spans were judged."""
        self.said: pa.Table | None = None
        """What the check said, once it is over: scores, each with what was `expected` and whether it is `cached`."""

    @property
    def nothing(self) -> int:
        """Of how many spans it had nothing to say."""
        return len(self._target.spans) - (len(self.said) if self.said is not None else 0)

    def run(self, doing: Doing) -> None:
        """Judge what is missing.

        Raises:
            BudgetError: a budget stopped a call of the check.
        """
        target = self._target
        missing = [row for row in range(len(target.spans)) if row not in self._known]
        doing.progress(len(self._known))
        found: list[tuple[int, Outcome]] = []

        def look() -> None:
            more = len(found) - self.made
            self.made += more
            doing.progress(more)

        around = self._stepping(doing.step) if self.check.traced and doing.step is not None else nothing
        try:
            outcomes(
                target.spans, missing, self.check, target.references, lambda row, one: found.append((row, one)),
                width=doing.width, around=around, look=look,
            )  # fmt: skip
        finally:
            look()
            said = sorted((one for one in found[: self.made] if one[1] is not None), key=lambda one: one[0])
            made = scores(target.spans, self.check, said, target.references)
            if said:
                doing.keep(made)
            self.said = self._all([row for row, _ in said], made)

    def _all(self, rows: list[int], made: pa.Table) -> pa.Table:
        """Put what was known and what was made in the order of the spans."""
        import pyarrow as pa

        known = sorted(self._known)
        parts = [made]
        if known and self._before is not None:
            parts.append(self._before.take([self._known[row] for row in known]))
        every = [*rows, *known]
        order = sorted(range(len(every)), key=every.__getitem__)
        references = self._target.references if self.check.reference is not None else None
        expected = [None if references is None else _text(references[every[at]]) for at in order]
        found = pa.concat_tables(parts).take(pa.array(order, pa.int64()))
        is_cached = pa.array([at >= len(rows) for at in order], pa.bool_())
        return found.append_column("expected", pa.array(expected, pa.string())).append_column("cached", is_cached)

    def _find(self, before: pa.Table) -> dict[int, int]:
        """Find the last score of each span by this check: the row of the span, and that of the score."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from nbtrace._store.remap import keys

        wanted = self.check.keys(len(self._target.spans), self._target.references)
        is_one: Any = pc.is_in(before["key"], value_set=pa.array(wanted, pa.string()))
        fits: Any = pc.and_(is_one, pc.is_null(before["error_type"]))
        at = [row for row, fit in enumerate(fits.to_pylist()) if fit]
        if not at:
            return {}
        some = before.take(at)
        ids = zip(keys(some).to_pylist(), some["key"].to_pylist(), strict=True)
        there = dict(zip(ids, at, strict=True))
        found = (there.get(each) for each in zip(keys(self._target.spans).to_pylist(), wanted, strict=True))
        return {row: score for row, score in enumerate(found) if score is not None}

    def _stepping(self, step: Step) -> Any:
        """Make each run a span, which says what came of it."""
        ids = [one.hex() for one in self._target.spans["span_id"].to_pylist()]

        @contextmanager
        def around(check: Check, row: int) -> Generator[Callable[[Outcome], None]]:
            known = {semconv.EVALUATION_NAME: check.name, semconv.EVALUATION_VERSION: check.full_version}
            with step(f"evaluate {check.name}", known | {semconv.EVALUATED_SPAN: ids[row]}) as span:
                yield lambda outcome: _told(span, outcome)

        return around


def _told(span: Any, outcome: Outcome) -> None:
    """Say on the span of an evaluation what came of it."""
    match outcome:
        case Verdict():
            found = {semconv.EVALUATION_VALUE: outcome.value, semconv.EVALUATION_LABEL: outcome.label}
            span.set(**{name: value for name, value in found.items() if value is not None})
            span.output(outcome.explanation if outcome.explanation is not None else "")
        case Failure():
            span.set(**{semconv.ERROR_TYPE: outcome.error_type})
            span.output(outcome.traceback)
        case None:
            span.output("nothing to judge")


def _text(reference: Any) -> str | None:
    if reference is None or isinstance(reference, str):
        return reference
    try:
        return orjson.dumps(reference).decode()
    except TypeError:
        return repr(reference)
