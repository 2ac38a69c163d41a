"""Who answered: the provider's name by the client, its address, or what the answer gives away."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from nbtrace import Session, semconv
from nbtrace._capture import providers
from nbtrace._capture.providers import Server
from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def answered(session: Session, kind: type[Any] = openai.OpenAI, **options: Any) -> dict[str, Any]:
    """Make a call that a scripted transport answers, wherever it goes."""
    transport = HTTP.MockTransport(lambda _: HTTP.Response(200, json=completion()))
    with kind(**{**OPTIONS, **options}, http_client=HTTP.Client(transport=transport)) as client:
        client.chat.completions.create(**ASK)
    return only(session)


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://mine.services.ai.azure.com/openai/v1", "azure.ai.inference"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://codestral.mistral.ai/v1", "mistral_ai"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://api.perplexity.ai", "perplexity"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini"),
        ("https://us-central1-aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "aws.bedrock"),
        ("https://bedrock-mantle.us-west-2.api.aws/v1", "aws.bedrock"),
        ("https://ec2-1-2-3-4.compute-1.amazonaws.com/v1", "openai"),
        ("https://api.together.xyz/v1", "together"),
        ("https://nottogether.ai/v1", "openai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.fireworks.ai/inference/v1", "fireworks"),
        ("https://api.deepinfra.com/v1/openai", "deepinfra"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("https://ollama.com/v1", "ollama"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://gpu-box:11434/v1", "ollama"),
        ("http://127.0.0.1:1234/v1", "lm_studio"),
        ("https://mine.example:1234/v1", "openai"),
        ("http://127.0.0.1:8000/v1", "openai"),
    ],
)
def test_the_address_tells_where_it_is_certain(session: Session, url: str, provider: str) -> None:
    assert answered(session, base_url=url)[semconv.PROVIDER_NAME] == provider


@pytest.mark.parametrize("deployment", [{}, {"azure_deployment": "mine"}])
@pytest.mark.parametrize("host", ["mine.openai.azure.com", "gateway.example"])
def test_a_client_made_for_azure_talks_to_azure_wherever_it_is(
    session: Session, host: str, deployment: dict[str, str]
) -> None:
    options = {"azure_endpoint": f"https://{host}", "api_version": "2024-10-21", **deployment}
    found = answered(session, openai.AzureOpenAI, **options)
    assert [found[name] for name in (semconv.PROVIDER_NAME, semconv.SERVER_ADDRESS, semconv.REQUEST_MODEL)] == [
        "azure.ai.openai",
        host,
        "m",
    ]


@pytest.mark.parametrize(
    ("reply", "provider"),
    [
        (Reply(completion(system_fingerprint="fp_ollama")), "ollama"),
        (Reply(completion(), headers={"Server": "llama.cpp"}), "llama_cpp"),
        (Reply(completion(prompt_logprobs=None, kv_transfer_params=None)), "vllm"),
        (Reply(completion(system_fingerprint="fp_44709d6fcb")), "openai"),
        (Reply(chunks=[{"system_fingerprint": "fp_ollama", "choices": []}]), "ollama"),
    ],
)
def test_an_answer_tells_where_the_address_does_not(
    server: Loopback, client: openai.OpenAI, session: Session, reply: Reply, provider: str
) -> None:
    server.reply = reply
    made: Any = client.chat.completions.create(**ASK, stream=reply.chunks is not None)
    if reply.chunks is not None:
        list(made)
    assert only(session)[semconv.PROVIDER_NAME] == provider


def test_an_answer_does_not_contradict_an_address_that_tells(session: Session) -> None:
    body = completion(system_fingerprint="fp_ollama")
    transport = HTTP.MockTransport(lambda _: HTTP.Response(200, json=body, headers={"Server": "llama.cpp"}))
    with openai.OpenAI(**OPTIONS, http_client=HTTP.Client(transport=transport)) as client:
        client.chat.completions.create(**ASK)
    assert only(session)[semconv.PROVIDER_NAME] == "openai"


def test_the_local_model_is_known_by_its_answer(session: Session, model: str) -> None:
    openai.OpenAI().chat.completions.create(model=model, messages=ASK["messages"], max_tokens=1)
    assert only(session)[semconv.PROVIDER_NAME] == "llama_cpp"


def test_the_client_and_its_version_are_kept(client: openai.OpenAI, session: Session) -> None:
    client.chat.completions.create(**ASK)
    client.get("/models", cast_to=object)
    named = (semconv.CLIENT_NAME, semconv.CLIENT_VERSION)
    assert [[span["attributes"][name] for name in named] for span in spans(session)] == [
        ["openai", openai.__version__],
        ["openai", openai.__version__],
    ]


def test_a_server_remembers_some_models_only() -> None:
    server = Server("openai", "api.openai.com", 443)
    for number in range(3 * providers._MODELS):
        name, given = server.identity("chat", f"m-{number}")
        assert (name, given[semconv.REQUEST_MODEL]) == (f"chat m-{number}", f"m-{number}")
        if number == providers._MODELS:  # as threads that come at once may leave it
            server._asked.update({("other", str(more)): ("", {}) for more in range(providers._MODELS)})
    assert len(server._asked) <= providers._MODELS
