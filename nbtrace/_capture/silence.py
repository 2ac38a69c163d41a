"""Why no call is captured at the moment, in words: what must not look as if it held, or as if no call had been made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nbtrace.errors import UsageError


@dataclass(frozen=True)
class Silence:
    """Why a session captures no call.

    Examples:
        >>> print(PAUSED)
        recording is paused (%nbtrace on, or nbtrace.session().enabled = True, goes on)
    """

    state: str
    remedy: str

    def refused(self, what: str) -> UsageError:
        """Refuse what would not hold.

        Args:
            what: what would happen to no call, such as `guarded`.
        """
        return UsageError(f"{self.state}, so no call would be {what}; {self.remedy}")

    def __str__(self) -> str:
        return f"{self.state} ({self.remedy})"


PAUSED: Final = Silence("recording is paused", "%nbtrace on, or nbtrace.session().enabled = True, goes on")
STOPPED: Final = Silence("nothing is being recorded", "%load_ext nbtrace, or in a script nbtrace.session(), begins")
ELSEWHERE: Final = Silence("another session is recording", "it is nbtrace.Session.recording")
