"""Rules that figures of recorded calls are held against, as a file in TOML has them.

    [[rule]]
    when = "error_rate > 2%"      # what must not be; see `thresholds`
    since = "1d"                  # any filter of `nbtrace.spans`: only of these calls
    model = "gpt-4*"
    by = "model"                  # of each group; a list for several columns
    name = "errors"               # what it is called; by default what must not be

The figures are those of `nbtrace.metrics`, and `score.NAME`, the mean of a score, for a check's pass rate. Growth, such
as `cost > +10%`, is from a baseline. A figure that is not known breaks its rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from nbtrace._query.aggregate import FIGURES, QUANTILES
from nbtrace._query.changes import Fact
from nbtrace._query.filters import Filters
from nbtrace._query.scored import SCORE, score_figures, scores_of
from nbtrace._query.thresholds import Threshold
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._query.frame import Spans
    from nbtrace._query.result import Result

OWN: Final = ("when", "name", "by")


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


class Outcome(NamedTuple):
    """How a rule came out, for all calls or for a group of them."""

    rule: str
    group: dict[str, Any]
    value: float | None
    broken: str | None
    """What breaks it, in words; none if it holds."""


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
    return [_rule(one) for one in cast("list[Any]", rules)]


def _rule(written: Any) -> Rule:
    known = (*OWN, *Filters.__annotations__)
    for name in cast("dict[str, Any]", written) if isinstance(written, dict) else ():
        if name not in known:
            raise UsageError.unknown("key of a rule", name, known)
    if not isinstance(written, dict) or not isinstance(written.get("when"), str):
        raise UsageError.argument("rule", 'a table with when = "error_rate > 2%" or the like', written)
    table = cast("dict[str, Any]", written)
    by = table.get("by", ())
    several = [by] if isinstance(by, str) else by
    if not isinstance(several, (list, tuple)) or not all(isinstance(one, str) for one in cast("list[Any]", several)):
        raise UsageError.argument("by", "a column, or a list of columns", by)
    filters = {name: value for name, value in table.items() if name not in OWN}
    return Rule(str(table.get("name", table["when"])), table["when"], tuple(cast("list[str]", several)), filters)


def held(rules: Sequence[Rule], now: Asked, baseline: Asked | None = None) -> list[Outcome]:
    """Hold figures against rules.

    Raises:
        UsageError: a rule is of a figure, filter or column that there is not, or of a growth without a baseline.
    """
    return [outcome for rule in rules for outcome in _outcomes(rule, now, baseline)]


def _outcomes(rule: Rule, now: Asked, baseline: Asked | None) -> Iterator[Outcome]:
    threshold = Threshold.of(rule.when, figures=[*FIGURES, *QUANTILES, *_score(rule)], counts=())
    if threshold.is_growth and baseline is None:
        raise UsageError.argument("rule", "a baseline, from which it is a growth", rule.when)
    groups = _figures(rule, now)
    before = {} if baseline is None else _figures(rule, baseline)
    if not groups:
        yield Outcome(rule.name, {}, None, f"{rule.when}: there is no call to know it of")
    for group, figures in groups.items():
        facts = {name: Fact(name, before.get(group, {}).get(name), value) for name, value in figures.items()}
        value = figures[threshold.figure]
        yield Outcome(rule.name, dict(zip(rule.by, group, strict=True)), value, threshold.broken(facts))


def _score(rule: Rule) -> list[str]:
    """Name the score that a rule is about, if it is about one."""
    said = rule.when.lstrip().partition(" ")[0].rstrip("<>=")
    return [said] if said.startswith(SCORE) else []


def _figures(rule: Rule, asked: Asked) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Compute the figures of each group; without groups, of all."""
    chosen = asked.spans(**rule.filters) if rule.filters else None
    found = asked.metrics(chosen, by=rule.by)
    rows = found.table.to_pylist()
    groups = {tuple(row[name] for name in rule.by): {**row} for row in rows}
    for scored in _score(rule):
        if rule.by:
            raise UsageError.argument("by", "no groups for the mean of a score", rule.by)
        means = score_figures(scores_of(asked.spans(**rule.filters).snapshot))
        groups[()][scored] = means.get(scored)
    return groups
