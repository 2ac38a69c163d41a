"""Anthropic's streams: however they are cut, read and left, what had arrived is recorded."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace import semconv
from nbtrace._capture.anthropic import MESSAGES, fold
from tests.capture.claude import ANSWER, ASK, JSON, async_client, client, message, server, sse, told
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import only, spans

anthropic = pytest.importorskip("anthropic")

if TYPE_CHECKING:
    from nbtrace import Session

__all__ = ["async_client", "client", "server"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
blocks = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(
        lambda text, cited: {"type": "text", "text": text, "citations": [{"cited_text": one} for one in cited]},
        texts,
        st.lists(texts, max_size=3),
    ),
    st.builds(lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, texts, texts),
    st.builds(
        lambda kind, given: {"type": kind, "id": "i", "name": "n", "input": given},
        st.sampled_from(["tool_use", "server_tool_use"]),
        st.dictionaries(texts, st.one_of(st.integers(), texts, st.lists(texts))),
    ),
    st.just({"type": "redacted_thinking", "data": "x"}),
)


@given(st.lists(blocks, min_size=1), st.lists(st.integers(1, 5), min_size=1))
def test_any_chunking_folds_to_the_whole_response(content: list[JSON], cuts: list[int]) -> None:
    whole = message(*content, usage={"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 5})
    assert fold(told(whole, cuts)) == whole


@given(st.integers(0, 60))
def test_a_stream_cut_anywhere_keeps_what_had_arrived(cut: int) -> None:
    events = told(ANSWER)
    found = MESSAGES.content({}, fold(events[:cut]))
    found |= MESSAGES.response(fold(events[:cut]))
    is_over = any(event["type"] == "message_delta" for event in events[:cut])
    assert (semconv.OUTPUT_MESSAGES in found, semconv.USAGE_STATE in found) == (cut > 0, is_over)


class Reading:
    """The ways in which a stream is read to its end."""

    def iterate(self, client: Any) -> list[Any]:
        stream = client.messages.create(**ASK, stream=True)
        assert type(stream) is anthropic.Stream
        return list(stream)

    def in_a_with_block(self, client: Any) -> list[Any]:
        with client.messages.create(**ASK, stream=True) as stream:
            return list(stream)

    def by_the_helper(self, client: Any) -> list[Any]:
        with client.messages.stream(**ASK) as stream:
            assert "".join(stream.text_stream) == "Hello!"
            return [stream.get_final_message()]

    def of_the_beta(self, client: Any) -> list[Any]:
        return list(client.beta.messages.create(**ASK, stream=True))


@pytest.mark.parametrize("way", ["iterate", "in_a_with_block", "by_the_helper", "of_the_beta"])
def test_an_exhausted_stream(way: str, server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(chunks=sse(*told(message())))
    assert getattr(Reading(), way)(client)
    recorded = only(session)
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
    ]
    outcome = recorded[semconv.STREAM_OUTCOME], recorded[semconv.STREAM_CHUNKS], recorded[semconv.USAGE_OUTPUT_TOKENS]
    assert outcome == ("exhausted", 8, 3)


async def test_an_async_stream(server: Loopback, async_client: Any, session: Session) -> None:
    server.reply = Reply(chunks=sse(*told(message())))
    async with async_client.messages.stream(**ASK) as stream:
        assert await stream.get_final_text() == "Hello!"
    stream = await async_client.messages.create(**ASK, stream=True)
    assert type(stream) is anthropic.AsyncStream
    await anext(stream)
    await stream.close()
    assert [span["attributes"][semconv.STREAM_OUTCOME] for span in spans(session)] == ["exhausted", "closed"]


def test_a_stream_that_was_left_has_its_output_estimated(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(chunks=sse(*told(message())))
    with client.messages.stream(**ASK) as stream:
        for text in stream.text_stream:
            assert text == "He"
            break
    recorded = only(session)
    assert recorded[semconv.STREAM_OUTCOME] == "closed"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "He"}]
    assert (
        recorded[semconv.USAGE_STATE], recorded[semconv.USAGE_INPUT_TOKENS], recorded[semconv.USAGE_OUTPUT_TOKENS],
    ) == ("estimated", 9, 1)  # fmt: skip


@pytest.mark.parametrize("begun", [True, False])
def test_a_dropped_stream_is_closed_at_once(server: Loopback, client: Any, session: Session, *, begun: bool) -> None:
    server.reply = Reply(chunks=sse(*told(message())), then="hold")
    gc.disable()
    try:
        stream = client.messages.create(**ASK, stream=True)
        if begun:
            next(stream)
        gone, response = weakref.ref(stream), stream.response
        del stream
        assert (gone(), response.is_closed) == (None, begun)
    finally:
        gc.enable()
    response.close()
    assert only(session)[semconv.STREAM_OUTCOME] == "abandoned"


def test_an_error_in_the_middle_of_a_stream(server: Loopback, client: Any, session: Session) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    server.reply = Reply(chunks=sse(*told(message())[:3], error))
    with pytest.raises(anthropic.APIStatusError):
        list(client.messages.create(**ASK, stream=True))
    (span,) = spans(session)
    assert (span["status"], span["attributes"][semconv.STREAM_OUTCOME]) == ("error", "error")
    assert "Overloaded" in span["message"]
    assert span["attributes"][semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "He"}]
