"""What each backend shows of the rich session; `python -m tests.export.shown` writes a table of docs/backends.md.

Its other table is of servers that run here: `tests/export/servers/` reads them back and writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from nbtrace._export.backends import NAMES
from tests.export import golden

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/backends.md"
OVERLAYS = "overlays: written by `python -m tests.export.shown`"
SERVERS = "servers: written by `python -m tests.export.servers.running`"

FACTS: dict[str, tuple[str, str, str]] = {
    "kind": (r"(observation\.type|span\.kind|spanType|operation\.name)$", "chat gpt-5", "gen_ai.operation.name"),
    "messages": (
        r"(observation\.input|spanInputs|input_messages\.0\.message\.content)$",
        "chat gpt-5",
        "gen_ai.input.messages",
    ),
    "inputs of steps": (
        r"(observation\.input|input\.value|spanInputs|input\.messages)$",
        "cell [3]",
        "input.value, nbtrace.cell.source",
    ),
    "tool calls": (r"tool_calls\.0\.tool_call\.function\.name$", "chat gpt-5", "gen_ai.output.messages"),
    "tokens": (r"(usage_details|token_count\.prompt|total_tokens)$", "chat gpt-5", "gen_ai.usage.input_tokens"),
    "cached tokens": (
        r"(usage_details|details\.cache_read|metadata\.cache_read_tokens)$",
        "chat gpt-5",
        "gen_ai.usage.cache_read.input_tokens",
    ),
    "cache writes": (
        r"(usage_details|details\.cache_write|metadata\.cache_write_tokens|cache_creation\.input_tokens)$",
        "chat gpt-5",
        "gen_ai.usage.cache_write.input_tokens",
    ),
    "reasoning tokens": (
        r"(usage_details|reasoning|reasoning_tokens)$",
        "chat gpt-5",
        "gen_ai.usage.reasoning.output_tokens",
    ),
    "cost": (
        r"(cost_details|cost\.total|estimated_total|llm\.cost|operation\.cost|cost_usd)$",
        "chat gpt-5",
        "gen_ai.usage.cost",
    ),
    "first chunk": (
        r"(completion_start_time|time_to_first_chunk_s)$",
        "chat gpt-5",
        "gen_ai.response.time_to_first_chunk",
    ),
    "prompt and version": (
        r"(prompt\.version|prompt_tracking|prompt_version|prompt_template\.version)$",
        "chat gpt-5",
        "gen_ai.prompt.name, gen_ai.prompt.version",
    ),
    "user": (r"user(\.|_)id$", "many", "user.id"),
    "session": (r"(session(\.|_)id|conversation\.id)$", "many", "session.id, gen_ai.conversation.id"),
    "tags": (r"(tags|ml_obs\.metadata)$", "chat gpt-5", "nbtrace.tags"),
    "retries": (r"(metadata\.attempts|ml_obs\.metadata|^metadata)$", "chat gpt-5", "nbtrace.attempts"),
    "guardrails": (r"(observation\.type|openinference\.span\.kind|spanType)$", "no names", "nbtrace.span.type"),
    "documents": (
        r"(observation\.output|document\.content|spanOutputs|output\.value)$",
        "retrieval library",
        "gen_ai.retrieval.documents",
    ),
}
"""A fact, to the attributes that say it in a backend's words, the span that has it, and the conventions' attribute."""


def overlays() -> str:
    """Draw which attribute carries each fact to each backend."""
    rows = ["| fact | " + " | ".join(NAMES) + " |", "|---" * (len(NAMES) + 1) + "|"]
    kept = {name: golden.kept(name) for name in NAMES}
    for fact, (pattern, span, canonical) in FACTS.items():
        cells: list[str] = []
        for name in NAMES:
            found = [
                key for key, value in kept[name]["spans"][span].items() if value is not None and re.search(pattern, key)
            ]
            cells.append(f"`{found[0]}`" if found else "as it is")
        rows.append(f"| {fact} (`{canonical.replace(', ', '`, `')}`) | " + " | ".join(cells) + " |")
    ways = ["API" if kept[name]["scores"] else "`gen_ai.evaluation.result`" for name in NAMES]
    rows.append("| scores | " + " | ".join(ways) + " |")
    return "\n".join(rows) + "\n"


def sources() -> str:
    """List which documents the names are from."""
    lines: list[str] = []
    for name in NAMES:
        found = dict.fromkeys(golden.kept(name)["sources"].values())
        lines.append(f"- {name}: {', '.join(found) or 'the conventions alone'}")
    return "\n".join(lines) + "\n"


def with_part(text: str, begin: str, part: str) -> str:
    """Give the document with a part of it anew."""
    before, _, rest = text.partition(f"<!-- {begin} -->\n")
    _, _, after = rest.partition("<!-- / -->")
    return f"{before}<!-- {begin} -->\n{part}<!-- / -->{after}"


def servers(found: Mapping[str, Mapping[str, str]]) -> str:
    """Draw what each server shows."""
    rows = ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    rows += [
        f"| {fact} | {' | '.join(shown[fact] for shown in found.values())} |" for fact in next(iter(found.values()))
    ]
    return "\n".join(rows) + "\n"


def column(name: str) -> dict[str, str]:
    """Read what the document says that a server shows."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(f"<!-- {SERVERS} -->\n")
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rest.split("<!--")[0].splitlines()]
    return {row[0]: row[head.index(name)] for row in rows}


if __name__ == "__main__":
    text = with_part(DOCUMENT.read_text(encoding="utf-8"), OVERLAYS, overlays() + "\n" + sources())
    DOCUMENT.write_text(text, encoding="utf-8")
