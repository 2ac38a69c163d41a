"""An exchange that may take several attempts, of which the client tells nobody."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

from nbtrace._capture import attempts
from nbtrace._capture.exchange import Exchange

if TYPE_CHECKING:
    from nbtrace._trace.provider import Tracing


class Retried(Exchange):
    """A request that was made until there was a response, or no more patience."""

    __slots__ = ("_tracing", "attempts")

    _tracing: Tracing
    attempts: tuple[attempts.Attempt, ...]
    """Those that are over; none of a call that needed one only."""

    def failed(
        self, response: Any, error: BaseException | None, wait_ns: tuple[int, int], *, is_followed: bool
    ) -> None:
        """Take an attempt after which the client waited for another.

        Args:
            response: the HTTP response, or None if there was none.
            error: why there was none.
            wait_ns: when the wait began and ended.
            is_followed: whether the wait came to its end; if it was interrupted or cancelled, no other was made.
        """
        self._over(response, error, wait_ns[0])
        self.attempts[-1].wait_ns = wait_ns[1] - wait_ns[0]
        self.attempts[-1].is_followed = is_followed

    def _over(self, response: Any, error: BaseException | None, ended_ns: int) -> None:
        """Take an attempt, which began when the wait before it was over."""
        before = self.attempts[-1] if self.attempts else None
        began_ns = before.ended_ns + before.wait_ns if before is not None else self.span.start_time or ended_ns
        self.attempts = (*self.attempts, attempts.of(response, began_ns, ended_ns, error))

    def _attempts_over(self, error: BaseException | None) -> None:
        """Tell of the attempts, now that there are no more."""
        if error is not None and self.outcome is None and self.attempts[-1].is_followed:
            self._over(getattr(error, "response", None), error, time_ns())
        over, self.attempts = self.attempts, ()  # their errors keep the user's frames alive
        attempts.tell(self._tracing, self.span, over)
        self.span.set_attributes(attempts.totals(over))
