"""The hinge: each start and end of a span of others is forwarded once, until closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider

from nbtrace._trace.processor import SinkProcessor
from tests.conftest import CountingIds
from tests.trace.test_provider import Kept

if TYPE_CHECKING:
    from collections.abc import Callable


def hinge(sink: Any, scope: str = "t") -> tuple[SinkProcessor, Any]:
    processor = SinkProcessor(sink)
    provider = TracerProvider(shutdown_on_exit=False, id_generator=CountingIds())
    provider.add_span_processor(processor)
    return processor, provider.get_tracer(scope)


def test_each_start_and_end_is_forwarded_once() -> None:
    sink = Kept()
    _, tracer = hinge(sink)
    first, second = tracer.start_span("first"), tracer.start_span("second")
    second.end()
    first.end()
    assert sink.told == [
        ("started", "first", {}),
        ("started", "second", {}),
        ("ended", "second", {}),
        ("ended", "first", {}),
    ]


def test_spans_of_ours_are_told_by_who_makes_them() -> None:
    sink = Kept()
    _, tracer = hinge(sink, scope="nbtrace")
    tracer.start_span("ours").end()
    assert sink.told == []


def test_a_closed_processor_forwards_nothing() -> None:
    sink = Kept()
    processor, tracer = hinge(sink)
    span = tracer.start_span("open")
    processor.close()
    span.end()
    tracer.start_span("later").end()
    assert sink.told == [("started", "open", {})]


def test_the_end_of_a_provider_ends_nothing_here() -> None:
    sink = Kept()
    processor, tracer = hinge(sink)
    processor.shutdown()
    assert processor.force_flush()
    tracer.start_span("after").end()
    assert [(told, name) for told, name, _ in sink.told] == [("started", "after"), ("ended", "after")]


def test_a_sink_that_fails_fails_nobody_else(swallow: Callable[[], dict[str, int]]) -> None:
    class Failing:
        def started(self, span: Any) -> None:
            raise LookupError(span.name)

        def ended(self, span: Any, detail: Any) -> None:
            raise KeyError(span.name)

    _, tracer = hinge(Failing())
    with tracer.start_as_current_span("span") as span:
        assert span.is_recording()
    assert swallow() == {"store: LookupError": 1, "store: KeyError": 1}
