"""Clients of the scripted server, made the same way for either major of openai."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import openai
import openai._base_client
import pytest

from nbtrace import _guard
from tests.capture.loopback import Loopback
from tools.ports import reserved_port

HTTP: Any = vars(openai._base_client).get("httpx2") or vars(openai._base_client)["httpx"]
"""The client's own HTTP library: httpx2 for openai 3, httpx for openai 2."""

OPTIONS: dict[str, Any] = {"api_key": "local", "max_retries": 0, "timeout": 20}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, **OPTIONS) as made:
        yield made


@pytest.fixture
async def async_client(server: Loopback) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as made:
        yield made


@pytest.fixture
def swallow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, int]]]:
    """Hold failures of ours back as in a user's kernel; gives how often each stage failed."""
    monkeypatch.setattr(_guard, "reraise", False)
    _guard.failures.clear()

    def failed() -> dict[str, int]:
        return {key.split(" at ")[0]: count for key, count in _guard.failures.items()}

    yield failed
    _guard.failures.clear()


@pytest.fixture
def free_port() -> Iterator[int]:
    """Give a port of loopback on which nothing listens."""
    with reserved_port() as port:
        yield port
