"""The recorders that are compared, each switched on as its own documentation says: content on, nothing sent.

A peer that takes an exporter gets OpenTelemetry's in-memory one behind a processor that hands spans on at once, so that
nobody pays for a network; Langfuse has a batching processor of its own before it, as users do. nbtrace is measured as a
notebook has it: by its extension, in a running cell, with the line under the cell on.

This file is read in every recorder's own environment, so it imports nothing but what they all have.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Recorder:
    """A recorder that is switched on."""

    packages: tuple[str, ...]
    """The distributions whose versions are its own."""
    kept: Callable[[], int]
    """How many spans it holds."""
    settle: Callable[[], object]
    """Do what it has put off."""
    forget: Callable[[], object]
    """Let go of the spans."""


def nbtrace() -> Recorder:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbtrace")
    shell.events.trigger("pre_run_cell", ExecutionInfo("ask()", store_history=True, silent=False, shell_futures=True,
                                                       cell_id="a1b2"))  # fmt: skip
    import nbtrace

    store = nbtrace.session().store
    return Recorder(("nbtrace",), lambda: len(store), store.snapshot, store.clear)


def nbtrace_budget() -> Recorder:
    recorder = nbtrace()
    import_module("nbtrace").budget("1_000_000_000_000 tokens")
    return recorder


def otel() -> Recorder:
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    provider, exporter = _provider()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return _in_memory(exporter, "opentelemetry-instrumentation-openai-v2")


def otel_genai() -> Recorder:
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    provider, exporter = _provider()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return _in_memory(exporter, "opentelemetry-instrumentation-genai-openai")


def openinference() -> Recorder:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    provider, exporter = _provider()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return _in_memory(exporter, "openinference-instrumentation-openai")


def traceloop() -> Recorder:
    os.environ["TRACELOOP_METRICS_ENABLED"] = "false"
    from traceloop.sdk import Traceloop

    exporter = _exporter()
    Traceloop.init(exporter=exporter, disable_batch=True, telemetry_enabled=False)
    return _in_memory(exporter, "traceloop-sdk")


def logfire() -> Recorder:
    import logfire
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter = _exporter()
    processors = [SimpleSpanProcessor(exporter)]
    logfire.configure(send_to_logfire=False, console=False, metrics=False, additional_span_processors=processors)
    logfire.instrument_openai()
    return _in_memory(exporter, "logfire")


def langfuse() -> Recorder:
    from langfuse import Langfuse

    exporter = _exporter()
    client = Langfuse(public_key="none", secret_key="none", base_url="http://127.0.0.1:9", span_exporter=exporter)
    import_module("langfuse.openai")  # wraps the client's methods
    return _in_memory(exporter, "langfuse", settle=client.flush)


RECORDERS = {
    "nbtrace": nbtrace,
    "nbtrace-budget": nbtrace_budget,
    "otel": otel,
    "otel-genai": otel_genai,
    "openinference": openinference,
    "traceloop": traceloop,
    "logfire": logfire,
    "langfuse": langfuse,
}
"""By the name of the environment in which each is installed, but for those of nbtrace."""


def _exporter() -> Any:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    return InMemorySpanExporter()


def _provider() -> tuple[Any, Any]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider, exporter = TracerProvider(shutdown_on_exit=False), _exporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def _in_memory(exporter: Any, package: str, settle: Callable[[], object] = lambda: None) -> Recorder:
    return Recorder((package,), lambda: len(exporter.get_finished_spans()), settle, exporter.clear)
