"""What MLflow shows: the trace by its REST API, the spans as its pages are given them."""

from __future__ import annotations

import base64
import json
from typing import Any

from nbtrace import semconv
from tests.export import rich
from tests.export.servers.place import Place, Row, asked, attribute, conventions, said
from tests.export.servers.told import text
from tests.export.servers.told import tool_calls as calls_of

KINDS = {"cell": "CHAIN", "llm": "CHAT_MODEL", "retrieval": "RETRIEVER"}
READ_BY_ITSELF = {"CHAT_MODEL", "EMBEDDING", "TOOL", "RETRIEVER"}
SOURCES = {"HUMAN": "human", "LLM_JUDGE": "llm", "CODE": "code"}


def spans(url: str) -> dict[int, Row]:
    """Read what is there of the session."""
    trace = f"tr-{rich.TRACE:032x}"
    info = asked(f"{url}/api/3.0/mlflow/traces/{trace}")["trace"]["trace_info"]
    found = asked(f"{url}/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace}")["spans"]
    return {
        _number(span["span_id"]): {
            **span,
            "attributes": {key: json.loads(value) for key, value in span["attributes"].items()},
            "trace": info["trace_metadata"],
            "tags": info["tags"],
            "assessments": [one for one in info["assessments"] if int(one["span_id"], 16) == _number(span["span_id"])],
        }
        for span in found
    }


def _number(encoded: str) -> int:
    return int.from_bytes(base64.b64decode(encoded), "big")


def _kind(span: Row) -> Any:
    return span["attributes"].get("mlflow.spanType")


def _in_and_out(span: Row) -> tuple[Any, Any]:
    return span["attributes"].get("mlflow.spanInputs"), span["attributes"].get("mlflow.spanOutputs")


def _messages(span: Row) -> list[Row]:
    sent, answered = _in_and_out(span) if _kind(span) == "CHAT_MODEL" else ([], [])
    return [*(sent or ()), *(answered or ())]


def _tool(span: Row) -> Any:
    name, number = (span["attributes"].get(key) for key in (semconv.TOOL_NAME, semconv.TOOL_CALL_ID))
    return (name, number, *_in_and_out(span)) if _kind(span) == "TOOL" else None


def _step(span: Row) -> Any:
    found = _in_and_out(span)
    return found if found[0] and _kind(span) not in READ_BY_ITSELF else None


def _used(*names: str) -> Any:
    def read(span: Row) -> Any:
        used = span["attributes"].get("mlflow.chat.tokenUsage", {})
        return said(tuple(map(used.get, names))) if any(map(used.get, names)) else None

    return read


def _cost(span: Row) -> Any:
    return span["attributes"].get("mlflow.llm.cost", {}).get("total_cost")


def _error(span: Row) -> Any:
    if span["status"]["code"] != "STATUS_CODE_ERROR":
        return None
    return span["status"]["message"], span["attributes"].get(semconv.ERROR_TYPE), span["events"][0]["name"]


def _scores(span: Row) -> Any:
    found = [
        (
            one["assessment_name"], one["feedback"]["value"], one["metadata"].get("label"), one.get("rationale"),
            one["source"]["source_id"], SOURCES[one["source"]["source_type"]],
        )
        for one in span["assessments"]
    ]  # fmt: skip
    return said(sorted(found))


OWN = {
    "spans": Place(lambda span: (base64.b64decode(span["trace_id"]).hex(), span["name"])),
    "parents": Place(lambda span: span["parent_span_id"] and _number(span["parent_span_id"])),
    "times": Place(lambda span: (span["start_time_unix_nano"], span["end_time_unix_nano"]), "to the nanosecond"),
    "kinds": Place(_kind, kept=lambda kind: KINDS.get(kind, kind.upper())),
    "kinds of OTLP": Place(lambda span: span.get("kind")),
    "messages": Place(lambda span: said([(one["role"], text(one)) for one in _messages(span)])),
    "tool calls": Place(lambda span: said(calls_of(_messages(span)))),
    "tool definitions": Place(attribute("mlflow.chat.tools")),
    "tools that were called": Place(_tool, kept=lambda tool: (*tool[:2], *map(json.loads, tool[2:]))),
    "inputs and outputs of steps": Place(_step),
    "tokens": Place(_used("input_tokens", "output_tokens")),
    "tokens together": Place(lambda span: span["attributes"].get("mlflow.chat.tokenUsage", {}).get("total_tokens")),
    "cached tokens": Place(_used("cache_read_input_tokens", "cache_creation_input_tokens")),
    "cost": Place(_cost),
    "cost of the trace": Place(
        lambda span: None if span["parent_span_id"] else json.loads(span["trace"]["mlflow.trace.cost"])["total_cost"]
    ),
    "user": Place(lambda span: span["trace"].get("mlflow.trace.user")),
    "session": Place(lambda span: span["trace"].get("mlflow.trace.session")),
    "tags": Place(lambda span: span["tags"].get("tags"), "yes", ", ".join),
    "queries and documents": Place(lambda span: _in_and_out(span) if _kind(span) == "RETRIEVER" else None),
    "errors": Place(_error),
    "scores": Place(_scores),
    "200 attributes": conventions("yes")["200 attributes"][0],
}
PLACES = {noun: [place] for noun, place in OWN.items()}
for common, places in conventions("as an attribute").items():
    PLACES.setdefault(common, []).extend(places)
