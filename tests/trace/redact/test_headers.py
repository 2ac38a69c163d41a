"""No header is kept but those of a short list: not of requests, responses, errors, attempts, or spans of others."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session
from nbtrace._trace.redact import headers
from nbtrace._trace.redact.policy import Policy
from tests.capture.loopback import HELLO, Loopback, Received, Reply, completion
from tests.trace.conftest import users

if TYPE_CHECKING:
    from collections.abc import Callable

SENT = {
    "Authorization": "Bearer shibboleth-1",
    "X-Api-Key": "shibboleth-2",
    "Cookie": "shibboleth=3",
    "X-Custom": "shibboleth-4",
    "OpenAI-Organization": "shibboleth-5",
    "traceparent": "shibboleth-6",
}
CAME = {
    "Set-Cookie": "shibboleth=7",
    "X-Custom-Answer": "shibboleth-8",
    "WWW-Authenticate": "shibboleth-9",
    "x-request-id": "req_1",
    "retry-after-ms": "1",
    "x-ratelimit-remaining-tokens": "5",
}
ALLOWED = {"x-request-id": "req_1", "retry-after-ms": "1", "x-ratelimit-remaining-tokens": "5"}


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], **more)


def streamed(client: Any) -> None:
    with client.chat.completions.with_streaming_response.create(model="m", messages=[]) as response:
        list(response.iter_lines())


WAYS: dict[str, Callable[[Any], Any]] = {
    "whole": chat,
    "stream": lambda client: list(chat(client, stream=True)),
    "raw": lambda client: client.chat.completions.with_raw_response.create(model="m", messages=[]).parse(),
    "raw streamed": streamed,
    "responses": lambda client: client.responses.create(model="m", input="Hi"),
    "embeddings": lambda client: client.embeddings.create(model="m", input="Hi"),
    "images": lambda client: client.images.generate(model="m", prompt="Hi"),
    "speech": lambda client: client.audio.speech.create(model="m", voice="v", input="Hi").read(),
    "a plain request": lambda client: client.models.list(),
    "headers of one call": lambda client: chat(client, extra_headers=SENT),
    "a query of one call": lambda client: chat(client, extra_query={"key": "shibboleth-10"}),
}


def kept(session: Session) -> str:
    return str(session.spans().table.to_pylist())


def recorded(session: Session) -> list[dict[str, Any]]:
    """Give the headers of each span that has any."""
    prefix = "http.response.header."
    found: list[dict[str, Any]] = []
    for row in session.spans().table.to_pylist():
        one = {a["key"].removeprefix(prefix): a["string"] for a in row["attributes"] if a["key"].startswith("http.re")}
        found.append({name: value for name, value in one.items() if value is not None and not name.startswith("http")})
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [200, 400])
def test_every_way_to_ask(way: str, status: int, server: Loopback, session: Session) -> None:
    error = {"error": {"message": "no"}}
    chunks = HELLO if "stream" in way and status == 200 else None
    body = completion() if status == 200 else error
    server.reply = Reply({**body, "data": [], "output": []}, status=status, chunks=chunks, headers=CAME)
    with openai.OpenAI(base_url=server.url, api_key="shibboleth-0", default_headers=SENT, max_retries=0) as client:
        with suppress(openai.APIError, ValueError):  # as an answer without what was asked for
            WAYS[way](client)
    sent = {name.lower(): value for name, value in server.received[0].headers}
    assert sent["x-custom"] == "shibboleth-4"
    assert len(session.spans()) == 1
    assert "shibboleth" not in kept(session)
    assert recorded(session) == [ALLOWED]


def test_attempts_of_a_retried_call(server: Loopback, session: Session) -> None:
    def answer(request: Received) -> Reply:
        first = len(server.received) < 3
        return Reply(
            {"error": {"message": "busy"}} if first else completion(), status=429 if first else 200, headers=CAME
        )

    server.reply = answer
    with openai.OpenAI(base_url=server.url, api_key="shibboleth-0", default_headers=SENT) as client:
        chat(client)
    assert "shibboleth" not in kept(session)
    assert recorded(session) == [ALLOWED] * 4


def test_anthropic(server: Loopback, session: Session) -> None:
    server.reply = Reply({"type": "error", "error": {"type": "x", "message": "no"}}, status=400, headers=CAME)
    url = server.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="shibboleth-0", default_headers=SENT, max_retries=0) as client:
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(model="m", max_tokens=1, messages=[])
    assert "shibboleth" not in kept(session)


def test_a_key_that_the_server_sends_back_is_known(server: Loopback, session: Session) -> None:
    server.reply = Reply({"error": {"message": "the key q7WertyUiop is not yours"}}, status=401)
    with openai.OpenAI(base_url=server.url, api_key="q7WertyUiop", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            chat(client)
    assert "q7WertyUiop" not in kept(session)
    assert "the key [redacted: client-key] is not yours" in kept(session)


def test_spans_of_others(session: Session) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    given: dict[str, Any] = {
        "http.request.header.authorization": ["Bearer shibboleth-1"],
        "http.request.header.x_api_key": ["shibboleth-2"],
        "http.response.header.set-cookie": ("shibboleth=3",),
        "http.response.header.x-request-id": ("req_1",),
        "http.request.header.user-agent": ["x/1"],
        "rpc.grpc.request.metadata.token": "shibboleth-4",
        "llm.headers": "{'X-Custom': 'shibboleth-5'}",
        "gen_ai.request.extra_headers": json.dumps({"X-Custom": "shibboleth-6"}),
        "llm.invocation_parameters": json.dumps({"extra_headers": {"X-Custom": "shibboleth-7", "x-request-id": "r"}}),
    }
    with users(provider):
        session.tracing.attach()
        with provider.get_tracer("theirs").start_as_current_span("GET", attributes=given) as span:
            span.add_event("sent", {"http.request.header.cookie": "shibboleth=8"})
            running = kept(session)
    assert "shibboleth" not in running + kept(session)
    (row,) = session.spans().table.to_pylist()
    values = {one["key"]: one["json"] or one["string"] for one in row["attributes"]}
    assert values["http.request.header.authorization"] == "[redacted: header]"
    assert "req_1" in values["http.response.header.x-request-id"]
    assert "x/1" in values["http.request.header.user-agent"]
    assert values["llm.headers"] == "[redacted: header]"
    assert json.loads(values["llm.invocation_parameters"]) == {
        "extra_headers": {"X-Custom": "[redacted: header]", "x-request-id": "r"}
    }


def test_a_header_is_told_by_its_name_in_any_spelling() -> None:
    assert [headers.is_kept(name) for name in ("X-Request-ID", "x_request_id", "x-ratelimit-limit", "X-API-Key")] == [
        True,
        True,
        True,
        False,
    ]
    assert Policy().attributes({"x.headers_count": 3}) == {"x.headers_count": 3}
