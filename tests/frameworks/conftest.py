"""Real frameworks and instrumentors, on the local model or a scripted server, on the user's provider or ours."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from typing import Any

import openai
import openai.resources
import pytest

from nbtrace import Session
from nbtrace._query.totals import summarize
from nbtrace._query.tree import CALL, tree
from nbtrace._trace.instrument import Instrumentors
from tests.capture.reading import spans
from tests.conftest import CountingIds
from tests.frameworks.scripted import Scripted
from tests.trace.conftest import exporting, users

MAJOR = int(openai.__version__.split(".")[0])
"""Frameworks of either environment are tested in it only."""

Activate = Callable[..., None]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """Lead `OpenAI()` to a scripted server."""
    with Scripted() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", "local")
        yield running


@pytest.fixture(params=["our provider", "the user's provider"])
def session(request: pytest.FixtureRequest) -> Generator[Session]:
    """Give a session without and with a tracer provider of the user's."""
    provider, _ = exporting(id_generator=CountingIds())
    with users(provider) if request.param == "the user's provider" else nullcontext():
        with Session(ids=CountingIds()) as running:
            yield running
    provider.shutdown()


@pytest.fixture(autouse=True)
def unwrapped() -> Iterator[None]:
    """Put back what instrumentors leave behind.

    Traceloop's leave the client's methods wrapped, and those of LangChain; OpenInference's leaves a method of the
    client's base on the client itself.
    """
    for found in pkgutil.walk_packages(openai.resources.__path__, "openai.resources."):  # which come when first used
        importlib.import_module(found.name)
    before = [(owner, dict(vars(owner))) for owner in _wrapped_by_others()]
    yield
    for owner, kept in before:
        for name, method in kept.items():
            if callable(method) and vars(owner).get(name) is not method:
                setattr(owner, name, method)
    for client in (openai.OpenAI, openai.AsyncOpenAI):
        for name in {"request"} & vars(client).keys():
            delattr(client, name)


def _wrapped_by_others() -> list[Any]:
    places = ("openai.resources", "langchain.agents", "langchain_core.callbacks", "langchain_openai", "langgraph")
    modules = [module for name, module in sys.modules.items() if name.startswith(places)]
    found = {one for module in modules for one in list(vars(module).values()) if isinstance(one, type)}
    return [*modules, *(kind for kind in found if kind.__module__.startswith(places))]


@pytest.fixture(autouse=True)
def llama_handlers() -> Iterator[None]:
    """Take away what Traceloop's instrumentor leaves in LlamaIndex's dispatcher, which the next test would have too."""
    if MAJOR != 2:
        yield
        return
    from llama_index.core.instrumentation import get_dispatcher  # pyright: ignore[reportMissingImports]

    root = get_dispatcher()
    spans, events = list(root.span_handlers), list(root.event_handlers)
    yield
    root.span_handlers, root.event_handlers = spans, events


@pytest.fixture
def activate(session: Session) -> Iterator[Activate]:
    """Activate installed instrumentors until the test is over."""
    instrumentors = Instrumentors(session.intake, session.expect_others)

    def make(*names: str) -> None:
        for name in names:
            instrumentors.activate(name)

    yield make
    instrumentors.close()


def outline(session: Session, *, tokens: bool = True) -> list[str]:
    """Give the tree as the reader sees it: a line a span, with its type, and a call's tokens where it counts."""
    made = tree(session.store.snapshot())
    names = ("depth", "name", "type", "flags", "input_tokens", "output_tokens")
    lines: list[str] = []
    for depth, name, kind, flags, sent, got in zip(*(made[name].to_pylist() for name in names), strict=True):
        lines.append(f"{'  ' * depth}{name}: {kind}{f' {sent} > {got}' if tokens and flags & CALL else ''}")
    return lines


def calls(session: Session) -> tuple[int, int | None, int | None]:
    """Give how many calls there were, and their tokens."""
    total = summarize(session.store.snapshot())
    return total.calls, total.input_tokens, total.output_tokens


def answers(session: Session) -> list[Any]:
    """Give the texts that the calls answered."""
    found = [span["attributes"] for span in spans(session)]
    return [
        one["gen_ai.output.messages"][0]["parts"][0].get("content")
        for one in found
        if one.get("gen_ai.operation.name") in {"chat", "generate_content"}
    ]


def kept(session: Session, operation: str) -> list[dict[str, Any]]:
    """Give what the spans of an operation say by the names of the conventions."""
    found = [span["attributes"] for span in spans(session)]
    return [
        {key: value for key, value in one.items() if key.startswith("gen_ai.")}
        for one in found
        if one.get("gen_ai.operation.name") == operation
    ]
