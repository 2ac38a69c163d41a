"""OTLP export is the inverse of the store's encoder: what arrives is what the SDK's span held."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from nbtrace import semconv
from nbtrace._export import backends, otlp, wire
from nbtrace._export.backends import NAMES
from nbtrace._export.backends.backend import Backend
from nbtrace._export.batch import encoded, rows
from nbtrace._export.destination import export
from nbtrace._export.otlp import requests
from nbtrace._export.prepare import Prepared
from nbtrace._export.report import ExportReport
from tests.export import rich
from tests.export.loopback import Scripted, canonical, expected, normal, spans_of
from tests.export.making import ATTRIBUTES, PROMOTED_ATTRIBUTES, made
from tests.export.servers import running

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

Take = Callable[..., "Snapshot"]


def test_a_request_is_what_the_sdk_makes_of_its_spans(
    spans: list[ReadableSpan], snapshot: Take, scripted: Callable[..., Scripted]
) -> None:
    server = scripted()
    report = export(snapshot(spans), server.url)
    (received,) = server.received
    assert canonical(received.otlp) == canonical(expected(spans))
    assert (received.path, received.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    size = int(received.headers["content-length"])
    assert report == ExportReport(server.url, "OTLP", len(spans), size, 1)


def test_an_in_process_receiver_has_everymade(spans: list[ReadableSpan], snapshot: Take) -> None:
    arrived = running.tapped(snapshot(spans))
    assert sorted(map(canonical, arrived)) == sorted(map(canonical, spans_of(expected(spans))))


@pytest.fixture
def collector(scripted: Callable[..., Scripted], tmp_path: Path) -> Iterator[tuple[dict[str, str], Scripted]]:
    """A real collector process, by protocol, that forwards to a server whose requests the test can read."""
    behind = scripted()
    with running.rotel(tmp_path, behind.url) as urls:
        yield urls, behind


@pytest.mark.parametrize(("protocol", "compression"), [("http", "none"), ("grpc", "none"), ("grpc", "gzip")])
def test_a_collector_passes_on_everymade(
    protocol: str,
    compression: str,
    spans: list[ReadableSpan],
    snapshot: Take,
    collector: tuple[dict[str, str], Scripted],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urls, behind = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    report = export(snapshot(spans), urls[protocol], timeout=60)
    assert (report.spans, report.requests, report.left_out) == (len(spans), 1, ())
    arrived = running.passed_on(behind, len(spans))
    assert sorted(map(canonical, arrived)) == sorted(map(canonical, spans_of(expected(spans))))
    resources = {canonical(one.resource) for received in behind.received for one in received.otlp.resource_spans}
    assert resources == {canonical(one.resource) for one in expected(spans).resource_spans}


def test_a_collector_reads_json_too(
    spans: list[ReadableSpan], snapshot: Take, collector: tuple[dict[str, str], Scripted]
) -> None:
    """One span has NaN, infinities and bytes, which this collector's reader of JSON refuses; the others arrive."""
    urls, behind = collector
    report = export(snapshot(spans), urls["http"], timeout=60, protocol="http/json")
    assert (report.spans, [why.partition(" (")[0] for why in report.left_out]) == (4, ["1 span not taken"])
    arrived = running.passed_on(behind, report.spans)
    others = [span for span in spans if "nan" not in (span.attributes or {})]
    assert sorted(map(canonical, arrived)) == sorted(map(canonical, spans_of(expected(others))))


def test_requests_stay_below_the_limit_and_lose_nothing(spans: list[ReadableSpan], snapshot: Take) -> None:
    many = [_with_id(span, 16 * number + index) for number in range(40) for index, span in enumerate(spans)]
    limit = 8_192
    cut = list(requests(Prepared(snapshot(many)), limit))
    assert len(cut) > 10
    assert all(len(body) <= limit for body, _ in cut)
    assert sum(count for _, count in cut) == len(many)
    parsed = [normal(_parse(body)) for body, _ in cut]
    assert [len(spans_of(request)) for request in parsed] == [count for _, count in cut]
    arrived = [canonical(span) for request in parsed for span in spans_of(request)]
    assert sorted(arrived) == sorted(map(canonical, spans_of(expected(many))))


def test_a_span_above_the_limit_goes_alone(spans: list[ReadableSpan], snapshot: Take) -> None:
    big = made({"text": "x" * 20_000})
    cut = list(requests(Prepared(snapshot([spans[0], big, spans[1]])), 10_000))
    assert [count for _, count in cut] == [1, 1, 1]
    assert canonical(_parse(cut[1][0])) == canonical(expected([big]))


def test_running_spans_stay_behind(
    spans: list[ReadableSpan], running: ReadableSpan, snapshot: Take, scripted: Callable[..., Scripted]
) -> None:
    server = scripted()
    report = export(snapshot(spans, [running]), server.url)
    assert canonical(server.received[0].otlp) == canonical(expected(spans))
    assert (report.spans, report.left_out) == (len(spans), ("1 span still running",))


def test_nothing_to_send_sends_nothing(running: ReadableSpan, snapshot: Take, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    assert repr(export(snapshot([], [running]), url)) == (
        f"0 spans → {url} (OTLP, 0 B). Left out: 1 span still running. "
        "There was nothing to send, so the endpoint was not asked."
    )


@pytest.mark.parametrize("depth", [40, 250])
def test_values_out_of_bounds_become_text(depth: int, snapshot: Take, scripted: Callable[..., Scripted]) -> None:
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    below = depth - 24
    inner = "{" + '"arrayValue":{"values":[{' * below + '"intValue":"1"' + "}]}" * below + "}"
    text: Any = inner
    for _ in range(24):
        text = [text]
    huge = {"max": 2**63 - 1, "nested": [2**63], "plain": -(2**63) - 1, "quote": '"intValue":"9999999999999999999"'}
    fitting = {"max": 2**63 - 1, "nested": [str(2**63)], "plain": str(-(2**63) - 1), "quote": huge["quote"]}
    server = scripted()
    export(snapshot([made({"deep": deep, **huge}, {"deep": deep, **huge})]), server.url)
    wanted = expected([made({"deep": text, **fitting}, {"deep": text, **fitting})])
    assert canonical(server.received[0].otlp) == canonical(wanted)


def test_times_that_otlp_cannot_hold_leave_a_span_behind(snapshot: Take, scripted: Callable[..., Scripted]) -> None:
    good, before_1970, backwards = made({}), made({}, times=(-5, 3)), made({}, times=(5, -3))
    server = scripted()
    report = export(snapshot([good, before_1970, backwards]), server.url)
    assert canonical(server.received[0].otlp) == canonical(expected([good]))
    assert (report.spans, report.left_out) == (1, ("2 spans with times that OTLP cannot hold",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(attributes=ATTRIBUTES, promoted=PROMOTED_ATTRIBUTES, around=ATTRIBUTES)
def test_any_attribute_value_comes_back(
    snapshot: Take, attributes: dict[str, Any], promoted: dict[str, Any], around: dict[str, Any]
) -> None:
    spans = [made(attributes | promoted, around)]
    (only,) = requests(Prepared(snapshot(spans)))
    assert canonical(_parse(only[0])) == canonical(expected(spans))


@pytest.mark.parametrize("cut", [slice(None), slice(3, 8), slice(0, 0)])
@pytest.mark.parametrize("backwards", [False, True])
def test_columns_are_encoded_as_rows_are(
    cut: slice, backwards: bool, spans: list[ReadableSpan], snapshot: Take
) -> None:
    both = [*rich.spans(), *spans, made({"empty": None, "long": "x" * 300}), *rich.spans(trace=5)]
    table = snapshot(both[::-1] if backwards else both).slice(cut.start or 0, len(both[cut]))
    if backwards:
        table = table.take(pa.array(range(len(table)), pa.int32()))
    by_columns, by_rows = list(wire.encoded(table)), list(encoded(rows(table), otlp.encode))
    assert [one[:3] for one in by_columns] == [one[:3] for one in by_rows]
    parsed = [[canonical(Span.FromString(one.span)) for one in each] for each in (by_columns, by_rows)]
    assert parsed[0] == parsed[1]
    assert len(by_columns) == len(both[cut])


def same_as_rows(table: Snapshot, to: str | Backend) -> None:
    backend = backends.find(to) if isinstance(to, str) else to
    prepared = [Prepared(table, backend, {"routes": "here"}) for _ in range(2)]
    by_columns, by_rows = list(otlp.spans(prepared[0])), list(encoded(prepared[1], otlp.encode))
    assert [one[:3] for one in by_columns] == [one[:3] for one in by_rows]
    parsed = [[canonical(Span.FromString(one.span)) for one in each] for each in (by_columns, by_rows)]
    assert parsed[0] == parsed[1]
    assert (prepared[0].cut, prepared[0].unsaid) == (prepared[1].cut, prepared[1].unsaid)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_backend_gets_is_encoded_as_rows_are(name: str) -> None:
    same_as_rows(rich.session(), name)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(attributes=ATTRIBUTES, promoted=PROMOTED_ATTRIBUTES, name=st.sampled_from(NAMES))
def test_any_attribute_value_goes_to_any_backend(
    snapshot: Take, attributes: dict[str, Any], promoted: dict[str, Any], name: str
) -> None:
    same_as_rows(snapshot([made(attributes | promoted | {"input.value": "x" * 3000})]), name)


def test_export_needs_no_pandas(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from nbtrace._store.store import Store\n"
        "from nbtrace._export.destination import export\n"
        "store = Store()\n"
        "span = TracerProvider().get_tracer('t').start_span('s', attributes={'a': 1})\n"
        "span.end()\n"
        "store.ended(span, None)\n"
        f"export(store.snapshot(), {str(tmp_path / 'a.otlp.jsonl')!r})\n"
        "from nbtrace._export import wire\n"
        "assert len(list(wire.encoded(store.snapshot()))) == 1\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _parse(body: bytes) -> Any:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return ExportTraceServiceRequest.FromString(body)


def _with_id(span: ReadableSpan, number: int) -> ReadableSpan:
    assert span.context
    return ReadableSpan(
        span.name,
        SpanContext(span.context.trace_id, number + 1, is_remote=False, trace_state=span.context.trace_state),
        parent=span.parent,
        resource=span.resource,
        attributes={**(span.attributes or {}), semconv.USER_ID: f"user {number}"},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        instrumentation_scope=span.instrumentation_scope,
        start_time=span.start_time,
        end_time=span.end_time,
    )
