"""A rule that is looked at again and again: it speaks when it is broken, and when it holds again, and not in between.

A figure that is not known is neither: before the first call there is nothing to be alarmed of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import text
from nbtrace._query.culprits import culprits
from nbtrace._query.rules import Asked, Outcome, Rule, before, outcomes
from nbtrace._query.scored import keys_of
from nbtrace._query.window import PREVIOUS

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._query.scored import SpanKey

MOST: Final = 1000
"""Alerts that a watch keeps as data."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule came to be broken, or to hold again."""

    rule: str
    group: dict[str, Any]
    """Of which group, by column; empty of a rule for all calls."""
    is_broken: bool
    figure: str
    value: float
    before: float | None
    """The figure of the baseline."""
    window: str
    calls: int
    """How many are in the window."""
    title: str
    """In words: the rule, its group, and that it is broken or holds again."""
    told: str
    """In words: the figure, and of which calls it is."""
    keys: tuple[SpanKey, ...] = field(repr=False)
    """The ids of the calls to look at, by which they are found when asked for: an alert keeps no texts."""
    all_spans: Callable[[], Spans] = field(repr=False)
    """Gives those that the calls are among."""
    time_unix_nano: int = field(default_factory=time_ns)

    @property
    def said(self) -> str:
        """All of it in words."""
        return f"{self.title}: {self.told}"

    @property
    def spans(self) -> Spans:
        """The calls to look at, the worst one first, as far as they are still there; none where it holds again."""
        return self.all_spans().found(self.keys)


class Watching:
    """A rule, and how it stood when it was last looked at.

    Args:
        rule: the rule.
        now: the calls that it is of, as they are whenever it is looked at.
        baseline: what growth is counted from, if that is not the window before.

    Raises:
        UsageError: it is of a figure, filter or column that there is not, or of a growth without a baseline.
    """

    def __init__(self, rule: Rule, now: Asked, baseline: Asked | None) -> None:
        self.rule = rule
        self.alerts: list[Alert] = []
        """When it was broken, and held again, in this order; the last thousand times."""
        self.gone = 0
        """How many older alerts are not kept."""
        self._now = now
        self._before = None if rule.baseline == PREVIOUS else before(rule, now, baseline)
        self._broken: set[tuple[Any, ...]] = set()
        list(self._outcomes(datetime.now(UTC)))

    @property
    def is_broken(self) -> bool:
        """Whether it was broken, in any group, when it was last looked at."""
        return bool(self._broken)

    def look(self) -> list[Alert]:
        """Look at the figures now; gives what has changed since the last time."""
        found: list[Alert] = []
        broken: set[tuple[Any, ...]] = set()
        moment = datetime.now(UTC)
        for outcome in self._outcomes(moment):
            group, is_broken = tuple(outcome.group.values()), outcome.broken is not None
            if not outcome.is_known or outcome.value is None:
                continue
            if is_broken:
                broken.add(group)
            if is_broken != (group in self._broken):
                found.append(self._alert(outcome, group, outcome.value, moment, is_broken=is_broken))
        self._broken = broken  # without groups that are gone or not known any more: they may break anew
        self.alerts += found
        too_many = max(0, len(self.alerts) - MOST)
        del self.alerts[:too_many]
        self.gone += too_many
        return found

    def status(self) -> list[str]:
        """Say how it stands now, a line a group."""
        return [
            f"{self._named(one)}: {'is broken' if one.broken else 'holds'}, {self._told(one)}"
            if one.is_known
            else f"{self._named(one)}: not known yet"
            for one in self._outcomes(datetime.now(UTC))
        ]

    def _outcomes(self, moment: datetime) -> Iterator[Outcome]:
        was = before(self.rule, self._now, None, moment) if self._before is None else self._before
        return outcomes(self.rule, self._now, was, moment)

    def _alert(
        self, outcome: Outcome, group: tuple[Any, ...], value: float, moment: datetime, *, is_broken: bool
    ) -> Alert:
        title = f"{self._named(outcome)} {'is broken' if is_broken else 'holds again'}"
        return Alert(
            self.rule.name, outcome.group, is_broken, self.rule.threshold.figure, value, outcome.before, outcome.window,
            outcome.calls, title, self._told(outcome), self._worst(group, moment) if is_broken else (), self._now.spans,
        )  # fmt: skip

    def _worst(self, group: tuple[Any, ...], moment: datetime) -> tuple[SpanKey, ...]:
        """Find the ids of the calls that a group is broken by."""
        window = self.rule.window.among(self._now.spans, self.rule.filters, moment)
        among = self._now.spans() if window is None else window
        return tuple(keys_of(culprits(among, self.rule.threshold, self.rule.by, group).snapshot))

    def _named(self, outcome: Outcome) -> str:
        """Name the rule and the group."""
        return self.rule.name + "".join(f", {column} {value}" for column, value in outcome.group.items())

    def _told(self, outcome: Outcome) -> str:
        """Word the figure, what it was, and of which calls it is."""
        threshold = self.rule.threshold
        value = text.figure(threshold.figure, outcome.value)
        if threshold.is_growth:
            value = f"{text.figure(threshold.figure, outcome.before)} → {value}"
        if outcome.judged not in (None, outcome.calls):
            value = f"{value} of {outcome.judged:,} judged,"
        unpriced = f", and of {text.counted(outcome.unpriced, 'call')} there is no price" if outcome.unpriced else ""
        return f"{value} in {self._window(outcome)}{unpriced}"

    def _window(self, outcome: Outcome) -> str:
        calls = text.counted(outcome.calls, "call")
        window = self.rule.window
        if window.length is not None:
            return f"{window.said} ({calls})"
        is_full = window.calls is not None and outcome.calls >= window.calls
        return window.said if is_full and not outcome.group else f"{'its ' if outcome.group else ''}{calls}"
