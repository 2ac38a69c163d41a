"""What made the spans: the process, the notebook, nbtrace, and which recording."""

from __future__ import annotations

import platform
import sys
import uuid
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session, semconv
from nbtrace._trace.origin import notebook
from nbtrace._trace.provider import Tracing
from tests.trace.conftest import users


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find the environment of the machine it runs on."""
    for name in ("JPY_SESSION_NAME", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)


def origin() -> tuple[dict[str, Any], dict[str, Any]]:
    span = Tracing(Session().intake, version="1.2").start("x", attributes={})
    assert span.instrumentation_scope is not None
    return dict(span.resource.attributes), dict(span.instrumentation_scope.attributes or {})


def test_the_process_is_a_resource() -> None:
    resource, scope = origin()
    instance = resource.pop("service.instance.id")
    assert uuid.UUID(instance).version == 4
    assert origin()[0]["service.instance.id"] == instance
    assert resource == {
        "service.name": "notebook",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "nbtrace",
        "telemetry.sdk.version": "1.2",
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
    }
    assert list(scope) == [semconv.RECORDING_ID]


@pytest.mark.parametrize(
    ("path", "service", "name"),
    [
        ("/home/me/My study.ipynb", "My study", "My study.ipynb"),
        ("study.ipynb", "study", "study.ipynb"),
        (r"C:\\Users\\me\\study.ipynb", "study", "study.ipynb"),
        ("c:/Users/me/study.ipynb", "study", "study.ipynb"),
    ],
)
def test_the_notebook_is_named_as_its_host_says(
    path: str, service: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", path)
    resource, scope = origin()
    assert (resource["service.name"], scope[semconv.NOTEBOOK_NAME]) == (service, name)


def test_vs_code_says_it_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        user_ns = {"__vsc_ipynb_file__": "/work/study.ipynb"}  # noqa: RUF012 - as IPython has it

    class IPython:
        get_ipython = Shell

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert notebook() == "/work/study.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "/jupyter.ipynb")
    assert notebook() == "/jupyter.ipynb"


def test_what_is_recorded_from_start_to_stop_is_of_one_recording() -> None:
    def recordings() -> list[str]:
        scopes = [one.scope for one in session.spans()]
        return [scope.split(f'"{semconv.RECORDING_ID}","value":')[1] for scope in scopes]

    session = Session()
    for _ in range(2):
        with session:
            session.tracing.start("a", attributes={}).end()
            session.enabled = False
            session.enabled = True
            session.tracing.start("b", attributes={}).end()
    first, second, third, fourth = recordings()
    assert first == second != third == fourth


def test_on_a_provider_of_the_users_the_scope_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/study.ipynb")
    with users(TracerProvider(shutdown_on_exit=False)), Session() as session:
        session.tracing.start("a", attributes={}).end()
        (span,) = session.spans()
    assert f'"{semconv.RECORDING_ID}"' in span.scope
    assert '"stringValue":"study.ipynb"' in span.scope
    assert '"telemetry.sdk.name","value":{"stringValue":"opentelemetry"}' in span.resource
