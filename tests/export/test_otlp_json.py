"""The OTLP JSON file, read back by protobuf's own JSON reader, equals the protobuf request."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from nbtrace._export import otlp_json
from nbtrace._export.destination import export
from nbtrace._export.otlp import requests
from nbtrace._export.prepare import Prepared
from nbtrace.errors import ExportError
from tests.export.loopback import Scripted, canonical, expected, spans_of
from tests.export.making import ATTRIBUTES, PROMOTED_ATTRIBUTES, made

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Take = Callable[..., "Snapshot"]


def read(line: bytes) -> ExportTraceServiceRequest:
    """Read a line as OTLP JSON: protobuf JSON, but for ids in hex."""

    def fix(fields: dict[str, Any]) -> dict[str, Any]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in fields:
                assert fields[name] == fields[name].lower()
                fields[name] = base64.b64encode(bytes.fromhex(fields[name])).decode()
        return fields

    found = json.loads(line, object_hook=fix, parse_constant=pytest.fail)
    return json_format.ParseDict(found, ExportTraceServiceRequest(), max_recursion_depth=1000)


def test_the_file_holds_what_a_request_holds(spans: list[ReadableSpan], snapshot: Take, tmp_path: Path) -> None:
    path = tmp_path / "session.otlp.jsonl"
    report = export(snapshot(spans), path)
    (line,) = path.read_bytes().splitlines(keepends=True)
    assert line.endswith(b"}\n")
    assert canonical(read(line)) == canonical(expected(spans))
    assert repr(report) == f"{len(spans)} spans → {path} (OTLP JSON, {len(line) / 1000:.1f} KB)."


def test_a_span_reads_as_the_specification_says(snapshot: Take, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    export(snapshot([made({"n": 2**53 + 1, "raw": b"\xff", "nan": float("nan"), "list": [1]})]), path)
    (resource,) = json.loads(path.read_text("utf-8"))["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    (span,) = scope["spans"]
    span["attributes"].sort(key=lambda pair: pair["key"])
    del span["flags"], span["events"], span["links"]
    assert (resource["resource"], scope["scope"]) == ({}, {"name": "scope"})
    assert span == {
        "traceId": "00000000000000000000000000000001",
        "spanId": "0000000000000002",
        "name": "span",
        "kind": 1,
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "3",
        "status": {},
        "attributes": [
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
            {"key": "n", "value": {"intValue": "9007199254740993"}},
            {"key": "nan", "value": {"doubleValue": "NaN"}},
            {"key": "raw", "value": {"bytesValue": "/w=="}},
        ],
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(attributes=ATTRIBUTES, promoted=PROMOTED_ATTRIBUTES, around=ATTRIBUTES)
def test_any_attribute_value_is_the_same_in_both_encodings(
    snapshot: Take, attributes: dict[str, Any], promoted: dict[str, Any], around: dict[str, Any]
) -> None:
    table = snapshot([made(attributes | promoted, around)])
    ((line, _),) = otlp_json.lines(Prepared(table))
    ((body, _),) = requests(Prepared(table))
    assert canonical(read(line)) == canonical(ExportTraceServiceRequest.FromString(body))
    assert line.count(b"\n") == 1


def test_lines_stay_below_the_limit_and_one_long_span_is_told(
    spans: list[ReadableSpan], snapshot: Take, tmp_path: Path
) -> None:
    path = tmp_path / "long.jsonl"
    half = "é" * 300_000
    table = snapshot([made({"text": half}), made({"text": half}), made({"text": half * 2}), *spans])
    report = export(table, path)
    lines = path.read_bytes().splitlines(keepends=True)
    assert [len(spans_of(read(line))) for line in lines] == [1, 1, 1, len(spans)]
    assert [len(line) < 1024 * 1024 for line in lines] == [True, True, False, True]
    assert report.notes == (
        "1 span over 1 MiB each: the collector's file receiver needs a larger `max_log_size` to read that",
    )


def test_running_spans_stay_behind_and_an_empty_file_is_written(
    running: ReadableSpan, snapshot: Take, tmp_path: Path
) -> None:
    path = tmp_path / "empty.jsonl"
    report = export(snapshot([], [running]), path)
    assert path.read_bytes() == b""
    assert repr(report) == f"0 spans → {path} (OTLP JSON, 0 B). Left out: 1 span still running."


@pytest.mark.parametrize("way", ["argument", "variable", "of traces"])
def test_json_goes_over_http_where_it_is_asked_for(
    way: str,
    spans: list[ReadableSpan],
    snapshot: Take,
    scripted: Callable[..., Scripted],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server = scripted()
    if way != "argument":
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{'TRACES_' if way == 'of traces' else ''}PROTOCOL", "http/json")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    report = export(snapshot(spans), server.url, protocol="http/json" if way == "argument" else None)
    assert (report.spans, report.requests, report.left_out) == (len(spans), 1, ())
    (received,) = server.received
    assert received.headers["content-type"] == "application/json"
    assert (received.headers.get("content-encoding") == "gzip") == (way != "argument")
    export(snapshot(spans), path := tmp_path / "a.jsonl")
    assert received.body + b"\n" == path.read_bytes()


def test_an_unknown_protocol_is_refused(spans: list[ReadableSpan], snapshot: Take) -> None:
    with pytest.raises(
        ExportError, match="cannot use protocol for the export: expected one of http/protobuf, http/json"
    ):
        export(snapshot(spans), "http://127.0.0.1:1", protocol="http/xml")
