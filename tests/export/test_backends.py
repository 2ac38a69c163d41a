"""Backends by name: where they are asked, and how each gets the rich session in its own words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from nbtrace import semconv
from nbtrace._export import backends
from nbtrace._export.backends import NAMES
from nbtrace._export.backends.backend import Variables
from nbtrace._export.destination import export
from nbtrace._store.store import Store
from nbtrace.errors import ExportError
from tests.export import golden, shown
from tests.export.loopback import Scripted, spans_of
from tests.export.making import made
from tests.export.rich import session
from tests.export.servers.rules import AS_IT_IS, rows
from tests.export.servers.vendors import VENDORS

Server = Callable[..., Scripted]


@pytest.fixture(autouse=True)
def only_these_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if re.match(r"ARIZE|DD_|GRAFANA|HONEYCOMB|LANGFUSE|LANGSMITH|LANGCHAIN|LOGFIRE|MLFLOW|OTEL_|PHOENIX|W", name):
            monkeypatch.delenv(name)


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set what the users of a backend have set."""

    def setting(name: str) -> None:
        for variable, value in golden.VARIABLES[name].items():
            monkeypatch.setenv(variable, value)

    return setting


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_gets_what_its_golden_file_says(name: str, users: Callable[[str], None]) -> None:
    users(name)
    assert golden.sent(name) == golden.kept(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_shows_by_its_documents_what_the_session_tells(name: str) -> None:
    """Each fact of every span is where a rule says that the backend reads it; the rest is there as it is."""
    vendor = VENDORS[name]
    found = vendor.shown(rows(name))
    assert {noun: found[noun] for noun in vendor.rules} == {
        noun: rule.place.words for noun, rule in vendor.rules.items()
    }
    others = {words for noun, words in found.items() if noun not in vendor.rules}
    assert others <= {AS_IT_IS, "not shown"}
    assert {noun for noun, words in found.items() if words == "not shown"} <= {"cost of the trace", "tokens together"}


@pytest.mark.parametrize("name", NAMES)
def test_every_attribute_of_an_overlay_meets_a_documented_mapping(name: str) -> None:
    vendor = VENDORS[name]
    assert [key for span in golden.kept(name)["spans"].values() for key in span if not vendor.reads(key)] == []
    assert all(source.startswith("https://") for source in vendor.sources)
    assert (name in shown.TITLES) == bool(vendor.rules)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_overlay_takes_away_it_says_otherwise(name: str) -> None:
    removed = {key for span in golden.kept(name)["spans"].values() for key, value in span.items() if value is None}
    assert removed == {
        "datadog": {"gen_ai.operation.name"},
        "langfuse": {"gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.text.input_tokens"},
    }.get(name, set())


@pytest.mark.parametrize(
    ("name", "variables", "url"),
    [
        ("arize", {}, "https://otlp.arize.com"),
        ("arize", {"ARIZE_COLLECTOR_ENDPOINT": "https://otlp.eu-west-1a.arize.com/v1"}, "https://otlp.eu-west-1a.arize.com"),
        ("datadog", {}, "https://otlp.datadoghq.com"),
        ("datadog", {"DD_SITE": "datadoghq.eu"}, "https://otlp.datadoghq.eu"),
        ("grafana", {}, "https://otlp-gateway-prod-eu-west-0.grafana.net/otlp"),
        ("honeycomb", {}, "https://api.honeycomb.io"),
        ("honeycomb", {"HONEYCOMB_API_ENDPOINT": "https://api.eu1.honeycomb.io"}, "https://api.eu1.honeycomb.io"),
        ("jaeger", {}, "http://localhost:4318"),
        ("langfuse", {}, "https://cloud.langfuse.com/api/public/otel"),
        ("langfuse", {"LANGFUSE_HOST": "https://us.cloud.langfuse.com/"}, "https://us.cloud.langfuse.com/api/public/otel"),
        ("langsmith", {}, "https://api.smith.langchain.com/otel"),
        ("langsmith", {"LANGSMITH_ENDPOINT": "https://eu.api.smith.langchain.com"}, "https://eu.api.smith.langchain.com/otel"),
        ("logfire", {}, "https://logfire-eu.pydantic.dev"),
        ("logfire", {"LOGFIRE_TOKEN": "old-token"}, "https://logfire-us.pydantic.dev"),
        ("mlflow", {}, "https://mlflow.example.org"),
        ("otlp", {}, "http://localhost:4318"),
        ("otlp", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "http://collector:4318"),
        ("phoenix", {}, "http://localhost:6006"),
        ("phoenix", {"PHOENIX_COLLECTOR_ENDPOINT": "https://app.phoenix.arize.com/s/ada"}, "https://app.phoenix.arize.com/s/ada"),
        ("weave", {}, "https://trace.wandb.ai/agents/otel"),
    ],
)  # fmt: skip
def test_the_address_comes_from_what_users_have_set(
    name: str, variables: dict[str, str], url: str, users: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    users(name)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    backend = backends.find(name)
    assert backend is not None
    assert backend.address(Variables(name)).url == url


@pytest.mark.parametrize(
    ("name", "missing", "told"),
    [
        ("arize", "ARIZE_API_KEY", "set ARIZE_API_KEY to an API key"),
        ("arize", "ARIZE_SPACE_ID", "set ARIZE_SPACE_ID to the space's id"),
        ("datadog", "DD_API_KEY", "set DD_API_KEY to an API key"),
        ("grafana", "GRAFANA_CLOUD_INSTANCE_ID", "set GRAFANA_CLOUD_INSTANCE_ID to the number of the stack"),
        (
            "grafana",
            "GRAFANA_CLOUD_API_KEY",
            "set GRAFANA_CLOUD_API_KEY or GRAFANA_CLOUD_API_TOKEN to an access policy's token that may write traces",
        ),
        ("honeycomb", "HONEYCOMB_API_KEY", "set HONEYCOMB_API_KEY to an ingest key"),
        ("langfuse", "LANGFUSE_PUBLIC_KEY", "set LANGFUSE_PUBLIC_KEY to the project's public key"),
        ("langfuse", "LANGFUSE_SECRET_KEY", "set LANGFUSE_SECRET_KEY to the project's secret key"),
        ("langsmith", "LANGSMITH_API_KEY", "set LANGSMITH_API_KEY or LANGCHAIN_API_KEY to an API key"),
        ("logfire", "LOGFIRE_TOKEN", "set LOGFIRE_TOKEN to a write token"),
        (
            "mlflow",
            "MLFLOW_TRACKING_URI",
            "set MLFLOW_TRACKING_URI to the address of a tracking server, http:// or https://",
        ),
        ("weave", "WANDB_API_KEY", "set WANDB_API_KEY to an API key"),
        ("weave", "WANDB_ENTITY", "set WANDB_ENTITY to a team or user"),
        ("weave", "WANDB_PROJECT", "set WANDB_PROJECT to a project"),
    ],
)
def test_a_missing_variable_is_named(
    name: str, missing: str, told: str, users: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    users(name)
    monkeypatch.delenv(missing)
    with pytest.raises(ExportError) as failure:
        export(session(), name)
    assert str(failure.value) == f"cannot export to {name}: {told}"


def test_an_experiment_that_is_only_named_is_asked_for(users: Callable[[str], None], monkeypatch: Any) -> None:
    users("mlflow")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "books")
    with pytest.raises(ExportError, match="set MLFLOW_EXPERIMENT_ID to the number of the experiment 'books'"):
        export(session(), "mlflow")


def test_the_standard_variables_lead_to_any_receiver(scripted: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server = scripted()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{server.url}/base")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-mine=1")
    report = export(session(), "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{server.url}/as/it/stands")
    export(session(), "jaeger")
    assert [(one.path, one.headers["x-mine"]) for one in server.received] == [
        ("/base/v1/traces", "1"),
        ("/as/it/stands", "1"),
    ]
    assert report.destination == f"otlp at {server.url}/base"


def test_the_headers_of_one_receiver_go_to_no_other(
    scripted: Server, users: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-other-key=secret-of-another")
    for name in NAMES:
        users(name)
        if name not in {"jaeger", "otlp"}:
            export(session(), name, endpoint=server.url)
    assert len(server.received) > len(NAMES) - 2
    assert {one.headers.get("x-other-key") for one in server.received} == {None}


def test_scores_arrive_as_the_conventions_event(scripted: Server) -> None:
    server = scripted()
    export(session(), server.url)
    call = next(span for span in spans_of(server.received[0].otlp) if span.name == "chat gpt-5")
    assert [(event.name, golden.attributes(event.attributes)) for event in call.events] == [
        (
            "gen_ai.evaluation.result",
            {
                "gen_ai.evaluation.name": "helpful",
                "gen_ai.evaluation.score.value": 1.0,
                "gen_ai.evaluation.score.label": "yes",
                "gen_ai.evaluation.explanation": "It asks the right tool.",
                "nbtrace.evaluator": "grace",
                "nbtrace.evaluation.source": "human",
            },
        ),
        (
            "gen_ai.evaluation.result",
            {
                "gen_ai.evaluation.name": "relevance",
                "gen_ai.evaluation.score.value": 0.75,
                "nbtrace.evaluator": "gpt-5",
                "nbtrace.evaluation.source": "llm",
            },
        ),
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "messages",
    [
        "[1, {",
        '[{"role": 3, "parts": [4, {"type": "text", "content": 5}]}]',
        f'[{{"parts": [{{"type": "tool_call", "arguments": {"[" * 999}{"]" * 999}}}]}}]',
    ],
    ids=["cut", "odd", "deep"],
)
def test_no_overlay_fails_on_what_cannot_be_read(
    name: str, messages: str, scripted: Server, users: Callable[[str], None]
) -> None:
    store = Store()
    odd = {
        semconv.OPERATION_NAME: "chat",
        semconv.INPUT_MESSAGES: messages,
        semconv.OUTPUT_MESSAGES: '{"role": 1}',
        semconv.TOOL_DEFINITIONS: '[7, {"type": null}]',
        semconv.SYSTEM_INSTRUCTIONS: '["be brief"]',
        semconv.RETRIEVAL_DOCUMENTS: [1, {"id": 2}],
        semconv.PROMPT_VERSION: "two",
        semconv.METADATA + "nested": {"a": [1]},
    }
    store.ended(made(odd), None)
    users(name)
    server = scripted()
    assert export(store.snapshot(), name, endpoint=server.url).spans == 1
    assert len(spans_of(server.received[0].otlp)) == 1


def test_the_table_of_the_overlays_is_theirs() -> None:
    document = shown.DOCUMENT.read_text(encoding="utf-8")
    assert shown.with_part(document, shown.OVERLAYS, shown.overlays()) == document, "run: python -m tests.export.shown"
