"""Transports that send nothing.

They take a request's body as those of the HTTP libraries do: piece by piece, asking for the next one when one is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai

from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import completion

ANSWER = json.dumps(completion()).encode()
JSON = {"content-type": "application/json"}

Told = list[str]
"""What is heard of a session's spans, and of what is sent, as it happens."""


class Sending(HTTP.BaseTransport):
    """Sends nothing, and says so where all that tells of a call says something."""

    def __init__(self, told: Told, answer: Callable[[], Any] | None = None) -> None:
        self.told = told
        self.sent: list[bytes] = []
        self.answer = answer or (lambda: HTTP.Response(200, headers=JSON, content=ANSWER))

    def handle_request(self, request: Any) -> Any:
        self.sent.append(b"")
        for piece in request.stream:
            self.sent[-1] += piece
            self.told.append("sent")
        self.told.append("answered")
        return self.answer()

    def client(self, **options: Any) -> openai.OpenAI:
        http_client: Any = HTTP.Client(transport=self)
        return openai.OpenAI(base_url="http://127.0.0.1:9/v1", http_client=http_client, **{**OPTIONS, **options})


class AsyncSending(HTTP.AsyncBaseTransport):
    """The same for an async client."""

    def __init__(self, told: Told) -> None:
        self.told = told

    async def handle_async_request(self, request: Any) -> Any:
        async for _ in request.stream:
            self.told.append("sent")
        self.told.append("answered")
        return HTTP.Response(200, headers=JSON, content=ANSWER)


def ask(client: openai.OpenAI, text: str = "Hi", **options: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **options)


AT_ONCE = ["chat m began", "sent", "answered", "chat m ended"]
FIRST = AT_ONCE * 2
"""The first two calls of a server: the second one is listened to."""
MEANWHILE = ["sent", "chat m began", "answered", "chat m ended"]
