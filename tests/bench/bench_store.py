"""What the store costs, each number beside its floor in one run: `python tests/bench/bench_store.py`.

Prints and judges nothing: absolute times are the machine's, the ratios are ours.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from nbtrace import semconv
from nbtrace._query.totals import summarize
from nbtrace._query.tree import tree
from nbtrace._store.contents import Contents
from nbtrace._store.encode import Finished, encode
from nbtrace._store.schema import schema
from nbtrace._store.starts import Starts
from nbtrace._store.store import WAITING_LIMIT, Store

PROMPT = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "What is Arrow? " * 100}]}])
ANSWER = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "A columnar format. " * 31}]}])
ATTRIBUTES: dict[str, Any] = {
    semconv.OPERATION_NAME: "chat",
    semconv.PROVIDER_NAME: "openai",
    semconv.REQUEST_MODEL: "gpt-4o-mini",
    semconv.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
    semconv.RESPONSE_ID: "chatcmpl-9J3uLL8c7XqZ",
    semconv.RESPONSE_FINISH_REASONS: ("stop",),
    semconv.USAGE_INPUT_TOKENS: 312,
    semconv.USAGE_OUTPUT_TOKENS: 118,
    semconv.USAGE_CACHE_READ: 0,
    semconv.USAGE_REASONING: 0,
    semconv.USAGE_STATE: "reported",
    semconv.USAGE_COST: 0.000117,
    semconv.COST_STATE: "priced",
    semconv.COST_SOURCE: "genai-prices 0.2",
    semconv.CELL_ID: "a1b2c3d4",
    semconv.CELL_EXECUTION_COUNT: 7,
    semconv.CELL_RUN: 1,
    semconv.SERVER_ADDRESS: "api.openai.com",
    semconv.SERVER_PORT: 443,
    semconv.REQUEST_TEMPERATURE: 0.2,
    semconv.REQUEST_MAX_TOKENS: 256,
    semconv.OPENAI_API_TYPE: "chat_completions",
    semconv.REQUEST_STREAM: False,
    semconv.INPUT_MESSAGES: PROMPT,
    semconv.OUTPUT_MESSAGES: ANSWER,
}
ROUNDS = 7


def microseconds(work: Callable[[], object], count: int, *, repeat: bool = True) -> float:
    """Give the time of one of `count` pieces of work, best of some rounds; short work is repeated in a round."""
    best = float("inf")
    again = max(1, 256 // count) if repeat else 1
    for _ in range(ROUNDS):
        gc.collect()
        begin = time.perf_counter()
        for _ in range(again):
            work()
        best = min(best, time.perf_counter() - begin)
    return best / again / count * 1e6


def spans(count: int) -> list[ReadableSpan]:
    """Make traces of four spans: a cell, a step in it, and two calls of 25 attributes in that."""
    sink = Keep()
    provider = TracerProvider(resource=Resource({"service.name": "bench"}), shutdown_on_exit=False)
    provider.add_span_processor(sink)
    tracer = provider.get_tracer("bench", "1")
    for _ in range(count // 4):
        with tracer.start_as_current_span("cell"), tracer.start_as_current_span("step"):
            for _ in range(2):
                tracer.start_span("chat gpt-4o-mini", attributes=ATTRIBUTES).end()
    return sink.spans


class Keep(SpanProcessor):
    """Keeps the spans that end."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def line(what: str, ours: float, floor: float, than: str, unit: str = "us") -> None:
    print(f"{what:<44} {ours:10.2f} {unit:<3} {floor:10.2f} {unit} {than:<34} x{ours / floor:.2f}")


def adding(some: Sequence[ReadableSpan]) -> None:
    """Compare start and end of a span in the store with two appends; encoding is not in it."""

    def store() -> None:
        kept = Store()
        for span in few:
            kept.started(span)
            kept.ended(span, None)

    def append() -> None:
        kept: list[object] = []
        for span in few:
            kept.append(span)
            kept.append((span, None))

    few = some[: WAITING_LIMIT - 1]
    line("start and end of a span", microseconds(store, len(few)), microseconds(append, len(few)), "two list appends")


def journaling(some: Sequence[ReadableSpan]) -> None:
    """Compare what the journal adds to a span's start with the one `write` in it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        starts = Starts(path / "some.starts", str)
        file = os.open(path / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        few = some[:400]

        def start() -> None:
            for span in few:
                starts.write(span)

        def write() -> None:
            for _ in few:
                os.write(file, bytes(53))

        line("start of a span in the journal", microseconds(start, len(few)), microseconds(write, len(few)), "a write")
        starts.close()
        os.close(file)


def encoding(some: Sequence[ReadableSpan]) -> None:
    """Compare spans to a batch with dicts of ready column values to a batch by `pa.array`."""
    for size in (1, 8, 64, 512, 4096):
        finished = [Finished(span, dict(span.attributes or {})) for span in some[:size]]
        store = Store()
        for span in some[:size]:
            store.ended(span, None)
        rows = store.snapshot().table().to_pylist()
        line(
            f"encode a span, in batches of {size}",
            microseconds(lambda finished=finished: encode(finished, Contents()), size),
            microseconds(lambda rows=rows: pa.RecordBatch.from_pylist(rows, schema()), size),
            "RecordBatch.from_pylist (pa.array)",
        )


def looking(some: Sequence[ReadableSpan]) -> None:
    """Measure what readers wait for."""
    store = Store()
    for span in some:
        store.ended(span, None)
    table = store.snapshot()
    count = len(some)
    print(f"snapshot of {count:,} unchanged spans {microseconds(store.snapshot, 1):>36.2f} us")
    store.started(some[0])
    print(f"the same while a span runs {microseconds(store.snapshot, 1):>44.2f} us")
    rows = ("trace_id", "span_id", "parent_span_id", "name", "input_messages", "output_messages")
    read = microseconds(lambda: [table[name].to_pylist() for name in rows], 1, repeat=False) / 1000
    line(
        f"tree of {count:,} spans",
        microseconds(lambda: tree(table), 1, repeat=False) / 1000,
        read,
        "reading six columns",
        "ms",
    )
    line(
        f"summary of {count:,} spans",
        microseconds(lambda: summarize(table), 1, repeat=False) / 1000,
        read,
        "the same",
        "ms",
    )


def keeping() -> None:
    """Compare the memory of stored spans with the text of their prompts and answers."""
    some = [span for span in spans(2048) if span.name.startswith("chat")]
    store = Store()
    for span in some:
        store.ended(span, None)
        if len(store) % 16 == 0:
            store.snapshot()
    table = store.snapshot()
    text = len(PROMPT) + len(ANSWER)
    kept = table.kept.get_total_buffer_size() + table.texts.nbytes
    line("bytes kept for a call", kept / len(some), text, "its prompt and answer", "B")
    print(f"{'chunks of that table, looked at ' + str(len(some) // 16) + ' times':<44} {table['name'].num_chunks:10d}")


def main() -> None:
    """Print everything."""
    some = spans(10_000)
    adding(some)
    journaling(some)
    encoding(some)
    looking(some)
    keeping()


if __name__ == "__main__":
    main()
