"""A store and a tracer into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbtrace._store.store import Store
from tests.store.recording import tracer_into

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def tracer(store: Store) -> Tracer:
    return tracer_into(store)
