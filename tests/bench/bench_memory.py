"""What a million spans take in memory, with a bound and without: `python tests/bench/bench_memory.py [spans]`.

Every span has a prompt and an answer of its own, 1.5 KB together. Each store is in a process of its own; what is
printed is what the system says that the process has (Linux), less what it had before the first span. Mapped files are
the disk's: the system drops those pages when it needs the room.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import semconv
from nbtrace._store.store import Store
from nbtrace._trace.processor import SinkProcessor
from tests.bench.bench_store import ATTRIBUTES

SPANS = 1_000_000
BOUNDS = (None, 256 * 2**20)
FLOOR = 1500
"""Bytes of the texts of a span."""


def resident() -> dict[str, int]:
    """Give the bytes that this process has in memory of its own, and of files."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {words[0]: 1024 * int(words[1]) for words in lines if words[0] in {"RssAnon:", "RssFile:"}}


def fill(count: int, bound: int | None) -> None:
    """Record spans and print what they take."""
    store = Store()
    store.spill.limit = bound
    provider = TracerProvider(resource=Resource({"service.name": "bench"}), shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(store))
    tracer = provider.get_tracer("bench", "1")
    tracer.start_span("first", attributes=ATTRIBUTES).end()
    store.settle()
    before, begin = resident(), time.perf_counter()
    for number in range(count):
        said, answered = f"{number:>9} " * 75, f"{number + count:>9} " * 60
        prompt = json.dumps([{"role": "user", "parts": [{"type": "text", "content": said}]}])
        answer = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answered}]}])
        attributes = {**ATTRIBUTES, semconv.INPUT_MESSAGES: prompt, semconv.OUTPUT_MESSAGES: answer}
        tracer.start_span("chat gpt-4o-mini", attributes=attributes).end()
    store.settle()
    took, after, sizes = time.perf_counter() - begin, resident(), store.sizes()
    anonymous, mapped = (after[key] - before[key] for key in ("RssAnon:", "RssFile:"))
    bounded = f"{bound / 2**20:,.0f} MiB" if bound is not None else "none"
    bounded = f"{bound / 2**20:,.0f} MiB" if bound is not None else "none"
    print(
        f"bound {bounded:<9} {count:,} spans: {anonymous / 2**20:,.0f} MiB of its own, {mapped / 2**20:,.0f} of files;",
        f"{anonymous / count:,.0f} B a span, x{anonymous / count / FLOOR:.2f} of its texts;",
        f"kept {sizes.memory / 2**20:,.0f} MiB, on disk {sizes.disk / 2**20:,.0f}; {took / count * 1e6:.0f} us a span",
    )


def main() -> None:
    """Fill a store without a bound and one with it, one after the other."""
    if len(sys.argv) > 2:
        fill(int(sys.argv[1]), int(sys.argv[2]) or None)
        return
    count = sys.argv[1] if len(sys.argv) > 1 else str(SPANS)
    for bound in BOUNDS:
        subprocess.run([sys.executable, __file__, count, str(bound or 0)], check=True)


if __name__ == "__main__":
    main()
