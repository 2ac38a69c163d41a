"""Pydantic Logfire: https://logfire.pydantic.dev/docs/how-to-guides/alternative-clients/.

It reads the conventions, cache writes by their older name, cost as `operation.cost`, and its own message, tags and
level. The region is in the write token. Scores are spans below those that they judge, as its SDK's `record_feedback`
makes them: https://github.com/pydantic/logfire/blob/main/logfire/experimental/annotations.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import orjson

from nbtrace._export.backends.backend import Address, Attributes, Backend, Limits, Variables
from nbtrace._export.batch import Row
from nbtrace._export.facts import Facts, as_json, iso
from nbtrace._export.judging import Request, metadata, score_id
from nbtrace._export.there import MILLISECOND, Question, There, moment, span_id
from nbtrace._store.values import key_values

if TYPE_CHECKING:
    from nbtrace._export.delivery import Receiver

INFO_LEVEL: Final = 9
ERROR_LEVEL: Final = 17
"""OpenTelemetry's numbers of severities, which Logfire's levels are."""

SCORES: Final = 500
"""Scores in a request."""
RECORDS: Final = 1000
"""Spans that are asked for at a time."""
MOST: Final = 10_000
"""Most records in an answer; a span that was sent twice may be there twice."""
COLUMNS: Final = ("span_id", "parent_span_id", "span_name", "start_timestamp", "end_timestamp")
SECOND: Final = 10**9


def address(variables: Variables) -> Address:
    """Give the ingest of the token's region."""
    token = variables.need("LOGFIRE_TOKEN", what="a write token")
    region = re.match(r"pylf_v\d+_([a-z]+)_", token)
    base = f"https://logfire-{region[1] if region else 'us'}.pydantic.dev"
    return Address(variables.get("LOGFIRE_BASE_URL", default=base), {"authorization": token})


def kind(span: Facts) -> Attributes:
    """Say what a span is, how it went, and what it has no field for."""
    return {
        "logfire.msg": span.row["name"],
        "logfire.span_type": "span",
        "logfire.tags": span.tags,
        "logfire.level_num": ERROR_LEVEL if span.failed else None,
        **{key: as_json(value) for key, value in span.remarks().items() if key not in span.row},
    }


def cost(span: Facts) -> Attributes:
    """Say the cost."""
    return {"operation.cost": span.cost_usd}


def usage(span: Facts) -> Attributes:
    """Say the finer counts of tokens."""
    return {
        "gen_ai.usage.cache_creation.input_tokens": span.cache_write_tokens,
        "gen_ai.usage.details.reasoning_tokens": span.reasoning_tokens,
    }


def scores(judged: Sequence[Row]) -> Iterator[Request]:
    """Make spans of the kind `annotation`, in OTLP JSON."""
    for start in range(0, len(judged), SCORES):
        some = judged[start : start + SCORES]
        by_resource: dict[str, list[Any]] = {}
        for score in some:
            by_resource.setdefault(score["resource"] or "{}", []).append(_annotation(score))
        spans = [
            {
                "resource": {"attributes": orjson.loads(resource).get("attributes", [])},
                "scopeSpans": [{"scope": {"name": "logfire.feedback"}, "spans": each}],
            }
            for resource, each in by_resource.items()
        ]
        yield Request("/v1/traces", {"resourceSpans": spans}, len(some))


def _annotation(score: Row) -> dict[str, Any]:
    name, time = score["name"], str(score["time_unix_nano"] or time_ns())  # some files say no time
    value = score["label"] if score["value"] is None else score["value"]
    attributes = metadata(score) | {
        "logfire.feedback.name": name,
        "logfire.feedback.comment": score["explanation"],
        "logfire.msg": f"feedback: {name} = {value!r}",
        "logfire.span_type": "annotation",
        "logfire.level_num": INFO_LEVEL,
        name: value,
    }
    return {
        "traceId": score["trace_id"].hex(),
        "spanId": score_id(score).replace("-", "")[:16],
        "parentSpanId": score["span_id"].hex(),
        "name": f"feedback: {name}",
        "kind": 1,
        "startTimeUnixNano": time,
        "endTimeUnixNano": time,
        "attributes": key_values({key: one for key, one in attributes.items() if one is not None}),
    }


def read(question: Question) -> dict[bytes, There]:
    """Read records by SQL: https://pydantic.dev/docs/logfire/manage/query-api/, `POST /v2/query`.

    The columns are those of https://logfire.pydantic.dev/docs/reference/sql/, the answer is as its client has it:
    https://github.com/pydantic/logfire/blob/main/logfire/query_client.py.
    """
    found: dict[bytes, There] = {}
    for some in question.some(RECORDS):
        wanted = f"trace_id = '{question.trace}' AND span_id IN ({', '.join(map(repr, some))})"
        sql = f"SELECT {', '.join(COLUMNS)} FROM records WHERE {wanted}"  # noqa: S608 - ids in hex
        page = question.post("/v2/query", {"sql": sql, "min_timestamp": iso(question.start - SECOND), "limit": MOST})
        for one in page["data"]:
            found[span_id(one["span_id"])] = There(
                one["span_name"],
                span_id(one["parent_span_id"]),
                moment(one["start_timestamp"]),
                moment(one["end_timestamp"]),
                MILLISECOND,
            )
    return found


def read_at(variables: Variables, to: Receiver) -> Address:
    """Give the same address, which another token may read."""
    token = variables.need("LOGFIRE_READ_TOKEN", what="a read token of the project")
    return Address(to.api, {"authorization": f"Bearer {token}"})


BACKEND: Final = Backend(
    "logfire",
    address,
    (kind, cost, usage),
    limits=Limits(request_bytes=5_000_000),
    scores=scores,
    read=read,
    read_at=read_at,
)
