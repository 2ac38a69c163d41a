"""A replay, joined: a recording is read, calls are answered from it, and what it lacks is added where that is asked."""

from __future__ import annotations

import copy
import logging
from os import PathLike
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, get_args

from opentelemetry.trace import SpanContext, TraceFlags

from nbtrace import semconv
from nbtrace._api import default
from nbtrace._capture.call import under_way
from nbtrace._capture.silence import PAUSED
from nbtrace._guard import caught
from nbtrace._query.text import counted
from nbtrace._replay.miss import ReplayMiss
from nbtrace.errors import NbtraceError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._capture.call import Call
    from nbtrace._opened import Opened
    from nbtrace._replay.answer import Answers
    from nbtrace._replay.asked import Asked
    from nbtrace._replay.cassette import Cassette
    from nbtrace._replay.transport import Transports
    from nbtrace._session import Session
    from nbtrace._trace.redact.policy import Policy

Mode = Literal["replay", "record-missing", "refresh"]
Timing = Literal["none", "original"]

_FILES: Final = (".parquet", ".jsonl")
_logger: Final = logging.getLogger("nbtrace")


class Replay:
    """Calls answered from a recording, from `start` to `stop`; a context manager, as `nbtrace.replay` gives it."""

    def __init__(self, session: Session, source: object, mode: Mode, timing: Timing) -> None:
        if mode not in get_args(Mode):
            raise UsageError.unknown("mode of a replay", mode, get_args(Mode))
        if timing not in get_args(Timing):
            raise UsageError.unknown("timing of a replay", timing, get_args(Timing))
        self._session, self._source, self._mode, self._timing = session, source, mode, timing
        self._path = Path(source) if isinstance(source, str | PathLike) else None
        if mode != "replay" and (self._path is None or self._path.suffix not in _FILES):
            expected = f"the path of a file to write, ending in {' or '.join(_FILES)}, with mode={mode!r}"
            raise UsageError.argument("source", expected, source)
        self.answered = 0
        """Calls that were answered from the recording."""
        self.made = 0
        """Calls that went to their server, because the recording had no answer or is being refreshed."""
        self.missed = 0
        """Calls that were refused: a `ReplayMiss` each."""
        self._cassette: Cassette | None = None
        self._read: Opened | None = None
        self._began_ns = 0
        self._transports: Transports | None = None
        self._starts_session = False

    @property
    def is_on(self) -> bool:
        """Whether calls are answered."""
        return self._session.replaying == self._find

    def start(self) -> Self:
        """Begin to answer calls; no effect on a replay that is on.

        Raises:
            UsageError: another replay is on.
            ReadError: the recording cannot be read.
        """
        from nbtrace._opened import read_back
        from nbtrace._replay.cassette import Cassette
        from nbtrace._replay.recording import recordings
        from nbtrace._replay.transport import Transports
        from nbtrace._trace.redact.policy import Policy

        if self.is_on:
            return self
        if self._session.replaying is not None:
            message = "another replay is on; end it first: %nbtrace replay off, or its .stop()"
            raise UsageError(message)
        if self._session.running and not self._session.enabled:
            raise PAUSED.refused("answered")
        is_new = self._mode != "replay" and self._path is not None and not self._path.exists()
        # As it was kept: what the session keeps less of, or masks more, is masked when a replayed call is stored.
        self._read = None if is_new else read_back(self._source, self._session, policy=Policy())
        name = self._path.name if self._path is not None else "the recording"
        self._cassette = Cassette(recordings(self._read.snapshot()) if self._read is not None else (), name)
        if self._cassette.masks():
            _logger.warning("%s", self._said())
        self._starts_session = not self._session.running
        self._session.start()
        self._began_ns = time_ns()
        self._transports = Transports()
        self._transports.open()
        self._session.replaying = self._find
        return self

    def rewind(self) -> None:
        """Answer equal calls from the first of their recordings again."""
        if self._cassette is not None:
            self._cassette.rewind()

    def stop(self) -> None:
        """Answer no more calls, and write the file if the mode is one that writes."""
        self.end(failed=False)

    def end(self, *, failed: bool) -> None:
        """Stop; a file that is refreshed stays as it was if the run that refreshes it has failed."""
        if not self.is_on:
            return
        self._session.replaying = None
        if self._transports is not None:
            self._transports.close()
        if self._starts_session:
            self._session.stop()
        if failed and self._mode == "refresh":
            _logger.warning("%s is left as it was, because the run that refreshed it failed", self._path)
        elif self._mode != "replay" and self.made:
            self._write()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.end(failed=error is not None)

    def _find(self, call: Call | None) -> object:
        """Find what a call is answered with; none for one that goes to its server.

        A call of which nothing can be told is None.

        Raises:
            ReplayMiss: there is no answer, and the call may not be made.
            BudgetError: the call would be made, and a budget is spent.
        """
        try:
            if call is None or under_way() is not call:
                paused = "recording is paused, and %nbtrace on goes on"
                return self._refused("it could not be read; see the log" if self._session.enabled else paused)
            return self._found(call)
        except NbtraceError:
            raise
        except Exception as error:  # noqa: BLE001 - as the guard does
            caught("replay", error)
            raise ReplayMiss.failed(error) from None

    def _found(self, call: Call) -> object:
        from nbtrace._replay.answer import NotKeptError
        from nbtrace._replay.answers import answers
        from nbtrace._replay.asked import asked
        from nbtrace._replay.cassette import said
        from nbtrace._replay.endpoints import endpoint_of

        request = asked(self._policy().attributes(call.asked()), endpoint_of(call.wire))
        recording = self._tape.find(request) if self._mode != "refresh" else None
        if recording is None:
            return self._missing(request)
        try:
            found = answers(recording.shown(hides_usage=call.hides_usage), is_timed=self._timing == "original")
        except NotKeptError as reason:
            return self._make(ReplayMiss.not_kept(said(request), str(reason)))
        if not self._holds(found):
            gone = "the replay is over" if not self.is_on else "the HTTP client's code was replaced since it began"
            return self._refused(gone)
        recorded = SpanContext(
            int.from_bytes(recording.trace_id),
            int.from_bytes(recording.span_id),
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
        call.span.add_link(recorded)
        call.span.set_attribute(semconv.REPLAYED_FROM, recording.span_id.hex())
        self.answered += 1
        return found

    def _refused(self, reason: str) -> None:
        return self._make(ReplayMiss.unanswerable(reason))

    def _holds(self, found: Answers) -> bool:
        return self._transports is not None and self._transports.hold(found)

    @property
    def _tape(self) -> Cassette:
        assert self._cassette is not None  # noqa: S101 - it is on
        return self._cassette

    def _policy(self) -> Policy:
        """Give the session's policy as it would keep content, which a request is known by."""
        policy = copy.copy(self._session.policy)
        policy.content = "full"
        return policy

    def _missing(self, request: Asked) -> None:
        from nbtrace._replay.cassette import said

        tape = self._tape
        if self._mode != "replay":
            return self._make(None)
        return self._make(
            ReplayMiss.no_recording(
                said(request), f"{tape.name} has {len(tape)}", tape.nearest(request), can_record=self._path is not None
            )
        )

    def _make(self, miss: ReplayMiss | None) -> None:
        """Let a call go to its server, or refuse it."""
        if self._mode == "replay" and miss is not None:
            self.missed += 1
            raise miss
        if self._session.spending.limits:
            self._session.spending.allow()
        self.made += 1

    def _write(self) -> None:
        """Write the file anew: what it had, and the calls that were made meanwhile."""
        import pyarrow as pa

        from nbtrace._export.destination import export
        from nbtrace._store.snapshot import Snapshot

        before = self._read.snapshot() if self._mode == "record-missing" and self._read is not None else None
        tables = [self._made_here()] if before is None else [before.table(), self._made_here()]
        whole = Snapshot.of(pa.concat_tables(tables))
        scores = None if before is None else before.scores
        export(Snapshot(whole.kept, whole.texts, scores), str(self._path), shows_progress=False)

    def _made_here(self) -> pa.Table:
        """Give the spans of the calls that were made since the start, with their attempts."""
        from nbtrace._replay.recording import made_since

        return made_since(self._session.snapshot(), self._began_ns).table()

    def _said(self) -> str:
        masks = self._tape.masks()
        told = ", ".join(f"{rule} {count} x" for rule, count in masks.most_common())
        kept = f", with {counted(masks.total(), 'secret')} masked in them ({told})" if masks else ""
        return f"{self._tape.name} has {counted(len(self._tape), 'call')} to answer from{kept}"

    def __repr__(self) -> str:
        if self._cassette is None:
            return f"<nbtrace replay of {self._source!r:.80}: not started>"
        state = "on" if self.is_on else "over"
        counts = f"{self.answered} answered, {self.made} made, {self.missed} missed"
        return f"<nbtrace replay, {state}: {self._said()}; {counts}>"


def replay(source: object, *, mode: Mode = "replay", timing: Timing = "none") -> Replay:
    """Answer LLM calls from a recording: offline, free, and each time the same.

    The clients' own code makes the objects, streams, errors and retries, from what their server had sent. A call is
    answered from the recording of an equal one (endpoint, model, messages, tools and the parameters that shape the
    answer); of several equal ones the first from the first, and so on. Its span has a link to the recorded one and the
    cost state `replayed`. What had been masked comes with its masks. Requests that are no LLM calls pass untouched.

    Args:
        source: what `nbtrace.open` takes, or a session.
        mode: what happens to a call without a recording. `replay`: it is refused. `record-missing`: it is made, and
            added to the file at the end. `refresh`: every call is made, and the file has these then.
        timing: `original` gives answers and chunks as slowly as they came; `none` at once.

    Returns:
        A context manager, with `start()`, `stop()` and `rewind()`, and the counts `answered`, `made` and `missed`.

    Raises:
        UsageError: a mode or timing is unknown, or there is no file to write to; on start, another replay is on.
        ReadError: on start, the recording cannot be read.
        ReplayMiss: within, from a call that the recording has no answer to; it says which recording is nearest and how
            it differs.

    Examples:
        >>> import nbtrace
        >>> with nbtrace.replay(nbtrace.session()) as replayed:
        ...     pass  # calls in here are answered from what the session has recorded
        >>> replayed.answered
        0
        >>> nbtrace.session().stop()
    """
    return Replay(default(), source, mode, timing)
