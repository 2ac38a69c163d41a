"""What capture adds to a call, side by side with the raw client in one run.

The transport answers in process, so the network's noise is out of the picture: a 1.5 KB prompt, a 600 B answer, a
stream of 200 chunks. Rounds of both kinds alternate and the medians are compared, because the machine's speed drifts.
`%load_ext` is timed in fresh kernels' worth of imports: ipykernel and openai loaded, nbtrace not.

Run: `make bench`, or `python -m tests.bench.bench_capture`.
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter_ns, thread_time_ns
from typing import Any

import openai

from nbtrace import Session

http: Any = importlib.import_module("httpx2" if find_spec("httpx2") else "httpx")

ROUNDS = 60
CALLS = 40
STREAMS = 4
CHUNKS = 200
MESSAGES: Any = [{"role": "system", "content": "s" * 500}, {"role": "user", "content": "u" * 1000}]

USAGE = {"prompt_tokens": 400, "completion_tokens": 150, "total_tokens": 550}
WHOLE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 600}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
).encode()


def _chunk(number: int) -> bytes:
    last = number == CHUNKS - 1
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": "abc"}, "finish_reason": "stop" if last else None}],
    }
    if last:
        body["usage"] = USAGE
    return b"data: " + json.dumps(body).encode() + b"\n\n"


STREAMED = b"".join(_chunk(number) for number in range(CHUNKS)) + b"data: [DONE]\n\n"


def answer(request: Any) -> Any:
    """Answer a request whole or streamed, as it asks."""
    if b'"stream":true' in request.content:
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=STREAMED)
    return http.Response(200, headers={"content-type": "application/json"}, content=WHOLE)


def time_ns(work: Callable[[], object], times: int) -> float:
    """Time one run of `work`, averaged over some, in processor time: nothing here waits."""
    start = thread_time_ns()
    for _ in range(times):
        work()
    return (thread_time_ns() - start) / times


LOAD = """
import time, ipykernel.ipkernel, ipykernel.zmqshell, openai
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", "nbtrace")
print((time.perf_counter() - start) * 1e3)
"""


def main() -> None:
    """Measure and print."""
    client = openai.OpenAI(api_key="none", http_client=http.Client(transport=http.MockTransport(answer)))

    def call() -> None:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, temperature=0.2, max_tokens=300)

    def stream() -> None:
        for _ in client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True):
            pass

    times: dict[str, list[float]] = {"call": [], "call+": [], "stream": [], "stream+": [], "store": []}
    session = Session()
    call(), stream()
    for _ in range(ROUNDS):
        times["call"].append(time_ns(call, CALLS))
        times["stream"].append(time_ns(stream, STREAMS))
        with session:
            times["call+"].append(time_ns(call, CALLS))
            times["stream+"].append(time_ns(stream, STREAMS))
        start = perf_counter_ns()
        session.store.snapshot()
        times["store"].append((perf_counter_ns() - start) / (CALLS + STREAMS))
    median = {name: statistics.median(values) / 1e3 for name, values in times.items()}
    added = statistics.median(b - a for a, b in zip(times["call"], times["call+"], strict=True)) / 1e3
    chunk = statistics.median(b - a for a, b in zip(times["stream"], times["stream+"], strict=True)) / 1e3
    print(f"chat call      raw {median['call']:8.1f} us   nbtrace {median['call+']:8.1f} us   added {added:6.1f} us"
          f"   x{median['call+'] / median['call']:.3f}   (target 60 us)")  # fmt: skip
    print(f"stream of {CHUNKS}  raw {median['stream']:8.1f} us   nbtrace {median['stream+']:8.1f} us   added"
          f" {chunk:6.1f} us   x{median['stream+'] / median['stream']:.3f}")  # fmt: skip
    print(f"per chunk      added {(chunk - added) / CHUNKS:6.3f} us over a call's own   (target 1 us)")
    print(f"off the path   {median['store']:8.1f} us a span to build, mask, price and encode, when first looked at")
    loads = [float(subprocess.check_output([sys.executable, "-c", LOAD]).split()[-1]) for _ in range(5)]
    print(f"%load_ext      median {statistics.median(loads):6.1f} ms, min {min(loads):.1f} ms   (target 150 ms)")


if __name__ == "__main__":
    main()
