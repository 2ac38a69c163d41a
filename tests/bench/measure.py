"""Measures one recorder in its own environment, in a process of its own, as the driver (`bench_capture`) tells it.

The client's transport answers in this process: a 1.5 KB prompt, a 600 B answer, a stream. Whatever the
recorder has put on the client's classes is taken off and put back from call to call, so that both kinds of calls are
made in one process, on one heap, a millisecond apart, and their difference is the recorder's. Times are processor time
of the calling thread, told apart by whether the request was out and its answer awaited, which takes a real server
longer than anything that is done meanwhile. What a cell waits longer for such a server is measured too, by the clock.
A connection to anywhere else is refused, counted and told.

Run by the driver: `python measure.py RECORDER` answers a line of JSON with a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from time import perf_counter, perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any

from recorders import RECORDERS, Recorder

SYSTEM = "You answer questions about traces of language models. Say what you know and what you do not. " * 5
QUESTION = "A span began before its parent did; which of the two clocks is wrong, and how would one find out? " * 10
ANSWER = "Neither need be: clocks of two machines drift apart, and only their difference can be measured. " * 6
MESSAGES: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
USAGE = {"prompt_tokens": 400, "completion_tokens": 150, "total_tokens": 550}
WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
    "usage": USAGE,
}
WARM_UP = 10
"""Calls before the clock starts."""
AT_ENDS = 2
"""Chunks at each end of a stream that are not counted: there a stream is begun and ended."""


def chunk(is_last: bool) -> bytes:
    choice = {"index": 0, "delta": {"content": "abc"}, "finish_reason": "stop" if is_last else None}
    body = {**WHOLE, "object": "chat.completion.chunk", "choices": [choice], "usage": USAGE if is_last else None}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def streamed(chunks: int) -> Iterator[bytes]:
    """Give a stream as a server's comes: each chunk in a piece of bytes of its own."""
    for one in whole_stream(chunks):
        yield one.tobytes()


@cache
def whole_stream(chunks: int) -> list[memoryview]:
    pieces = [*[chunk(False)] * (chunks - 1), chunk(True), b"data: [DONE]\n\n"]
    return list(map(memoryview, pieces))


tried: list[object] = []
"""Addresses to which somebody wanted to connect."""
_answering: set[object] = set()
"""That of the server which is there to be called."""
_connect = socket.socket.connect


def refuse(self: socket.socket, address: Any) -> None:
    if address in _answering:
        _connect(self, address)
        return
    tried.append(address)
    raise ConnectionRefusedError(f"the benchmark lets nobody connect to {address}")


class Client:
    """An OpenAI client that is answered in this process, and what is put on its classes."""

    def __init__(self) -> None:
        openai: Any = importlib.import_module("openai")
        http: Any = importlib.import_module("httpx2")
        resources: Any = importlib.import_module("openai.resources.chat.completions")
        whole = json.dumps(WHOLE).encode()

        def answer(request: Any) -> Any:
            if b'"stream":true' in request.content:
                body = streamed(self._chunks)
                return http.Response(200, headers={"content-type": "text/event-stream"}, content=body)
            return http.Response(200, headers={"content-type": "application/json"}, content=whole)

        def handle(transport: object, request: Any) -> Any:
            pieces = iter(request.stream)
            next(pieces)
            out = thread_time_ns()
            assert next(pieces, None) is None
            response = answer(request)
            self.awaited_ns = thread_time_ns() - out
            return response

        async def ahandle(transport: object, request: Any) -> Any:
            async def pieces() -> AsyncIterator[bytes]:
                for one in streamed(self._chunks):
                    yield one

            return http.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())

        transport = type("Transport", (http.BaseTransport,), {"handle_request": handle})()
        atransport = type("AsyncTransport", (http.AsyncBaseTransport,), {"handle_async_request": ahandle})()
        self.awaited_ns = 0
        """What was done in the last call between the last piece of its request and its answer."""
        clients = dict.fromkeys([*openai.OpenAI.__mro__[:-1], *openai.AsyncOpenAI.__mro__[:-1]])
        self._classes = [*clients, resources.Completions, resources.AsyncCompletions]
        self._client = openai.OpenAI(api_key="none", http_client=http.Client(transport=transport))
        self._aclient = openai.AsyncOpenAI(api_key="none", http_client=http.AsyncClient(transport=atransport))
        self._loop = asyncio.new_event_loop()
        self._plain = self._state()
        self._chunks = 1

    def served(self, wait_ms: int) -> Callable[[], None]:
        """Give a call that a server in a process of its own answers after so many milliseconds."""
        server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("answering.py"), str(wait_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(WHOLE).encode() + b"\n")
        server.stdin.flush()
        port = int(server.stdout.readline())
        _answering.add(("127.0.0.1", port))
        self._server = server  # it ends with its input, when this process does
        openai: Any = importlib.import_module("openai")
        client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")

        def call() -> None:
            client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, temperature=0.2, max_tokens=300)

        return call

    def call(self, question: str = QUESTION) -> None:
        messages: Any = [MESSAGES[0], {"role": "user", "content": question}]
        self._client.chat.completions.create(model="gpt-4o-mini", messages=messages, temperature=0.2, max_tokens=300)

    def stream(self, chunks: int) -> None:
        self._chunks = chunks
        for _ in self._client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True):
            pass

    def gaps(self, chunks: int) -> list[int]:
        """Read a stream and give the nanoseconds that each chunk took, but for those at its ends."""
        self._chunks = chunks
        stream = self._client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        return _inner([thread_time_ns() for _ in stream])

    def agaps(self, chunks: int) -> list[int]:
        """Read a stream of the async client likewise."""
        return self._loop.run_until_complete(self._agaps(chunks))

    async def _agaps(self, chunks: int) -> list[int]:
        self._chunks = chunks
        stream = await self._aclient.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        return _inner([thread_time_ns() async for _ in stream])

    def switched(self) -> Callable[[bool], None]:
        """Give what takes off (False) and puts back (True) all that was put on since the start.

        In place of each changed method stands one that chooses, because a change of a class makes the interpreter
        forget what it has learned about it.
        """
        wrapped = self._state()
        on = True

        def chooser(kind: type, plain: Any, changed: Any) -> Callable[..., Any]:
            def method(self: object, *given: Any, **named: Any) -> Any:
                return (changed if on else plain).__get__(self, kind)(*given, **named)

            return method

        def switch(to: bool) -> None:
            nonlocal on
            on = to

        for (kind, name), value in wrapped.items():
            plain = next((self._plain[other, name] for other in kind.__mro__ if (other, name) in self._plain), value)
            if plain is not value:
                setattr(kind, name, chooser(kind, plain, value))
        return switch

    def _state(self) -> dict[tuple[type, str], Any]:
        return {(kind, name): value for kind in self._classes for name, value in vars(kind).items() if callable(value)}


class Bench:
    """One recorder under measurement."""

    def __init__(self, recorder: str) -> None:
        self._client = Client()
        began = perf_counter()
        self._recorder: Recorder = RECORDERS[recorder]()
        self._load_ms = (perf_counter() - began) * 1e3
        self._switch = self._client.switched()
        self._served: Callable[[], None] | None = None
        self._check()

    def load(self) -> dict[str, Any]:
        """Give what it took to import and activate the recorder, with openai imported before."""
        return {"ms": self._load_ms}

    def about(self) -> dict[str, Any]:
        """Give the versions, and the connections that were tried so far."""
        packages = {package: version(package) for package in (*self._recorder.packages, "openai")}
        return {"packages": packages, "tried": [str(address) for address in tried]}

    def calls(self, times: int) -> dict[str, float]:
        return self._pairs(self._client.call, times)

    def waits(self, times: int, wait_ms: int) -> dict[str, float]:
        """Time calls of a real server by the clock, as the cell waits for them."""
        if self._served is None:
            self._served = self._client.served(wait_ms)
        return self._pairs(self._served, times, perf_counter_ns)

    def streams(self, times: int, chunks: int) -> dict[str, float]:
        return self._pairs(partial(self._client.stream, chunks), times)

    def chunks(self, times: int, chunks: int, *, is_async: bool) -> dict[str, float]:
        """Give what a chunk takes more, of streams read by turns without and with the recorder, in microseconds."""
        gaps = self._client.agaps if is_async else self._client.gaps
        self._begin(on=True)
        taken: dict[bool, list[int]] = {False: [], True: []}
        for turn in range(2 * times):
            on = turn % 4 in {0, 3}  # one goes first as often as the other
            self._switch(on)
            taken[on] += gaps(chunks)
        raw, recorded = (_usual_mean(taken[on]) / 1e3 for on in (False, True))
        return {"raw": raw, "added": recorded - raw}

    def many(self, times: int) -> dict[str, float]:
        """Time so many calls in one go, first without and then with the recorder: collections of garbage included."""
        taken: dict[bool, float] = {}
        for on in (False, True):
            self._begin(on)
            began = thread_time_ns()
            for _ in range(times):
                self._client.call()
            taken[on] = (thread_time_ns() - began) / times / 1e3
        return {"raw": taken[False], "added": taken[True] - taken[False]}

    def later(self, times: int) -> dict[str, float]:
        """Give the microseconds a span of what is put off: by anybody, on any thread."""
        self._begin(on=True)
        for _ in range(times):
            self._client.call()
        began = process_time_ns()
        self._recorder.settle()
        return {"us": (process_time_ns() - began) / times / 1e3}

    def kept(self, times: int) -> dict[str, float]:
        """Give the bytes that a span takes until it is exported, of which the question is another each time."""
        self._begin(on=True)
        tracemalloc.start()
        before = _allocated()
        for number in range(times):
            self._client.call(f"{number}: {QUESTION[::-1]}")
        self._recorder.settle()
        gc.collect()
        after = _allocated()
        tracemalloc.stop()
        return {"bytes": (after - before) / times}

    def _pairs(
        self, work: Callable[[], None], times: int, clock: Callable[[], int] = thread_time_ns
    ) -> dict[str, float]:
        """Time single pieces of work, by turns without and with the recorder, in microseconds.

        Returns:
            What the work takes, what it takes more with the recorder, and what more is done while an answer is awaited.
        """
        self._begin(on=True)
        raw: list[float] = []
        added: list[float] = []
        meanwhile: list[float] = []
        for turn in range(times):
            taken: dict[bool, float] = {}
            awaited: dict[bool, float] = {}
            for on in (turn % 2 == 0, turn % 2 == 1):
                self._switch(on)
                self._client.awaited_ns = 0
                began = clock()
                work()
                whole = clock() - began
                awaited[on] = self._client.awaited_ns / 1e3
                taken[on] = whole / 1e3 - awaited[on]
            raw.append(taken[False] + awaited[False])
            added.append(taken[True] - taken[False])
            meanwhile.append(awaited[True] - awaited[False])
        return {"raw": median(raw), "added": median(added), "awaited": median(meanwhile)}

    def _begin(self, on: bool) -> None:
        self._switch(on)
        for _ in range(WARM_UP):
            self._client.call()
        self._forget()
        gc.collect()

    def _check(self) -> None:
        """See that switching works: a span a call with it, none without."""
        for on in (True, False):
            self._switch(on)
            self._forget()
            before = self._recorder.kept()
            self._client.call()
            self._client.stream(3)
            self._client.agaps(3)
            self._recorder.settle()
            made = self._recorder.kept() - before
            if made < 3 if on else made:  # some make a second span of a stream
                raise RuntimeError(f"three calls made {made} spans with the recorder {'on' if on else 'off'}")
        self._switch(True)

    def _forget(self) -> None:
        self._recorder.settle()
        self._recorder.forget()


def _inner(read: list[int]) -> list[int]:
    """Give the times between those at which chunks were read, but for those at a stream's ends."""
    return [after - before for before, after in pairwise(read)][AT_ENDS:-AT_ENDS]


def _usual_mean(values: list[int]) -> float:
    """Give the mean without the longest one in a hundred, in which something else had the processor."""
    return fmean(sorted(values)[: len(values) * 99 // 100])


def _allocated() -> int:
    arrow = sys.modules.get("pyarrow")
    return tracemalloc.get_traced_memory()[0] + (arrow.total_allocated_bytes() if arrow is not None else 0)


def main(recorder: str) -> None:
    """Answer the driver until it has enough; what the recorder prints is not for it."""
    socket.socket.connect = refuse  # pyright: ignore[reportAttributeAccessIssue]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    bench = Bench(recorder)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(getattr(bench, asked.pop("what"))(**asked)), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
