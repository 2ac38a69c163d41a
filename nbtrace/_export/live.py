"""Keeps sending as spans end, off the path of any call.

A thread of its own waits for changes and sends what has not arrived, as an export by hand would: the store is the queue
and the ledger says what is left of it, so that an outage loses nothing, and what waits can be counted at any time. A
receiver that fails is asked again with growing pauses.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Self

from nbtrace._export.report import spans_in_words
from nbtrace._guard import report
from nbtrace._store import forks
from nbtrace._store.wake import Wake
from nbtrace.errors import ExportError, NbtraceError

if TYPE_CHECKING:
    from nbtrace._export.report import ExportReport

GATHER: Final = 1.0
"""Seconds from a change to the sending, in which more can come."""
LONGEST_PAUSE: Final = 60.0
"""Seconds between tries at most, while the receiver fails."""
LAST_TRY: Final = 10.0
"""Seconds that the end of the process waits for the rest."""

FORKED: Final = (
    "it goes on in the process that began it, not in this one, which was forked; begin another one here: "
    "nbtrace.export(..., live=True)"
)
BY_HAND: Final = "an export without live=True raises it"


class Live:
    """An export that goes on until it is stopped.

    Examples:
        >>> none = lambda: 0
        >>> live = Live("there", send=lambda: None, waiting=none, arrived=none, subscribe=lambda changed: none)
        >>> live.stop()
        >>> live
        <live export to there, stopped: 0 spans sent, 0 waiting>
    """

    def __init__(
        self,
        destination: str,
        *,
        send: Callable[[], ExportReport | None],
        waiting: Callable[[], int],
        arrived: Callable[[], int],
        refused: Callable[[], Mapping[str, int]] = dict,
        subscribe: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:
        self.destination = destination
        self._failure: str | None = None
        """Why the last try failed."""
        self.left_out: tuple[str, ...] = ()
        """What of the last sending did not arrive."""
        self._send = send
        self._waiting = waiting
        self._arrived = arrived
        self._refused = refused
        self._before = arrived()
        self._changed = Wake()
        self._stopping = threading.Event()
        self._is_forked = False
        self._sending = threading.Lock()
        self._changed.set()
        self._unsubscribe = subscribe(self._changed.set)
        self._thread = threading.Thread(target=self._run, name="nbtrace live export", daemon=True)
        self._thread.start()
        atexit.register(self.stop)
        forks.hear(self)

    @property
    def sent(self) -> int:
        """How many spans have arrived since it began, also of a try that failed in its middle."""
        return self._arrived() - self._before

    @property
    def backlog(self) -> int:
        """How many ended spans have not arrived."""
        return self._waiting()

    @property
    def failure(self) -> str | None:
        """Why the last try failed, else what was refused and is not sent again, in words; none if neither."""
        return self._failure or self._refusals or None

    @property
    def _refusals(self) -> str:
        return "; ".join(f"{spans_in_words(number)} {why}" for why, number in self._refused().items())

    def flush(self) -> Self:
        """Send what waits now.

        Raises:
            ExportError: the receiver did not take it, or this is a forked process.
        """
        if self._is_forked:
            raise ExportError(FORKED)
        self._try()
        return self

    def stop(self) -> None:
        """Send what waits, once, and end; what could not be sent stays in the session."""
        atexit.unregister(self.stop)
        if not self._stopping.is_set():
            self._stopping.set()
            self._unsubscribe()
            self._changed.set()
            self._thread.join(LAST_TRY)

    def forked(self) -> None:
        """Be stopped in a child process: its parent goes on to send what both have."""
        self._is_forked = True
        self._stopping = threading.Event()
        self._stopping.set()
        self._failure = FORKED

    def _run(self) -> None:
        pause = GATHER
        is_last = False
        while not is_last:
            self._changed.wait()
            self._stopping.wait(pause)
            self._changed.clear()  # before the look at the end, whose call is then not missed
            is_last = self._stopping.is_set()
            try:
                self._try()
                pause = GATHER
            except Exception as error:  # noqa: BLE001 - as the guard does: nothing of ours ends a thread unheard
                pause = min(pause * 2, LONGEST_PAUSE)
                self._changed.set()
                if not isinstance(error, ExportError):
                    report("export", error)

    def _try(self) -> None:
        with self._sending:
            try:
                sent = self._send()
            except Exception as error:
                is_told = isinstance(error, NbtraceError)  # what others say may quote a prompt
                self._failure = str(error) if is_told else f"{type(error).__name__} in nbtrace; {BY_HAND}"
                raise
            self._failure = None
            if sent is not None:
                self.left_out = sent.left_out

    def __repr__(self) -> str:
        state = ", stopped" if self._stopping.is_set() else ""
        failed = f"; the last try failed: {self._failure}" if self._failure else ""
        refused = f"; refused: {words}" if (words := self._refusals) else ""
        done = f"{self.sent:,} spans sent, {self.backlog:,} waiting"
        return f"<live export to {self.destination}{state}: {done}{refused}{failed}>"
