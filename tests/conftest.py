"""What every test shares: a deterministic session, the real local model, and a guard against leaks."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry import trace
from opentelemetry.sdk.trace.id_generator import IdGenerator

from nbtrace import Session, _api, _guard
from nbtrace._capture.wrapping import is_ours

os.environ["NBTRACE_JOURNAL"] = "off"
"""No test writes to the developer's own directory, nor does a kernel that it starts; those about journals say where."""

pytest_plugins = ["tests.browser.fixtures", "tests.cluster"]

settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("repeatable")
"""A busy machine is no failure, and every run has the same examples; `--hypothesis-profile=exploring` has others."""


class CountingIds(IdGenerator):
    """Ids 1, 2, 3, ... so that whole values can be asserted."""

    def __init__(self) -> None:
        self._spans = itertools.count(1)
        self._traces = itertools.count(1)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def generate_trace_id(self) -> int:
        return next(self._traces)


@pytest.fixture(autouse=True)
def reraise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let failures of ours fail the test instead of being swallowed."""
    monkeypatch.setattr(_guard, "reraise", True)


@pytest.fixture(autouse=True)
def own_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a default session that no other has recorded in, redacted or limited."""
    monkeypatch.setattr(_api, "_default", Session())


@pytest.fixture(autouse=True)
def no_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find a vocabulary that tiktoken has put on this machine."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves anything wrapped or listening."""
    before = _patched()
    yield
    assert _patched() == before
    assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"


def _patched() -> dict[str, Any]:
    found: dict[str, Any] = {
        "thread": threading.Thread.start,
        "executor": ThreadPoolExecutor.submit,
        "finders": tuple(one for one in sys.meta_path if type(one).__module__.startswith("nbtrace")),
    }
    client = sys.modules.get("openai._base_client")
    if client is not None:
        found |= {
            "sync": getattr(client.SyncAPIClient.request, "__wrapped__", None),
            "async": getattr(client.AsyncAPIClient.request, "__wrapped__", None),
        }
        assert not [kind for kind in _subclasses(client.BaseClient) if is_ours(vars(kind).get("request"))]
    else:
        found |= {"sync": None, "async": None}
    return found


def _subclasses(kind: type) -> Iterator[type]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)


@pytest.fixture
def session() -> Iterator[Session]:
    """Give a recording session with ids that count from 1."""
    with Session(ids=CountingIds()) as running:
        yield running


@pytest.fixture(scope="session")
def local_model() -> Iterator[dict[str, str]]:
    """Run the real local model; gives the environment that leads `OpenAI()` to it.

    What it says is the same in every run of the tests: left to chance, an answer may end before a stream is left.
    """
    from tools.local_model import local_model

    with local_model(seed=1) as environment:
        yield environment


@pytest.fixture
def model(local_model: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Lead `OpenAI()` to the local model; gives the model's name."""
    for name, value in local_model.items():
        monkeypatch.setenv(name, value)
    return os.environ["NBTRACE_DEMO_MODEL"]
