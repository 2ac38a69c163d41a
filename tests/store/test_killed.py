"""A process that is killed under load leaves everything that was written, and word of everything that had begun."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import semconv
from nbtrace._store.recovery import recover
from nbtrace._store.sessions import earlier

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
import os, sys, threading, time
from pathlib import Path
from nbtrace import Session
from nbtrace._store.journal import Journal

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

class Watched(Journal):
    def flush(self):
        say("flushing")
        super().flush()
        say("flushed")

import nbtrace._session as module
module.Journal = Watched
session = Session()
session.open_journal(Path(sys.argv[1]), notebook="study.ipynb")
with session:
    def work(thread):
        for number in range(10**9):
            name = f"{thread}/{number}"
            with session.span(name) as step:
                say("begun", name)
                time.sleep(0.02)
                step.output("result " * 50)
            say("ended", name)
    for thread in range(4):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    threading.Event().wait()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_a_kill_loses_at_most_what_was_not_written_yet(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said: list[str] = []
        for line in child.stdout:
            said.append(line.strip())
            if line.startswith("begun") and said.count("flushed") >= 3 and len(named("ended", until_flush(said))) > 50:
                child.kill()
                break
        said += [line.strip() for line in child.stdout]
    assert child.returncode == -signal.SIGKILL
    (session,) = earlier(tmp_path)
    assert session.state == "killed"
    found = recover(session.path)
    assert found.problems == [] or all("no whole frame" in problem for problem in found.problems)
    rows = found.snapshot().select(["name", "status_message", "duration_ns"]).to_pylist()
    ended = {row["name"] for row in rows if row["duration_ns"] is not None}
    interrupted = {row["name"] for row in rows if row["status_message"] == semconv.INTERRUPTED}
    assert len(rows) == len(ended) + len(interrupted)
    assert named("ended", until_flush(said)) <= ended <= named("ended", said) | named("begun", said)
    assert named("begun", said) - ended <= interrupted


def until_flush(said: list[str]) -> list[str]:
    """Give what was said before the beginning of the last flush that is over."""
    last_flush = len(said) - 1 - said[::-1].index("flushed")
    return said[: last_flush - 1 - said[:last_flush][::-1].index("flushing")]


def named(word: str, said: list[str]) -> set[Any]:
    return {line.split()[1] for line in said if line.startswith(f"{word} ")}
