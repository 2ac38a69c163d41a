"""What recording adds to a call: nbtrace and its peers side by side in one run.

Each recorder runs in an environment and a process of its own (`measure`), and they take turns, so that all of them see
the same machine. What a recorder adds is a median of differences within pairs of calls, and of those the median over
the rounds. Where a process has its memory makes a difference too, so each recorder is started anew several times.
Prints a table in Markdown, as `docs/benchmarks.md` has it, and judges nothing.

Run by `make bench`; by hand, `python tests/bench/bench_capture.py --help`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from loading import load_ext_ms

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = {
    "nbtrace-budget": "nbtrace, with a budget",
    "otel": "OpenTelemetry openai-v2",
    "otel-genai": "OpenTelemetry genai-openai",
    "openinference": "OpenInference",
    "traceloop": "Traceloop",
    "logfire": "Logfire",
    "langfuse": "Langfuse",
}
CHUNKS = 200
PROCESSES_A_GO = 3
"""In one of so many processes calls are made in one go, which takes longest."""
WAIT_MS = 3
"""How long the server that is really called takes: little, as a difference in what takes long is hard to see."""


def python(recorder: str) -> str:
    return sys.executable if recorder.startswith("nbtrace") else str(ROOT / ".venv-peers" / recorder / "bin" / "python")


class Worker:
    """A recorder's process."""

    def __init__(self, recorder: str) -> None:
        self._recorder = recorder
        self._log = ROOT / "build" / "bench" / f"{recorder}.log"
        self._sessions = TemporaryDirectory(prefix="nbtrace-bench-")

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python(self._recorder), HERE / "measure.py", self._recorder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"NBTRACE_JOURNAL": self._sessions.name},  # where a notebook's session is written
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.communicate()
        self._sessions.cleanup()

    def ask(self, what: str, **given: float) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"what": what, **given}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise SystemExit(f"the benchmark of {self._recorder} failed:\n{self._log.read_text()}")
        return json.loads(line)


class Figures:
    """What was measured of one recorder; times in microseconds."""

    def __init__(self) -> None:
        self.calls: list[dict[str, float]] = []
        self.waits: list[dict[str, float]] = []
        self.many: list[dict[str, float]] = []
        self.streams: list[dict[str, float]] = []
        self.chunks: dict[bool, list[dict[str, float]]] = {False: [], True: []}
        """Those of the sync client and of the async one."""
        self.later: list[float] = []
        self.loads: list[float] = []
        self.kept = 0.0
        self.about: dict[str, Any] = {}

    def round(self, worker: Worker, *, calls: int, streams: int) -> None:
        self.calls.append(worker.ask("calls", times=calls))
        self.waits.append(worker.ask("waits", times=max(1, calls // 2), wait_ms=WAIT_MS))
        self.streams.append(worker.ask("streams", times=streams, chunks=CHUNKS))
        for is_async, found in self.chunks.items():
            found.append(worker.ask("chunks", times=2 * streams, chunks=CHUNKS, is_async=is_async))
        self.later.append(worker.ask("later", times=calls)["us"])


def added(rounds: Sequence[dict[str, float]]) -> list[float]:
    return [one["added"] for one in rounds]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Write a median with the first and the last quarter's bound."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def measure(
    recorders: Sequence[str], *, processes: int, rounds: int, calls: int, streams: int, many: int
) -> dict[str, Figures]:
    figures = {recorder: Figures() for recorder in recorders}
    for recorder in recorders:
        with Worker(recorder) as worker:
            worker.ask("load")  # which compiles, as pip does when it installs
    for turn in range(processes):
        with ExitStack() as stack:
            workers: dict[str, Worker] = {}
            for recorder in recorders:  # one after another, so that none is loaded while others are
                workers[recorder] = stack.enter_context(Worker(recorder))
                figures[recorder].loads.append(workers[recorder].ask("load")["ms"])
            for _ in range(rounds):
                for recorder, worker in workers.items():
                    figures[recorder].round(worker, calls=calls, streams=streams)
            if turn % PROCESSES_A_GO == 0:
                for recorder, worker in workers.items():
                    figures[recorder].many.append(worker.ask("many", times=many))
            if turn == 0:
                for recorder, worker in workers.items():
                    figures[recorder].kept = worker.ask("kept", times=max(calls, min(many, 500)))["bytes"]
                    figures[recorder].about = worker.ask("about")
    return figures


def table(figures: dict[str, Figures], many: int) -> str:
    """Write what was measured, a row a recorder."""
    ours = statistics.median(added(figures["nbtrace"].calls))
    titles = (
        "",
        "added per call, us",
        "of nbtrace's",
        "while the answer is awaited, us",
        f"by the clock, from a server that takes {WAIT_MS} ms, us",
        f"in a cell of {many:,} calls, us",
        f"added per stream of {CHUNKS}, us",
        "per chunk, us",
        "per chunk of an async client, us",
        "put off, us a span",
        "kept, bytes a span",
        "import and activate, ms",
    )
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for recorder, found in figures.items():
        call, stream = added(found.calls), added(found.streams)
        cells = (
            PEERS.get(recorder, recorder),
            spread(call),
            f"{statistics.median(call) / ours:.1f}",
            f"{statistics.median(one['awaited'] for one in found.calls):,.0f}",
            spread(added(found.waits)),
            spread(added(found.many)),
            spread(stream),
            *(spread(added(chunks), 2) for chunks in found.chunks.values()),
            f"{statistics.median(found.later):,.0f}",
            f"{found.kept:,.0f}",
            spread(found.loads),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What recording adds to a call.")
    parser.add_argument("--processes", type=int, default=9, help="how often each recorder is started, and the kernel")
    parser.add_argument("--rounds", type=int, default=3, help="how often they take turns in a process")
    parser.add_argument("--calls", type=int, default=100, help="pairs of calls in a round")
    parser.add_argument("--streams", type=int, default=6, help="pairs of streams in a round")
    parser.add_argument("--many", type=int, default=2000, help="calls in one go, in each third process")
    parser.add_argument("--only", nargs="*", choices=PEERS, help="the peers to measure; all by default")
    given = parser.parse_args(argv)
    peers = [peer for peer in PEERS if given.only is None or peer in given.only]
    if missing := [peer for peer in peers if not Path(python(peer)).exists()]:
        parser.error(f"not installed: {', '.join(missing)}; run `make setup-peers`, or choose others with --only")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    counts = {name: getattr(given, name) for name in ("processes", "rounds", "calls", "streams", "many")}
    figures = measure(["nbtrace", *peers], **counts)
    raw = [one["raw"] for found in figures.values() for one in found.calls]
    raw_stream = [one["raw"] for found in figures.values() for one in found.streams]
    print(f"The call itself, without any recorder: {spread(raw)} us; the stream: {spread(raw_stream)} us.")
    times = f"{given.rounds} rounds in each of {given.processes} processes"
    print(f"Median (and middle half) of {times}. Python {platform.python_version()}.\n")
    print(table(figures, given.many))
    versions = {f"{name} {number}" for found in figures.values() for name, number in found.about["packages"].items()}
    print(f"\n{', '.join(sorted(versions))}")
    tried = {recorder: found.about["tried"] for recorder, found in figures.items() if found.about["tried"]}
    print(f"Connections tried by: {tried or 'nobody'}.")
    loads = load_ext_ms(given.processes)
    print(f"`%load_ext nbtrace` in a fresh kernel that has imported openai: {spread(loads)} ms.")


if __name__ == "__main__":
    main()
