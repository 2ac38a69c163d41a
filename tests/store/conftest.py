"""A store and a tracer into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbtrace._store import journal
from nbtrace._store.store import Store
from tests.store.recording import tracer_into

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the journal's thread write nothing of its own accord."""
    monkeypatch.setattr(journal, "INTERVAL_S", 3600.0)


@pytest.fixture
def tracer(store: Store) -> Tracer:
    return tracer_into(store)
