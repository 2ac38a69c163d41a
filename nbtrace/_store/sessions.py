"""The sessions that journals have left: where they are, what each was, and which are old enough to go.

A session is a directory with a manifest, small enough to be read at once when a notebook opens; the rest is read only
when somebody asks for it. The directory's name begins with its time and a hash of its notebook, so that the sessions
of a notebook are found by name.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from nbtrace._store import locks
from nbtrace._store.frames import MAGIC
from nbtrace.errors import NotFoundError

MANIFEST: Final = "manifest.json"
LOCK: Final = "lock"

MAX_AGE_S: Final = 30 * 24 * 3600
"""Older sessions are removed when another begins."""

MAX_BYTES: Final = 2 * 2**30
"""All sessions together take no more, or the oldest go; one that grows beyond that alone is written no further."""

State = Literal["running", "closed", "killed"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a session says of itself."""

    id: str
    notebook: str
    started: float
    """Seconds since the epoch, as all times here."""
    updated: float
    pid: int
    version: str
    """Of nbtrace."""
    kept_version: int
    """Of the schema of the rows."""
    spans: int = 0
    """Ended spans that are written."""
    calls: int = 0
    cost_usd: float | None = None
    """Of the calls with a price."""
    closed: bool = False
    """Whether the session was ended, and not its process."""

    def write(self, directory: Path) -> None:
        """Put it in its place, in one step."""
        new = directory / f"{MANIFEST}.new"
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(asdict(self), stream)
        new.replace(directory / MANIFEST)


@dataclass(frozen=True, slots=True)
class EarlierSession:
    """A session in the state directory."""

    path: Path
    manifest: Manifest

    @property
    def state(self) -> State:
        """How it ended, or that it has not."""
        if self.manifest.closed:
            return "closed"
        return "running" if locks.is_held(self.path / LOCK) else "killed"

    @property
    def has_spans(self) -> bool:
        """Whether there is anything to bring back, be it a span that had only begun."""
        return self.manifest.spans > 0 or any(_size(path) > len(MAGIC) for path in self.path.glob("*.starts"))

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(map(_size, self.path.glob("*")))


def _size(path: Path) -> int:
    """Give a file's bytes; none of one that is gone, as those of a running session may be at any moment."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def default_directory() -> Path:
    """Give the user's directory for what programs keep between their runs."""
    from platformdirs import user_state_path

    return user_state_path("nbtrace", appauthor=False) / "sessions"


def new_name(notebook: str, now: float) -> str:
    """Name the directory of a session."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{_hash(notebook)}-{os.urandom(4).hex()}"


def earlier(directory: Path, notebook: str | None = None) -> list[EarlierSession]:
    """List sessions, the last one first.

    Args:
        directory: where they are.
        notebook: only those of this one.
    """
    return sorted(_sessions(directory, notebook), key=lambda one: one.manifest.started, reverse=True)


def find(directory: Path, wanted: str) -> EarlierSession:
    """Find the session whose id begins or ends with some characters.

    Raises:
        NotFoundError: none does, or more than one.
    """
    known = earlier(directory)
    found = [one for one in known if one.manifest.id.startswith(wanted) or one.manifest.id.endswith(wanted)]
    if len(found) != 1:
        message = f"{len(found) or 'no'} session{'s' if len(found) > 1 else ''} in {directory} fits {wanted!r}"
        raise NotFoundError(f"{message}; %nbtrace sessions lists them")
    return found[0]


def prune(
    directory: Path, *, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES, spare: str = ""
) -> list[Manifest]:
    """Remove sessions that are too old, and then the oldest until the rest is small enough; never a running one.

    Args:
        directory: where they are kept.
        max_age_s: how long, in seconds.
        max_bytes: what all of them may take.
        spare: the id of one that stays though it may look ended: that of the journal which asks, once that is full.

    Returns:
        Those that were removed.
    """
    removed: list[Manifest] = []
    total = 0
    for one in earlier(directory):
        size = one.size
        if one.state == "running" or one.manifest.id == spare:
            total += size
        elif time.time() - one.manifest.updated > max_age_s or total + size > max_bytes:
            shutil.rmtree(one.path)
            removed.append(one.manifest)
        else:
            total += size
    return removed


def _sessions(directory: Path, notebook: str | None) -> Iterator[EarlierSession]:
    for path in directory.glob("*" if notebook is None else f"*-{_hash(notebook)}-*"):
        try:
            fields: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            known = {name: fields[name] for name in Manifest.__slots__ if name in fields}
            yield EarlierSession(path, Manifest(**known))
        except (OSError, ValueError, TypeError, AttributeError):
            continue  # being made or removed, or not ours


def _hash(notebook: str) -> str:
    return sha256(notebook.encode("utf-8", "replace")).hexdigest()[:8]
