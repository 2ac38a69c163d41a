"""Activating instrumentors of others: on the user's provider or a private one, and undone in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrace import Session
from nbtrace._trace.instrument import Instrumentors, installed
from nbtrace.errors import UsageError
from tests.capture.reading import spans
from tests.trace.conftest import exporting, users

NAME = "openinference-instrumentation-fake"
OTHER = "opentelemetry-instrumentation-langchain"

MODULE = """
class Instrumentor:
    is_instrumented_by_opentelemetry = False
    provider = None

    def instrument(self, *, tracer_provider, raise_exception_on_conflict):
        if type(self).__name__ == "Broken":
            raise LookupError("wanted: fake >= 2")
        Instrumentor.is_instrumented_by_opentelemetry = True
        Instrumentor.provider = tracer_provider

    def uninstrument(self):
        Instrumentor.is_instrumented_by_opentelemetry = False

class Broken(Instrumentor):
    pass

class Other(Instrumentor):
    is_instrumented_by_opentelemetry = False
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Install distributions with instrumentors; gives the class of the first."""
    (tmp_path / "fake_instrumentor.py").write_text(MODULE)
    for name, target in (
        (NAME, "Instrumentor"),
        ("opentelemetry_instrumentation.genai_Fake", "Broken"),
        (OTHER, "Other"),
        ("opentelemetry-instrumentation-redis", "Instrumentor"),
    ):
        metadata = tmp_path / f"{name.replace('-', '_')}-1.2.dist-info"
        metadata.mkdir()
        needs = "opentelemetry.semantic_conventions-AI (<0.6.0,>=0.5.1)" if name == OTHER else "wrapt"
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\nRequires-Dist: {needs}\n"
        )
        entry = f"[opentelemetry_instrumentor]\nfake = fake_instrumentor:{target}\n"
        (metadata / "entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(str(tmp_path))
    import fake_instrumentor  # pyright: ignore[reportMissingImports]

    yield fake_instrumentor.Instrumentor  # pyright: ignore[reportUnknownMemberType]
    del sys.modules["fake_instrumentor"]


def test_genai_instrumentors_are_found_and_others_are_not(fake: Any) -> None:
    mine = [(one.name, one.version) for one in installed() if one.version == "1.2"]
    assert mine == [(NAME, "1.2"), ("opentelemetry-instrumentation-genai-fake", "1.2"), (OTHER, "1.2")]


def test_without_a_provider_of_the_users_spans_reach_the_session_by_a_private_one(fake: Any, session: Session) -> None:
    instrumentors = Instrumentors(session.intake, session.expect_others)
    instrumentors.activate(NAME)
    instrumentors.activate(NAME)
    first = fake.provider
    instrumentors.activate(OTHER)
    assert fake.provider is first
    assert instrumentors.active == (NAME, OTHER)
    attributes = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
    fake.provider.get_tracer("fake").start_span("call", attributes=attributes).end()
    instrumentors.close()
    fake.provider.get_tracer("fake").start_span("late").end()
    (span,) = spans(session)
    assert (span["name"], span["attributes"]["gen_ai.request.model"]) == ("call", "m")
    assert (instrumentors.active, fake.is_instrumented_by_opentelemetry) == ((), False)
    assert fake.provider.resource.attributes["service.name"] == "notebook"
    instrumentors.close()


def test_the_users_provider_is_taken_where_there_is_one(fake: Any, session: Session) -> None:
    provider, _ = exporting()
    with users(provider):
        instrumentors = Instrumentors(session.intake, session.expect_others)
        instrumentors.activate(NAME)
        assert fake.provider is provider
        instrumentors.close()
    provider.shutdown()


def test_a_name_may_be_cut_as_long_as_one_only_is_meant(fake: Any, session: Session) -> None:
    instrumentors = Instrumentors(session.intake, session.expect_others)
    with pytest.raises(UsageError) as raised:
        instrumentors.activate("fake")
    both = sorted(one.name for one in installed() if one.name.endswith("-fake"))
    assert str(raised.value) == f"the instrumentor 'fake' may be any of {', '.join(both)}; give the whole name of one"
    assert [instrumentors.activate(NAME.partition("-")[2]), instrumentors.active] == [NAME, (NAME,)]
    instrumentors.close()


def test_what_cannot_be_activated_says_why(fake: Any, session: Session) -> None:
    instrumentors = Instrumentors(session.intake, session.expect_others)
    fake.is_instrumented_by_opentelemetry = True
    for name, message in (
        ("nonsense", "unknown instrumentor 'nonsense'; expected one of: "),
        (NAME, f"{NAME} is active already, by your own code; its spans go where you sent them"),
    ):
        with pytest.raises(UsageError) as raised:
            instrumentors.activate(name)
        assert str(raised.value).startswith(message)
    fake.is_instrumented_by_opentelemetry = False
    with pytest.raises(UsageError) as raised:
        instrumentors.activate("opentelemetry-instrumentation-genai-fake")
    assert "genai-fake could not be activated (LookupError: wanted: fake >= 2); check" in str(raised.value)
    assert instrumentors.active == ()
    instrumentors.close()


def test_an_instrumentor_that_fails_to_stop_does_not_keep_others_from_it(
    fake: Any, session: Session, monkeypatch: pytest.MonkeyPatch, swallow: Callable[[], dict[str, int]]
) -> None:
    def failing(self: Any) -> None:
        raise LookupError

    monkeypatch.setattr(fake, "uninstrument", failing)
    instrumentors = Instrumentors(session.intake, session.expect_others)
    instrumentors.activate(NAME)
    instrumentors.close()
    assert (instrumentors.active, swallow()) == ((), {"trace: LookupError": 1})
