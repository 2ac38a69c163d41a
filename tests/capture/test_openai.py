"""OpenAI's clients: which of them are seen, of whom they ask, and what of their other endpoints is recorded."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from nbtrace import Session, semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


def test_a_paused_session_records_nothing(client: openai.OpenAI, session: Session) -> None:
    session.enabled = False
    client.chat.completions.create(**ASK)
    session.enabled = True
    client.chat.completions.create(**ASK)
    assert len(session.spans()) == 1


def test_a_client_of_before_and_its_copies_are_seen(server: Loopback) -> None:
    class Mine(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    with Mine(base_url=server.url, api_key="x") as client, Session() as session:
        client.chat.completions.create(**ASK)
        client.with_options(max_retries=1).chat.completions.create(**ASK)
        client.copy(timeout=3).chat.completions.create(**ASK)
        assert isinstance(client.with_options(), Mine)
    assert len(session.spans()) == 3


def test_the_module_level_client_is_seen(server: Loopback, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "api_key", "x")
    monkeypatch.setattr(openai, "base_url", server.url)
    monkeypatch.setattr(openai, "_client", None)
    openai.chat.completions.create(**ASK)
    openai._client.close()  # type: ignore[union-attr]
    assert len(session.spans()) == 1


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://[::1]:8000/v1", "openai"),
    ],
)
def test_the_provider_is_told_from_the_host(url: str, provider: str, session: Session) -> None:
    transport = HTTP.MockTransport(lambda _: HTTP.Response(200, json=completion()))
    with openai.OpenAI(base_url=url, api_key="x", http_client=HTTP.Client(transport=transport)) as client:
        client.chat.completions.create(**ASK)
    attributes = spans(session)[0]["attributes"]
    parsed = HTTP.URL(url)
    assert (
        attributes[semconv.PROVIDER_NAME],
        attributes[semconv.SERVER_ADDRESS],
        attributes.get(semconv.SERVER_PORT),
    ) == (provider, parsed.host, parsed.port)


def test_azure(session: Session) -> None:
    paths: list[str] = []

    def answer(request: Any) -> Any:
        paths.append(request.url.path)
        return HTTP.Response(200, json=completion())

    with openai.AzureOpenAI(
        azure_endpoint="https://mine.openai.azure.com",
        api_key="x",
        api_version="2024-10-21",
        http_client=HTTP.Client(transport=HTTP.MockTransport(answer)),
    ) as client:
        client.chat.completions.create(**ASK)
    recorded = only(session)
    assert paths == ["/openai/deployments/gpt-4o-mini/chat/completions"]
    assert (recorded[semconv.PROVIDER_NAME], recorded[semconv.COST_STATE]) == ("azure.ai.openai", "priced")


def test_other_endpoints_are_plain_spans(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"object": "list", "data": [{"id": "m", "object": "model"}]}, headers={"x-request-id": "r"})
    assert [one.id for one in client.models.list()] == ["m"]
    client.files.retrieve("file-1")
    client.vector_stores.search("vs_1", query="q")
    assert [span["name"] for span in spans(session)] == [
        "GET /models", "GET /files/{id}", "POST /vector_stores/{id}/search",
    ]  # fmt: skip
    attributes = spans(session)[1]["attributes"]
    for varying in (semconv.SERVER_PORT, semconv.CLIENT_NAME, semconv.CLIENT_VERSION):
        del attributes[varying]
    assert attributes == {
        "http.request.method": "GET",
        "url.path": "/files/file-1",
        "server.address": "127.0.0.1",
        "http.response.status_code": 200,
        "http.response.header.x-request-id": "r",
    }


def test_a_plain_request_that_is_refused_is_an_error(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"error": {"message": "No."}}, status=404)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_1")
    (span,) = spans(session)
    assert (span["name"], span["status"]) == ("GET /batches/{id}", "error")
    assert span["attributes"][semconv.HTTP_STATUS_CODE] == 404


async def test_other_async_endpoints_are_plain_spans(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply({"object": "list", "data": [{"id": "m", "object": "model"}]})
    assert [one.id async for one in async_client.models.list()] == ["m"]
    assert [span["name"] for span in spans(session)] == ["GET /models"]


def test_a_body_that_is_no_json_object_is_left_alone(client: openai.OpenAI, session: Session) -> None:
    assert client.post("/chat/completions", cast_to=object, body=[1]) == completion()  # type: ignore[arg-type]
    assert len(session.spans()) == 0


def test_extra_body_is_part_of_the_request(client: openai.OpenAI, session: Session) -> None:
    omit: Any = getattr(openai, "omit", None) or openai._types.Omit()  # type: ignore[attr-defined]
    client.chat.completions.create(**ASK, temperature=1, top_p=0.5, extra_body={"temperature": 0.25, "top_p": omit})
    recorded = only(session)
    assert recorded[semconv.REQUEST_TEMPERATURE] == 0.25
    assert semconv.REQUEST_TOP_P not in recorded


def test_a_prompt_is_told_by_its_text(client: openai.OpenAI, session: Session) -> None:
    first = session.prompt("greet", "Greet {name} in {language}.")
    second = session.prompt("greet", "Say hello to {name} in {language}.")
    for prompt in (first, second):
        client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": prompt.format(name="Ada", language="German")}]
        )
    client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": [{"type": "text", "text": first.format(name="Bo", language="Thai")}]}],
    )
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Greet Ada in German."}])
    found = [
        {key: value for key, value in span["attributes"].items() if key.startswith(("gen_ai.prompt", "nbtrace.prompt"))}
        for span in spans(session)
    ]
    greet = {semconv.PROMPT_NAME: "greet", semconv.PROMPT_VERSION: "1", semconv.PROMPT_HASH: first.hash}
    ada = {"gen_ai.prompt.variable.name": "Ada", "gen_ai.prompt.variable.language": "German"}
    bo = {"gen_ai.prompt.variable.name": "Bo", "gen_ai.prompt.variable.language": "Thai"}
    assert found == [
        {**greet, semconv.PROMPT_TEMPLATE: first.template, **ada},
        {
            **greet,
            semconv.PROMPT_VERSION: "2",
            semconv.PROMPT_HASH: second.hash,
            semconv.PROMPT_TEMPLATE: second.template,
            **ada,
        },
        {**greet, semconv.PROMPT_TEMPLATE: first.template, **bo},
        {**greet, semconv.PROMPT_TEMPLATE: first.template, **ada, semconv.PROMPT_MATCH: "contained"},
    ]
