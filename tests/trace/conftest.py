"""A tracer provider of the user's, as the global one for as long as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from nbtrace import Session
from tests.capture.conftest import client, server, swallow
from tests.capture.loopback import Loopback
from tests.conftest import CountingIds

__all__ = ["client", "server", "swallow"]

Ask = Callable[..., Any]


@contextmanager
def users(provider: Any) -> Generator[None]:
    """Make a provider the global one; the public way works only once in a process."""
    before = trace._TRACER_PROVIDER  # pyright: ignore[reportPrivateUsage]
    trace._TRACER_PROVIDER = provider  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        trace._TRACER_PROVIDER = before  # pyright: ignore[reportPrivateUsage]


def exporting(**options: Any) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Make a provider like the user's own set-up would, and what its exporter gets."""
    provider, memory = TracerProvider(shutdown_on_exit=False, **options), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider, memory


@pytest.fixture
def ask(server: Loopback, client: openai.OpenAI) -> Ask:
    """Make one call."""

    def make(text: str = "Say hello.", **more: Any) -> Any:
        return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **more)

    return make


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    made, _ = exporting(id_generator=CountingIds())
    with users(made):
        yield made


@pytest.fixture
def shared(provider: TracerProvider) -> Iterator[Session]:
    with Session(ids=CountingIds()) as running:
        yield running
