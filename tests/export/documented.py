"""What backends answer about the spans of the rich session, in the shapes that their vendors document."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from nbtrace._export.batch import Row, rows
from tests.export import rich

Span = dict[str, Any]
TRACE = f"{rich.TRACE:032x}"
READ_KEY = "reading-9876543210"
PLACE = "; their name, parent, start and end are as sent"


def sent() -> list[Span]:
    """Say the place of the spans of the rich session, by number."""
    return [*map(place_of, rows(rich.session()))]


def place_of(row: Row) -> Span:
    return {
        "name": row["name"],
        "trace": row["trace_id"],
        "id": row["span_id"],
        "parent": row["parent_span_id"],
        "start": row["start_time_unix_nano"],
        "end": row["start_time_unix_nano"] + row["duration_ns"],
    }


def hexed(span: bytes | None) -> str | None:
    return span.hex() if span else None


def packed(span: bytes | None) -> str | None:
    return base64.b64encode(span).decode() if span else None


def _iso(nanoseconds: int, places: int = 6) -> str:
    whole, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}"[: 20 + places] + "Z"


def _run(span: bytes | None) -> str | None:
    return f"00000000-0000-0000-{span.hex()[:4]}-{span.hex()[4:]}" if span else None


def _otlp(spans: Sequence[Span], written: Callable[[bytes | None], str | None], unit: int = 1) -> object:
    found = [
        {
            "traceId": written(rich.TRACE.to_bytes(16, "big")),
            "spanId": written(span["id"]),
            "name": span["name"],
            "kind": 1,
            "startTimeUnixNano": str(span["start"] // unit * unit),
            "endTimeUnixNano": str(span["start"] // unit * unit + (span["end"] - span["start"]) // unit * unit),
            "status": {},
        }
        | ({"parentSpanId": written(span["parent"])} if span["parent"] else {})
        for span in spans
    ]
    return [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": found}]}]


def langfuse(spans: Sequence[Span]) -> object:
    return {
        "id": TRACE,
        "observations": [
            {
                "id": hexed(span["id"]),
                "name": "its own",
                "parentObservationId": hexed(span["parent"]),
                "startTime": _iso(span["start"], 3),
                "endTime": _iso(span["end"], 3),
            }
            for span in spans
        ]
        + [{"id": "of its own SDK", "parentObservationId": "another"}],
    }


def mlflow(spans: Sequence[Span]) -> object:
    return {
        "spans": [
            {
                "span_id": packed(span["id"]),
                "parent_span_id": packed(span["parent"]),
                "name": span["name"],
                "start_time_unix_nano": span["start"],
                "end_time_unix_nano": span["end"],
            }
            for span in spans
        ]
    }


def phoenix(spans: Sequence[Span]) -> object:
    found = [
        {
            "name": span["name"],
            "context": {"trace_id": TRACE, "span_id": hexed(span["id"])},
            "parent_id": hexed(span["parent"]),
            "start_time": _iso(span["start"]).replace("Z", "+00:00"),
            "end_time": _iso(span["end"]).replace("Z", "+00:00"),
        }
        for span in spans
    ]
    other = {"context": {"trace_id": "0" * 31 + "1", "span_id": hexed(b"\7" * 8)}}
    return {"data": [*found, other], "next_cursor": None}


def langsmith(spans: Sequence[Span]) -> object:
    return {
        "runs": [
            {
                "id": _run(span["id"]),
                "parent_run_id": _run(span["parent"]),
                "start_time": _iso(span["start"]).removesuffix("Z"),
                "end_time": _iso(span["end"]).removesuffix("Z"),
            }
            for span in spans
        ],
        "cursors": {"next": None},
    }


def logfire(spans: Sequence[Span]) -> object:
    return {
        "data": [
            {
                "span_id": hexed(span["id"]),
                "parent_span_id": hexed(span["parent"]),
                "span_name": span["name"],
                "start_timestamp": _iso(span["start"]),
                "end_timestamp": _iso(span["end"]),
            }
            for span in spans
        ]
    }


def weave(spans: Sequence[Span]) -> object:
    return {
        "spans": [
            {
                "project_id": "ada/library",
                "trace_id": TRACE,
                "span_id": hexed(span["id"]),
                "parent_span_id": hexed(span["parent"]) or "0" * 16,
                "span_name": span["name"],
                "started_at": _iso(span["start"]),
                "ended_at": _iso(span["end"]),
            }
            for span in spans
        ],
        "groups": [],
        "total_count": len(spans),
    }


def datadog(spans: Sequence[Span], cursor: str | None = None) -> object:
    found = [
        {
            "span_id": str(int.from_bytes(span["id"], "big")),
            "trace_id": TRACE,
            "parent_id": str(int.from_bytes(span["parent"], "big")) if span["parent"] else "undefined",
            "name": "its own",
            "start_ns": span["start"] // 10**6,
            "duration": 1.0,
        }
        for span in spans
    ]
    data = [{"id": one["span_id"], "type": "span", "attributes": one} for one in found]
    return {"data": data, "meta": {"status": "done", "page": {"after": cursor} if cursor else None}}


class Told(NamedTuple):
    """How a backend is read."""

    answer: Callable[[Sequence[Span]], object]
    path: str
    """What is asked, up to what is not the same each time."""
    alike: str = PLACE
    variables: Mapping[str, str] = MappingProxyType({})
    """What its users have set for reading."""
    is_post: bool = False


def jaeger(spans: Sequence[Span]) -> object:
    return {"result": {"resourceSpans": _otlp(spans, hexed, 1000)}}


def grafana(spans: Sequence[Span]) -> dict[str, object]:
    return {"trace": {"resourceSpans": _otlp(spans, packed)}}


TIMES = "; their parent, start and end are as sent"
TOLD = {
    "datadog": Told(
        datadog,
        f"/api/v2/llm-obs/v1/spans/events?filter%5Btrace_id%5D={TRACE}",
        "",
        {"DD_APP_KEY": READ_KEY},
    ),
    "grafana": Told(grafana, f"/api/v2/traces/{TRACE}"),
    "jaeger": Told(jaeger, f"/api/v3/traces/{TRACE}?raw_traces=true"),
    "langfuse": Told(langfuse, f"/api/public/traces/{TRACE}", TIMES),
    "langsmith": Told(langsmith, "/runs/query", TIMES, is_post=True),
    "logfire": Told(logfire, "/v2/query", PLACE, {"LOGFIRE_READ_TOKEN": READ_KEY}, is_post=True),
    "mlflow": Told(mlflow, f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id=tr-{TRACE}"),
    "phoenix": Told(phoenix, f"/v1/projects/library/spans?limit=1000&trace_id={TRACE}"),
    "weave": Told(weave, "/agents/spans/query", is_post=True),
}
