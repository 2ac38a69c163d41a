"""Arize Phoenix: https://arize.com/docs/phoenix/tracing/concepts-tracing/translating-conventions.

It makes OpenInference of the conventions' attributes, and what is in OpenInference already wins. So messages, tools and
parameters go out as they are, and what it does not make is said in OpenInference's names. It takes protobuf only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from nbtrace._export import openinference
from nbtrace._export.backends.backend import Address, Backend, Variables
from nbtrace._export.batch import Row
from nbtrace._export.judging import Request, annotator, metadata, score_id
from nbtrace._export.there import MICROSECOND, Question, There, moment, pages, span_id

RESULT: Final = {"score": "value", "label": "label", "explanation": "explanation"}


def address(variables: Variables) -> Address:
    """Give a server of one's own or a space of the cloud's."""
    base = variables.get("PHOENIX_COLLECTOR_ENDPOINT", default="http://localhost:6006")
    headers = openinference.headers(variables.get("PHOENIX_CLIENT_HEADERS"))
    if key := variables.get("PHOENIX_API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    project = variables.get("PHOENIX_PROJECT_NAME", "PHOENIX_PROJECT", default="default")
    return Address(base, headers, {openinference.PROJECT: project})


def scores(judged: Sequence[Row]) -> Iterator[Request]:
    """Make annotations: https://arize.com/docs/phoenix/sdk-api-reference/rest-api, `POST /v1/span_annotations`."""
    data = [
        {
            "span_id": score["span_id"].hex(),
            "name": score["name"],
            "annotator_kind": annotator(score),
            "result": {name: score[key] for name, key in RESULT.items() if score[key] is not None},
            "identifier": score_id(score),
            "metadata": metadata(score),
        }
        for score in judged
    ]
    yield Request("/v1/span_annotations", {"data": data}, len(data))


def read(question: Question) -> dict[bytes, There]:
    """Read spans: https://arize.com/docs/phoenix/sdk-api-reference/rest-api, `GET /v1/projects/{project}/spans`."""
    path = f"/v1/projects/{quote(question.resource[openinference.PROJECT])}/spans"
    found: dict[bytes, There] = {}

    def ask(cursor: str) -> Any:
        after = f"&cursor={quote(cursor)}" if cursor else ""
        return question.get(f"{path}?limit=1000&trace_id={question.trace}{after}")

    for page in pages(ask, lambda page: page["next_cursor"]):
        for span in page["data"]:
            if span["context"]["trace_id"] == question.trace:
                found[span_id(span["context"]["span_id"])] = There(
                    span.get("name"),
                    span_id(span["parent_id"]) if "parent_id" in span else None,
                    moment(span.get("start_time")),
                    moment(span.get("end_time")),
                    MICROSECOND,
                )
    return found


BACKEND: Final = Backend("phoenix", address, openinference.STEPS, scores=scores, read=read)
