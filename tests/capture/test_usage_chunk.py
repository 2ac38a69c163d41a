"""The usage of a chat stream, asked for by the user's leave, and out of his code's sight."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import semconv
from tests.capture.conftest import OPTIONS
from tests.capture.loopback import HELLO, Loopback, Received, Reply, chunk, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM: Any = {**ASK, "stream": True}
ASKING = {"include_usage": True}


def answer(received: Received) -> Reply:
    """Answer as OpenAI does: with the usage where it is asked for, and `usage: null` in all chunks before."""
    wishes = json.loads(received.body).get("stream_options") or {}
    if not wishes.get("include_usage"):
        return Reply(chunks=HELLO[:-1])
    return Reply(chunks=[*({**one, "usage": None} for one in HELLO[:-1]), HELLO[-1]])


@pytest.fixture
def server() -> Any:
    with Loopback(answer) as running:
        yield running


@pytest.fixture(autouse=True)
def opted_in(session: Session) -> None:
    session.request_stream_usage = True


def sent(server: Loopback) -> Any:
    """Give what the last request said of its stream."""
    return json.loads(server.received[-1].body).get("stream_options")


def usage(session: Session) -> tuple[Any, ...]:
    recorded = only(session)
    return (
        recorded[semconv.USAGE_STATE], recorded[semconv.USAGE_INPUT_TOKENS], recorded[semconv.USAGE_OUTPUT_TOKENS],
        recorded[semconv.STREAM_CHUNKS], recorded.get(semconv.STREAM_USAGE_REQUESTED),
    )  # fmt: skip


REPORTED = ("reported", 9, 3, 4, True)


def test_it_is_asked_for_and_not_seen(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    seen = list(client.chat.completions.create(**STREAM))
    assert [one.choices[0].delta.content for one in seen] == ["", "Hel", "lo!", None]
    assert [one.usage for one in seen] == [None] * 4
    assert sent(server) == ASKING
    assert usage(session) == REPORTED


async def gathered(some: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in some]


async def test_async_too(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    seen = await gathered(await async_client.chat.completions.create(**STREAM))
    assert (len(seen), sent(server), usage(session)) == (4, ASKING, REPORTED)


def test_by_the_helper(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    with client.chat.completions.stream(**ASK) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("chunk") == 4
    assert (final.usage, final.choices[0].message.content) == (None, "Hello!")
    assert usage(session) == REPORTED


async def test_by_the_async_helper(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    async with async_client.chat.completions.stream(**ASK) as stream:
        assert len([event async for event in stream if event.type == "chunk"]) == 4
    assert usage(session) == REPORTED


def test_of_azure(session: Session) -> None:
    filtered: Any = {**chunk(), "choices": [], "prompt_filter_results": [{"prompt_index": 0}], "usage": None}

    def azure(received: Received) -> Reply:
        reply = answer(received)
        return Reply(chunks=[filtered, *(reply.chunks or ())])

    more: Any = {**OPTIONS, "api_version": "2024-10-21"}
    with (
        Loopback(azure) as server,
        openai.AzureOpenAI(azure_endpoint=server.url.removesuffix("/v1"), **more) as client,
    ):
        seen = list(client.chat.completions.create(**STREAM))
        assert sent(server) == ASKING
    assert [len(one.choices) for one in seen] == [0, 1, 1, 1, 1]
    assert usage(session) == ("reported", 9, 3, 5, True)


@pytest.mark.parametrize(
    ("more", "wishes", "chunks"),
    [
        ({"stream_options": {"include_usage": True}}, {"include_usage": True}, 5),
        ({"stream_options": {"include_usage": False}}, {"include_usage": False}, 4),
        ({"extra_body": {"stream_options": {"include_usage": True}}}, {"include_usage": True}, 5),
        ({"extra_body": {"stream_options": "nonsense"}}, "nonsense", None),
    ],
)
def test_who_says_what_he_wants_gets_it(
    more: Any, wishes: Any, chunks: int | None, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    if chunks is None:
        server.reply = Reply(chunks=HELLO[:-1])
    seen = list(client.chat.completions.create(**STREAM, **more))
    assert (sent(server), len(seen)) == (wishes, chunks or 4)
    assert semconv.STREAM_USAGE_REQUESTED not in only(session)


@pytest.mark.parametrize("place", ["stream_options", "extra_body"])
def test_other_wishes_are_kept(place: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    given: Any = {"include_obfuscation": False}
    more: Any = {"stream_options": given} if place == "stream_options" else {"extra_body": {"stream_options": given}}
    assert len(list(client.chat.completions.create(**STREAM, **more))) == 4
    assert sent(server) == {"include_obfuscation": False, "include_usage": True}
    assert given == {"include_obfuscation": False}
    assert usage(session) == REPORTED


def test_each_attempt_asks(server: Loopback, session: Session) -> None:
    replies = iter([Reply({"error": {"message": "slow"}}, status=429, headers={"retry-after-ms": "1"})])
    server.reply = lambda received: next(replies, None) or answer(received)
    more: Any = {**OPTIONS, "max_retries": 1}
    with openai.OpenAI(base_url=server.url, **more) as client:
        assert len(list(client.chat.completions.create(**STREAM))) == 4
    assert [json.loads(one.body)["stream_options"] for one in server.received] == [ASKING, ASKING]


def test_a_server_that_refuses_is_not_asked_again(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"error": {"message": "Unknown field: stream_options"}}, status=400)
    with pytest.raises(openai.BadRequestError, match="stream_options"):
        client.chat.completions.create(**STREAM)
    assert len(server.received) == 1
    (span,) = spans(session)
    assert span["status"] == "error"


def test_a_server_that_pays_no_heed_changes_nothing(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:-1])
    assert len(list(client.chat.completions.create(**STREAM))) == 4
    recorded = only(session)
    assert (recorded[semconv.USAGE_STATE], recorded[semconv.STREAM_USAGE_REQUESTED]) == ("estimated", True)


@pytest.mark.parametrize("way", ["whole", "raw", "streaming", "responses", "off"])
def test_nothing_else_is_changed(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    if way == "off":
        session.request_stream_usage = False
        assert len(list(client.chat.completions.create(**STREAM))) == 4
    elif way == "whole":
        server.reply = Reply(completion())
        client.chat.completions.create(**ASK)
    elif way == "raw":
        assert len(list(client.chat.completions.with_raw_response.create(**STREAM).parse())) == 4
    elif way == "streaming":
        with client.chat.completions.with_streaming_response.create(**STREAM) as response:
            assert b"usage" not in response.read()
    else:
        server.reply = Reply(chunks=[])
        list(client.responses.create(model="m", input="Hi", stream=True))
    assert sent(server) is None


def test_a_stream_left_before_its_usage_is_estimated(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    with client.chat.completions.create(**STREAM) as stream:
        for one in stream:
            if one.choices[0].finish_reason:
                break
    assert usage(session) == ("estimated", 3, 2, 4, True)


def test_a_real_stream(session: Session, model: str) -> None:
    with openai.OpenAI() as client:
        seen = list(client.chat.completions.create(**(STREAM | {"model": model, "max_tokens": 4})))
        recorded = only(session)
        session.store.clear()
        whole = client.chat.completions.create(**(ASK | {"model": model, "max_tokens": 4}))
    assert all(one.choices for one in seen)
    assert whole.usage is not None
    assert (recorded[semconv.USAGE_STATE], recorded[semconv.USAGE_INPUT_TOKENS]) == (
        "reported", whole.usage.prompt_tokens,
    )  # fmt: skip
