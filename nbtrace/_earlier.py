"""Earlier sessions, in words: the list, the one line at the start, what resuming brought."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nbtrace import semconv
from nbtrace._query import text
from nbtrace._query.text import counted
from nbtrace._store.sessions import EarlierSession, earlier
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace._store.recovery import Recovered

_ENDED = {"closed": "closed", "killed": "ended with its kernel", "running": "still running"}


def last(directory: Path, notebook: str, own: str) -> EarlierSession | None:
    """Find the last session of a notebook that is over and has spans.

    Args:
        directory: where sessions are kept.
        notebook: whose.
        own: the id of the present session, which is not earlier.
    """
    for one in earlier(directory, notebook):
        if one.manifest.id != own and one.has_spans and one.state != "running":
            return one
    return None


def offer(one: EarlierSession) -> str:
    """Say that a session can be resumed."""
    return f"nbtrace: the last session of this notebook can be brought back by %nbtrace resume ({_about(one)})"


def listed(directory: Path, own: str) -> list[str]:
    """List all sessions, a line each, the last one first."""
    lines: list[str] = []
    for one in earlier(directory):
        state = "this one" if one.manifest.id == own else _ENDED[one.state]
        lines.append(f"{one.manifest.id}  {_about(one)}, {state}  {one.manifest.notebook}")
    return lines


def resumed(one: EarlierSession, found: Recovered, new: int, versions: int = 0) -> list[str]:
    """Say what resuming a session brought, of spans and of versions of prompts, and what of it is missing."""
    known = sum(batch.num_rows for batch in found.rows) - new
    lines = [f"back from {_when(one)}: {counted(new, 'span')}" + (f", besides {known} that were here" if known else "")]
    if found.interrupted:
        were = "was" if found.interrupted == 1 else "were"
        lines.append(f"{counted(found.interrupted, 'span')} had not ended and {were} {semconv.INTERRUPTED}")
    if versions:
        lines.append(
            f"{counted(versions, 'version')} of prompts came back with the calls; those without a call, tags and "
            "rollbacks did not: nbtrace.prompts.save(folder) keeps them, and .load(folder) brings them back"
        )
    return lines + [f"problem: {problem}" for problem in found.problems]


def refuse_running(one: EarlierSession) -> None:
    """Keep from resuming a session that goes on in another kernel.

    Raises:
        NotFoundError: it does.
    """
    if one.state == "running":
        message = f"session {one.manifest.id} is still running in process {one.manifest.pid}; stop that kernel first"
        raise NotFoundError(message)


def _about(one: EarlierSession) -> str:
    manifest = one.manifest
    words = [_when(one), counted(manifest.spans, "span")]
    if manifest.calls:
        words += [counted(manifest.calls, "LLM call"), text.cost(manifest.cost_usd)]
    return ", ".join(words)


def _when(one: EarlierSession) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(one.manifest.started))
