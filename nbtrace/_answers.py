"""What can be asked of spans, the same of a session that records and of one that was read back.

Each question is answered by a later stage from one snapshot; who has the spans only says which one, and whom to tell
when there are more.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from os import PathLike
from typing import TYPE_CHECKING, Literal, Unpack, overload

from nbtrace._export.ledger import Ledger
from nbtrace._store.labels import RATING, Labels
from nbtrace._trace import pricing
from nbtrace._trace.prices import Prices
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from nbtrace._capture.silence import Silence
    from nbtrace._explain.explanation import Explanation
    from nbtrace._export.live import Live
    from nbtrace._export.options import Options
    from nbtrace._export.report import ExportReport
    from nbtrace._query.cost import Cost
    from nbtrace._query.filters import Filters
    from nbtrace._query.frame import Spans
    from nbtrace._query.result import Result
    from nbtrace._query.row import Span
    from nbtrace._store.labels import LabelsGiven
    from nbtrace._store.scores import Score
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._widgets.compare import CompareWidget
    from nbtrace._widgets.figure import TraceFigure
    from nbtrace._widgets.rating import ByHand
    from nbtrace._widgets.trace import TraceWidget
    from nbtrace._widgets.traces import TracesWidget


class Answers:
    """The questions; `snapshot` and `subscribe` are for who has the spans to say."""

    prices: Prices
    ledger: Ledger
    """What has arrived where."""
    annotator: str | None = None
    """Who judges by hand, for `nbtrace.agreement`."""
    _labels: Labels = RATING

    @property
    def labels(self) -> Labels:
        """What the keys of the widgets say of a call by hand: by default `rating`, 1 to 5.

        Set it to one name with up to nine labels, words or numbers; a dict of labels gives each a value, which
        comparisons can count. Widgets that are made from then on ask it. What is said is a score of that name.

        Raises:
            UsageError: set to something else.

        Examples:
            >>> import nbtrace
            >>> session = nbtrace.Session()
            >>> session.labels = {"tone": ["kind", "neutral", "rude"]}
            >>> session.labels = {"helpful": {"yes": 1, "partly": 0.5, "no": 0}}
            >>> session.labels.name
            'helpful'
        """
        return self._labels

    @labels.setter
    def labels(self, given: Labels | LabelsGiven) -> None:
        self._labels = given if isinstance(given, Labels) else Labels.of(given)

    def snapshot(self) -> Snapshot:
        """Give all spans as they are now."""
        raise NotImplementedError

    def silence(self) -> Silence | None:
        """Say why no call is recorded here at the moment; none where they are, or were elsewhere."""

    @contextmanager
    def _saying_why(self) -> Generator[None]:
        """Where something is not found, say so if it could not have been recorded."""
        try:
            yield
        except NotFoundError as error:
            if (silence := self.silence()) is None:
                raise
            raise NotFoundError(f"{silence}; {error}") from None

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each change; returns what ends that."""
        raise NotImplementedError

    def spans(self, **filters: Unpack[Filters]) -> Spans:
        """Give the spans as a table, all of them or those that filters choose; see `nbtrace.spans`."""
        from nbtrace._query.frame import Spans

        return Spans(self.snapshot(), self._draw).filter(**filters)

    def metrics(
        self,
        spans: object = None,
        *,
        by: str | Sequence[str] = (),
        every: str | timedelta | None = None,
        calls_only: bool = True,
        engine: object = None,
    ) -> Result:
        """Compute the figures of groups of spans; see `nbtrace.metrics`."""
        from nbtrace._query.metrics import metrics

        if by == "guardrail":
            from nbtrace._query.frame import Spans
            from nbtrace._query.guardrails import guardrails

            meant = self._meant(spans)
            return guardrails(meant if isinstance(meant, Spans) else self.spans())
        return metrics(self._measured(spans), by=by, every=every, calls_only=calls_only, engine=engine)

    def columns(self) -> object:
        """Give that of which figures are made: spans, or what reads their columns when they are asked for."""
        return self.spans()

    def _measured(self, spans: object) -> object:
        """Give what an argument means, for figures."""
        asked = self if spans is None else spans
        return asked.columns() if isinstance(asked, Answers) else asked

    def _meant(self, spans: object) -> object:
        """Give the spans that an argument means: these where it is none, and of who has some, those."""
        if spans is None:
            return self.spans()
        return spans.spans() if isinstance(spans, Answers) else spans

    def usage(
        self, spans: object = None, *, by: str | Sequence[str] = "model", every: str | timedelta | None = None
    ) -> TraceFigure:
        """Draw tokens, cost and calls; see `nbtrace.usage`."""
        from nbtrace._widgets import charts

        return charts.usage(self._measured(spans), by=by, every=every)

    def latency(
        self, spans: object = None, *, by: str | Sequence[str] = "model", every: str | timedelta | None = None
    ) -> TraceFigure:
        """Draw times and errors; see `nbtrace.latency`."""
        from nbtrace._widgets import charts

        return charts.latency(self._measured(spans), by=by, every=every)

    def sql(self, query: str, **given: object) -> Result:
        """Ask in SQL; see `nbtrace.sql`."""
        from nbtrace._query.frame import Spans
        from nbtrace._query.sql import run

        chosen = self._meant(given.pop("spans", None))
        return run(query, chosen if isinstance(chosen, Spans) else self.spans(), given)

    def of(self, answer: object) -> Span:
        """Find the span of what a call returned; see `nbtrace.of`."""
        from nbtrace._query.answer import find

        spans = self.spans()
        with self._saying_why():
            return spans[find(spans.snapshot, answer)]

    def trace_table(self, trace_id: str) -> Snapshot:
        """Give the spans of one trace, by its id in hex."""
        from nbtrace._query.select import of_trace

        return of_trace(self.snapshot(), trace_id)

    def trace(self, trace: str | Span | None = None) -> TraceWidget:
        """Draw a trace as a live widget; see `nbtrace.trace`."""
        from nbtrace._query.row import Span

        if isinstance(trace, Span):
            return trace.trace()
        if trace is not None:
            return self.spans().trace(trace)
        with self._saying_why():
            return self.spans().trace()

    def _draw(self, trace_id: str, span_id: str | None) -> TraceWidget:
        from nbtrace._widgets.trace import TraceWidget

        return TraceWidget(
            lambda: self.trace_table(trace_id), self.subscribe, by_hand=self.by_hand(), selected_span=span_id
        )

    def traces(self) -> TracesWidget:
        """List the session's traces as a live widget; see `nbtrace.traces`."""
        from nbtrace._widgets.traces import TracesWidget

        return TracesWidget(self.snapshot, self.subscribe, by_hand=self.by_hand())

    def compare(
        self,
        prompts: str | Sequence[str] | None = None,
        *,
        cell: str | int | None = None,
        spans: object = None,
        baseline: int | str | None = None,
    ) -> CompareWidget:
        """Compare the calls of prompts, or the runs of a cell; see `nbtrace.compare`."""
        from nbtrace._query.cell_runs import calls_of_cell, cell_of, of_cell
        from nbtrace._query.comparison import Comparing, Comparison, calls_of
        from nbtrace._query.frame import Spans
        from nbtrace._query.select import of_traces
        from nbtrace._widgets.compare import CompareWidget

        if isinstance(spans, Answers):
            return spans.compare(prompts, cell=cell, baseline=baseline)
        if spans is not None and not isinstance(spans, Spans):
            raise UsageError.kind("spans", spans, "what nbtrace.spans(...) or nbtrace.open(...) gives")
        if prompts is not None and cell is not None:
            raise UsageError.argument("cell", "either prompts or a cell", cell)

        def among() -> Spans:
            return self.spans() if spans is None else spans

        if prompts is None:
            chosen = cell_of(among(), cell)
            comparing = Comparing(lambda: calls_of_cell(among(), chosen), of_cell)
        else:
            names = [prompts] if isinstance(prompts, str) else list(prompts)
            comparing = Comparing(lambda: calls_of(among(), names), Comparison.of)

        def traces() -> Snapshot:
            whole = self.snapshot() if spans is None else spans.snapshot
            return of_traces(whole, [run.trace_id for run in comparing().runs])

        return CompareWidget(comparing, self.by_hand(), traces, self.subscribe, baseline=comparing().baseline(baseline))

    def rate(self, score: Score) -> None:
        """Keep a judgement of a span.

        Raises:
            UsageError: these spans were read back, and do not change.
        """
        message = "these spans were read back and take no scores; rate them in the session that recorded them"
        raise UsageError(message)

    def rate_by_hand(self, score: Score) -> None:
        """Keep a judgement of whoever is the annotator now.

        Raises:
            UsageError: these spans were read back, and do not change.
        """
        self.rate(replace(score, evaluator=self.annotator))

    def by_hand(self) -> ByHand:
        """Say to a widget what a reader may say of a span, and what keeps it."""
        from nbtrace._widgets.rating import ByHand

        return ByHand(self.rate_by_hand, self.labels, lambda: self.annotator)

    def cost(self, span: object) -> Cost:
        """Tell what a call cost; see `nbtrace.cost`."""
        from nbtrace._query.cost import Cost

        found = self._one(span)
        attributes = found.attributes
        if found.cost_state == "unpriced":  # there may be a price by now
            attributes |= pricing.cost(attributes, at_ns=found.start_time_unix_nano, prices=self.prices)
        return Cost.of(attributes)

    def explain(self, span: object = None) -> Explanation:
        """Show a span as telemetry; see `nbtrace.explain`."""
        from nbtrace._explain.explained import explained
        from nbtrace._explain.explanation import Explanation

        found = self._last_call() if span is None else self._one(span)
        for among in (self.snapshot(), found.source):
            one = None if among is None else explained(among, found.trace_id, found.span_id)
            if one is not None:
                return Explanation(one)
        message = f"the span {found.span_id} stands alone, without the spans that it was recorded with"
        raise NotFoundError(message)

    def _one(self, span: object) -> Span:
        """Give the span that somebody means by a row of it, its id, or what its call returned."""
        from nbtrace._query.row import Span
        from nbtrace._query.select import find_span

        if isinstance(span, Span):
            return span
        spans = self.spans()
        row = find_span(spans.snapshot, span)
        return self.of(span) if row is None else spans[row]

    def _last_call(self) -> Span:
        """Give the LLM call that began last."""
        from nbtrace._query.kinds import CALL_TYPES

        calls = self.spans(kind=CALL_TYPES, last=1)
        with self._saying_why():
            if not len(calls):
                message = (
                    "no LLM call was recorded yet; make one, or say which span: nbtrace.explain(nbtrace.spans()[-1])"
                )
                raise NotFoundError(message)
        return calls[-1]

    @overload
    def export(
        self, to: str | PathLike[str], *, live: Literal[False] = False, **options: Unpack[Options]
    ) -> ExportReport: ...
    @overload
    def export(self, to: str | PathLike[str], *, live: Literal[True], **options: Unpack[Options]) -> Live: ...
    def export(self, to: str | PathLike[str], *, live: bool = False, **options: Unpack[Options]) -> ExportReport | Live:
        """Write the session out, once or from now on; see `nbtrace.export`."""
        from nbtrace._exports import from_now_on, once

        return from_now_on(self, to, options) if live else once(self, to, **options)
