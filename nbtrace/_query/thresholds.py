"""Sentences that a figure can break, such as `cost_usd > +10%`, for an exit status.

    added                     a span was added (or `removed`, `changed`)
    error_rate > 2%           the figure as it is now; of a rate in percent
    latency_p95_s > +20%      its growth from what it was, in percent of that
    errors > +0               its growth from what it was
    score.correct < -0.1      the same, of the mean of a score
    check.correct < 95%       the share of spans that pass a check
    ttft_p95 > 2s             a figure by another name, with its unit: `s`, `ms`, `$`

A figure that is not known breaks its sentence: nobody can say that it holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from nbtrace._query.text import counted, is_share
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._query.changes import Fact

EXPECTED: Final = "added, removed, changed, or a figure with > or < and a number, such as 'cost > +10%'"
SHORT: Final = {
    "cost": "cost_usd", "latency": "latency_p95_s", "ttft": "first_chunk_p95_s", "tokens": "total_tokens",
    "retries": "retried",
    **{f"latency_p{share}": f"latency_p{share}_s" for share in (50, 95, 99)},
    **{f"ttft_p{share}": f"first_chunk_p{share}_s" for share in (50, 95, 99)},
}  # fmt: skip
"""Other names of figures."""
UNITS: Final = {"%": 100, "ms": 1000, "s": 1, "": 1}
"""How many of a unit are one of the figure's."""
_SENTENCE: Final = re.compile(r"\s*([\w.-]+(?: [\w.-]+)*?)\s*(>=|<=|>|<)\s*([+-]?)(\$?)(\d+(?:\.\d+)?)\s*(%|ms|s|)\s*")


class Threshold(NamedTuple):
    """A figure, and what it must not be."""

    said: str
    figure: str
    sign: str
    """`>`, `<`, `>=` or `<=`; of a count of spans `>`."""
    number: float
    is_growth: bool
    is_percent: bool

    @classmethod
    def of(cls, said: str, *, figures: Sequence[str], counts: Sequence[str]) -> Threshold:
        """Read a sentence.

        Raises:
            UsageError: It is none, or of a figure that there is not.
        """
        if said.strip() in counts:
            return cls(said.strip(), said.strip(), ">", 0.0, is_growth=False, is_percent=False)
        match = _SENTENCE.fullmatch(said)
        if match is None:
            raise UsageError.argument("threshold", EXPECTED, said)
        name, sign, plus, dollar, number, unit = match.groups()
        figure = SHORT.get(name, name)
        if figure not in (*figures, *counts):
            short = [name for name, meant in SHORT.items() if meant in figures]
            raise UsageError.unknown("figure", name, [*counts, *short, *figures])
        if (unit in ("s", "ms") and not figure.endswith("_s")) or (dollar and not figure.startswith("cost")):
            raise UsageError.argument("threshold", f"{figure} in its own unit", said)
        value = float(f"{plus}{number}") / UNITS[unit]
        return cls(said.strip(), figure, sign, value, bool(plus), unit == "%")

    def broken(self, facts: Mapping[str, Fact]) -> str | None:
        """Say how the figure is, if that is what it must not be."""
        _, before, after = facts[self.figure]
        if not self.is_known(facts):
            return f"{self.said}: {self.figure} is not known"
        value = after
        if self.is_growth:
            value = after - before
            if self.is_percent:
                value = value / abs(before) if before else math.copysign(math.inf, value) if value else 0.0
        is_broken = {
            ">": value > self.number, "<": value < self.number, ">=": value >= self.number, "<=": value <= self.number,
        }[self.sign]  # fmt: skip
        shown = f"{self._figure(before)} → {self._figure(after)}" if self.is_growth else self._figure(after)
        if not is_broken and self.sign in (">", ">=") and (unpriced := self.unpriced(facts)):
            return f"{self.said}: {self.figure} is {shown} and more, of {counted(unpriced, 'call')} there is no price"
        return f"{self.said}: {self.figure} is {shown}" if is_broken else None

    def is_known(self, facts: Mapping[str, Fact]) -> bool:
        """Say whether the figure is known, and of a growth also what it was."""
        _, before, after = facts[self.figure]
        return _is_known(after) and (not self.is_growth or _is_known(before))

    def _figure(self, value: float) -> str:
        """Word the figure precisely enough to see what it breaks; shares are percent, as thresholds have them."""
        return f"{100 * value:.4g}%" if is_share(self.figure) else f"{value:.6g}"

    def unpriced(self, facts: Mapping[str, Fact]) -> int:
        """Count the calls that an amount of money leaves out."""
        return (facts["unpriced"].after or 0) if self.figure == "cost_usd" and "unpriced" in facts else 0


def _is_known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
