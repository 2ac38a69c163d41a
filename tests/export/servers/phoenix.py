"""What Phoenix shows: its REST API has spans, annotations and sessions, its GraphQL the costs on its pages."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import datetime
from typing import Any

from nbtrace import semconv
from tests.export import rich
from tests.export.servers.place import Place, Row, asked, attribute, below, conventions, said
from tests.export.servers.told import compact

KINDS = {"cell": "CHAIN", "retrieval": "RETRIEVER"}
READ_BY_ITSELF = {"LLM", "EMBEDDING", "TOOL", "RETRIEVER"}
COSTS = """{ projects { edges { node { spans(first: 100) { edges { node {
    spanId costSummary { total { cost } } trace { costSummary { total { cost } } } } } } } } } }"""


def spans(url: str, project: str = "default") -> dict[int, Row]:
    """Read what is there of the session."""
    base = f"{url}/v1/projects/{project}"
    found = {int(span["context"]["span_id"], 16): span for span in asked(f"{base}/spans?limit=100")["data"]}
    ids = "&".join(f"span_ids={number:016x}" for number in found)
    notes = asked(f"{base}/span_annotations?limit=100&{ids}")["data"] if found else []
    listed = asked(f"{base}/sessions")["data"]
    sessions = {trace["trace_id"]: one["session_id"] for one in listed for trace in one["traces"]}
    costs = _costs(url)
    for number, span in found.items():
        span["annotations"] = [one for one in notes if int(one["span_id"], 16) == number]
        span["session"] = sessions.get(span["context"]["trace_id"])
        span["costs"] = costs.get(number, {"costSummary": None, "trace": {"costSummary": None}})
    return found


def is_settled(found: dict[int, Row]) -> bool:
    """Say whether it has put away what it took, which it answers before."""
    judged = sum(len(span["annotations"]) for span in found.values())
    is_counted = all(span["costs"]["trace"]["costSummary"] and span["session"] for span in found.values())
    return (len(found), judged) == (len(rich.SPANS), len(rich.SCORES)) and is_counted


def _costs(url: str) -> dict[int, Row]:
    body = json.dumps({"query": COSTS}).encode()
    found = asked(urllib.request.Request(f"{url}/graphql", body, {"content-type": "application/json"}))
    each = (one["node"] for project in found["data"]["projects"]["edges"] for one in project["node"]["spans"]["edges"])
    return {int(span["spanId"], 16): span for span in each}


def _cost(summary: Row | None) -> Any:
    return summary and summary["total"]["cost"]


def _times(span: Row) -> tuple[int, ...]:
    moments = (datetime.fromisoformat(span[name]) for name in ("start_time", "end_time"))
    return tuple(int(moment.timestamp()) * 10**6 + moment.microsecond for moment in moments)


def numbered(span: Row, prefix: str) -> list[Row]:
    """Put flat names, `prefix.0.document.id`, together again."""
    found: dict[int, Row] = {}
    for key, value in below(span, prefix).items():
        if match := re.fullmatch(r"\.(\d+)\.\w+\.(.+)", key.removeprefix(prefix)):
            found.setdefault(int(match[1]), {})[match[2]] = value
    return [found[number] for number in sorted(found)]


def _messages(span: Row) -> list[Row]:
    return numbered(span, "llm.input_messages") + numbered(span, "llm.output_messages")


def _calls(span: Row) -> Any:
    found: list[Any] = []
    for message in _messages(span):
        for key in message:
            if match := re.fullmatch(r"(tool_calls\.\d+\.tool_call)\.id", key):
                name, given = (message[f"{match[1]}.function.{one}"] for one in ("name", "arguments"))
                found.append((message[key], name, json.loads(given)))
    return said(found)


def _definitions(span: Row) -> Any:
    return said([json.loads(each["json_schema"]) for each in numbered(span, "llm.tools")])


def _as_openai(tools: list[Row]) -> list[Row]:
    return [{"type": "function", "function": {key: tool[key] for key in tool if key != "type"}} for tool in tools]


def _tool(span: Row) -> Any:
    given = span["attributes"]
    arguments = {key.removeprefix("tool.parameters."): value for key, value in below(span, "tool.parameters.").items()}
    return (given["tool.name"], given["tool.id"], arguments, given["output.value"]) if "tool.name" in given else None


def _step(span: Row) -> Any:
    found = None if span["span_kind"] in READ_BY_ITSELF else span["attributes"].get("input.value")
    return found and (found, span["attributes"].get("output.value"))


def _retrieval(span: Row) -> Any:
    found = numbered(span, "retrieval.documents")
    documents = [{key.removeprefix("metadata."): value for key, value in one.items()} for one in found]
    return (span["attributes"]["input.value"], documents) if documents else None


def _error(span: Row) -> Any:
    if span["status_code"] != "ERROR":
        return None
    return span["status_message"], span["attributes"].get(semconv.ERROR_TYPE), span["events"][0]["name"]


def _scores(span: Row) -> Any:
    found = [
        (
            one["name"], one["result"]["score"], one["result"]["label"], one["result"]["explanation"],
            one["metadata"]["evaluator"], one["annotator_kind"].lower(),
        )
        for one in span["annotations"]
    ]  # fmt: skip
    return said(sorted(found))


def _unpadded(names: Row) -> Row:
    return {f"attribute.{int(key.rpartition('.')[2])}": value for key, value in names.items()}


OWN = {
    "spans": Place(lambda span: (span["context"]["trace_id"], span["name"])),
    "parents": Place(lambda span: span["parent_id"] and int(span["parent_id"], 16)),
    "times": Place(_times, "rounded to microseconds", lambda times: tuple(round(time / 1000) for time in times)),
    "kinds": Place(lambda span: span["span_kind"], kept=lambda kind: KINDS.get(kind, kind.upper())),
    "kinds of OTLP": Place(lambda span: span.get("kind")),
    "models": Place(lambda span: attribute("llm.model_name")(span) or attribute("embedding.model_name")(span)),
    "messages": Place(lambda span: said([(one["role"], compact(one.get("content"))) for one in _messages(span)])),
    "tool calls": Place(_calls),
    "tool definitions": Place(_definitions, kept=_as_openai),
    "tools that were called": Place(_tool, kept=lambda tool: (*tool[:2], json.loads(tool[2]), tool[3])),
    "inputs and outputs of steps": Place(_step),
    "tokens": Place(attribute("llm.token_count.prompt", "llm.token_count.completion")),
    "tokens together": Place(attribute("llm.token_count.total")),
    "cached tokens": Place(
        attribute("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_write")
    ),
    "reasoning tokens": Place(attribute("llm.token_count.completion_details.reasoning")),
    "cost": Place(lambda span: _cost(span["costs"]["costSummary"])),
    "cost of the trace": Place(
        lambda span: None if span["parent_id"] else _cost(span["costs"]["trace"]["costSummary"]),
        other="by its own prices",
    ),
    "streams": Place(attribute("metadata.stream_outcome"), "in the metadata"),
    "retries": Place(attribute("metadata.attempts", "metadata.rate_limited_s"), "in the metadata"),
    "prompts and versions": Place(attribute("prompt.id", "llm.prompt_template.version")),
    "prompts' templates": Place(attribute("llm.prompt_template.template")),
    "session": Place(lambda span: span["session"]),
    "tags": Place(attribute("tag.tags")),
    "metadata": Place(attribute("metadata.team")),
    "queries and documents": Place(_retrieval),
    "errors": Place(_error),
    "scores": Place(_scores),
}
DEFINITIONS = _definitions, _as_openai
ITS_PRICES = Place(attribute("llm.cost.total"), "as an attribute; its pages go by its own prices")
PADDED = Place(
    lambda span: said(below(span, "attribute.")), "yes; a part of a name that is a number loses its zeros", _unpadded
)
PLACES = {noun: [place] for noun, place in OWN.items()}
PLACES["cost"].append(ITS_PRICES)
for common, places in conventions("as an attribute").items():
    PLACES.setdefault(common, []).extend(places)
PLACES["user"] = [Place(attribute("user.id"))]
PLACES["200 attributes"].append(PADDED)
