"""What each backend shows of the rich session; `python -m tests.export.shown` writes a table of docs/backends.md.

Its other table is of servers that run here: it is what they say themselves, by their own APIs, after an export.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrace._export.backends import NAMES
from tests.export import golden, rich

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/backends.md"
OVERLAYS = "overlays: written by `python -m tests.export.shown`"
SERVERS = "servers: compared by `make test-servers`"

FACTS: dict[str, tuple[str, str, str]] = {
    "kind": (r"(observation\.type|span\.kind|spanType|operation\.name)$", "chat gpt-5", "gen_ai.operation.name"),
    "messages": (r"(observation\.input|input_messages\.0\.message\.content)$", "chat gpt-5", "gen_ai.input.messages"),
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


def phoenix(url: str, project: str = "default") -> dict[str, str]:
    """Say what Phoenix shows."""
    base = f"{url}/v1/projects/{project}"
    spans = {span["name"]: span for span in _get(f"{base}/spans?limit=100")["data"]}
    said = {name: span["attributes"] for name, span in spans.items()}
    call = said["chat gpt-5"]
    notes = _get(f"{base}/span_annotations?span_ids={3:016x}")["data"]
    (session,) = _get(f"{base}/sessions")["data"]
    parents = {name: span["parent_id"] and int(span["parent_id"], 16) for name, span in spans.items()}
    times = {name: (_microseconds(span["start_time"]), _microseconds(span["end_time"])) for name, span in spans.items()}
    wanted = {
        "cell [3]": "CHAIN",
        "invoke_agent researcher": "AGENT",
        "chat gpt-5": "LLM",
        "execute_tool look_up": "TOOL",
        "retrieval library": "RETRIEVER",
        "chat gpt-6": "LLM",
        "no names": "GUARDRAIL",
        "embeddings small": "EMBEDDING",
        "many": "CHAIN",
    }
    judged = sorted((one["name"], one["result"]["score"], one["annotator_kind"]) for one in notes)
    failed = spans["chat gpt-6"]
    tool = call["llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments"]
    return {
        "spans": _yes(set(spans) == {name for _, _, name, *_ in rich.SPANS}),
        "parents": _yes(parents == {name: parent for _, parent, name, *_ in rich.SPANS}),
        "times": _yes(times == _times(1000), "to the microsecond"),
        "kinds": _yes({name: span["span_kind"] for name, span in spans.items()} == wanted),
        "messages": _yes(call["llm.input_messages.1.message.content"] == "Wer schrieb über Spans? ö🦉"),
        "tool calls": _yes(json.loads(tool) == {"title": "Spans"}),
        "tokens": _yes((call["llm.token_count.prompt"], call["llm.token_count.completion"]) == (120, 80)),
        "cached and reasoning tokens": _yes(
            call["llm.token_count.prompt_details.cache_read"] == 40
            and call["llm.token_count.prompt_details.cache_write"] == 10
            and call["llm.token_count.completion_details.reasoning"] == 30
        ),
        "cost": _yes(call["llm.cost.total"] == 0.00125, "as an attribute; its totals are by its own prices"),
        "first chunk": _yes(call["gen_ai.response.time_to_first_chunk"] == 0.25, "as an attribute"),
        "prompt and version": _yes((call["prompt.id"], call["llm.prompt_template.version"]) == ("ask", "3")),
        "user, session, tags": _yes(
            (call["user.id"], session["session_id"], call["tag.tags"]) == ("ada", "visit-1", ["draft", "library"])
        ),
        "retries": _yes(call["metadata.attempts"] == 2, "in the metadata"),
        "documents": _yes(said["retrieval library"]["retrieval.documents.0.document.content"] == "Spans, by Ada"),
        "errors": _yes((failed["status_code"], failed["events"][0]["name"]) == ("ERROR", "exception")),
        "scores": _yes(judged == [("helpful", 1.0, "HUMAN"), ("relevance", 0.75, "LLM")]),
        "200 attributes": _yes(sum(key.startswith("attribute.") for key in said["many"]) == 200),
    }


def mlflow(url: str) -> dict[str, str]:
    """Say what MLflow shows."""
    trace = f"tr-{rich.TRACE:032x}"
    info = _get(f"{url}/api/3.0/mlflow/traces/{trace}")["trace"]["trace_info"]
    found = _get(f"{url}/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace}")["spans"]
    spans = {span["name"]: span for span in found}
    said = {name: {key: json.loads(value) for key, value in span["attributes"].items()} for name, span in spans.items()}
    call, facts = said["chat gpt-5"], info["trace_metadata"]
    parents = {name: _number(span["parent_span_id"]) for name, span in spans.items()}
    times = {name: (span["start_time_unix_nano"], span["end_time_unix_nano"]) for name, span in spans.items()}
    wanted = {
        "cell [3]": "CHAIN",
        "invoke_agent researcher": "AGENT",
        "chat gpt-5": "CHAT_MODEL",
        "execute_tool look_up": "TOOL",
        "retrieval library": "RETRIEVER",
        "chat gpt-6": "CHAT_MODEL",
        "no names": "GUARDRAIL",
        "embeddings small": "EMBEDDING",
        "many": "CHAIN",
    }
    kinds = {name: attributes["mlflow.spanType"] for name, attributes in said.items()}
    used = call["mlflow.chat.tokenUsage"]
    judged = sorted(
        (one["assessment_name"], one["feedback"]["value"], one["source"]["source_type"]) for one in info["assessments"]
    )
    failed = spans["chat gpt-6"]
    return {
        "spans": _yes(set(spans) == {name for _, _, name, *_ in rich.SPANS}),
        "parents": _yes(parents == {name: parent for _, parent, name, *_ in rich.SPANS}),
        "times": _yes(times == _times(1), "to the nanosecond"),
        "kinds": _yes(kinds == wanted),
        "messages": _yes(call["mlflow.spanInputs"] == rich.ASKED),
        "tool calls": _yes(call["mlflow.spanOutputs"] == rich.ANSWERED),
        "tokens": _yes((used["input_tokens"], used["output_tokens"], used["total_tokens"]) == (120, 80, 200)),
        "cached and reasoning tokens": _yes(
            (used["cache_read_input_tokens"], used["cache_creation_input_tokens"]) == (40, 10)
            and call["gen_ai.usage.reasoning.output_tokens"] == 30,
            "reasoning as an attribute",
        ),
        "cost": _yes(json.loads(facts["mlflow.trace.cost"])["total_cost"] == 0.00126),
        "first chunk": _yes(call["gen_ai.response.time_to_first_chunk"] == 0.25, "as an attribute"),
        "prompt and version": _yes(
            (call["gen_ai.prompt.name"], call["gen_ai.prompt.version"]) == ("ask", "3"), "as attributes"
        ),
        "user, session, tags": _yes(
            (facts["mlflow.trace.user"], facts["mlflow.trace.session"], info["tags"]["tags"])
            == ("ada", "visit-1", "draft, library")
        ),
        "retries": _yes(call["nbtrace.attempts"] == 2, "as an attribute"),
        "documents": _yes(said["retrieval library"]["mlflow.spanOutputs"] == rich.DOCUMENTS),
        "errors": _yes((failed["status"]["code"], failed["events"][0]["name"]) == ("STATUS_CODE_ERROR", "exception")),
        "scores": _yes(judged == [("helpful", 1.0, "HUMAN"), ("relevance", 0.75, "LLM_JUDGE")]),
        "200 attributes": _yes(sum(key.startswith("attribute.") for key in said["many"]) == 200),
    }


def servers(found: Mapping[str, Mapping[str, str]]) -> str:
    """Draw what each server shows."""
    rows = ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    rows += [
        f"| {fact} | {' | '.join(shown[fact] for shown in found.values())} |" for fact in next(iter(found.values()))
    ]
    return "\n".join(rows) + "\n"


def _yes(is_shown: bool, how: str = "yes") -> str:
    return how if is_shown else "**no**"


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.loads(answer.read())


def _times(unit: int) -> dict[str, tuple[int, int]]:
    """Give start and end of every span, in units of so many nanoseconds."""
    return {span.name: ((span.start_time or 0) // unit, (span.end_time or 0) // unit) for span in rich.spans()}


def _microseconds(iso: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(iso).timestamp() * 1e6)


def _number(encoded: str | None) -> int | None:
    return None if not encoded else int.from_bytes(base64.b64decode(encoded), "big")


if __name__ == "__main__":
    text = with_part(DOCUMENT.read_text(encoding="utf-8"), OVERLAYS, overlays() + "\n" + sources())
    DOCUMENT.write_text(text, encoding="utf-8")
