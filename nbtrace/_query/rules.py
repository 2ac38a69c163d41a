"""Rules that figures of recorded calls are held against, as a file in TOML or a watch in a notebook has them.

    [[rule]]
    when = "error_rate > 2%"      # what must not be; see `thresholds`
    window = "24h"                # of which calls: `50 calls`, `24h`, `all` (which it is by default)
    baseline = "previous"         # what growth is from: the window before, or recorded calls to open
    model = "gpt-4*"              # any filter of `nbtrace.spans`: only of these calls
    by = "model"                  # of each group; a list for several columns
    name = "errors"               # what it is called; by default what must not be

The figures are those of `nbtrace.metrics`, `total_tokens`, `cost_per_call_usd`, `score.NAME` (the mean of a score) and
`check.NAME` (the share that passes a check). Growth, such as `cost > +10%`, is from the baseline. A figure that is not
known breaks its rule.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from nbtrace._query.aggregate import FIGURES, QUANTILES
from nbtrace._query.changes import Fact
from nbtrace._query.filters import Filters
from nbtrace._query.grouping import group_of
from nbtrace._query.scored import CHECK, SCORE, Judged, SpanKey, keys_of, means, score_values, scores_of
from nbtrace._query.thresholds import Threshold
from nbtrace._query.window import PREVIOUS, WHOLE, Window
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._query.frame import Spans
    from nbtrace._query.result import Result

OWN: Final = ("when", "name", "by", "window", "baseline")
MORE: Final = ("total_tokens", "cost_per_call_usd")
"""Figures that are made of those of `nbtrace.metrics`."""

JUDGED: Final = "judged"
"""The figure that says of how many spans those of judgements are."""

Group = tuple[Any, ...]
Figures = dict[Group, dict[str, Any]]
"""Figures by name, of each group."""


class Asked(NamedTuple):
    """Recorded calls that figures are asked of."""

    spans: Callable[..., Spans]
    metrics: Callable[..., Result]


class Rule(NamedTuple):
    """What must not be, of which calls."""

    name: str
    when: str
    by: tuple[str, ...]
    filters: dict[str, Any]
    threshold: Threshold
    """What must not be, read."""
    window: Window = WHOLE
    baseline: str | None = None
    """`previous`, or what to open; none for the one that is given for all rules."""

    @classmethod
    def of(cls, written: Any) -> Rule:
        """Read a rule from a table.

        Raises:
            UsageError: it is none, or of a figure that there is not.
        """
        known = (*OWN, *Filters.__annotations__)
        for name in cast("dict[str, Any]", written) if isinstance(written, dict) else ():
            if name not in known:
                raise UsageError.unknown("key of a rule", name, known)
        if not isinstance(written, dict) or not isinstance(written.get("when"), str):
            raise UsageError.argument("rule", 'a table with when = "error_rate > 2%" or the like', written)
        table = cast("dict[str, Any]", written)
        by = table.get("by", ())
        several = [by] if isinstance(by, str) else by
        if not isinstance(several, (list, tuple)) or not all(
            isinstance(one, str) for one in cast("list[Any]", several)
        ):
            raise UsageError.argument("by", "a column, or a list of columns", by)
        baseline = table.get("baseline")
        if baseline is not None and not isinstance(baseline, str):
            raise UsageError.argument("baseline", f"{PREVIOUS!r}, or the path of recorded calls", baseline)
        window = Window.of(table["window"]) if "window" in table else WHOLE
        filters = {name: value for name, value in table.items() if name not in OWN}
        names = tuple(cast("list[str]", several))
        when = table["when"]
        threshold = Threshold.of(when, figures=[*FIGURES, *MORE, *QUANTILES, *_judged(when)], counts=())
        return cls(str(table.get("name", when)), when, names, filters, threshold, window, baseline)


class Outcome(NamedTuple):
    """How a rule came out, for all calls or for a group of them."""

    rule: str
    group: dict[str, Any]
    window: str
    calls: int
    """How many are in the window."""
    value: float | None
    before: float | None
    """Of the baseline, if there is one."""
    is_known: bool
    broken: str | None
    """What breaks it, in words; none if it holds."""
    judged: int | None = None
    """Of how many spans the figure is, if it is one of judgements."""
    unpriced: int = 0
    """How many calls the figure leaves out for want of a price, if it is an amount of money."""


def read(path: Path) -> list[Rule]:
    """Read a file of rules.

    Raises:
        UsageError: there is none, or it has something else in it.
    """
    try:
        written = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError.argument("rules", f"a TOML file with [[rule]] tables ({reason})", str(path)) from error
    rules = written.get("rule")
    if set(written) != {"rule"} or not isinstance(rules, list) or not rules:
        raise UsageError.argument("rules", "[[rule]] tables and nothing else", ", ".join(written))
    return [Rule.of(one) for one in cast("list[Any]", rules)]


def held(rules: Sequence[Rule], now: Asked, baselines: Mapping[str | None, Asked]) -> list[Outcome]:
    """Hold figures against rules.

    Args:
        rules: the rules.
        now: the calls that they are of.
        baselines: by what a rule says of its own; by none the one for rules that say nothing.

    Raises:
        UsageError: a rule is of a figure, filter or column that there is not, or of a growth without a baseline.
    """
    moment = datetime.now(UTC)
    return [
        outcome
        for rule in rules
        for outcome in outcomes(rule, now, before(rule, now, baselines.get(rule.baseline), moment), moment)
    ]


def before(rule: Rule, now: Asked, baseline: Asked | None, moment: datetime | None = None) -> Figures:
    """Compute the figures that growth is counted from: of the window before, or of the baseline.

    Raises:
        UsageError: the rule is of a growth, and there is none.
    """
    if rule.baseline == PREVIOUS:
        return _figures(rule, now, rule.window.before(now.spans, rule.filters, moment))
    if baseline is not None:
        return _figures(rule, baseline, baseline.spans(**rule.filters) if rule.filters else None)
    if rule.threshold.is_growth:
        raise UsageError.argument("rule", f"a baseline, from which it is a growth, such as {PREVIOUS!r}", rule.when)
    return {}


def outcomes(rule: Rule, now: Asked, was: Figures, moment: datetime | None = None) -> Iterator[Outcome]:
    """Hold figures against a rule: an outcome for all calls, or for each group of them.

    Args:
        rule: the rule.
        now: the calls that it is of.
        was: the figures before.
        moment: the end of the window.
    """
    threshold = rule.threshold
    groups = _figures(rule, now, rule.window.among(now.spans, rule.filters, moment))
    if not groups:
        nothing = f"{rule.when}: there is no call to know it of"
        yield Outcome(rule.name, {}, rule.window.said, 0, None, None, is_known=False, broken=nothing)
    for group, figures in groups.items():
        old = was.get(group, {})
        facts = {name: Fact(name, old.get(name), value) for name, value in figures.items()}
        fact = facts.setdefault(threshold.figure, Fact(threshold.figure, old.get(threshold.figure), None))
        yield Outcome(
            rule.name, dict(zip(rule.by, group, strict=True)), rule.window.said, figures.get("calls") or 0, fact.after,
            fact.before, threshold.is_known(facts), threshold.broken(facts),
            figures.get(JUDGED), threshold.unpriced(facts),
        )  # fmt: skip


def _judged(when: str) -> list[str]:
    """Name the score that a rule is about, if it is about one."""
    said = re.split("[<>]", when, maxsplit=1)[0].strip()
    return [said] if said.startswith((SCORE, CHECK)) else []


def _figures(rule: Rule, asked: Asked, chosen: Spans | None) -> Figures:
    """Compute the figures of each group; without groups, of all."""
    rows = asked.metrics(chosen, by=rule.by).table.to_pylist()
    groups: Figures = {tuple(row[name] for name in rule.by): {**row} for row in rows}
    for figures in groups.values():
        tokens = [figures[name] for name in ("input_tokens", "output_tokens") if figures[name] is not None]
        priced = figures["priced"] + figures["estimated"]
        figures["total_tokens"] = sum(tokens) if tokens else None
        figures["cost_per_call_usd"] = figures["cost_usd"] / priced if priced else None
    figure = rule.threshold.figure
    if figure.startswith((SCORE, CHECK)):
        for group, scores in _scores(rule, asked.spans(**rule.filters) if chosen is None else chosen).items():
            values = score_values(scores)
            groups.setdefault(group, {}).update(means(values) | {JUDGED: len(values.get(figure, ()))})
    return groups


def _scores(rule: Rule, spans: Spans) -> dict[Group, dict[SpanKey, dict[str, Judged]]]:
    """Read the scores of each group of spans."""
    found: dict[Group, dict[SpanKey, dict[str, Judged]]] = {}
    scores = scores_of(spans.snapshot)
    if not scores:
        return found
    for key, group in zip(keys_of(spans.snapshot), group_of(spans, rule.by), strict=True):
        if key in scores:
            found.setdefault(group, {})[key] = scores[key]
    return found
