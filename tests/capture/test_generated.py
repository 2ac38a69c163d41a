"""The clients of other providers that are made as OpenAI's is."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import semconv
from nbtrace._capture.client import ClientCapture
from nbtrace._capture.sdks import SDKS
from tests.capture.loopback import HELLO, Loopback, Reply, completion
from tests.capture.reading import spans

if TYPE_CHECKING:
    from nbtrace import Session

ASK: Any = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
CLIENTS = {
    "groq": ("groq", "Groq", {}),
    "together": ("together", "Together", {}),
    "cerebras": ("cerebras.cloud.sdk", "Cerebras", {"warm_tcp_connection": False}),
}


def test_every_sdk_says_where_it_is_imported_from() -> None:
    named = {sdk.module or sdk.package for sdk in SDKS}
    assert named == {"openai", "anthropic", *(module for module, _, _ in CLIENTS.values())}


@pytest.mark.parametrize("provider", CLIENTS)
def test_calls_streams_and_attempts(provider: str, server: Loopback, session: Session) -> None:
    name, kind, options = CLIENTS[provider]
    module = importlib.import_module(name)
    limited = Reply({"error": {"message": "slow"}}, status=429, headers={"retry-after-ms": "1"})
    answers = iter([limited, Reply(completion()), Reply(chunks=HELLO)])
    server.reply = lambda _: next(answers)
    base_url = server.url.removesuffix("/v1")
    with getattr(module, kind)(base_url=base_url, api_key="x", max_retries=1, **options) as client:
        assert client.chat.completions.create(**ASK).choices[0].message.content == "Hello!"
        assert len(list(client.chat.completions.create(**ASK, stream=True))) == 5
    *attempts, whole, streamed = spans(session)
    assert [attempt["attributes"][semconv.HTTP_STATUS_CODE] for attempt in attempts] == [429, 200]
    for span in (whole, streamed):
        recorded = span["attributes"]
        assert (span["name"], recorded[semconv.PROVIDER_NAME]) == ("chat m", provider)
        assert recorded[semconv.OUTPUT_MESSAGES] == [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
        ]
        assert (recorded[semconv.USAGE_INPUT_TOKENS], recorded[semconv.USAGE_OUTPUT_TOKENS]) == (9, 3)


@pytest.mark.parametrize("provider", CLIENTS)
async def test_async_calls_and_streams(provider: str, server: Loopback, session: Session) -> None:
    name, kind, options = CLIENTS[provider]
    module = importlib.import_module(name)
    answers = iter([Reply(completion()), Reply(chunks=HELLO)])
    server.reply = lambda _: next(answers)
    base_url = server.url.removesuffix("/v1")
    async with getattr(module, f"Async{kind}")(base_url=base_url, api_key="x", **options) as client:
        await client.chat.completions.create(**ASK)
        stream = await client.chat.completions.create(**ASK, stream=True)
        assert len([chunk async for chunk in stream]) == 5
    assert [span["attributes"].get(semconv.STREAM_OUTCOME) for span in spans(session)] == [None, "exhausted"]


def test_what_an_older_client_lacks_is_left_out(session: Session) -> None:
    module = importlib.import_module("openai._base_client")
    capture = ClientCapture(session.tracing)

    class Old:
        def request(self) -> None: ...

    before = vars(Old)["request"]
    older: Any = type(module)("older")
    older.SyncAPIClient = older.AsyncAPIClient = Old
    capture._wrap(SDKS[0], older)  # pyright: ignore[reportPrivateUsage]
    assert vars(Old)["request"] is not before
    assert not hasattr(Old, "_sleep_for_retry")
    capture.close()
    assert vars(Old)["request"] is before


def test_groq_tells_the_usage_of_a_stream_in_a_place_of_its_own() -> None:
    (groq,) = [sdk for sdk in SDKS if sdk.package == "groq"]
    (wire,) = set(groq.wires.values())
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    found = wire.response(wire.fold([*HELLO[:-1], {"x_groq": {"id": "r"}}, {"x_groq": {"id": "r", "usage": usage}}]))
    assert (found[semconv.USAGE_INPUT_TOKENS], found[semconv.USAGE_OUTPUT_TOKENS]) == (9, 3)
