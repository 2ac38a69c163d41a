"""A session: the one place where the stages are joined.

Capture makes spans, tracing forwards them, the store keeps them, queries and widgets read snapshots, exports write
them out. A session can be started and stopped any number of times; what it has recorded stays.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os import PathLike
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._answers import Answers
from nbtrace._capture.client import ClientCapture
from nbtrace._capture.silence import ELSEWHERE, PAUSED, STOPPED, Silence
from nbtrace._capture.site import cell_run
from nbtrace._capture.spending import Spending
from nbtrace._capture.steps import Step, StepKind, step
from nbtrace._capture.threads import ThreadCapture
from nbtrace._export.ledger import Ledger
from nbtrace._guard import guard
from nbtrace._imports import version
from nbtrace._prompts.registry import Prompts
from nbtrace._store import forks
from nbtrace._store.journal import Journal
from nbtrace._store.sessions import MAX_AGE_S, MAX_BYTES
from nbtrace._store.store import Store
from nbtrace._trace import origin
from nbtrace._trace.duplicates import Calls
from nbtrace._trace.finish import finish
from nbtrace._trace.gate import Gate
from nbtrace._trace.intake import Intake
from nbtrace._trace.prices import Prices
from nbtrace._trace.provider import Tracing, inherited
from nbtrace._trace.redact import hits
from nbtrace._trace.redact.policy import Policy
from nbtrace._trace.redact.rules import Rule
from nbtrace._trace.redact.spans import Spans as KeptSpans
from nbtrace._trace.sink import SpanSink
from nbtrace._trace.span import Ids
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from nbtrace._audit import Audit
    from nbtrace._capture.call import Call
    from nbtrace._capture.spending import Per
    from nbtrace._prompts.languages import Language
    from nbtrace._query.filters import Filters
    from nbtrace._query.frame import Spans
    from nbtrace._query.result import Result
    from nbtrace._query.watching import Watching
    from nbtrace._store.recovery import Recovered
    from nbtrace._store.scores import Score
    from nbtrace._store.snapshot import Snapshot


class Session(Answers):
    """Records LLM calls from `start` to `stop` and answers what happened.

    Usable as a context manager. Only one session records at a time in a process: a call is of one session.

    Examples:
        >>> with Session() as session:
        ...     len(session.spans())
        0
    """

    recording: ClassVar[Session | None] = None
    """The one that records; there is one at a time."""
    _starting: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, *, ids: Ids | None = None) -> None:
        self._calls = Calls(watching=False)
        self.policy = Policy()
        """What is kept of a span: rules, content mode, limits."""
        self.prices = Prices()
        self.ledger = Ledger(lambda: self.journal.path if self.journal is not None else None)
        self.spending = Spending(self.prices, self.silence)
        """What the calls have come to, against the budgets that are set."""
        finished = partial(finish, calls=self._calls, policy=self.policy, prices=self.prices)
        self.store = Store(finished, KeptSpans(self.policy).read)
        self.prompts = Prompts(self._list_prompts)
        """The prompts by name, and their list; see `nbtrace.prompts`."""
        self._ids = ids
        self._made_ns = time_ns()
        self.request_stream_usage = False
        """Whether chat streams are asked for their usage where the request does not say; see the README."""
        self.replaying: Callable[[Call | None], object] | None = None
        """What finds the recording that a call is answered from, while there is a replay."""
        self.gate = Gate()
        """Which spans are recorded: pauses and sampling."""
        self.intake = Intake(self._calls, self.gate, self.spending)
        """Whom to tell of spans that others make on providers of ours."""
        self.intake.add(started=self.store.started, progressed=self.store.progressed, ended=self.store.ended)
        for one in (self._calls, self.spending, self.gate, self.intake):
            forks.hear(one)
        self._tracing: Tracing | None = None
        self._clients: ClientCapture | None = None
        self._threads: ThreadCapture | None = None
        self.watches: list[Watching] = []
        """What is watched; see `nbtrace.watch`."""
        self.journal: Journal | None = None
        """What writes the session to the disk, if something does."""
        self._unwatch_journal: Callable[[], None] | None = None

    @property
    def running(self) -> bool:
        """Whether capture is in place."""
        return self._tracing is not None

    @property
    def tracing(self) -> Tracing:
        """Where spans are made while the session runs."""
        if self._tracing is None:
            message = "the session is not running; call nbtrace.session() or session.start() first"
            raise NotFoundError(message)
        return self._tracing

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps calls from being captured, a sentence each."""
        return self._clients.problems if self._clients else ()

    @property
    def max_memory_bytes(self) -> int | None:
        """How many bytes of ended spans are kept in memory, or none for any number; older ones go to the disk.

        Spans that wait to be encoded are not counted: up to 512 of them, or those of 16 MiB of content.

        Raises:
            UsageError: set to less than nothing.

        Examples:
            >>> session = Session()
            >>> session.max_memory_bytes = 500_000_000
        """
        return self.store.spill.limit

    @max_memory_bytes.setter
    def max_memory_bytes(self, limit: int | None) -> None:
        self.store.spill.limit = limit

    @property
    def passed(self) -> int:
        """How many requests passed by unrecorded while the session was paused."""
        return self._clients.passed if self._clients else 0

    @property
    def enabled(self) -> bool:
        """Whether anything is recorded; setting it pauses that, and budgets and guards, and leaves all in place."""
        return self._clients is not None and self._clients.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        if self._clients is not None and self._threads is not None:
            self._clients.enabled = self._threads.enabled = self.gate.is_open = value
            if value:
                self.refresh()

    def silence(self) -> Silence | None:
        """Say why no call is recorded here at the moment; none while calls are."""
        if self.running:
            return None if self.enabled else PAUSED
        return STOPPED if Session.recording is None else ELSEWHERE

    def refresh(self) -> None:
        """Capture again where a client was loaded, or others put back what they had found, behind our back."""
        if self._clients is not None:
            with guard("capture"):
                self._clients.open()

    def start(self) -> Self:
        """Begin to capture; no effect on a running session.

        Raises:
            UsageError: another session is recording.
        """
        with Session._starting:
            if self._tracing is None:
                if Session.recording is not None:
                    raise UsageError.occupied(Session.recording)
                self._tracing = Tracing(
                    self.intake,
                    version=version("nbtrace"),
                    ids=self._ids,
                    sharing=self.expect_others,
                    gate=self.gate,
                    calls=self._calls,
                )
                self.gate.is_open = True
                learn = self.policy.rules.known.learn
                self._clients = ClientCapture(
                    self._tracing, lambda: self.request_stream_usage, learn, self.spending, self
                )
                self._threads = ThreadCapture()
                self._clients.open()
                self._threads.open()
                Session.recording = self
        return self

    def stop(self) -> None:
        """Stop capturing and put back everything that was wrapped, unless a replay is on; what was recorded stays."""
        if self.replaying is not None:
            raise UsageError.replaying()
        with Session._starting:
            if self._tracing is not None and self._clients is not None and self._threads is not None:
                self._clients.close()
                self._threads.close()
                self._tracing.close()
                self._tracing = self._clients = self._threads = None
                Session.recording = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def watch(self, sink: SpanSink) -> Callable[[], None]:
        """Also tell `sink` of every span; returns what ends that."""
        return self.intake.add(started=sink.started, progressed=sink.progressed, ended=sink.ended)

    def expect_others(self) -> None:
        """Be ready for spans that other instrumentations make of the same calls."""
        self._calls.watch()

    def budget(self, limit: float | str | None = None, *, per: Per = "session") -> Spending:
        """Set or show what calls may come to; see `nbtrace.budget`."""
        if limit is not None:
            self.spending.limit(limit, per)
            if self.spending.limits:
                from nbtrace._query.spent import ended_calls

                self.spending.take_in(ended_calls(self.snapshot(), since_ns=self._made_ns))
        return self.spending

    def open_journal(
        self, directory: Path, *, notebook: str, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES
    ) -> None:
        """Write what is recorded to a directory from now on, so that it outlives this process.

        Args:
            directory: where sessions are kept; made with the first span.
            notebook: whose session it is.
            max_age_s: how long sessions are kept there, in seconds.
            max_bytes: what all of them may take.
        """
        self.close_journal()
        self.store.spill.directory = directory
        self.journal = Journal(
            self.store, directory, notebook=notebook, version=version("nbtrace"), mask=self._masked_name,
            begun=self.ledger.note, max_age_s=max_age_s, max_bytes=max_bytes,
        )  # fmt: skip
        self._unwatch_journal = self.intake.add(started=self.journal.started)
        atexit.register(self.close_journal)

    def close_journal(self) -> None:
        """Write the rest and write no more; what is written stays."""
        atexit.unregister(self.close_journal)
        journal, self.journal = self.journal, None
        if journal is not None and self._unwatch_journal is not None:
            self._unwatch_journal()
            journal.close()

    def resume(self, path: Path) -> Recovered:
        """Bring the spans of an earlier session into this one; those that are here already stay as they are.

        Args:
            path: the session's directory.
        """
        from nbtrace._query.frame import Spans
        from nbtrace._query.prompts import versions_in
        from nbtrace._store.recovery import recover

        found = recover(path)
        self.store.adopt(found.written())
        self.ledger.read(path)
        with guard("query"):
            for prompt in versions_in(Spans(found.snapshot())):
                self.prompts.adopt(prompt)
        return found

    def _masked_name(self, name: str) -> str:
        with guard("redact"):
            return self.policy.text(name, is_prose=False)
        return hits.mask("rule failed")

    def snapshot(self) -> Snapshot:
        """Give what is recorded so far."""
        return self.store.snapshot()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each change; returns what ends that."""
        return self.store.subscribe(callback)

    def spans(self, **filters: Unpack[Filters]) -> Spans:
        """Give the spans recorded so far, running ones included; see `nbtrace.spans`."""
        if filters.get("cell") == "current":
            filters["cell"] = cell_run()
        return super().spans(**filters)

    def prompt(self, name: str, template: object = None, *, language: Language = "format") -> Any:
        """Find or make a version of a prompt; see `nbtrace.prompt`."""
        here = inherited()
        cell = (here.get(semconv.CELL_ID), here.get(semconv.CELL_EXECUTION_COUNT))
        return self.prompts.prompt(name, template, language=language, cell=cast("tuple[str | None, int | None]", cell))

    def rate(self, score: Score) -> None:
        """Keep a judgement of a span; what it says in words is masked as everything is."""
        said = score.explanation and (self.policy.text(score.explanation) or None)
        self.store.score(replace(score, explanation=said))

    def judge(self, scores: pa.Table) -> None:
        """Keep many judgements of spans, as `scores_schema` has them; what they say in words is masked."""
        from nbtrace._store.scores import masked

        self.store.judge(masked(scores, self.policy.text))

    def _list_prompts(self) -> Result:
        from nbtrace._query.prompts import listed

        return listed([self.prompts[name] for name in self.prompts], self.spans())

    def redact(self, *rules: Rule, name: str | None = None) -> None:
        """Mask more; see `nbtrace.redact`."""
        for rule in rules:
            self.policy.rules.add(rule, name=name)

    def audit(self, notebook: str | PathLike[str] | None = None) -> Audit:
        """List what looks like a secret in what is kept, and in the notebook's saved file; nothing is changed.

        Every rule is asked: the built-in ones, those for personal data, and those of yours. What is found is not shown:
        a sample has masks in its place.

        Args:
            notebook: the notebook's file; by default the one that runs here, as far as its host says which.

        Examples:
            >>> Session().audit("nowhere.ipynb").notes[0]
            'in what is kept of 0 spans: nothing looks like a secret'
        """
        from nbtrace._audit import audit

        return audit(self.store.snapshot(), self.policy.rules, str(notebook) if notebook else origin.notebook())

    def span(self, name: str | None = None, *, kind: StepKind = "chain", **attributes: AttributeValue) -> Step:
        """Make a step of the user's program a span; see `nbtrace.span`."""
        return step(self.recorder, name, kind, attributes)

    def recorder(self) -> Tracing | None:
        """Give where spans are made; nothing while none is recorded."""
        return self._tracing if self.enabled else None

    def __repr__(self) -> str:
        state = "recording" if self.enabled else "paused" if self.running else "stopped"
        return f"<nbtrace session, {state}: {len(self.store)} span{'s' * (len(self.store) != 1)}>"
