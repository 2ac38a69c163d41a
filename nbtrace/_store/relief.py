"""Does what was put off on a thread of its own, beside the user's code, when it has become much.

The thread owns nothing: what it has not done still waits where it was, so nothing goes with the thread. It lives as
long as there is work, and is no daemon, because Arrow must not be left in the middle when the interpreter ends.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nbtrace._guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable


class Relief:
    """Has work done soon, by one thread at a time.

    Args:
        work: does what is there to do; may be called again at any time.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._thread: threading.Thread | None = None

    def ask(self) -> bool:
        """Have the work done, unless somebody is at it; false where no thread can be had."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            return True
        thread = threading.Thread(target=self._run, name="nbtrace store", daemon=False)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is about to end, or has no threads at all
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        with guard("store"):
            self._work()
