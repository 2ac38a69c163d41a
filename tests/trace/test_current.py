"""The current context is the one that OpenTelemetry's API knows, whatever keeps it."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.context import Context

from nbtrace._trace import current as current_context


def fresh() -> ModuleType:
    """Load the module anew, beside the one that is in use."""
    spec: Any = importlib.util.find_spec(current_context.__name__)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Kept:
    """A runtime context of another kind."""

    def __init__(self) -> None:
        self.now = [Context()]

    def attach(self, context: Context) -> Any:
        self.now.append(context)
        return len(self.now)

    def get_current(self) -> Context:
        return self.now[-1]

    def detach(self, token: Any) -> None:
        assert token == len(self.now)
        self.now.pop()


@pytest.mark.parametrize("kind", ["its own", "another"])
def test_it_is_the_same_as_that_of_the_api(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "another":
        monkeypatch.setattr(otel_context, "_RUNTIME_CONTEXT", Kept())
    found: Any = fresh()
    before = otel_context.get_current()
    mine = Context({"who": "Ada"})
    token = found.attach(mine)
    assert found.current() is otel_context.get_current() is mine
    found.detach(token)
    assert found.current() is otel_context.get_current() is before
