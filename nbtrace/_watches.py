"""Rules that are watched while a notebook runs: looked at when a cell ends, never on the way of a call.

What a rule says goes three ways: a line below the cell, `alerts` as data, and a span of kind `evaluation` in the cell's
trace, which stays with the session and goes wherever it is exported to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

from nbtrace import _guard, semconv
from nbtrace._answers import Answers
from nbtrace._guard import guard
from nbtrace._query.rules import Asked, Rule
from nbtrace._query.scored import FAIL, PASS
from nbtrace._query.watching import Alert, Watching
from nbtrace._query.window import PREVIOUS
from nbtrace._trace.provider import below
from nbtrace._widgets.markup import visible

if TYPE_CHECKING:
    from datetime import timedelta

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from nbtrace._capture.cells import CellRun
    from nbtrace._query.filters import Filters
    from nbtrace._query.frame import Spans
    from nbtrace._session import Session


class Watch(Watching):
    """A rule that is watched, as `nbtrace.watch` gives it; its text says how it stands now."""

    def __init__(
        self, session: Session, rule: Rule, baseline: Asked | None, on_alert: Callable[[Alert], object] | None
    ) -> None:
        super().__init__(rule, _asked(session, session), baseline)
        self._session = session
        self._on_alert = on_alert

    def look(self) -> list[Alert]:
        """Look at the figures now, as the end of a cell does; gives what has changed since the last time."""
        found = super().look()
        for alert in found:
            self._keep(alert)
            if self._on_alert is not None:
                self._call(self._on_alert, alert)
        return found

    def stop(self) -> None:
        """Watch no more; what was said stays."""
        self._session.watches[:] = [one for one in self._session.watches if one is not self]

    def _keep(self, alert: Alert) -> None:
        """Make the alert a span, in whatever trace is the current one."""
        attributes: dict[str, AttributeValue] = {
            semconv.EVALUATION_NAME: alert.rule,
            semconv.EVALUATION_VALUE: alert.value,
            semconv.EVALUATION_LABEL: FAIL if alert.is_broken else PASS,
            semconv.EVALUATION_EXPLANATION: alert.said,
            semconv.WATCH_RULE: self.rule.when,
            semconv.WATCH_WINDOW: alert.window,
            semconv.WATCH_SPANS: [span_id.hex() for _, span_id in alert.keys],
        }
        with self._session.span(f"watch {alert.rule}", kind="evaluation", **attributes):
            pass

    def _call(self, told: Callable[[Alert], object], alert: Alert) -> None:
        try:
            told(alert)
        except Exception as error:  # noqa: BLE001 - the user's, and no reason to fail the cell
            _guard.logger.warning("on_alert of the watch %r raised %s", self.rule.when, type(error).__name__)

    def __repr__(self) -> str:
        stopped = "" if any(one is self for one in self._session.watches) else " (stopped)"
        gone = [f"{self.gone:,} older alerts are no longer in .alerts"] if self.gone else []
        return "\n".join([*(f"{visible(line)}{stopped}" for line in self.status()), *gone])


def watched(
    session: Session,
    rule: str,
    *,
    window: str | timedelta = "50 calls",
    baseline: object = None,
    by: str | Sequence[str] = (),
    on_alert: Callable[[Alert], object] | None = None,
    filters: Filters | None = None,
) -> Watch:
    """Watch a figure of a session; see `nbtrace.watch`."""
    given = {name: value for name, value in (filters or {}).items() if value is not None}
    previous = PREVIOUS if isinstance(baseline, str) and baseline == PREVIOUS else None
    read = Rule.of({"when": rule, "by": by, "window": window, "baseline": previous})
    made = read._replace(filters=given)  # of which one is called `name`, as a rule is
    found = Watch(session, made, _baseline(session, baseline), on_alert)
    session.watches[:] = [one for one in session.watches if one.rule != made] + [found]
    return found


def asked(session: Session, rule: str | None, window: str, baseline: str | None, by: str | Sequence[str]) -> str:
    """Do what `%nbtrace watch` asks for: begin, end or list; gives what there is to say."""
    if rule is None:
        return "\n".join(map(repr, session.watches)) or 'nothing is watched; %nbtrace watch "error_rate > 2%" does'
    if rule == "off":
        session.watches.clear()
        return "nothing is watched any more"
    return repr(watched(session, rule, window=window, baseline=baseline, by=by))


def cell_ended(session: Session, run: CellRun) -> list[Alert]:
    """Look at all that is watched, when a cell has ended; what is said is of its trace."""
    return [alert for one in list(session.watches) for alert in _looked(one, below(run.span, inherit=run.attributes))]


def _looked(watching: Watching, context: Context) -> list[Alert]:
    token = otel_context.attach(context)
    try:
        with guard("watch"):
            return watching.look()
        return []
    finally:
        otel_context.detach(token)


def _baseline(session: Session, given: object) -> Asked | None:
    from nbtrace._opened import read_back
    from nbtrace._query.frame import Spans

    if given is None or (isinstance(given, str) and given == PREVIOUS):
        return None
    return _asked(session, given if isinstance(given, Spans | Answers) else read_back(given, session))


def _asked(session: Session, given: Spans | Answers) -> Asked:
    if isinstance(given, Answers):
        return Asked(given.spans, given.metrics)

    def metrics(spans: object, *, by: Any) -> Any:
        return session.metrics(given if spans is None else spans, by=by)

    return Asked(given.filter, metrics)
