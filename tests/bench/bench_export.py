"""Spans a second of every export encoding, beside the SDK's own encoder on the same spans.

Run it as `python tests/bench/bench_export.py [spans]`. All is measured on calls that have the same texts, and on calls
that have texts of their own, in words drawn at random, so that they share nothing but words. Both sides start from what
they have in hand after a session: ours from a store's snapshot, the SDK's from its finished spans. Each number is the
best of five rounds by processor time, with the sides taking turns, so that a busy machine slows both.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from nbtrace import semconv
from nbtrace._export import backends, otlp, otlp_json, parquet
from nbtrace._export.prepare import Prepared
from nbtrace._store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbtrace._store.snapshot import Snapshot

ROUNDS: Final = 5
SDK: Final = "OpenTelemetry SDK, `encode_spans`"

WORDS: Final = 4096
"""Different words, each as likely as any other: 12 bits a word, where English has fewer."""


def own(number: int) -> list[str]:
    """Give a prompt of 1.1 KB and an answer of 0.4 KB that no other call has."""
    chosen = random.Random(number)
    words = [f"{chosen.randrange(WORDS):05x}" for _ in range(250)]
    return [" ".join(words[:180]), " ".join(words[180:])]


def shared(number: int) -> list[str]:
    """Give a prompt and an answer of 2 KB that all calls have."""
    return ["what is a span? " * 125] * 2


def calls(count: int, texts: Callable[[int], list[str]] = shared) -> Sequence[ReadableSpan]:
    """Make LLM calls."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("bench", "1.0")
    for number in range(count):
        asked, answered = (
            json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
            for role, text in zip(("user", "assistant"), texts(number), strict=True)
        )
        attributes = {
            semconv.OPERATION_NAME: "chat",
            semconv.PROVIDER_NAME: "openai",
            semconv.REQUEST_MODEL: "gpt-5",
            semconv.RESPONSE_MODEL: "gpt-5-2025",
            semconv.RESPONSE_ID: f"chatcmpl-{number}",
            semconv.RESPONSE_FINISH_REASONS: ("stop",),
            semconv.USAGE_INPUT_TOKENS: 500 + number,
            semconv.USAGE_OUTPUT_TOKENS: 500,
            semconv.REQUEST_TEMPERATURE: 0.5,
            semconv.SERVER_ADDRESS: "api.openai.com",
            semconv.SERVER_PORT: 443,
            semconv.INPUT_MESSAGES: asked,
            semconv.OUTPUT_MESSAGES: answered,
        }
        tracer.start_span("chat gpt-5", kind=SpanKind.CLIENT, attributes=attributes).end()
    return memory.get_finished_spans()


def kept(spans: Sequence[ReadableSpan]) -> Snapshot:
    """Put spans into a store."""
    store = Store()
    for span in spans:
        store.ended(span, None)
    return store.snapshot()


def sides(spans: Sequence[ReadableSpan], folder: Path) -> dict[str, Callable[[], object]]:
    """Give what encodes spans, by name: the SDK first, then ours, plain and with each backend's overlay and limits."""
    table = kept(spans)

    def otlp_to(name: str) -> Callable[[], object]:
        return lambda: deque(otlp.requests(Prepared(table, backends.find(name))), maxlen=0)

    return {
        SDK: lambda: encode_spans(spans).SerializeToString(),
        "OTLP": otlp_to("otlp"),
        **{f"OTLP for {name}": otlp_to(name) for name in backends.NAMES if name not in ("otlp", "jaeger")},
        "OTLP JSON lines": lambda: otlp_json.write(Prepared(table), folder / "spans.jsonl"),
        "Parquet": lambda: parquet.write(table, folder / "spans.parquet"),
    }


def measured(sides: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Give the seconds that each side takes."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(ROUNDS):
        for name, side in sides.items():
            gc.collect()  # what others have left behind
            start = time.process_time()
            side()
            best[name] = min(best[name], time.process_time() - start)
    return best


def main(count: int) -> None:
    """Print a table: a row an encoding, its spans a second and how many times the SDK's they are."""
    found: list[dict[str, float]] = []
    sizes: list[float] = []
    for texts in (shared, own):
        with tempfile.TemporaryDirectory() as directory:
            found.append(measured(sides(calls(count, texts), Path(directory))))
            sizes.append((Path(directory) / "spans.parquet").stat().st_size / count)
    print(f"{count:,} LLM calls: 4 KB of messages each, the same ones; and 1.5 KB of its own\n")
    print("| | spans a second | of the SDK's | each with its own texts | of the SDK's |\n|---|---|---|---|---|")
    for name in found[0]:
        pairs = ((count / best[name], best[SDK] / best[name]) for best in found)
        print(f"| {name} | " + " | ".join(f"{rate:,.0f} | {times:.1f}" for rate, times in pairs) + " |")
    print("\nA span in a Parquet file takes {:,.0f} B, with texts of its own {:,.0f} B".format(*sizes))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
