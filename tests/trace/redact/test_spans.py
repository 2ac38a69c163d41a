"""What a span is besides its attributes is masked too, and so is where it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Status, StatusCode

from nbtrace import Session, _guard, semconv
from nbtrace._trace.redact.policy import Policy
from nbtrace._trace.redact.spans import Spans
from tests.trace.conftest import users
from tests.trace.redact.secrets import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET, MASK = KEYS["openai-key"][0], "[redacted: openai-key]"


def test_every_part_of_a_span_of_others(session: Session) -> None:
    provider = TracerProvider(
        resource=Resource({"api.key": "abcdef1234", "service.name": SECRET}), shutdown_on_exit=False
    )
    with users(provider):
        session.tracing.attach()
        tracer = provider.get_tracer("theirs", attributes={"password": "hunter2"})
        span: Any = tracer.start_span(
            f"GET {SECRET}", attributes={"x": SECRET, "http.request.header.x-api-key": "abc12345"}
        )
        span.add_event(f"sent {SECRET}", {"with": [SECRET]})
        span.add_link(span.get_span_context(), {"why": SECRET})
        span.record_exception(ValueError(SECRET))
        running = str(session.spans().table.to_pylist())
        span.set_status(Status(StatusCode.ERROR, f"no {SECRET}"))
        span.end()
    (row,) = session.spans().table.to_pylist()
    assert (row["name"], row["status_message"]) == (f"GET {MASK}", f"no {MASK}")
    assert [event["name"] for event in row["events"]] == [f"sent {MASK}", "exception"]
    resource = {one["key"]: one["value"] for one in json.loads(row["resource"])["attributes"]}
    assert resource["api.key"] == {"stringValue": "[redacted: api-key]"}
    assert resource["service.name"] == {"stringValue": MASK}
    assert json.loads(row["scope"])["attributes"] == [
        {"key": "password", "value": {"stringValue": "[redacted: password]"}}
    ]
    for secret in (SECRET, "abcdef1234", "hunter2", "abc12345"):
        assert secret not in running
        assert secret not in str(row)


def test_the_environments_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"deployment.secret=abcdef1234,x={SECRET},team=ada")
    with Session() as session:
        session.tracing.start("a", attributes={}).end()
        (row,) = session.spans().table.to_pylist()
    found = {one["key"]: one["value"]["stringValue"] for one in json.loads(row["resource"])["attributes"]}
    assert (found["deployment.secret"], found["x"], found["team"]) == ("[redacted: secret]", MASK, "ada")


def test_a_resource_is_masked_once() -> None:
    kept = Spans(Policy())
    with Session() as session:
        one, other = (session.tracing.start(name, attributes={}) for name in "ab")
        assert kept.read(one).resource is kept.read(other).resource
        one.end()
        other.end()


def test_a_span_that_cannot_be_read_keeps_its_times_and_no_text(
    session: Session, swallow: Callable[[], dict[str, int]]
) -> None:
    span: Any = session.tracing.start(f"a {SECRET}", attributes={"x": SECRET})
    span.set_status(Status(StatusCode.ERROR, SECRET))
    span.events = (SECRET,)
    session.tracing.end(span, dict)
    (row,) = session.spans().table.to_pylist()
    assert SECRET not in str(row)
    assert (row["name"], row["status_code"], row["events"]) == ("[redacted: rule failed]", 2, [])
    assert row["duration_ns"] is not None
    assert swallow() == {"redact: AttributeError": 1}


def test_attributes_that_cannot_be_read_are_not_kept(session: Session, swallow: Callable[[], dict[str, int]]) -> None:
    class Hostile(dict[str, Any]):
        def items(self) -> Any:
            raise LookupError(SECRET)

    span = session.tracing.start("a", attributes={"x": SECRET})
    session.tracing.end(span, lambda: {"known": SECRET, "map": Hostile(a=SECRET)})
    (row,) = session.spans().table.to_pylist()
    assert SECRET not in str(row)
    assert [one["key"] for one in row["attributes"]] == [semconv.INCOMPLETE]
    assert swallow() == {"redact: LookupError": 1}


def test_no_report_of_a_failure_quotes_what_was_being_read(
    swallow: Callable[[], dict[str, int]], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage in ("capture", "store"):
        with _guard.guard(stage):
            int(f"my key is {SECRET}")
    assert swallow() == {"capture: ValueError": 1, "store: ValueError": 1}
    assert len(caplog.records) == 2
    said = caplog.text + "".join(capsys.readouterr()) + str(_guard.failures)
    assert SECRET not in said
    assert "nbtrace failed in capture: ValueError at " in said
