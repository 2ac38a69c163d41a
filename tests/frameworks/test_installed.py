"""Every instrumentor for a GenAI library that is installed is found, activated, and deactivated in the end."""

from __future__ import annotations

import pytest

from nbtrace import Session
from nbtrace._trace.instrument import Instrumentors, installed
from tests.frameworks.conftest import MAJOR

pytestmark = pytest.mark.filterwarnings("default")

BOTH = {
    "openinference-instrumentation-openai",
    "opentelemetry-instrumentation-genai-openai",
    "opentelemetry-instrumentation-openai",
}
OWN = {
    2: {
        "openinference-instrumentation-litellm",
        "openinference-instrumentation-llama-index",
        "opentelemetry-instrumentation-google-genai",
        "opentelemetry-instrumentation-llamaindex",
    },
    3: {
        "openinference-instrumentation-google-genai",
        "openinference-instrumentation-langchain",
        "openinference-instrumentation-openai-agents",
        "opentelemetry-instrumentation-genai-langchain",
        "opentelemetry-instrumentation-genai-openai-agents",
        "opentelemetry-instrumentation-langchain",
    },
}[MAJOR]


def test_all_of_this_environment_are_found() -> None:
    assert {one.name for one in installed()} == BOTH | OWN


@pytest.mark.parametrize("name", sorted(BOTH | OWN))
def test_each_is_active_from_its_activation_to_the_end(
    name: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # litellm would fetch one
    (one,) = [found for found in installed() if found.name == name]
    instrumentors = Instrumentors(session.intake, session.expect_others)
    for _ in range(2):
        assert instrumentors.state(one) == "installed"
        instrumentors.activate(name)
        instrumentors.activate(name)
        assert (instrumentors.active, instrumentors.state(one)) == ((name,), "active")
        instrumentors.close()
        assert instrumentors.active == ()
    own = one.entry_point.load()()
    own.instrument()
    try:
        assert instrumentors.state(one) == "active, by your own code"
    finally:
        own.uninstrument()
