"""The one place where our own failures stop.

Code of ours that runs inside a user's cell runs inside `guard`. A failure there is logged once for each place it comes
from, counted for `%nbtrace status`, and swallowed: the user's call goes on. Under our own tests `reraise` is set, so
that the same failure fails the test. Only `Exception` is held back: an interrupt or an exit is the user's.
"""

from __future__ import annotations

import logging
from collections import Counter
from types import TracebackType

logger = logging.getLogger("nbtrace")

reraise = False
"""Set by the test suite: failures of ours are raised instead of swallowed."""

failures: Counter[str] = Counter()
"""How often each place failed, by `stage: ErrorType at file:line`."""


class guard:  # noqa: N801 - reads as a statement: `with guard("capture"):`
    """Keep a failure in the `with` block away from the user's code.

    A plain class because `contextlib.contextmanager` costs ten times as much on the call's path. It keeps nothing, so
    code there shares one made in advance, which costs a third of making it.
    """

    __slots__ = ("stage",)

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None or reraise or not isinstance(error, Exception):
            return False
        report(self.stage, error)
        return True


def caught(stage: str, error: Exception) -> None:
    """Do with a failure what `guard` does.

    For an `except` clause on the call's path, which costs nothing until it is needed; even an idle guard is two calls.
    """
    if reraise:
        raise error
    report(stage, error)


def report(stage: str, error: Exception) -> None:
    """Log a failure of ours once for each place it comes from, and count it.

    What the error says is left out: it may quote a prompt or a key, and what is logged in a notebook is saved with it.
    """
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    key = f"{stage}: {type(error).__name__} at {where}"
    failures[key] += 1
    if failures[key] == 1:
        logger.warning("nbtrace failed in %s; your call is not affected, this span may be incomplete", key)
