"""A notebook session such as a reader has at the end of an afternoon: what the list of traces and the pictures show.

Cells run more than once, calls that are retried, an agent that searches and calls tools, a stream that still runs, a
job outside every cell. Times and ids are fixed, so that the fixtures made of it never change by themselves.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from nbtrace._trace.processor import SinkProcessor

if TYPE_CHECKING:
    from nbtrace._store.store import Store

START: Final = 1_790_000_000_000_000_000
MS: Final = 1_000_000
MINUTE: Final = 60_000
MODEL: Final = "gpt-4o-mini"

PAPERS: Final = (
    ("attention", "The dominant sequence transduction models are based on complex recurrent networks."),
    ("chinchilla", "We investigate the optimal model size and number of tokens for training a transformer."),
    ("lora", "We propose low-rank adaptation, which freezes the pretrained weights."),
    ("rag", "We explore models that combine pretrained parametric and non-parametric memory."),
    ("react", "We use language models to generate both reasoning traces and task-specific actions."),
    ("toolformer", "Language models can teach themselves to use external tools by simple APIs."),
)
SUMMARIZE: Final = """\
summarize = nbtrace.prompt("summarize", "Summarize the abstract of {title} in {n} words:\\n\\n{text}")

def summary(title, text):
    return ask(summarize.format(title=title, n=12, text=text))

with ThreadPoolExecutor(3) as pool:
    summaries = list(pool.map(summary, titles, texts))
"""
AGENT: Final = 'report = research("Which of these papers should I read first, and why?")\nMarkdown(report)\n'
REPORT: Final = """\
## Read *Attention Is All You Need* first

It defines the architecture that **all five** other papers assume.

| paper | needs | minutes |
|---|---|---:|
| attention | nothing | 45 |
| chinchilla | attention | 60 |
| lora | attention | 40 |

1. Start with `attention`, sections 3 and 5.
2. Then [the annotated version](https://example.org/annotated).

```python
for paper in order:
    read(paper)
```
"""


class SessionIds(IdGenerator):
    """Spans count from 1, traces from 1, the same in every run."""

    def __init__(self) -> None:
        self._span = self._trace = 0

    def generate_span_id(self) -> int:
        """Count."""
        self._span += 1
        return 0x5E55_0000_0000_0000 + self._span

    def generate_trace_id(self) -> int:
        """Count."""
        self._trace += 1
        return (0xA11CE << 108) + self._trace


def png(width: int = 96, height: int = 48) -> bytes:
    """Draw a small picture: two gradients."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (40 + 2 * x, 90 + 3 * y, 200 - x)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


class Afternoon:
    """Makes the spans of the session."""

    def __init__(self, store: Store) -> None:
        provider = TracerProvider(id_generator=SessionIds(), resource=Resource({"service.name": "notebook"}))
        provider.add_span_processor(SinkProcessor(store))
        self._tracer = provider.get_tracer("agents", "0.1.0")

    def span(self, name: str, start: float, parent: Span | None = None, **attributes: Any) -> Span:
        """Start a span; `a__b` names the attribute `a.b`."""
        context = trace.set_span_in_context(parent) if parent else None
        span = cast("Span", self._tracer.start_span(name, context, start_time=START + int(start * MS)))
        span.set_attributes({key.replace("__", "."): value for key, value in attributes.items()})
        return span

    def end(self, span: Span, end: float, error: str | None = None) -> None:
        """End a span, in error if one is given."""
        if error:
            span.set_status(trace.Status(trace.StatusCode.ERROR, error))
            span.add_event("exception", {"exception.message": error}, timestamp=START + int((end - 1) * MS))
        span.end(START + int(end * MS))

    def cell(self, start: float, cell: str, number: int, run: int, source: str) -> Span:
        """Start a run of a cell."""
        return self.span(
            f"cell [{number}]", start, nbtrace__span__type="cell", nbtrace__cell__id=cell, nbtrace__cell__run=run,
            nbtrace__cell__execution_count=number, nbtrace__cell__source=source,
        )  # fmt: skip

    def chat(self, start: float, parent: Span | None, asked: list[Any], said: list[Any] | None, **more: Any) -> Span:
        """Start a call that is answered, or not yet."""
        answer = {} if said is None else {"gen_ai__output__messages": json.dumps(said)}
        return self.span(
            f"chat {MODEL}", start, parent, gen_ai__operation__name="chat", gen_ai__provider__name="openai",
            gen_ai__request__model=MODEL, gen_ai__request__temperature=0.2, gen_ai__request__max_tokens=400,
            gen_ai__input__messages=json.dumps(asked), server__address="api.openai.com",
            **answer, **(answer and {"gen_ai__response__model": f"{MODEL}-2024-07-18",
                                     "gen_ai__response__id": f"chatcmpl-{int(start)}"}), **more,
        )  # fmt: skip


def message(role: str, *parts: Any) -> dict[str, Any]:
    """Make a message of texts and other parts."""
    return {"role": role, "parts": [{"type": "text", "content": one} if isinstance(one, str) else one for one in parts]}


def tokens(given: int, made: int, **more: Any) -> dict[str, Any]:
    """Name what a call took and cost."""
    return {
        "gen_ai__usage__input_tokens": given, "gen_ai__usage__output_tokens": made,
        "gen_ai__usage__cost": given * 1.5e-7 + made * 6e-7, "nbtrace__cost__state": "priced",
        "nbtrace__usage__state": "reported", "gen_ai__response__finish_reasons": ["stop"], **more,
    }  # fmt: skip


def fill_session(store: Store) -> None:
    """Record the session."""
    made = Afternoon(store)
    for run, start in ((1, 0.0), (2, 2.0 * MINUTE), (3, 5.0 * MINUTE)):
        _summaries(made, start, run)
    _pictures(made, 6.5 * MINUTE)
    _agent(made, 8.0 * MINUTE)
    job = made.span("nightly evaluation", 9.0 * MINUTE, nbtrace__span__type="evaluation")
    for number in range(3):
        at = 9.0 * MINUTE + 100 + 700 * number
        call = made.chat(
            at, job, [message("user", "Is this summary faithful?")], [message("assistant", "yes")], **tokens(210, 1)
        )
        made.end(call, at + 600)
    made.end(job, 9.0 * MINUTE + 2300)
    _running(made, 10.0 * MINUTE)


def _summaries(made: Afternoon, start: float, run: int) -> None:
    cell = made.cell(start, "c0ffee01", 2 + run, run, SUMMARIZE)
    end = start
    for index, (title, text) in enumerate(PAPERS):
        at = start + 40 + (index // 3) * 2100 + (index % 3) * 35
        variables = {"title": title, "n": "12", "text": text}
        named = {f"gen_ai__prompt__variable__{name}": value for name, value in variables.items()}
        asked = [message("user", f"Summarize the abstract of {title} in 12 words:\n\n{text}")]
        is_refused = run == 2 and index == 4  # noqa: PLR2004
        call = made.chat(
            at, cell, asked, None if is_refused else [message("assistant", text[:70])],
            gen_ai__prompt__name="summarize", gen_ai__prompt__version=str(run),
            nbtrace__prompt__template="Summarize the abstract of {title} in {n} words:\n\n{text}", **named,
            **({"error__type": "RateLimitError", "http__response__status_code": 429} if is_refused
               else tokens(64 + 9 * index, 18 + index)),
            **({"nbtrace__attempts": 3, "nbtrace__attempts__wait": 1.24, "nbtrace__attempts__rate_limited": 1.24}
               if index == 2 or is_refused else {}),  # noqa: PLR2004
        )  # fmt: skip
        end = at + 900 + 120 * index
        if index == 2 or is_refused:  # noqa: PLR2004
            end = _attempts(made, call, at, is_refused=is_refused)
        made.end(call, end, "Rate limit reached for gpt-4o-mini: try again in 20 s" if is_refused else None)
    made.end(cell, end + 60, "RateLimitError" if run == 2 else None)  # noqa: PLR2004


def _attempts(made: Afternoon, call: Span, at: float, *, is_refused: bool) -> float:
    times = ((0, 180, 429), (620, 800, 429), (1620, 2250, 429 if is_refused else 200))
    for number, (begin, over, status) in enumerate(times):
        attempt = made.span(
            f"attempt {number + 1}", at + begin + 4, call, nbtrace__span__type="attempt",
            http__response__status_code=status, **({"http__request__resend_count": number} if number else {}),
            **({"error__type": "429", "nbtrace__attempt__wait": 0.44 if number == 0 else 0.8} if status != 200 else {}),  # noqa: PLR2004
        )  # fmt: skip
        made.end(attempt, at + over, "429 Too Many Requests" if status == 429 else None)  # noqa: PLR2004
    return at + 2260


def _pictures(made: Afternoon, start: float) -> None:
    cell = made.cell(start, "c0ffee02", 6, 1, "describe(plot)  # does the figure show what the text says?\n")
    picture = {
        "type": "blob", "modality": "image", "mime_type": "image/png", "content": base64.b64encode(png()).decode(),
    }  # fmt: skip
    remote = {"type": "uri", "modality": "image", "uri": "https://example.org/figure-2.png"}
    call = made.chat(
        start + 20, cell, [message("user", "What do these figures show?", picture, remote)],
        [message("assistant", {"type": "reasoning", "content": "The first is a gradient. The second I cannot see."},
                 "The first figure is a gradient from green to blue; the second could not be loaded.")],
        **tokens(1105, 41, gen_ai__usage__reasoning__output_tokens=19, gen_ai__usage__cache_read__input_tokens=1024),
    )  # fmt: skip
    made.end(call, start + 1480)
    made.end(cell, start + 1500)


def _agent(made: Afternoon, start: float) -> None:
    cell = made.cell(start, "c0ffee03", 7, 1, AGENT)
    agent = made.span(
        "invoke_agent research", start + 5, cell, gen_ai__operation__name="invoke_agent", gen_ai__agent__name="research"
    )
    system = json.dumps([{"type": "text", "content": "You are a careful research assistant. Cite what you use."}])
    tools = json.dumps(
        [
            {
                "type": "function",
                "name": "read_paper",
                "description": "Read a part of a paper.",
                "parameters": {"type": "object", "properties": {"title": {"type": "string"}}},
            }
        ]
    )
    history = [message("user", "Which of these papers should I read first, and why?")]
    at = start + 30
    for turn, (title, text) in enumerate(PAPERS[:5]):
        step = made.span(f"step {turn + 1}", at, agent, nbtrace__span__type="chain")
        found = made.span(
            "retrieval papers", at + 4, step, gen_ai__operation__name="retrieval",
            gen_ai__retrieval__query__text=f"prerequisites of {title}", gen_ai__request__top_k=2,
            gen_ai__retrieval__documents=json.dumps(
                [{"id": f"{title}.pdf#1", "score": 0.91 - turn / 20, "content": text},
                 {"id": f"{title}.pdf#4", "score": 0.62, "content": text[::-1]}]
            ),
        )  # fmt: skip
        embedding = made.span(
            "embeddings text-embedding-3-small", at + 6, found, gen_ai__operation__name="embeddings",
            gen_ai__provider__name="openai", gen_ai__request__model="text-embedding-3-small",
            gen_ai__usage__input_tokens=9, gen_ai__usage__cost=1.8e-7, nbtrace__cost__state="priced",
        )  # fmt: skip
        made.end(embedding, at + 88)
        made.end(found, at + 110)
        call_part = {
            "type": "tool_call", "id": f"call_{turn}", "name": "read_paper",
            "arguments": {"title": title, "sections": [3, 5], "options": {"figures": False}},
        }  # fmt: skip
        asked = message("assistant", {"type": "reasoning", "content": f"I should look into {title} first."}, call_part)
        chat = made.chat(
            at + 115, step, history, [asked], gen_ai__system_instructions=system, gen_ai__tool__definitions=tools,
            gen_ai__request__stream=True, gen_ai__response__time_to_first_chunk=0.21 + turn / 50,
            **tokens(310 + 160 * turn, 42, gen_ai__response__finish_reasons=["tool_call"],
                     gen_ai__usage__cache_read__input_tokens=128 * turn),
        )  # fmt: skip
        made.end(chat, at + 880 + 60 * turn)
        tool = made.span(
            "execute_tool read_paper", at + 900 + 60 * turn, step, gen_ai__operation__name="execute_tool",
            gen_ai__tool__name="read_paper", gen_ai__tool__call__arguments=json.dumps(call_part["arguments"]),
            gen_ai__tool__call__result=json.dumps({"title": title, "pages": 15 + turn, "text": text}),
        )  # fmt: skip
        is_missing = turn == 3  # noqa: PLR2004
        made.end(tool, at + 1160 + 90 * turn, "FileNotFoundError: rag.pdf" if is_missing else None)
        result = {"type": "tool_call_response", "id": f"call_{turn}", "response": {"title": title, "text": text}}
        history = [*history, asked, message("tool", result)]
        made.end(step, at + 1170 + 90 * turn)
        at += 1180 + 90 * turn
    final = made.chat(
        at, agent, history, [message("assistant", REPORT)], gen_ai__system_instructions=system,
        gen_ai__request__stream=True, gen_ai__response__time_to_first_chunk=0.52, nbtrace__stream__chunks=212,
        nbtrace__stream__outcome="exhausted",
        **tokens(1480, 260, gen_ai__usage__cache_read__input_tokens=1152, gen_ai__usage__reasoning__output_tokens=64),
    )  # fmt: skip
    made.end(final, at + 3900)
    check = made.span("guardrail citations", at + 3910, agent, nbtrace__span__type="guardrail")
    made.end(check, at + 3990)
    made.end(agent, at + 4000)
    made.end(cell, at + 4020)


def _running(made: Afternoon, start: float) -> None:
    cell = made.cell(start, "c0ffee04", 8, 1, "for chunk in ask_streaming('And in one sentence?'):\n    print(chunk)\n")
    made.chat(start + 10, cell, [message("user", "And in one sentence?")], None, gen_ai__request__stream=True)
    done = made.chat(
        start + 4, cell, [message("user", "Title?")], [message("assistant", "Six papers")], **tokens(20, 4)
    )
    made.end(done, start + 700)
