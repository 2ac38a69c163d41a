"""What asking costs over a million spans, each beside its floor in one run: `python tests/bench/bench_query.py`.

Prints and judges nothing. The wall's time is what a user waits for; the processor's is what stays the same on a busy
machine. The goals are 100 ms for a filter with an aggregate, 50 ms for a data frame of 20,000 spans, 2 s for opening a
file; its prompts are 8,192 different ones of 1.5 KB.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nbtrace._query.drift import drifts
from nbtrace._query.frame import Spans
from nbtrace._query.metrics import metrics
from nbtrace._query.rules import Asked, Rule
from nbtrace._query.sql import run
from nbtrace._query.watching import Watching
from nbtrace._store import parquet
from nbtrace._store.schema import schema
from nbtrace._store.snapshot import Snapshot

ROWS = 8192
MILLION = 1_000_000
MODELS = ("gpt-4o-mini", "gpt-4o", "claude-4", "o3")
START = 1_790_000_000_000_000_000
ROUNDS = 5


def messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def spans(count: int) -> Spans:
    """Make spans in batches as the store has them; the batches are the same one again and again."""
    random = Random(1)
    rows: list[dict[str, Any]] = []
    for number in range(min(ROWS, count)):
        model = random.choice(MODELS)
        call = number % 4 != 0
        rows.append(
            {
                "trace_id": (number // 8 + 1).to_bytes(16, "big"),
                "span_id": (number + 1).to_bytes(8, "big"),
                "name": f"chat {model}" if call else "step",
                "start_time_unix_nano": START + number * 10**7,
                "duration_ns": random.randrange(10**6, 10**10),
                "status_code": 2 if random.random() < 0.03 else 0,
                "cell_id": f"cell{number // 100}",
                "cell_run": 1,
                "attributes": [],
            }
            | (
                {
                    "operation": "chat",
                    "provider": "openai",
                    "request_model": model,
                    "response_model": f"{model}-1",
                    "response_id": f"chatcmpl-{number}",
                    "input_tokens": random.randrange(2000),
                    "output_tokens": random.randrange(800),
                    "cost_usd": random.random() / 100,
                    "cost_state": "priced",
                    "time_to_first_chunk_s": random.random(),
                    "input_messages": messages("user", f"{'x' * 1500} {number}"),
                    "output_messages": messages("assistant", str(number)),
                }
                if call
                else {}
            )
        )
    batch = Snapshot.of(pa.Table.from_pylist(rows, schema=schema()))
    kept = pa.concat_tables([batch.kept] * (-(-count // ROWS))).slice(0, count)
    return Spans(Snapshot(kept, batch.texts))


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Give the wall's and the processor's milliseconds, each the best of some rounds."""
    wall = processor = float("inf")
    for _ in range(ROUNDS):
        began, ran = time.perf_counter(), time.process_time()
        work()
        wall = min(wall, (time.perf_counter() - began) * 1e3)
        processor = min(processor, (time.process_time() - ran) * 1e3)
    return wall, processor


def line(what: str, work: Callable[[], object], floor: Callable[[], object], than: str) -> None:
    ours, least = measured(work), measured(floor)
    print(
        f"{what:<58} {ours[0]:8.1f} ms wall {ours[1]:8.1f} ms processor   "
        f"x{ours[1] / max(least[1], 0.01):6.1f} of {than} ({least[1]:.1f} ms)"
    )


def main() -> None:
    """Print everything."""
    many = spans(MILLION)
    plain = many.snapshot.select(["request_model", "cost_usd"])

    def grouped() -> object:
        return plain.group_by("request_model").aggregate([("cost_usd", "sum")])

    than = "one sum by model in pyarrow"
    print(f"{MILLION:,} spans in {many.snapshot.kept['name'].num_chunks} batches")
    line("filter by model", lambda: many.filter(model="gpt-4o").snapshot, grouped, than)
    line(
        "filter by pattern, kind and status",
        lambda: many.filter(model="gpt*", kind="llm", status="ok").snapshot,
        grouped,
        than,
    )
    line("filter by text in messages", lambda: many.filter(text="nowhere").snapshot, grouped, than)
    line(
        "filter by model, all metrics by model", lambda: metrics(many.filter(model="gpt-4o"), by="model"), grouped, than
    )
    line(
        "filter by error, all metrics by model", lambda: metrics(many.filter(status="error"), by="model"), grouped, than
    )
    line("all metrics of all spans by model", lambda: metrics(many, by="model"), grouped, than)
    query = "SELECT request_model, sum(cost_usd) FROM spans WHERE status_code = 2 GROUP BY ALL"
    line("filter and sum by model in SQL", lambda: run(query, many, {}), grouped, than)
    asked = Asked(many.filter, lambda chosen, by: metrics(many if chosen is None else chosen, by=by))
    for when, more in (("error_rate > 90%", {}), ("latency_p95 > +900%", {"baseline": "previous"})):
        watching = Watching(Rule.of({"when": when, "window": "50 calls", **more}), asked, None)
        line(f"look at the watched rule {when}, the last 50 calls", watching.look, grouped, than)
    halves = many[: MILLION // 2], many[MILLION // 2 :]
    line("drift of one half of them from the other", lambda: drifts(*halves, None, None), grouped, than)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "spans.parquet"
        with path.open("wb") as file:
            parquet.write(many.snapshot, file)
        line(
            f"open a Parquet file of them ({path.stat().st_size / 1e6:.1f} MB)",
            lambda: parquet.read(path),
            lambda: pq.read_table(path, columns=["request_model", "cost_usd"]),
            "reading two of its columns",
        )
    some = spans(20_000)
    line("data frame of 20,000 spans", some.to_pandas, some.snapshot.table, "building the Arrow table")


if __name__ == "__main__":
    main()
