"""The pytest plugin: `pytest --nbtrace-replay FILE` answers the LLM calls of the tests from a recording.

Each test begins with the first of equal recordings, so that one test alone, or in another order, gets the same answers.
Kernels that tests start (nbclient) are told by `NBTRACE_REPLAY` in their environment: `%load_ext nbtrace` begins to
replay there. Without the option nothing is imported.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pytest

    from nbtrace._replays import Replay

VARIABLE: Final = "NBTRACE_REPLAY"
"""The file that a kernel answers from."""
_replaying: list[Replay] = []
"""The replay of this run, if there is one."""
_before: list[str | None] = []
"""What the variable was before it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("nbtrace", "LLM calls from a recording")
    group.addoption("--nbtrace-replay", metavar="FILE", help="answer LLM calls from this recording, without network")
    group.addoption(
        "--nbtrace-replay-mode",
        default="replay",
        choices=("replay", "record-missing", "refresh"),
        help="what happens to calls that have no recording: they fail, or are made and added; or make all of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to replay, if that is asked for."""
    file: Any = config.getoption("--nbtrace-replay")
    mode: Any = config.getoption("--nbtrace-replay-mode")
    if file is None:
        return
    from nbtrace._replays import replay

    if mode != "replay" and hasattr(config, "workerinput"):
        import pytest

        message = f"--nbtrace-replay-mode {mode} writes one file, which several processes cannot do; use -n 0"
        raise pytest.UsageError(message)
    path = Path(file).absolute()
    _replaying.append(replay(path, mode=mode).start())
    if mode == "replay":
        _before.append(os.environ.get(VARIABLE))
        os.environ[VARIABLE] = str(path)


def pytest_runtest_setup() -> None:
    """Begin each test with the first recordings."""
    for one in _replaying:
        one.rewind()


def pytest_sessionfinish(exitstatus: int) -> None:
    """End the replay; a run that failed refreshes nothing."""
    while _before:
        os.environ.pop(VARIABLE, None)
        if (before := _before.pop()) is not None:
            os.environ[VARIABLE] = before
    while _replaying:
        _replaying.pop().end(failed=exitstatus != 0)
