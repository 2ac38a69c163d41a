"""How many calls go out at the same time: fewer when the server says that it is too much, more again when it is not.

Asked and told by one thread, so it needs no lock. What other threads have heard of a server waits in a queue.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Final

from nbtrace._trace.pressure import TOO_MANY

ATTEMPTS: Final = 6
"""Times that a call is made again after a 429, besides what its client does by itself."""
_LONGEST_S: Final = 60.0
"""What is waited for at most where the server does not say how long."""


class Pace:
    """Lowers the width to half at a 429, and raises it by one after as many good calls as it is wide.

    Args:
        width: the most calls at the same time.
        clock: gives the time in seconds.

    Examples:
        >>> pace = Pace(8, clock=lambda: 100.0)
        >>> pace.limited(2.0)
        >>> pace.width, pace.pause()
        (4, 2.0)
        >>> for _ in range(4):
        ...     pace.succeeded()
        >>> pace.width
        5
    """

    def __init__(self, width: int, *, clock: Callable[[], float] = monotonic) -> None:
        self.width = self._most = width
        self._clock = clock
        self._until = 0.0
        self._good = self._limited = 0

    def pause(self) -> float:
        """Give how many seconds nothing more is to go out."""
        return max(0.0, self._until - self._clock())

    def limited(self, retry_after_s: float | None) -> None:
        """Hear that the server wants fewer; those that were out together count as one."""
        if self.pause() == 0.0:
            self.width = max(1, self.width // 2)
            self._limited += 1
        wait = retry_after_s if retry_after_s is not None else min(2.0 ** (self._limited - 1), _LONGEST_S)
        self._until = max(self._until, self._clock() + wait)
        self._good = 0

    def succeeded(self) -> None:
        """Hear that a call went well."""
        self._limited = 0
        self._good += 1
        if self._good >= self.width and self.width < self._most:
            self.width += 1
            self._good = 0


def is_limited(error: BaseException) -> bool:
    """Say whether an error is a server's 429."""
    response = getattr(error, "response", None)
    return TOO_MANY in (getattr(error, "status_code", None), getattr(response, "status_code", None))


def retry_after(response: Any) -> float | None:
    """Give the seconds that a server asks to wait; none if it does not say."""
    headers: Any = getattr(response, "headers", None) or {}
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        said = headers.get("retry-after")
        if said is None:
            return None
        if said.replace(".", "", 1).isdigit():
            return float(said)
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
