"""Scores as each vendor's API is asked to take them, read back from the requests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from tests.export import rich
from tests.export.servers import phoenix
from tests.export.servers.place import Row, said
from tests.export.servers.told import Values

ANNOTATED = {"HUMAN": "human", "LLM": "llm", "CODE": "code"}


def scored(one: Callable[[Any], Values]) -> Callable[[Row], Any]:
    """Read the scores of a span in the requests of an API."""

    def read(row: Row) -> Any:
        found = [score for body in row["judged"] for number, score in one(body).items() if number == row["number"]]
        return said(sorted(score for some in found for score in some))

    return read


def evaluated(body: Any) -> Values:
    found: Values = {}
    for one in body["data"]["attributes"]["metrics"]:
        tags = dict(tag.split(":", 1) for tag in one["tags"])
        told = (one["label"], one["score_value"], tags.get("label"), one.get("reasoning"))
        assert one["join_on"]["span"]["trace_id"] == str(rich.TRACE)
        assert tags["source"] == "otel"
        number = int(one["join_on"]["span"]["span_id"])
        found.setdefault(number, []).append((*told, tags["evaluator"], tags["evaluation_source"]))
    return found


def fed_back(body: Any) -> Values:
    """Read the spans that Logfire takes for feedback."""
    found: Values = {}
    for one in (span for each in body["resourceSpans"] for some in each["scopeSpans"] for span in some["spans"]):
        given = {pair["key"]: next(iter(pair["value"].values())) for pair in one["attributes"]}
        name = given["logfire.feedback.name"]
        assert (one["traceId"], given["logfire.span_type"]) == (f"{rich.TRACE:032x}", "annotation")
        told = (name, given[name], given.get("label"), given.get("logfire.feedback.comment"))
        found.setdefault(int(one["parentSpanId"], 16), []).append((*told, given["evaluator"], given["source"]))
    return found


def langfuse_score(one: Any) -> Values:
    told = (one["name"], one["value"], one["metadata"].get("label"), one.get("comment"))
    assert (one["traceId"], one["dataType"]) == (f"{rich.TRACE:032x}", "NUMERIC")
    return {int(one["observationId"], 16): [(*told, one["metadata"]["evaluator"], one["metadata"]["source"])]}


def feedback(one: Any) -> Values:
    told = one["feedback_source"]["metadata"]
    score = (one["key"], one["score"], one.get("value"), one.get("comment"), told["evaluator"], told["source"])
    return {uuid.UUID(one["run_id"]).int: [score]}


def annotated(body: Any) -> Values:
    found: Values = {}
    for one in body["data"]:
        result, told = one["result"], one["metadata"]
        score = (one["name"], result.get("score"), result.get("label"), result.get("explanation"))
        found.setdefault(int(one["span_id"], 16), []).append((*score, told["evaluator"], told["source"]))
    return found


def assessed(body: Any) -> Values:
    one = body["assessment"]
    told = (one["assessment_name"], one["feedback"]["value"], one["metadata"].get("label"), one.get("rationale"))
    return {int(one["span_id"], 16): [(*told, one["source"]["source_id"], one["metadata"]["source"])]}


def on_span(row: Row) -> Any:
    """Read scores as OpenInference has them on the span."""
    found = [
        (
            one["name"], one["score"], one.get("label"), one.get("explanation"),
            json.loads(one["metadata"])["evaluator"], ANNOTATED[one["annotator_kind"]],
        )
        for one in phoenix.numbered(row, "annotations")
    ]  # fmt: skip
    return said(found)
