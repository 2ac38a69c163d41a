"""The journal: what keeps a session safe against its kernel's death.

A start is written as soon as the journal is told of it: before the call goes out, or while its answer is awaited.
Ended spans are encoded and written by a thread at most a second later, off the call's path, and only as the store keeps
them: masked. The thread owns nothing: what it has not written is still in the store.

Whatever the disk does, no cell notices. A journal that cannot be written says so once and tries again; when it can, it
catches up from the store. A forked process leaves its parent's journal alone and has none.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from nbtrace._guard import guard
from nbtrace._store import forks
from nbtrace._store.schema import VERSION
from nbtrace._store.session_files import SessionFiles
from nbtrace._store.sessions import MAX_AGE_S, MAX_BYTES, Manifest, new_name, prune
from nbtrace._store.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.following import Appended
    from nbtrace._store.store import Store

logger = logging.getLogger("nbtrace")

INTERVAL_S: Final = 0.5
"""Ended spans are gathered this long: with the time of writing, they are on the disk within a second."""

RETRY_S: Final = 10.0
"""How long to wait after a failure."""


class Journal:
    """Writes a session as it goes on: told of the starts, and of the rest by the store.

    Args:
        store: where the spans are.
        directory: where sessions are kept; made with the first span.
        notebook: whose session it is.
        version: of nbtrace.
        mask: takes secrets out of names.
        begun: is told when there is a directory of the session.
        max_age_s: how long sessions in the directory are kept, in seconds.
        max_bytes: what all of them may take.
    """

    def __init__(
        self,
        store: Store,
        directory: Path,
        *,
        notebook: str,
        version: str,
        mask: Callable[[str], str],
        begun: Callable[[], None] = lambda: None,
        max_age_s: float = MAX_AGE_S,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        now = time.time()
        self.directory = directory
        self.manifest = Manifest(new_name(notebook, now), notebook, now, now, os.getpid(), version, VERSION)
        """What the session was when it began."""
        self.problem: str | None = None
        """Why nothing is written at the moment, in words."""
        self.removed: list[Manifest] = []
        """Old sessions that made room."""
        self._store = store
        self._mask = mask
        self._begun = begun
        self._max_age_s, self._max_bytes = max_age_s, max_bytes
        self._is_crowded = True
        """Whether old sessions have to be looked at."""
        self._files: SessionFiles | None = None
        self._lock = threading.RLock()
        """Held while files are opened, written or closed."""
        self._untold: list[Appended] = []
        """What the store has told and is not written."""
        self._is_behind = False
        """Whether what is not written has to be fetched from the store."""
        self._is_open = True
        self._tried_at = -RETRY_S
        self._due, self._over = Wake(), threading.Event()
        store.wake(self._due)
        self._thread: threading.Thread | None = None
        self._leave: Callable[[], None] | None = None
        forks.hear(self)

    @property
    def path(self) -> Path | None:
        """The session's own directory, while it is written."""
        files = self._files
        return None if files is None else files.path

    def started(self, span: ReadableSpan) -> None:
        """Write that a span has begun."""
        if self._files is not None or self._begin():
            self._files.starts.write(span)  # pyright: ignore[reportOptionalMemberAccess] - `_begin` says so

    def flush(self) -> None:
        """Write what has ended by now."""
        self._due.clear()
        with self._lock:
            if self._leave is None:
                self._leave = self._store.follow(self._untold.append)
        self._store.settle()
        with self._lock:
            if self._files is None or time.monotonic() - self._tried_at < RETRY_S:
                return
            try:
                self._write(self._files)
            except OSError as error:
                self._fail(error)
            else:
                if self._is_open:
                    self._recover()

    def limit(self, *, max_age_s: float, max_bytes: int) -> None:
        """Keep sessions so long, and so many bytes of them, from now on."""
        self._max_age_s, self._max_bytes = max_age_s, max_bytes
        self._is_crowded = True
        self._due.set()

    def close(self) -> None:
        """Write the rest and say that the session was ended."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._over.set()
            self._due.set()
            thread.join()
        self._tried_at = -RETRY_S
        if self._files is not None:
            with guard("journal"):
                self.flush()
        with self._lock:
            self._is_open = False
            files, self._files = self._files, None
            if files is not None:
                files.close()
        if self._leave is not None:
            self._leave()

    def _begin(self) -> bool:
        """Make the files with the first span, so that a notebook without any leaves none."""
        with self._lock:
            if self._files is not None:
                return True
            if not self._is_open or time.monotonic() - self._tried_at < RETRY_S:
                return False
            try:
                self._files = SessionFiles(self.directory, self.manifest, self._mask)
            except OSError as error:
                self._fail(error)
                return False
            self._recover()
            with guard("journal"):
                self._begun()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="nbtrace journal", daemon=True)
                self._thread.start()
            return True

    def _work(self) -> None:
        while not self._over.is_set():
            if self._is_crowded:
                self._is_crowded = False
                with guard("journal"):
                    self.removed += prune(
                        self.directory, max_age_s=self._max_age_s, max_bytes=self._max_bytes, spare=self.manifest.id
                    )
            self._due.wait(RETRY_S if self.problem is not None else None)
            self._over.wait(INTERVAL_S)
            with guard("journal"):
                self.flush()

    def _write(self, files: SessionFiles) -> None:
        while self._untold or self._is_behind:
            if self._is_behind:
                added, self._is_behind = self._store.since(files.rows, files.scores), False
            else:
                added = self._untold.pop(0)
                self._is_behind = added.life == files.life and added.first_row > files.rows
                if self._is_behind:
                    continue
            files.append(added)
        files.renew_starts(self._store.unwritten)
        if files.size > self._max_bytes:
            self._is_open = False
            self._files = None
            files.close()
            self._say(f"is full with {files.size:,} bytes; what comes now is kept in memory only")

    def _fail(self, error: OSError) -> None:
        """Say once that nothing can be written, and try again later, from the store."""
        self._tried_at = time.monotonic()
        self._is_behind = True
        self._untold.clear()
        self._say(f"cannot be written ({error.strerror or error}); what is recorded is kept in memory only")

    def _say(self, problem: str) -> None:
        if self.problem is None:
            logger.warning("nbtrace: the journal in %s %s", self.directory, problem)
        self.problem = f"the journal in {self.directory} {problem}"

    def _recover(self) -> None:
        if self.problem is not None:
            self.problem = None
            logger.warning("nbtrace: the journal in %s is written again", self.directory)

    def forked(self) -> None:
        """Let go of the files in a child process, where no other thread runs and no lock can be waited for."""
        files, self._files = self._files, None
        self._is_open = False
        self._lock, self._thread = threading.RLock(), None
        if files is not None:
            files.forked()
